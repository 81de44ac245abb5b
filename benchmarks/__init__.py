"""One script a question. Each prints what it measured, on what, beside its baseline; the last line is JSON."""
