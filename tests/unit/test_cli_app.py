"""`hark app`: on the loopback address, with the app's own options, gone without a trace when told to stop."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from interfaces.cli import serving
from interfaces.cli.faults import CallError
from kb.library import create_library

HARK = [sys.executable, "-m", "interfaces.cli"]


def test_the_command_is_a_list_on_the_loopback_address() -> None:
    command = serving.streamlit_command(8765)
    assert command[:4] == [sys.executable, "-m", "streamlit", "run"]
    assert Path(command[4]).name == "app.py"
    assert Path(command[4]).is_file()
    assert "--server.address=127.0.0.1" in command
    assert "--server.port=8765" in command
    assert "--server.headless=true" in command
    assert "--server.allowedHosts=localhost" in command
    assert "--browser.gatherUsageStats=false" in command


def test_a_taken_port_is_refused_where_it_was_asked_for_and_passed_over_where_not() -> None:
    with socket.socket() as taken:
        taken.bind((serving.ADDRESS, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CallError, match=f"port {port} is not free"):
            serving.choose_port(port)
    assert serving.choose_port(0) >= serving.FIRST_PORT


@pytest.mark.parametrize("port", [-1, 65_536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(CallError, match="65535"):
        serving.choose_port(port)


def test_the_port_of_the_environment_must_be_one(tmp_path: Path) -> None:
    create_library(tmp_path).close()
    ran = subprocess.run(
        [*HARK, "app", "--library", str(tmp_path)],
        env=os.environ | {"HARK_PORT": "eighty"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "hark: HARK_PORT is no port: 'eighty'\n"


def _mind_interrupts() -> None:
    """A shell starts what it runs in the background with SIGINT ignored, and every child inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_then_stops_with_its_child(tmp_path: Path, end: signal.Signals) -> None:
    create_library(tmp_path, "Nine Lanterns").close()
    with socket.socket() as probe:
        probe.bind((serving.ADDRESS, 0))
        port = probe.getsockname()[1]
    app = subprocess.Popen(
        [*HARK, "app", "--no-browser", "--port", str(port), "--library", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=_mind_interrupts,  # noqa: PLW1509  # this process has no threads
    )  # fmt: skip
    try:
        assert app.stdout is not None
        line = app.stdout.readline()
        assert re.match(rf"Hark is at http://127\.0\.0\.1:{port} ", line), line + _rest(app)
        with urlopen(f"http://127.0.0.1:{port}/", timeout=20) as page:
            assert page.status == 200
        app.send_signal(end)
        stdout, stderr = app.communicate(timeout=20)
    finally:
        app.kill()
    assert (app.returncode, stdout, "Traceback" in stderr) == (0, "Stopped.\n", False)
    assert not _answers(port)


def _rest(app: subprocess.Popen[str]) -> str:
    app.kill()
    return "".join(app.communicate())


def _answers(port: int) -> bool:
    """Whether anything still listens; the child has a moment to let go of its port."""
    for _ in range(20):
        with socket.socket() as probe:
            if probe.connect_ex((serving.ADDRESS, port)) != 0:
                return False
        time.sleep(0.1)
    return True
