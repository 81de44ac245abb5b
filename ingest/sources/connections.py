"""requests' adapter with two guards: addresses that are not allowed get no connection, slow answers are cut off.

requests-hardened has such an adapter, and its list of networks is used (see addresses.py). The adapter itself falls
short of what is needed here: it takes the first address of a name and no other, so that a name with IPv6 fails where
there is only IPv4, it can allow this machine but no private network, lets ``::127.0.0.1`` and ``fec0::1`` pass, and
follows a proxy that the caller's session found in the environment. So the check sits where the socket is made.

Importing this loads requests; ``fetch`` does so when the first request is made.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache, partial
from types import TracebackType
from typing import Any

from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest, Response
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from ingest.sources.addresses import connect

logging.getLogger("urllib3").setLevel(logging.ERROR)  # below that it tells queries, in which secrets are kept

_AGAIN_S = 0.1  # an answer whose time is over is cut off so often: it may have been about to get its socket


class Watch:
    """Cuts an answer off after ``limit_s`` seconds, or ``stall_s`` seconds without a call of ``moved``, or by ``cut``.

    A socket's timeout holds for each read: a server that sends a byte a second never meets it. Shutting the socket
    down ends a read that is under way in another thread, with TLS or without, in the head as in the body.
    """

    def __init__(self, limit_s: float, stall_s: float | None = None) -> None:
        self.late = self.given_up = False
        self._stall_s = limit_s if stall_s is None else stall_s
        self._ends = time.monotonic() + limit_s
        self._next = 0.0
        self._is_over = False
        self._wake = threading.Event()
        self._socket: socket.socket | None = None
        self.moved()

    def moved(self) -> None:
        """Says that the answer goes on."""
        self._next = min(self._ends, time.monotonic() + self._stall_s)

    def over(self, sock: socket.socket | None) -> None:
        """Watches this socket from now on."""
        self._socket = sock if sock is not None else self._socket

    def cut(self) -> None:
        """Cuts the answer off now: nobody waits for it any more."""
        self.late = self.given_up = True
        self._wake.set()

    def __enter__(self) -> Watch:
        self._token = _watch.set(self)
        threading.Thread(target=self._run, name="hark-watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _watch.reset(self._token)
        self._is_over = True
        self._wake.set()

    def _run(self) -> None:
        while not self._is_over:
            self._wake.wait(_AGAIN_S if self.late else max(0.0, self._next - time.monotonic()))
            self._wake.clear()
            if self._is_over:
                return
            if not self.late and time.monotonic() < self._next:
                continue
            self.late = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # not SSLSocket.shutdown, which would take TLS away from under the reader
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


class _Guarded(HTTPConnection):
    """A connection to an allowed address, whose socket is watched."""

    def __init__(self, *args: Any, allow_private: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._allow_private = allow_private

    def _new_conn(self) -> socket.socket:
        try:
            return connect(
                self._dns_host,
                self.port,
                timeout_s=self.timeout,
                allow_private=self._allow_private,
                options=self.socket_options or (),
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except UnicodeError as error:  # a label of more than 63 characters
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"timed out after {self.timeout} s") from error
        except OSError as error:
            raise NewConnectionError(self, str(error.strerror or error)) from error

    def connect(self) -> None:
        super().connect()
        _look(self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _look(self)
        super().request(*args, **kwargs)


class _GuardedTLS(_Guarded, HTTPSConnection):
    """... and with TLS."""

    def connect(self) -> None:
        if self.ssl_context is trusted():
            self.ca_certs = None  # they are in the context already
        super().connect()


def _look(connection: HTTPConnection) -> None:
    watch = _watch.get()
    if watch is not None:
        watch.over(connection.sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guarded

    def __init__(self, *args: Any, allow_private: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn_kw["allow_private"] = allow_private


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS

    def __init__(self, *args: Any, allow_private: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn_kw["allow_private"] = allow_private


@cache
def trusted() -> ssl.SSLContext:
    """Who vouches for servers, loaded once: requests loads the list again for each connection, 30 ms of work."""
    context = create_urllib3_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


class GuardedAdapter(HTTPAdapter):
    """For a session's ``mount``: each connection is checked, redirects' included. Proxies are not used.

    ``send`` raises PermanentError for an address that is refused, otherwise what requests raises.
    """

    def __init__(self, *, allow_private: bool = False, hosts: int = 64, per_host: int = 4) -> None:
        self._allow_private = allow_private
        super().__init__(pool_connections=hosts, pool_maxsize=per_host)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **pool_kwargs)
        pools: dict[str, Any] = {  # a partial makes pools as a class does
            "http": partial(_Pool, allow_private=self._allow_private),
            "https": partial(_TLSPool, allow_private=self._allow_private),
        }
        self.poolmanager.pool_classes_by_scheme = pools

    def build_connection_pool_key_attributes(self, request: PreparedRequest, verify: Any, cert: Any = None) -> Any:
        host, how = super().build_connection_pool_key_attributes(request, verify, cert)
        if verify is True and cert is None and host["scheme"] == "https":
            how["ssl_context"] = trusted()
        return host, how

    def send(  # noqa: PLR0917  # requests' own signature
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        return super().send(request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=None)
