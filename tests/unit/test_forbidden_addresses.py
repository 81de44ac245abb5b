"""Addresses that must never be connected to, on every way by which one can come in: nothing reaches the trap."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import PermanentError
from ingest.sources.addresses import is_allowed
from ingest.sources.fetch import Client, Patience, guarded_adapter
from tests.fakes.addresses import ALWAYS_FORBIDDEN_FORMS, FORBIDDEN, FORBIDDEN_FORMS, PRIVATE_FORMS, Wires, public
from tests.fakes.server import Server

HASTE = Patience(connect_s=2, read_s=2, get_s=5, backoff_s=0)
LIMIT = 10_000


@pytest.fixture(scope="module")
def trap() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def web() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(patience=HASTE) as client:
        yield client


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> Wires:
    return Wires(monkeypatch)


def test_there_are_enough_forms() -> None:
    assert len(set(FORBIDDEN(1))) == len(FORBIDDEN_FORMS) >= 60


@pytest.mark.parametrize("form", FORBIDDEN_FORMS)
def test_get(form: str, trap: Server, client: Client, wires: Wires) -> None:
    with pytest.raises(PermanentError) as caught:
        client.get(form.format(port=trap.port), max_bytes=LIMIT)
    assert (wires.attempts, trap.connections) == ([], 0)
    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("form", FORBIDDEN_FORMS)
def test_download(form: str, trap: Server, client: Client, wires: Wires, tmp_path: Path) -> None:
    with pytest.raises(PermanentError):
        client.download(form.format(port=trap.port), tmp_path / "a.mp3", max_bytes=LIMIT)
    assert (wires.attempts, trap.connections) == ([], 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("form", FORBIDDEN_FORMS[::8])
def test_every_kind_of_redirect(form: str, status: int, trap: Server, web: Server, wires: Wires) -> None:
    with Client(patience=HASTE) as client:
        _refused_as_redirect(form.format(port=trap.port), status, web, client)
    assert (wires.attempts, trap.connections) == ([], 0)


@pytest.mark.parametrize("form", FORBIDDEN_FORMS)
def test_redirect(form: str, trap: Server, web: Server, client: Client, wires: Wires) -> None:
    _refused_as_redirect(form.format(port=trap.port), 302, web, client)
    assert (wires.attempts, trap.connections) == ([], 0)


def _refused_as_redirect(target: str, status: int, web: Server, client: Client) -> None:
    web.route("/start", status=status, headers={"Location": target.replace("\r\n", "\t")})
    before = len(web.asked("/start"))
    with pytest.raises(PermanentError) as caught:
        client.get(public(web, "/start"), max_bytes=LIMIT)
    assert "secret" not in str(caught.value)
    assert len(web.asked("/start")) == before + 1


@pytest.mark.parametrize("form", ALWAYS_FORBIDDEN_FORMS)
def test_some_are_refused_also_where_private_ones_are_allowed(
    form: str, trap: Server, client: Client, wires: Wires
) -> None:
    with pytest.raises(PermanentError):
        client.get(form.format(port=trap.port), max_bytes=LIMIT, allow_private=True)
    assert (wires.attempts, trap.connections) == ([], 0)


@pytest.mark.parametrize(
    "form",
    [
        form
        for form in PRIVATE_FORMS
        if re.match(r"http://(127\.[01]|2130|0x7f|0177|.*(localhost|loopback.test))", form)
    ],
)
def test_a_person_may_allow_this_machine(form: str, web: Server, client: Client, wires: Wires) -> None:
    web.route("/", "hello")
    assert client.get(form.format(port=web.port), max_bytes=LIMIT, allow_private=True).body == b"hello"


def test_a_permission_is_not_kept_for_the_next_request(web: Server, client: Client) -> None:
    web.route("/", "hello")
    assert client.get(web.url("/"), max_bytes=LIMIT, allow_private=True).body == b"hello"
    with pytest.raises(PermanentError, match="--allow-private"):
        client.get(web.url("/"), max_bytes=LIMIT)


def test_a_name_is_looked_up_once_and_that_address_is_used(
    web: Server, client: Client, wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when asked first and private when asked again (DNS rebinding)."""
    web.route("/", "hello")
    first = iter(["93.184.215.14"])

    def rebound(host: str, port: int, *args: object, **kwargs: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(first, "127.0.0.1"), port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    assert client.get(f"http://rebound.test:{web.port}/", max_bytes=LIMIT).body == b"hello"
    assert wires.attempts == []


def test_of_several_addresses_only_allowed_ones_are_used(web: Server, client: Client, wires: Wires) -> None:
    web.route("/", "hello")
    assert client.get(f"http://partly.test:{web.port}/", max_bytes=LIMIT).body == b"hello"
    assert wires.attempts == []


def test_the_adapter_for_others_has_the_same_guard(trap: Server, web: Server, wires: Wires) -> None:
    import requests

    session = requests.Session()
    session.mount("http://", guarded_adapter())
    web.route("/start", status=302, headers={"Location": f"http://127.0.0.1:{trap.port}/"})
    web.route("/", "hello")
    proxies = {"http": f"http://127.0.0.1:{trap.port}"}
    assert session.get(public(web), proxies=proxies, timeout=5).content == b"hello"
    for url in (public(web, "/start"), f"http://127.0.0.1:{trap.port}/", "http://169.254.169.254/"):
        with pytest.raises(PermanentError):
            session.get(url, timeout=5)
    assert (wires.attempts, trap.connections) == ([], 0)


def test_an_error_names_neither_password_nor_query(client: Client) -> None:
    with pytest.raises(PermanentError) as caught:
        client.get("http://me:secret@127.0.0.1/feed?token=secret", max_bytes=LIMIT)
    assert "127.0.0.1/feed" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "me:" not in str(caught.value)


@given(st.ip_addresses(v=4))
def test_a_mapped_or_translated_address_is_no_freer_than_itself(ip: object) -> None:
    private = is_allowed(str(ip))
    assert is_allowed(f"::ffff:{ip}") == private
    assert is_allowed(f"64:ff9b::{ip}") == private
    assert not is_allowed(f"::{ip}", allow_private=True) or str(ip) == "0.0.0.1"


@given(st.ip_addresses())
def test_what_the_standard_library_calls_private_is_refused(ip: object) -> None:
    if any(getattr(ip, f"is_{kind}") for kind in ("private", "loopback", "link_local", "multicast", "unspecified")):
        assert not is_allowed(str(ip))


@pytest.mark.parametrize("ip", ["93.184.215.14", "8.8.8.8", "2606:4700::6810:84e5", "64:ff9b::808:808"])
def test_the_rest_of_the_world_is_allowed(ip: str) -> None:
    assert is_allowed(ip)
