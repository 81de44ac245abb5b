"""Which addresses may be connected to: the rest of the world, and this network only where a person said so.

An address is looked up once, and what is checked is the very address that the socket then connects to. The standard
library's ``is_global`` is not enough: it calls ``224.0.0.1``, ``::127.0.0.1`` and ``64:ff9b::7f00:1`` global.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from ingest.errors import PermanentError
from ingest.sources.urls import MAX_ADDRESS, shown

_HOST = re.compile(r"[\w.\-\u3002\uff0e\uff61]{1,255}")  # three full stops of other scripts end a label too (IDNA)
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f]")

_UNICAST = IPv6Network("2000::/3")  # all of IPv6 that was given out to be routed
_NAT64 = IPv6Network("64:ff9b::/96")  # how a network without IPv4 reaches the rest of it
_NEVER = tuple(
    map(
        ip_network,
        (
            "100.100.100.200/32",  # these six tell a cloud's machines their secrets
            "168.63.129.16/32",
            "fd00:42::42/128",
            "fd00:c1::a9fe:a9fe/128",
            "fd00:ec2::/32",
            "fd20:ce::254/128",
            "169.254.0.0/16",
            "2001::/23",  # Teredo and other translators
            "2001:db8::/32",
            "2002::/16",  # 6to4
            "3fff::/20",
        ),
    )
)
_PRIVATE = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "::1/128",
            "fc00::/7",
        ),
    )
)


def check_address(url: str) -> SplitResult:
    """The parts of an http or https address, as they stand. Raises PermanentError for everything else."""
    if len(url) > MAX_ADDRESS:
        raise PermanentError(f"the address is longer than {MAX_ADDRESS:,} characters", where=shown(url))
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise PermanentError("is no address", where=shown(url)) from None
    if parts.scheme not in ("http", "https"):
        raise PermanentError("only http and https addresses are opened", where=shown(url))
    fits = _IPV6.fullmatch(host) if "[" in parts.netloc else _HOST.fullmatch(host)
    odd = _UNFIT.search(url) or parts.netloc.count("@") > 1 or "\\" in parts.netloc
    if not fits or port == 0 or odd:
        raise PermanentError("is no address", where=shown(url))
    return parts


def is_allowed(address: str, *, allow_private: bool = False) -> bool:
    """Whether a numeric address may be connected to; one with a zone (``fe80::1%eth0``) never is.

    With ``allow_private`` this machine and private networks are, but not link-local, multicast, unspecified or
    translated addresses, nor those at which clouds keep secrets.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        if ip.scope_id:
            return False
        if ip in _NAT64:
            return _is_public(IPv4Address(int(ip) & 0xFFFFFFFF))
        ip = ip.ipv4_mapped or ip
    if any(ip in network for network in _NEVER):
        return False
    return (allow_private and any(ip in network for network in _PRIVATE)) or _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if not ip.is_global or ip.is_multicast or ip.is_reserved or any(ip in network for network in _NEVER):
        return False
    if isinstance(ip, IPv6Address) and ip not in _UNICAST:
        return False
    return not any(ip in network for network in _blocked())


@cache
def _blocked() -> tuple[IPv4Network | IPv6Network, ...]:
    from requests_hardened.ip_filter import EXTRA_BLOCKED_NET_RANGES

    return tuple(EXTRA_BLOCKED_NET_RANGES)


def connect(
    host: str,
    port: int,
    *,
    timeout_s: float | None,
    allow_private: bool = False,
    options: Iterable[tuple[int, int, int | bytes]] = (),
) -> socket.socket:
    """A connection to the first address of ``host`` that is allowed and answers, all of them within ``timeout_s``.

    Raises PermanentError where none is allowed, ``socket.gaierror`` and other OSErrors where none answers.
    """
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    allowed = [entry for entry in found if is_allowed(str(entry[4][0]), allow_private=allow_private)]
    if not allowed:
        raise _refusal(host, [str(entry[4][0]) for entry in found], allow_private=allow_private)
    ends = None if timeout_s is None else time.monotonic() + timeout_s
    failed: OSError = TimeoutError("timed out")
    for family, kind, protocol, _, address in allowed:
        left = None if ends is None else ends - time.monotonic()
        if left is not None and left <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(left)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failed = error
        else:
            sock.settimeout(timeout_s)
            return sock
    raise failed


def _refusal(host: str, addresses: list[str], *, allow_private: bool) -> PermanentError:
    private = not allow_private and any(is_allowed(address, allow_private=True) for address in addresses)
    return PermanentError(
        f"{shown(host)} is an address {'in a private network' if private else 'that is never connected to'}",
        remedy="if you trust the source, add it with --allow-private" if private else "",
    )
