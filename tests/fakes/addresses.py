"""Addresses that must never be connected to, and a network for tests that would let them through.

    @pytest.mark.parametrize("form", FORBIDDEN_FORMS)
    def test_it(form, monkeypatch):
        with Server() as trap, Server() as web:
            wires = Wires(monkeypatch)
            web.route("/feed.xml", ...)
            fetch(public(web, "/feed.xml"))       # http://feeds.test:PORT/feed.xml: looks like the rest of the world
            fetch(form.format(port=trap.port))
            assert wires.attempts == [] and trap.connections == 0

``Wires`` is as hostile as can be: any name that it does not know leads to this machine. What it knows: names that end
in ``.test`` (below), of which ``feeds.test`` has a public address behind which is 127.0.0.1.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from tests.fakes.server import Server

PUBLIC = "93.184.215.14"  # leads to this machine, at the same port

# {port} is that of a server on this machine; to be refused whatever a source is allowed: see PRIVATE_FORMS
ALWAYS_FORBIDDEN_FORMS = (
    # where clouds keep secrets, and other link-local addresses
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://[fd00:ec2::23]/",
    "http://[fd20:ce::254]/",
    "http://[fd00:c1::a9fe:a9fe]/",
    "http://[fd00:42::42]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://metadata.test/",
    "http://[fe80::1]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fe80::1%lo]:{port}/",
    "http://linklocal6.test:{port}/",
    # nobody in particular, and many at once
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://0x0:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:0.0.0.0]:{port}/",
    "http://unspecified.test:{port}/",
    "http://224.0.0.1:{port}/",
    "http://239.255.255.250:{port}/",
    "http://255.255.255.255:{port}/",
    "http://[ff02::1]:{port}/",
    "http://240.0.0.1:{port}/",
    # an IPv4 address within another
    "http://[::127.0.0.1]:{port}/",
    "http://[::7f00:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]:{port}/",
    "http://[fec0::1]:{port}/",
    "http://nat64.test:{port}/",
    # zones
    "http://[::1%25lo]:{port}/",
    "http://[::1%lo]:{port}/",
    # no address at all
    "http://127%2e0%2e0%2e1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127.0.0.1\\@feeds.test:{port}/",
    "http://feeds.test@feeds.test@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}:80/",
    "http://[127.0.0.1]:{port}/",
    "http://:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http://127.0.0.1 :{port}/",
    "http://127.0.0.1:{port}/\r\nX-Smuggled: yes",
    # neither http nor https
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "FILE:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET%20/",
    "dict://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "http+unix://127.0.0.1:{port}/",
    "jar:http://127.0.0.1:{port}/!/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "mailto:someone@feeds.test",
)

# this machine and private networks: allowed only where a person said so
PRIVATE_FORMS = (
    "http://127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://127.255.255.254:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0X7F.0x0.0x0.0x1:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0000177.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://a.localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:7f00:0001]:{port}/",
    "http://user:secret@127.0.0.1:{port}/",
    "http://feeds.test@127.0.0.1:{port}/",
    "http://feeds.test:80@127.0.0.1:{port}/",
    "http://feeds.test%2f@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/#@feeds.test/",
    "http://127.0.0.1:{port}?@feeds.test/",
    "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11:{port}/",
    "http://127\u30020\u30020\u30021:{port}/",
    "http://\u2460\u2461\u2466.0.0.1:{port}/",
    "http://loopback.test:{port}/",
    "http://loopback6.test:{port}/",
    "http://both.test:{port}/",
    "http://10.0.0.1:{port}/",
    "http://172.16.0.1:{port}/",
    "http://192.168.0.1:{port}/",
    "http://192.168.257:{port}/",
    "http://100.64.0.1:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fd12:3456:789a::1]:{port}/",
    "http://private.test:{port}/",
)

FORBIDDEN_FORMS = ALWAYS_FORBIDDEN_FORMS + PRIVATE_FORMS

_NAMES = {
    "feeds.test": [PUBLIC],
    "loopback.test": ["127.0.0.1"],
    "loopback6.test": ["::1"],
    "both.test": ["::1", "127.0.0.1"],
    "private.test": ["10.1.2.3"],
    "metadata.test": ["169.254.169.254"],
    "linklocal6.test": ["fe80::1%1"],
    "unspecified.test": ["0.0.0.0"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "partly.test": ["10.1.2.3", "::1", PUBLIC],
}


def FORBIDDEN(port: int) -> list[str]:  # noqa: N802  # reads as the constant that it is for one port
    """All of the addresses, for a trap that listens at ``port`` of 127.0.0.1."""
    return [form.format(port=port) for form in FORBIDDEN_FORMS]


def public(server: Server, path: str = "/") -> str:
    """The server's address as the rest of the world would have it; needs ``Wires``."""
    return f"http://feeds.test:{server.port}{path}"


class Wires:
    """Looks names up and connects, for a test. ``attempts`` are the addresses connected to, the public one left out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.attempts: list[Any] = []
        self.looked_up: list[str] = []
        self._look_up, self._connect = socket.getaddrinfo, socket.socket.connect
        monkeypatch.setattr(socket, "getaddrinfo", self._found)
        monkeypatch.setattr(socket.socket, "connect", lambda sock, address: self._connected(sock, address))  # noqa: PLW0108  # a function, to be bound to the socket

    def _found(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        self.looked_up.append(name)
        try:
            return list(self._look_up(name, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST))
        except (socket.gaierror, UnicodeError):
            found = _NAMES.get(name.lower(), ["127.0.0.1"])
        numeric = socket.AI_NUMERICHOST
        return [entry for ip in found for entry in self._look_up(ip, port, 0, socket.SOCK_STREAM, 0, numeric)]

    def _connected(self, sock: socket.socket, address: Any) -> None:
        if address[0] == PUBLIC:
            address = ("127.0.0.1", address[1])
        else:
            self.attempts.append(address)
            if address[0] not in ("127.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1"):
                raise OSError(errno.ENETUNREACH, "tests stay on this machine")
        self._connect(sock, address)
