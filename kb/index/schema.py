"""The tables of ``library.db``, and how an older file becomes a newer one.

``PRAGMA application_id`` says that a file is Hark's, ``PRAGMA user_version`` how many of ``MIGRATIONS`` it has had.
A file of a later version is refused: an older program would break what it does not know.
"""

from __future__ import annotations

import sqlite3

from kb.errors import LibraryDamagedError, LibraryTooNewError

APPLICATION_ID = 0x4861726B  # "Hark"
PAGE_SIZE = 8192  # five vectors of 384 dimensions a page; the default of 4096 holds two and wastes a quarter
REMEDY = "the index is derived from the files: hark index --rebuild"

# Each migration is a list of statements that runs in one transaction. Never change one that was released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        # stored_ns: when the row was written, to tell a file that was changed again within its mtime's resolution.
        """CREATE TABLE files (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            path TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL CHECK (kind IN ('transcript', 'note')),
            size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL, stored_ns INTEGER NOT NULL)""",
        """CREATE TABLE findings (
            file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            rule TEXT NOT NULL, message TEXT NOT NULL, line INTEGER NOT NULL,
            PRIMARY KEY (file, ordinal)) WITHOUT ROWID""",
        # Several files may claim one episode: the first by path has it (leads = 1), the others wait.
        """CREATE TABLE transcripts (
            file INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE,
            id TEXT NOT NULL, leads INTEGER NOT NULL DEFAULT 0,
            title TEXT NOT NULL, show TEXT NOT NULL, date TEXT, duration_s REAL, url TEXT NOT NULL,
            video_id TEXT NOT NULL, media TEXT NOT NULL, language TEXT NOT NULL, speakers TEXT NOT NULL,
            description TEXT NOT NULL, heard_s REAL)""",  # heard_s: where the last cue ends
        "CREATE UNIQUE INDEX transcripts_leading ON transcripts (id) WHERE leads",
        "CREATE INDEX transcripts_id ON transcripts (id)",
        "CREATE INDEX transcripts_video ON transcripts (video_id) WHERE video_id <> ''",
        """CREATE TABLE notes (
            file INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE,
            kind TEXT NOT NULL, title TEXT NOT NULL, show TEXT NOT NULL, own_id TEXT NOT NULL, video_id TEXT NOT NULL,
            date TEXT, duration_s REAL, url TEXT NOT NULL, speakers TEXT NOT NULL, aliases TEXT NOT NULL)""",
        "CREATE INDEX notes_own_id ON notes (own_id) WHERE own_id <> ''",
        "CREATE INDEX notes_video ON notes (video_id) WHERE video_id <> ''",
        """CREATE TABLE names (
            key TEXT NOT NULL, file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE, whole INTEGER NOT NULL,
            PRIMARY KEY (key, file)) WITHOUT ROWID""",  # whole: a name without a slash
        "CREATE INDEX names_file ON names (file)",
        """CREATE TABLE links (
            source INTEGER NOT NULL REFERENCES files ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            key TEXT NOT NULL, target TEXT NOT NULL, heading TEXT NOT NULL, label TEXT NOT NULL,
            line INTEGER NOT NULL, context TEXT NOT NULL,
            PRIMARY KEY (source, ordinal)) WITHOUT ROWID""",
        "CREATE INDEX links_key ON links (key)",
        """CREATE TABLE chunks (
            id INTEGER PRIMARY KEY,
            file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            text TEXT NOT NULL, text_hash TEXT NOT NULL, start_s REAL, end_s REAL, heading TEXT NOT NULL,
            sentences TEXT NOT NULL)""",
        # A covering index: hashes are read for the whole library without reading its text.
        "CREATE UNIQUE INDEX chunks_place ON chunks (file, ordinal, text_hash)",
        "CREATE INDEX chunks_hash ON chunks (text_hash)",
        # AUTOINCREMENT: an id is never used twice, so that an index that lags behind cannot name another passage.
        """CREATE TABLE passages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE, ordinal INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('quote', 'note')),
            first_chunk INTEGER NOT NULL, last_chunk INTEGER NOT NULL, start_s REAL, end_s REAL)""",
        "CREATE INDEX passages_file ON passages (file, ordinal)",
        "CREATE TABLE speakers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        """CREATE TABLE passage_speakers (
            speaker INTEGER NOT NULL REFERENCES speakers,
            passage INTEGER NOT NULL REFERENCES passages ON DELETE CASCADE,
            PRIMARY KEY (speaker, passage)) WITHOUT ROWID""",
        "CREATE INDEX passage_speakers_passage ON passage_speakers (passage)",
        "CREATE TABLE models (id INTEGER PRIMARY KEY, model_id TEXT NOT NULL UNIQUE)",
        # Not WITHOUT ROWID: rows above a quarter page spill into overflow pages there and double the file.
        """CREATE TABLE vectors (
            id INTEGER PRIMARY KEY, text_hash TEXT NOT NULL, model INTEGER NOT NULL REFERENCES models,
            vector BLOB NOT NULL, UNIQUE (text_hash, model))""",
        """CREATE TABLE journal (
            subject TEXT NOT NULL, stage TEXT NOT NULL, input TEXT NOT NULL, output TEXT NOT NULL,
            detail TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (subject, stage)) WITHOUT ROWID""",
        """CREATE VIEW episodes AS
            SELECT t.id, t.title, t.show, t.date, t.duration_s, t.url, t.video_id, t.media, t.language, t.speakers,
                t.description, f.path, t.file, t.heard_s
            FROM transcripts t JOIN files f ON f.id = t.file WHERE t.leads""",
        # A note belongs to an episode by id, else by YouTube's id: looked up whenever it is asked, so never stale.
        """CREATE VIEW note_episodes AS
            SELECT n.file AS note, COALESCE(
                (SELECT e.file FROM transcripts e WHERE e.leads AND e.id = n.own_id AND n.own_id <> ''),
                (SELECT e.file FROM transcripts e WHERE e.leads AND e.id = 'yt:' || n.video_id AND n.video_id <> ''),
                (SELECT e.file FROM transcripts e
                  WHERE e.leads AND e.video_id = n.video_id AND e.video_id <> '' ORDER BY e.id LIMIT 1)
            ) AS episode FROM notes n WHERE n.kind = 'episode'""",
        """CREATE VIEW note_entries AS
            SELECT f.path, n.title, n.kind, n.show, t.show AS episode_show, t.id AS episode_id
            FROM notes n JOIN files f ON f.id = n.file
            LEFT JOIN note_episodes l ON l.note = n.file LEFT JOIN transcripts t ON t.file = l.episode""",
        "INSERT INTO meta VALUES ('generation', '0')",
    ),
    (
        # What the writer of notes keeps of the whole library: see kb.index.tallies. The first two are filled by it
        # when it first needs them, from what the journal has of each episode.
        """CREATE TABLE lexicon (
            phrase TEXT PRIMARY KEY, episodes INTEGER NOT NULL, chunks INTEGER NOT NULL, nouns INTEGER NOT NULL,
            others INTEGER NOT NULL, ends INTEGER NOT NULL, around INTEGER NOT NULL) WITHOUT ROWID""",
        "CREATE TABLE carriers (identity TEXT PRIMARY KEY, episodes INTEGER NOT NULL) WITHOUT ROWID",
        """CREATE TABLE mentions (
            concept TEXT NOT NULL, episode TEXT NOT NULL, date TEXT NOT NULL, chosen INTEGER NOT NULL,
            chunks INTEGER NOT NULL, told TEXT NOT NULL, UNIQUE (concept, episode))""",
        # The newest first; the rest is there so that mentions are counted without reading what they say.
        "CREATE INDEX mentions_newest ON mentions (concept, date DESC, episode, chosen, chunks)",
        """INSERT INTO mentions
            SELECT substr(subject, 9), stage, COALESCE(json_extract(json_extract(detail, '$[0]'), '$[3]'), ''),
                COALESCE(json_extract(detail, '$[1]'), 0), COALESCE(json_extract(detail, '$[2]'), 0), detail
            FROM journal
            WHERE subject >= 'mention:' AND subject < 'mention;' AND output <> '' AND json_valid(detail)""",
        "DELETE FROM journal WHERE subject >= 'mention:' AND subject < 'mention;'",
        "DELETE FROM journal WHERE subject = 'data:' AND stage = 'lexicon'",
        "CREATE INDEX journal_slugs ON journal (output) WHERE stage = 'concept'",
    ),
    (
        # What a refresh would otherwise have to look for among all rows, kept up as rows come and go.
        "CREATE TABLE totals (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID",
        """INSERT INTO totals SELECT 'chunks', count(*) FROM chunks
            UNION ALL SELECT 'passages', count(*) FROM passages UNION ALL SELECT 'vectors', count(*) FROM vectors""",
        # Chunks that came since all had a vector of the model that meta calls 'embedded_by'.
        "CREATE TABLE fresh_chunks (chunk INTEGER PRIMARY KEY)",
        # Passages that went, in that order: an index that was made before still holds them.
        "CREATE TABLE gone_passages (number INTEGER PRIMARY KEY AUTOINCREMENT, passage INTEGER NOT NULL)",
        """CREATE TRIGGER chunk_comes AFTER INSERT ON chunks BEGIN
            UPDATE totals SET count = count + 1 WHERE name = 'chunks';
            INSERT INTO fresh_chunks VALUES (new.id); END""",
        """CREATE TRIGGER chunk_goes AFTER DELETE ON chunks BEGIN
            UPDATE totals SET count = count - 1 WHERE name = 'chunks';
            DELETE FROM fresh_chunks WHERE chunk = old.id; END""",
        """CREATE TRIGGER passage_comes AFTER INSERT ON passages BEGIN
            UPDATE totals SET count = count + 1 WHERE name = 'passages'; END""",
        """CREATE TRIGGER passage_goes AFTER DELETE ON passages BEGIN
            UPDATE totals SET count = count - 1 WHERE name = 'passages';
            INSERT INTO gone_passages (passage) VALUES (old.id); END""",
        # Never INSERT OR REPLACE into it: what that removes fires no trigger.
        """CREATE TRIGGER vector_comes AFTER INSERT ON vectors BEGIN
            UPDATE totals SET count = count + 1 WHERE name = 'vectors'; END""",
        """CREATE TRIGGER vector_goes AFTER DELETE ON vectors BEGIN
            UPDATE totals SET count = count - 1 WHERE name = 'vectors'; END""",
        # Files that could have changed again without another time: catalogue.RACY_NS.
        "CREATE INDEX files_racy ON files (path) WHERE stored_ns - mtime_ns < 2000000000",
        "CREATE INDEX transcripts_waiting ON transcripts (id) WHERE NOT leads",
    ),
)


def version(connection: sqlite3.Connection) -> int:
    """The version of an open library; 0 for an empty file.

    Raises LibraryTooNewError, and LibraryDamagedError for a database of something else.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    if application == APPLICATION_ID:
        if number > len(MIGRATIONS):
            what = f"the library has version {number}, this Hark knows {len(MIGRATIONS)}"
            raise LibraryTooNewError(what, remedy="update Hark")
        return int(number)
    if application or number or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise LibraryDamagedError("not a database of Hark", remedy=REMEDY)
    return 0


def migrate(connection: sqlite3.Connection) -> None:
    """Brings an open library to the present version, each step in a transaction of its own."""
    while version(connection) < len(MIGRATIONS):
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = version(connection)  # again, under the lock: another process may have been first
            for statement in MIGRATIONS[done] if done < len(MIGRATIONS) else ():
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {min(done + 1, len(MIGRATIONS))}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
