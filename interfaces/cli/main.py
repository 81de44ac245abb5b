"""The entry point of `hark`. What it needs is imported within, so that Ctrl-C is quiet from the first moment."""

from __future__ import annotations

import gc
import os
import sys


def run() -> None:
    """Runs the command line and exits: 0 done, 1 something failed, 2 the call was wrong, 3 the library is damaged.

    130 after Ctrl-C. A reader that closes the pipe (`hark search x | head -1`) ends the command without a word.
    """
    gc.set_threshold(50_000)  # a command makes many objects while it starts, and hardly any garbage
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a title in another script must not end the command
    try:
        from interfaces.cli.commands import app

        app(prog_name="hark")
    except KeyboardInterrupt:
        print("hark: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    finally:
        _close_quietly()


def _close_quietly() -> None:
    """Flushes now: at the interpreter's end a closed pipe would be complained about."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
