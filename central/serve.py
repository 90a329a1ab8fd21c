"""Runs the application on a socket until it is told to stop; says when it is ready."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette

from central.errors import CentralStartError

__all__ = ["Server", "ServerTls", "listening_socket", "make_server"]

BACKLOG: Final = 2048  # tills that come back together after an outage
KEEP_ALIVE_S: Final = 75  # a till that sends every minute keeps its connection, and its TLS, behind a proxy too
GRACE_S: Final = 5  # how long a request that is being answered may take after a stop was asked for


class Server(uvicorn.Server):
    """uvicorn that says when it listens, and lets long polls go before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, *, ready: Callable[[], None], app: Starlette) -> None:
        super().__init__(config)
        self._ready = ready
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer the long polls, then stop."""
        self._app.state.watch.close()
        await super().shutdown(sockets=sockets)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """How the server shows who it is, and whom it lets in.

    Attributes:
        certificate: PEM file with the chain.
        key: PEM file of the private key without a password, or None when it is in the certificate's file.
        client_ca: PEM file: only who shows a certificate of these authorities may ask anything; None lets everybody.
    """

    certificate: Path
    key: Path | None = None
    client_ca: Path | None = None

    def check(self) -> None:
        """Read the files.

        Raises:
            CentralStartError: one cannot be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ssl.SSLError) as error:
            raise CentralStartError(
                f"cannot use the certificate {self.certificate} with its key: {_reason(error)}; "
                "give PEM files that belong together, the key without a password"
            ) from None
        try:
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
        except (OSError, ssl.SSLError) as error:
            raise CentralStartError(
                f"cannot use --client-ca {self.client_ca}: {_reason(error)}; give a PEM file"
            ) from None


def _reason(error: OSError) -> str:
    return (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or str(error)


def make_server(app: Starlette, *, ready: Callable[[], None], tls: ServerTls | None = None) -> Server:
    """A server for `Server.run(sockets=[…])`; set `should_exit` to stop it.

    Raises:
        CentralStartError: a file of `tls` cannot be used.
    """
    secure: dict[str, Any] = {}
    if tls is not None:
        tls.check()
        secure = {"ssl_certfile": str(tls.certificate), "ssl_keyfile": str(tls.key) if tls.key is not None else None}
        if tls.client_ca is not None:
            secure |= {"ssl_ca_certs": str(tls.client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        server_header=False,
        **secure,
    )
    return Server(config, ready=ready, app=app)


def listening_socket(listen: str) -> socket.socket:
    """A bound socket for ``HOST:PORT`` (``[::1]:8700`` for IPv6); port 0 takes a free one.

    Raises:
        CentralStartError: the address cannot be read, or cannot be listened on.
    """
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise CentralStartError(f"cannot listen on {listen!r}; write HOST:PORT, as in 127.0.0.1:8700")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: asyncio sends at once (TCP_NODELAY) only on sockets that say they are TCP, and otherwise a
    # kept connection waits 40 ms for each answer (Nagle's algorithm against delayed acknowledgement). On Windows it
    # does not even then; there what is accepted has it from the listener.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # On Windows SO_REUSEADDR would let two servers share one port; elsewhere it only skips the wait after a restart.
    if sys.platform == "win32":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, int(port)))
        # A second server on the same port must fail here and not at its first connection.
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        raise CentralStartError(f"cannot listen on {listen}: {reason.lower()}; choose another with --listen") from None
    return bound
