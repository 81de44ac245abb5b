"""A real web server on 127.0.0.1 for tests: HTTP/1.1 with kept connections, ETag and 304, ranges, and a log.

    with Server() as server:
        server.route("/feed.xml", FEED, type="application/rss+xml")      # gets an ETag; answers 304 and ranges
        server.route("/old", status=301, headers={"Location": "/feed.xml"})
        server.route("/busy", status=503, headers={"Retry-After": "7"})
        server.route("/thrice", lambda request: Answer(status=503) if len(server.asked("/thrice")) < 3 else b"at last")
        server.route("/drip", lambda request: Answer(stream=iter([b"a", b"b"])))     # sent in chunks as they come
        server.route("/cut", lambda request: Answer(b"half", headers={"Content-Length": "8"}, close=True))
        server.route("/odd", lambda request: Answer(raw=b"HTTP/1.1 200 OK\\r\\nContent-Le"))    # as it stands
        get(server.url("/feed.xml"))
        assert [request.path for request in server.log] == ["/feed.xml"]
        assert server.log[0].headers["user-agent"].startswith("Hark/")       # names of headers in lower case

Routes may be set and replaced at any time. A path is looked up with its query first, then without. What has no route
is answered 404. ``server.connections`` counts the connections that were accepted, also those without a request.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the path with its query, the names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: ``body``, or ``stream`` in chunks, or ``raw`` bytes (one or many) in place of all the rest.

    ``etag`` None makes one of the body where the status is 200; an empty string sends none.
    """

    body: bytes = b""
    status: int = 200
    type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str | None = None
    last_modified: str = ""
    ranges: bool = True
    stream: Iterator[bytes] | None = None
    raw: bytes | Iterator[bytes] | None = None
    close: bool = False


Route = Callable[[Request], "Answer | bytes | str"]


class Server:
    """See the module. Every instance has its own port and its own log."""

    def __init__(self, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> None:
        self._lock = threading.Lock()
        self._routes: dict[str, Route] = {}
        self._log: list[Request] = []
        self._sockets: set[socket.socket] = set()
        self._accepted = 0
        self._scheme = "https" if tls else "http"
        self._server = _Listener(host, self, tls)
        self.host, self.port = host, self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def route(
        self,
        path: str,
        body: bytes | str | Route = b"",
        *,
        type: str = "text/plain; charset=utf-8",
        headers: Mapping[str, str] | None = None,
        status: int = 200,
        etag: str | None = None,
        last_modified: str = "",
        ranges: bool = True,
    ) -> str:
        """Answers ``path`` so from now on, and returns its address. A function is called with each request."""
        if callable(body):
            found = body
        else:
            data = body.encode() if isinstance(body, str) else body
            answer = Answer(data, status, type, headers or {}, etag, last_modified, ranges)

            def found(request: Request) -> Answer:
                return answer

        with self._lock:
            self._routes[path] = found
        return self.url(path)

    def unroute(self, path: str) -> None:
        """Answers ``path`` with 404 from now on."""
        with self._lock:
            self._routes.pop(path, None)

    def url(self, path: str = "/") -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self._scheme}://{host}:{self.port}{path}"

    @property
    def log(self) -> list[Request]:
        """Every request until now, in the order in which they came."""
        with self._lock:
            return list(self._log)

    @property
    def connections(self) -> int:
        with self._lock:
            return self._accepted

    def asked(self, path: str) -> list[Request]:
        """The requests for one path, whatever their query."""
        return [request for request in self.log if path in (request.path, request.path.partition("?")[0])]

    def forget(self) -> None:
        """Empties the log."""
        with self._lock:
            self._log.clear()

    def hang_up(self) -> None:
        """Closes every connection that is open; the server goes on."""
        with self._lock:
            sockets = list(self._sockets)
        for sock in sockets:
            _shut(sock)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.hang_up()
        self._thread.join()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            self._log.append(request)
            route = self._routes.get(request.path) or self._routes.get(request.path.partition("?")[0])
        if route is None:
            return Answer(b"there is nothing here", status=404, etag="")
        answer = route(request)
        if isinstance(answer, str):
            answer = answer.encode()
        return Answer(answer) if isinstance(answer, bytes) else answer

    def _opened(self, sock: socket.socket) -> None:
        with self._lock:
            self._accepted += 1
            self._sockets.add(sock)

    def _closed(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.discard(sock)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, host: str, owner: Server, tls: ssl.SSLContext | None) -> None:
        self.owner, self._tls = owner, tls
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, 0), _Handler)

    def server_bind(self) -> None:
        """Without the look-up of the machine's name, which may ask the network."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "test", self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        sock, address = super().get_request()
        if self._tls:  # hands are shaken in the connection's own thread
            sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self.owner._opened(sock)
        return sock, address

    def shutdown_request(self, request: Any) -> None:
        self.owner._closed(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        self._send(_conditional(self.server.owner._answer(request), request))

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815  # the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:
        """The log is ``Server.log``."""

    def _send(self, answer: Answer) -> None:
        if answer.raw is not None:
            self.close_connection = True
            for piece in [answer.raw] if isinstance(answer.raw, bytes) else answer.raw:
                self.wfile.write(piece)
            return
        self.wfile.write(self._head(answer) + (b"" if self._bodiless(answer) else answer.body))
        if answer.stream is not None and self.command != "HEAD":
            for piece in answer.stream:
                if piece:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = self.close_connection or answer.close

    def _bodiless(self, answer: Answer) -> bool:
        return self.command == "HEAD" or answer.status in (204, 304) or answer.stream is not None

    def _head(self, answer: Answer) -> bytes:
        headers = {"Content-Type": answer.type, "Date": self.date_time_string()}
        if answer.stream is not None:
            headers["Transfer-Encoding"] = "chunked"
        elif answer.status not in (204, 304):
            headers["Content-Length"] = str(len(answer.body))
        if answer.etag:
            headers["ETag"] = answer.etag
        if answer.last_modified:
            headers["Last-Modified"] = answer.last_modified
        if answer.close:
            headers["Connection"] = "close"
        headers |= answer.headers
        phrase = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "Odd"
        lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("utf-8")


def _conditional(answer: Answer, request: Request) -> Answer:
    """The answer as If-None-Match, If-Modified-Since and Range change it."""
    if answer.raw is not None or answer.stream is not None or answer.status != 200:
        return answer
    etag = f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"' if answer.etag is None else answer.etag
    full = Answer(answer.body, 200, answer.type, answer.headers, etag, answer.last_modified, close=answer.close)
    asked = request.headers
    if "if-none-match" in asked:
        same = bool(etag) and etag in asked["if-none-match"]
    else:
        same = bool(answer.last_modified) and asked.get("if-modified-since") == answer.last_modified
    if same:
        return Answer(b"", 304, answer.type, answer.headers, etag, answer.last_modified)
    span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.get("range", ""))
    if not (span and answer.ranges and asked.get("if-range", etag) in (etag, answer.last_modified or etag)):
        return full
    total, first = len(answer.body), int(span[1])
    last = min(int(span[2] or total - 1), total - 1)
    if first > last:
        return Answer(b"", 416, answer.type, {"Content-Range": f"bytes */{total}"}, etag="")
    headers = {**answer.headers, "Content-Range": f"bytes {first}-{last}/{total}", "Accept-Ranges": "bytes"}
    return Answer(answer.body[first : last + 1], 206, answer.type, headers, etag, answer.last_modified)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
