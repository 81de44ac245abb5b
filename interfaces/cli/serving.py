"""`hark app`: the web app on this machine, for this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from interfaces.cli.faults import CallError
from interfaces.cli.output import say
from interfaces.cli.where import LIBRARY_VARIABLE, LibraryOption, library_root
from kb.errors import HarkError

ADDRESS = "127.0.0.1"  # never a network's: the app asks nobody who they are
FIRST_PORT = 8501
PORTS_TRIED = 50
PORT_VARIABLE = "HARK_PORT"
STARTS_WITHIN_S = 90.0
STOPS_WITHIN_S = 5.0


def serve(
    ctx: typer.Context,
    port: Annotated[
        int,
        typer.Option(metavar="N", help="HARK_PORT, else the first free one from 8501 on.", show_default=False),
    ] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the app in a browser.")] = True,
    library: LibraryOption = "",
) -> None:
    """Serve the web app on this machine until Ctrl-C."""
    root = library_root(ctx, library)

    from kb.library import open_library

    open_library(root).close()  # what is wrong with the library is said here, not in a page
    chosen = choose_port(port or _port_from_environment())
    with _stopped_by_signals():
        server = subprocess.Popen(  # noqa: S603  # our own interpreter and arguments
            streamlit_command(chosen),
            env=os.environ | {LIBRARY_VARIABLE: str(root)},
            cwd=app_file().parent,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches only us, and we stop it
        )
        try:
            _watch(server, f"http://{ADDRESS}:{chosen}", browser)
        except KeyboardInterrupt:
            say("Stopped.")
        finally:
            _stop(server)


def app_file() -> Path:
    """The Streamlit entry, beside the packages."""
    return Path(__file__).resolve().parents[2] / "app.py"


def streamlit_command(port: int) -> list[str]:
    """How the app is run: on the loopback address, with the options that come with the web app."""
    import tomllib

    from interfaces import web

    options = tomllib.loads((Path(web.__path__[0]) / "assets" / "config.toml").read_text(encoding="utf-8"))
    options["server"] |= {"address": ADDRESS, "port": port}
    return [sys.executable, "-m", "streamlit", "run", str(app_file()), *_flags("", options)]


def _flags(prefix: str, options: dict[str, Any]) -> Iterator[str]:
    """``--server.port=8501`` for each option of Streamlit's; a list is its flag several times."""
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _flags(f"{prefix}{name}.", value)
            continue
        for one in value if isinstance(value, list) else [value]:
            yield f"--{prefix}{name}={str(one).lower() if isinstance(one, bool) else one}"


def choose_port(wanted: int) -> int:
    """``wanted`` where it is free, without one the first free port. Raises CallError."""
    if wanted and not 1 <= wanted <= 65_535:
        raise CallError(f"--port must be from 1 to 65535, not {wanted}")
    for port in [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if _is_free(port):
            return port
    taken = f"port {wanted} is" if wanted else f"ports {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} are"
    raise CallError(f"{taken} not free", remedy="name another: hark app --port N")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def _port_from_environment() -> int:
    text = os.environ.get(PORT_VARIABLE, "")
    if text and not text.isdecimal():
        raise CallError(f"{PORT_VARIABLE} is no port: {text!r}")
    return int(text or 0)


def _watch(server: subprocess.Popen[bytes], address: str, browser: bool) -> None:
    """Says the address once the server answers, then waits for its end. Raises HarkError where it does not start."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not _answers(f"{address}/_stcore/health"):
        if server.poll() is not None or time.monotonic() > deadline:
            raise HarkError("the app did not start", remedy="what it printed above says why")
        time.sleep(0.1)
    say(f"Hark is at {address}   (Ctrl-C stops it)")
    sys.stdout.flush()
    if browser and _has_screen():
        import webbrowser

        webbrowser.open(address)
    code = server.wait()
    raise HarkError(f"the app ended by itself (exit code {code})", remedy="what it printed above says why")


def _answers(url: str) -> bool:
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310  # our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def _has_screen() -> bool:
    """Whether a browser would open a window: one inside the terminal would take the terminal over."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP end the command as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), interrupt) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Asks the server to end; one that does not, or a second Ctrl-C, and it is killed."""
    server.terminate()
    try:
        server.wait(STOPS_WITHIN_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        server.kill()
        server.wait()
