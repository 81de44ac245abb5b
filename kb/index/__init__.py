"""What is derived from the files of a library: catalogue, passages and vectors (SQLite), words (tantivy), snapshots."""
