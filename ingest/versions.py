"""The versions of what Hark does to an episode: a new one does it again."""

READER_VERSION = "2"  # of reading captions
WRITING = "extractive 1"  # the writer and its version: notes that nobody changed are written anew
FETCH_VERSION = 1  # of what is fetched of an episode
RUN_VERSION = 1  # of what a run leaves done
