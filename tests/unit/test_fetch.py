"""The guarded HTTP client against a real server: what it keeps, what it refuses, when it gives up."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import shutil
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import PermanentError, TemporaryError
from ingest.sources.answers import retry_after
from ingest.sources.fetch import Client, Download, Patience, Reply
from ingest.sources.listing import Validators
from ingest.sources.urls import shown
from tests.fakes.addresses import Wires, public
from tests.fakes.server import Answer, Request, Server

HASTE = Patience(connect_s=2, read_s=2, get_s=5, backoff_s=0.001, retry_after_s=0.2)
LIMIT = 100_000


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(patience=HASTE) as client:
        yield client


def get(client: Client, url: str, *, known: Validators | None = None, max_bytes: int = LIMIT) -> Reply:
    return client.get(url, known=known or Validators(), max_bytes=max_bytes, allow_private=True)


def download(client: Client, url: str, target: Path, max_bytes: int = 10_000_000) -> Download:
    return client.download(url, target, max_bytes=max_bytes, allow_private=True)


# what comes back


def test_a_body_its_type_and_its_version(server: Server, client: Client) -> None:
    url = server.route(
        "/feed", "<rss/>", type='Application/RSS+XML; charset="UTF-8"', etag='"1"', last_modified="today"
    )
    reply = get(client, url)
    assert reply == Reply(url, b"<rss/>", "application/rss+xml", Validators('"1"', "today"), charset="utf-8")


def test_a_known_version_is_not_sent_again(server: Server, client: Client) -> None:
    url = server.route("/feed", "<rss/>", last_modified="Mon, 01 Jan 2024 00:00:00 GMT")
    known = get(client, url).validators
    again = get(client, url, known=known)
    assert (again.not_modified, again.body, again.validators) == (True, b"", known)
    server.route("/feed", "<rss>2</rss>")
    assert get(client, url, known=known).body == b"<rss>2</rss>"


def test_a_304_that_was_not_asked_for_is_refused(server: Server, client: Client) -> None:
    with pytest.raises(PermanentError, match="304"):
        get(client, server.route("/feed", status=304))


def test_validators_that_cannot_be_headers_are_not_sent(server: Server, client: Client) -> None:
    url = server.route("/feed", "x")
    for etag in ('"a"\r\nX-Smuggled: 1', "é", "x" * 5_000):
        assert get(client, url, known=Validators(etag)).body == b"x"
    assert all("if-none-match" not in request.headers for request in server.log)


def test_who_asks(server: Server) -> None:
    url = server.route("/", "x")
    with Client(contact="me@home.example (Zoë)\r\nX-Smuggled: 1") as client:
        client.get(url, accept="text/vtt", max_bytes=LIMIT, allow_private=True)
    with Client() as client:
        client.get(url, max_bytes=LIMIT, allow_private=True)
    first, second = server.log
    assert first.headers["user-agent"].startswith("Hark/")
    assert first.headers["user-agent"].endswith(" (+me@home.example ZoX-Smuggled: 1)")
    assert "(" not in second.headers["user-agent"]
    assert (first.headers["accept"], second.headers["accept"]) == ("text/vtt", "*/*")


def test_connections_are_kept(server: Server, client: Client) -> None:
    server.route("/old", status=302, headers={"Location": "/feed"})
    url = server.route("/feed", "x" * 50_000, etag='"1"')
    for known in (Validators(), Validators('"1"'), Validators()):
        get(client, url, known=known)
        get(client, server.url("/old"))
    with pytest.raises(PermanentError):
        get(client, server.url("/nowhere"))
    assert server.connections == 1


def test_a_kept_connection_that_the_server_closed_is_opened_anew(server: Server, client: Client) -> None:
    url = server.route("/", "x")
    get(client, url)
    server.hang_up()
    assert get(client, url).body == b"x"


def test_cookies_are_not_kept(server: Server, client: Client) -> None:
    url = server.route("/", "x", headers={"Set-Cookie": "who=me; Path=/"})
    get(client, url)
    get(client, url)
    assert "cookie" not in server.log[1].headers


def test_the_environment_is_not_asked(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        get(client, server.route("/", "x"))
        assert proxy.connections == 0
    assert "authorization" not in server.log[0].headers


def test_secrets_are_not_logged(server: Server, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server.route("/odd", lambda request: Answer(raw=b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 1\r\n\r\nx"))
    get(client, server.url("/odd?token=secret").replace("//", "//me:secret@"))
    assert "secret" not in caplog.text


# redirects


@pytest.mark.parametrize(
    ("hops", "for_good"),
    [((301,), True), ((308, 301), True), ((302,), False), ((301, 302), False), ((307, 308), False), ((303,), False)],
)
def test_where_it_has_moved_for_good(hops: tuple[int, ...], for_good: bool, server: Server, client: Client) -> None:
    for number, status in enumerate(hops):
        server.route(f"/{number}", status=status, headers={"Location": f"/{number + 1}#part"})
    last = server.route(f"/{len(hops)}", "x")
    reply = get(client, server.url("/0"))
    assert (reply.url, reply.moved_to) == (last, last if for_good else "")


def test_a_version_is_asked_for_at_the_end_of_redirects(server: Server, client: Client) -> None:
    server.route("/old", status=301, headers={"Location": "/new"})
    last = server.route("/new", "x", etag='"1"')
    reply = get(client, server.url("/old"), known=Validators('"1"'))
    assert (reply.not_modified, reply.moved_to) == (True, last)


def test_redirects_end(server: Server, client: Client) -> None:
    url = server.route("/round", status=302, headers={"Location": "/round"})
    with pytest.raises(PermanentError, match="more than 5 times"):
        get(client, url)
    assert len(server.log) == 6


def test_a_redirect_with_odd_letters(server: Server, client: Client) -> None:
    server.route("/old", status=302, headers={"Location": "/Zoë's talk.mp3"})
    server.route("/Zo%C3%AB's%20talk.mp3", "x")
    assert get(client, server.url("/old")).body == b"x"


def test_a_redirect_with_a_huge_body_is_not_read(server: Server, client: Client) -> None:
    sent = itertools.count()

    def endless(request: Request) -> Answer:
        return Answer(status=302, headers={"Location": "/new"}, stream=(b"x" * 10_000 for _ in sent))

    server.route("/old", endless)
    server.route("/new", "x")
    assert get(client, server.url("/old")).body == b"x"


def test_a_password_goes_to_its_own_server_only(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    Wires(monkeypatch)
    server.route("/here", status=301, headers={"Location": "/there"})
    server.route("/there", status=301, headers={"Location": public(server, "/elsewhere")})
    server.route("/elsewhere", "x")
    reply = get(client, server.url("/here").replace("//", "//me:s%40cret@"))
    assert [request.headers.get("authorization", "") for request in server.log] == ["Basic bWU6c0BjcmV0"] * 2 + [""]
    assert "cret" not in reply.url


# what is refused


def test_sizes(server: Server, client: Client) -> None:
    fits, larger = server.route("/fits", b"x" * 1_000), server.route("/larger", b"x" * 1_001)
    unannounced = server.route("/unannounced", lambda request: Answer(stream=iter([b"x" * 600] * 2)))
    assert len(get(client, fits, max_bytes=1_000).body) == 1_000
    for url in (larger, unannounced):
        with pytest.raises(PermanentError, match="larger than 1,000 bytes"):
            get(client, url, max_bytes=1_000)


@pytest.mark.parametrize("packed", ["gzip", "deflate", "gzip, gzip"])
def test_bytes_are_counted_after_unpacking(packed: str, server: Server, client: Client) -> None:
    small = gzip.compress(b"hello") if "gzip" in packed else zlib.compress(b"hello")
    bomb = gzip.compress(bytes(20_000_000)) if "gzip" in packed else zlib.compress(bytes(20_000_000))
    if "," in packed:
        small, bomb = gzip.compress(small), gzip.compress(bomb)
    assert len(bomb) < LIMIT
    headers = {"Content-Encoding": packed}
    assert get(client, server.route("/small", small, headers=headers)).body == b"hello"
    with pytest.raises(PermanentError, match="larger than 100,000 bytes"):
        get(client, server.route("/bomb", bomb, headers=headers))


def test_what_cannot_be_unpacked(server: Server, client: Client) -> None:
    with pytest.raises(TemporaryError, match="cannot be unpacked"):
        get(client, server.route("/", "not packed at all", headers={"Content-Encoding": "gzip"}))


@pytest.mark.parametrize(
    ("status", "says"), [(401, "name and password"), (403, "refuses"), (404, "not there"), (410, "gone")]
)
def test_errors_that_stay(status: int, says: str, server: Server, client: Client) -> None:
    with pytest.raises(PermanentError, match=says):
        get(client, server.route("/", status=status))
    assert len(server.log) == 1


@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-none\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello"])
def test_what_is_no_http(raw: bytes, server: Server, client: Client) -> None:
    with pytest.raises(TemporaryError):
        get(client, server.route("/", lambda request: Answer(raw=raw)))


HEAD = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 302 x", b"HTTP/1.0 304", b"HTTP/1.1 206 x", b"HTTP/9.9 999", b"HTTP/1.1 100 x"]
)
NAME = st.sampled_from(
    b"Location Content-Length Transfer-Encoding Content-Encoding ETag Retry-After Content-Type Content-Range "
    b"Set-Cookie Connection Last-Modified".split()
)
VALUE = st.binary(max_size=20) | st.sampled_from(
    [b"-1", b"5, 6", b"chunked", b"gzip", b"br, zstd", b"//[", b"http://[::1", b"a=b; expires=x; domain=.", b"\xff\xfe"]
)


@settings(max_examples=60, deadline=None)
@given(head=HEAD, headers=st.lists(st.tuples(NAME, VALUE), max_size=4), body=st.binary(max_size=40))
def test_whatever_is_answered_is_a_reply_or_an_error_of_ours(
    odd: Server, tmp_path_factory: pytest.TempPathFactory, head: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    raw = b"\r\n".join([head, *(name + b": " + value for name, value in headers), b"", body])
    url = odd.route("/", lambda request: Answer(raw=raw))
    target = tmp_path_factory.mktemp("odd") / "a.mp3"
    with Client(patience=Patience(read_s=2, tries=1)) as client:
        with contextlib.suppress(TemporaryError, PermanentError):
            reply = get(client, url, known=Validators('"1"'))
            assert reply.validators.etag.isprintable()
        with contextlib.suppress(TemporaryError, PermanentError):
            size = download(client, url, target).size
            assert target.stat().st_size == size > 0


@pytest.fixture(scope="module")
def odd() -> Iterator[Server]:
    with Server() as server:
        yield server


# what may pass


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_errors_that_may_pass_are_tried_three_times(status: int, server: Server, client: Client) -> None:
    url = server.route("/", status=status)
    with pytest.raises(TemporaryError, match=str(status)) as caught:
        get(client, url)
    assert (len(server.log), caught.value.retry_after_s) == (3, None)


def test_an_error_that_passes_is_not_seen(server: Server, client: Client) -> None:
    url = server.route("/", lambda request: Answer(status=503) if len(server.log) < 3 else b"at last")
    assert get(client, url).body == b"at last"


def test_a_short_retry_after_is_waited_for(server: Server) -> None:
    busy = Answer(status=429, headers={"Retry-After": "0.15"})
    url = server.route("/", lambda request: busy if len(server.log) < 2 else b"at last")
    started = time.monotonic()
    with Client(patience=HASTE) as client:
        assert get(client, url).body == b"at last"
    assert time.monotonic() - started >= 0.15


def test_a_long_retry_after_is_left_for_later(server: Server, client: Client) -> None:
    url = server.route("/", status=503, headers={"Retry-After": "3600"})
    with pytest.raises(TemporaryError) as caught:
        get(client, url)
    assert (len(server.log), caught.value.retry_after_s) == (1, 3600.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("99999999999", 604_800.0),
        ("Mon, 01 Jan 2024 00:01:00 GMT", 60.0),
        ("Sun, 31 Dec 2023 00:00:00 GMT", 0.0),
        ("Mon, 01 Jan 9999 00:00:00 GMT", 604_800.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("Mon, 99 Jan 2024", None),
        ("1e9", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(value, now=1_704_067_200.0) == seconds


def test_a_body_that_breaks_off(server: Server, client: Client) -> None:
    cut = Answer(b"half", headers={"Content-Length": "8"}, close=True)
    with pytest.raises(TemporaryError, match="broke off"):
        get(client, server.route("/", lambda request: cut))
    assert len(server.log) == 3


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for ``localhost`` that nobody vouches for, with its key in the same file."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl is not installed: no certificate can be made")
    both = tmp_path / "both.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(both)]
    made = [openssl, "req", "-x509", "-days", "2", *key, *names, "-out", str(tmp_path / "certificate.pem")]
    subprocess.run(made, capture_output=True, check=True)
    with both.open("ab") as file:
        file.write((tmp_path / "certificate.pem").read_bytes())
    return both


def test_certificates(certificate: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Server(tls=context) as server:
        url = server.route("/", "x").replace("127.0.0.1", "localhost")
        with pytest.raises(TemporaryError, match="certificate is not accepted"):
            get(client, url)
        assert server.log == []
        trusting = ssl.create_default_context(cafile=certificate)
        monkeypatch.setattr("ingest.sources.connections.trusted", lambda: trusting)
        with Client(patience=HASTE) as other:
            assert get(other, url).body == b"x"
            assert get(other, url).body == b"x"
            connections = server.connections
            with pytest.raises(TemporaryError, match="certificate is not accepted"):
                get(other, server.url("/"))  # a certificate for another name
        assert (len(server.log), connections) == (2, 4)  # three tries before


def test_no_server(client: Client) -> None:
    with Server() as server:
        url = server.url()
    with pytest.raises(TemporaryError, match="cannot be reached"):
        get(client, url)


def test_no_name(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def unknown(*args: object, **kwargs: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TemporaryError, match="name is not known"):
        get(client, "http://nowhere.test/")


# time


def drip(head: bytes, done: threading.Event) -> Iterator[bytes]:
    """A byte every hundredth of a second, for as long as anybody listens."""
    yield head
    while not done.wait(0.01):
        yield b"x"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 100000\r\n\r\n",
    ],
    ids=["in the head", "with a length", "closing", "1.0", "in a redirect"],
)
def test_a_drip_comes_to_an_end(head: bytes, server: Server) -> None:
    done = threading.Event()
    url = server.route("/", lambda request: Answer(raw=drip(head, done)))
    started = time.monotonic()
    with Client(patience=Patience(get_s=0.2, backoff_s=0)) as client, pytest.raises(TemporaryError, match="too slowly"):
        get(client, url)
    assert time.monotonic() - started < 1
    assert len(server.log) == 1
    done.set()


def test_a_recording_that_drips_comes_to_an_end_and_keeps_what_came(server: Server, tmp_path: Path) -> None:
    done = threading.Event()
    head = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 200000\r\n\r\n' + b"y" * 65_536
    url = server.route("/", lambda request: Answer(raw=drip(head, done)))
    with Client(patience=Patience(stall_s=0.2)) as client, pytest.raises(TemporaryError, match="too slowly"):
        download(client, url, tmp_path / "a.mp3")
    assert (tmp_path / "a.mp3.part").stat().st_size >= 65_536
    assert not (tmp_path / "a.mp3").exists()
    done.set()


def test_silence_comes_to_an_end(server: Server) -> None:
    done = threading.Event()
    url = server.route("/", lambda request: b"x" if done.wait(5) else b"")
    patience = Patience(read_s=0.1, tries=1)
    with Client(patience=patience) as client, pytest.raises(TemporaryError, match="does not answer in time"):
        get(client, url)
    done.set()


def test_closing_ends_a_pause(server: Server) -> None:
    asked = threading.Event()
    failed: list[Exception] = []
    url = server.route("/", lambda request: (asked.set(), Answer(status=503, headers={"Retry-After": "20"}))[1])
    client = Client()

    def ask() -> None:
        with pytest.raises(TemporaryError) as caught:
            get(client, url)
        failed.append(caught.value)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(5)
    client.close()
    thread.join(5)
    assert len(failed) == 1


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["head", "body"])
def test_closing_ends_what_is_under_way_and_what_waits_for_its_turn(head: bytes, server: Server) -> None:
    done, asked = threading.Event(), threading.Event()
    url = server.route("/", lambda request: (asked.set(), Answer(raw=drip(head, done)))[1])
    failed: list[str] = []
    client = Client(per_host=1)

    def ask() -> None:
        with pytest.raises(TemporaryError) as caught:
            get(client, url)
        failed.append(caught.value.what)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert asked.wait(5)
    started = time.monotonic()
    client.close()
    for thread in threads:
        thread.join(5)
    assert (failed, len(server.log)) == (["was broken off"] * 3, 1)
    assert time.monotonic() - started < 1
    done.set()


def test_a_recording_that_closing_breaks_off_goes_on_later(server: Server, client: Client, tmp_path: Path) -> None:
    target, done, begun = tmp_path / "a.mp3", threading.Event(), threading.Event()
    head = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 307200\r\n\r\n' + BODY[:200_000]
    url = server.route("/a.mp3", lambda request: Answer(raw=drip(head, done)))
    closing = Client()

    def close_when(size: int, total: int) -> None:
        if size and not begun.is_set():
            begun.set()
            closing.close()

    with pytest.raises(TemporaryError, match="broken off"):
        closing.download(url, target, max_bytes=LIMIT * 10, allow_private=True, progress=close_when)
    done.set()
    server.route("/a.mp3", BODY, etag='"1"')
    download(client, url, target)
    assert target.read_bytes() == BODY
    assert "range" in server.log[-1].headers


@pytest.mark.parametrize("limit", [1, 3])
def test_so_many_at_a_time_at_one_host(limit: int, server: Server) -> None:
    lock, now, most, together = threading.Lock(), 0, 0, threading.Barrier(limit)

    def slow(request: Request) -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(5)  # all that are let in are here at the same time
        with lock:
            now -= 1
        return "x"

    url = server.route("/", slow)
    with Client(per_host=limit, patience=HASTE) as client:
        threads = [threading.Thread(target=get, args=(client, url)) for _ in range(4 * limit)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert (most, len(server.log)) == (limit, 4 * limit)


# recordings


def test_a_recording_is_there_when_it_is_whole(server: Server, client: Client, tmp_path: Path) -> None:
    target, body = tmp_path / "a.mp3", bytes(range(256)) * 1_000
    seen: list[tuple[int, int, bool]] = []
    url = server.route("/a.mp3", body, type="audio/mpeg")
    got = client.download(
        url,
        target,
        max_bytes=LIMIT * 10,
        allow_private=True,
        progress=lambda n, of: seen.append((n, of, target.exists())),
    )
    assert got == Download(target, len(body), "audio/mpeg")
    assert target.read_bytes() == body
    assert seen[0] == (0, len(body), False)
    assert seen[-1] == (len(body), len(body), False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp3"]


BODY = bytes(range(256)) * 1_200


def half(status: int = 200, etag: str = '"1"', modified: str = "") -> Answer:
    headers = {"Content-Length": str(len(BODY))}
    return Answer(BODY[:200_000], status, "audio/mpeg", headers, etag=etag, last_modified=modified, close=True)


def broken_off(server: Server, target: Path, answer: Answer) -> int:
    """Downloads half of it, and returns how much is kept."""
    with Client(patience=Patience(tries=1)) as client, pytest.raises(TemporaryError, match="broke off"):
        download(client, server.route("/a.mp3", lambda request: answer), target)
    assert not target.exists()
    server.forget()
    return (target.parent / f"{target.name}.part").stat().st_size


@pytest.mark.parametrize(("etag", "modified"), [('"1"', ""), ("", "Mon, 01 Jan 2024 00:00:00 GMT"), ('W/"1"', "today")])
def test_a_recording_goes_on_where_it_broke_off(
    etag: str, modified: str, server: Server, client: Client, tmp_path: Path
) -> None:
    target = tmp_path / "a.mp3"
    kept = broken_off(server, target, half(etag=etag, modified=modified))
    assert kept > 0
    url = server.route("/a.mp3", BODY, etag=etag, last_modified=modified)
    assert download(client, url, target).size == len(BODY)
    assert target.read_bytes() == BODY
    assert [request.headers["range"] for request in server.log] == [f"bytes={kept}-"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp3"]


def test_it_goes_on_within_one_call_too(server: Server, client: Client, tmp_path: Path) -> None:
    whole = Answer(BODY, etag='"1"')
    server.route("/whole", BODY, etag='"1"')

    def flaky(request: Request) -> Answer:
        if len(server.log) == 1:
            return half()
        start = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
        headers = {"Content-Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"}
        return Answer(BODY[start:], 206, whole.type, headers, etag='"1"')

    assert download(client, server.route("/a.mp3", flaky), tmp_path / "a.mp3").size == len(BODY)
    assert (tmp_path / "a.mp3").read_bytes() == BODY
    assert len(server.log) == 2


def test_another_version_begins_anew(server: Server, client: Client, tmp_path: Path) -> None:
    target, other = tmp_path / "a.mp3", b"other" * 1_000
    broken_off(server, target, half())
    download(client, server.route("/a.mp3", other, etag='"2"'), target)
    assert target.read_bytes() == other


def test_another_address_and_no_version_begin_anew(server: Server, client: Client, tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    broken_off(server, target, half())
    download(client, server.route("/b.mp3", b"other", etag='"1"'), target)
    assert target.read_bytes() == b"other"
    target.unlink()
    broken_off(server, target, half(etag=""))
    download(client, server.route("/a.mp3", BODY, etag=""), target)
    assert target.read_bytes() == BODY
    assert all("range" not in request.headers for request in server.log)


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"url": 1}', b"\xff\xfe", b"null"])
def test_a_torn_note_beside_the_part_begins_anew(note: bytes, server: Server, client: Client, tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    broken_off(server, target, half())
    (tmp_path / "a.mp3.part.json").write_bytes(note)
    download(client, server.route("/a.mp3", BODY), target)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize(
    "span", ["bytes 0-307199/307200", "bytes 7-307199/307200", "bytes 196608-307199/400000", "bytes x-y/z", ""]
)
def test_an_answer_that_goes_on_elsewhere_is_not_put_behind(
    span: str, server: Server, client: Client, tmp_path: Path
) -> None:
    target = tmp_path / "a.mp3"
    kept = broken_off(server, target, half())
    assert kept == 196_608

    def wrong(request: Request) -> Answer:
        if "range" in request.headers:
            return Answer(b"wrong" * 100, 206, headers={"Content-Range": span}, etag='"1"')
        return Answer(BODY, etag='"1"')

    download(client, server.route("/a.mp3", wrong), target)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (('"1"', ""), ('"2"', "")),
        (("", "Mon, 01 Jan 2024 00:00:00 GMT"), ("", "Tue, 02 Jan 2024 00:00:00 GMT")),
        (('W/"1"', "Mon, 01 Jan 2024 00:00:00 GMT"), ('"1"', "Tue, 02 Jan 2024 00:00:00 GMT")),
    ],
    ids=["etag", "date", "weak etag and date"],
)
def test_the_rest_of_another_version_is_not_put_behind(
    was: tuple[str, str], now: tuple[str, str], server: Server, client: Client, tmp_path: Path
) -> None:
    """A server that does not know If-Range."""
    target, other = tmp_path / "a.mp3", b"\x01" * len(BODY)
    kept = broken_off(server, target, half(etag=was[0], modified=was[1]))

    def heedless(request: Request) -> Answer:
        if "range" in request.headers:
            span = {"Content-Range": f"bytes {kept}-{len(BODY) - 1}/{len(BODY)}"}
            return Answer(other[kept:], 206, "audio/mpeg", span, etag=now[0], last_modified=now[1])
        return Answer(other, type="audio/mpeg", etag=now[0], last_modified=now[1])

    download(client, server.route("/a.mp3", heedless), target)
    assert target.read_bytes() == other
    assert len(server.log) == 2


def test_a_rest_that_names_no_version_or_another_date_of_it_is_taken(
    server: Server, client: Client, tmp_path: Path
) -> None:
    for number, (etag, date) in enumerate([("", ""), ('"1"', "Tue, 02 Jan 2024 00:00:00 GMT")]):
        target = tmp_path / f"{number}.mp3"
        kept = broken_off(server, target, half(modified="Mon, 01 Jan 2024 00:00:00 GMT"))
        span = {"Content-Range": f"bytes {kept}-{len(BODY) - 1}/{len(BODY)}"}
        rest = Answer(BODY[kept:], 206, "audio/mpeg", span, etag=etag, last_modified=date)
        download(client, server.route("/a.mp3", lambda request, rest=rest: rest), target)
        assert (target.read_bytes(), len(server.log)) == (BODY, 1)


def test_a_part_that_was_whole_already(server: Server, client: Client, tmp_path: Path) -> None:
    """Killed between the last byte and the renaming."""
    target = tmp_path / "a.mp3"
    kept = broken_off(server, target, half())
    url = server.route("/a.mp3", BODY[:kept], etag='"1"')
    assert download(client, url, target).size == kept
    assert target.read_bytes() == BODY[:kept]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(b"", type="audio/mpeg"), "empty"),
        (Answer(b"<p>Sign in</p>", type="text/html; charset=utf-8"), "web page"),
        (Answer(b"\n<!DOCTYPE html><title>x</title>", type="audio/mpeg"), "web page"),
        (Answer(b"x" * 2_000_000, type="audio/mpeg"), "larger than 1 MB"),
        (Answer(stream=iter([b"x" * 60_000] * 20), type="audio/mpeg"), "larger than 1 MB"),
        (Answer(b"gone", status=410), "gone"),
    ],
    ids=["empty", "page", "page as audio", "large", "large and unannounced", "gone"],
)
def test_what_is_no_recording_leaves_nothing(
    answer: Answer, says: str, server: Server, client: Client, tmp_path: Path
) -> None:
    with pytest.raises(PermanentError, match=says):
        download(client, server.route("/", lambda request: answer), tmp_path / "a.mp3", max_bytes=1_000_000)
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_until_the_new_one_is_whole(server: Server, client: Client, tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    target.write_bytes(b"old")
    with pytest.raises(PermanentError):
        download(client, server.url("/nowhere"), target)
    assert target.read_bytes() == b"old"
    download(client, server.route("/a.mp3", b"new"), target)
    assert target.read_bytes() == b"new"


# words


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://me:secret@feeds.example:8080/a?token=secret", "https://feeds.example:8080/a?…"),
        ("https://video.example/playlist?list=PL1&si=secret#x", "https://video.example/playlist?list=PL1&…"),
        ("https://site.example/?feed=podcast", "https://site.example/?feed=podcast"),
        ("https://me:p@ss@a.example/x@y", "https://a.example/x@y"),
        ("https://" + "secret" * 100 + "@a.example/x", "https://a.example/x"),
        ("https://me:sec/ret@a.example/x", "an address that cannot be read"),
        ("me:secret@a.example/x", "a.example/x"),
        ("me_too:secret@a.example/x?secret", "a.example/x?…"),
        ("//me:secret@a.example/x", "a.example/x"),
        ("talks@home/" + "x" * 300, "talks@home/" + "x" * 300),
        ("http://[::1/", "an address that cannot be read"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("http://a/\x1b[31mred\x07", "http://a/[31mred"),
        ("http://a/" + "x" * 500, "http://a/" + "x" * 191 + "…"),
    ],
)
def test_how_addresses_are_shown(url: str, text: str) -> None:
    assert shown(url) == text


def test_importing_it_is_cheap() -> None:
    code = "import sys, ingest.sources.fetch; print({'requests', 'urllib3', 'tenacity', 'asyncio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
