"""The web app in a process of its own, as `hark app` starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from interfaces.cli.serving import streamlit_command

STARTS_WITHIN_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(root: Path, log: Path) -> Iterator[str]:
    """The web app for the library at ``root``: its address, while it runs."""
    port = free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            streamlit_command(port), env=os.environ | {"HARK_LIBRARY": str(root)}, stdout=out, stderr=out
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=15)


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.05)  # between two looks; nothing announces that the port is open
    raise AssertionError(f"the app did not start:\n{log.read_text(errors='replace')[-3000:]}")
