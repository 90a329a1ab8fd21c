"""Runs the doors on their own thread: sockets are taken by the caller's thread, so a taken port is told at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Sequence
from typing import Final

import uvicorn

from agent.doors.app import DoorApp
from agent.doors.binding import bind_address, bind_loopback
from drivers.vocabulary.errors import TransportUnavailable

__all__ = ["DoorServer"]

log = logging.getLogger(__name__)

START_WAIT_S: Final = 10.0  # a till with a slow disk needs two seconds for its first import of asyncio
DRAIN_S: Final = 1  # how long requests under way may take to end when the agent stops
CONNECTIONS_MAX: Final = 64  # one POS and one browser have a dozen; more is a leak or an attack
HEADER_BYTES_MAX: Final = 16_384  # request line and headers


class _Uvicorn(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, listening: threading.Event) -> None:
        super().__init__(config)
        self._listening = listening
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._listening.set()


class DoorServer:
    """The doors on loopback, and till systems' own ports.

    Args:
        port: 0 takes any free one; `port` tells which.
        also: host and port of each door that has its own; one that cannot be had is a sentence in `troubles`.
    """

    def __init__(self, app: DoorApp, *, port: int, also: Sequence[tuple[str, int]] = ()) -> None:
        self._app = app
        self._also = tuple(also)
        self.troubles: list[str] = []
        self._wanted_port = port
        self._sockets: list[socket.socket] = []
        self._listening = threading.Event()
        self._server: _Uvicorn | None = None
        self._thread: threading.Thread | None = None
        self._port = 0
        self._came_round_s: float | None = None

    @property
    def port(self) -> int:
        """The port in use; 0 before the start."""
        return self._port

    @property
    def is_running(self) -> bool:
        """Whether somebody answers."""
        return self._thread is not None and self._thread.is_alive() and self._listening.is_set()

    def start(self) -> None:
        """Listen and answer from now on; raises TransportUnavailable when the port cannot be had."""
        if self._thread is not None:
            raise RuntimeError("a DoorServer starts once; make another")
        self._sockets = bind_loopback(self._wanted_port)
        self._port = self._sockets[0].getsockname()[1]
        for host, own_port in self._also:
            try:
                self._sockets.append(bind_address(host, own_port))
            except TransportUnavailable as error:
                self.troubles.append(str(error))
        # log_config None: with its default uvicorn asks the console for colours, and a Windows service has none.
        config = uvicorn.Config(
            self._app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=DRAIN_S,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        )
        self._server = _Uvicorn(config, self._listening)
        self._thread = threading.Thread(target=self._run, args=(self._server,), name="doors", daemon=True)
        self._thread.start()
        if not self._listening.wait(START_WAIT_S) or not self._thread.is_alive():
            self.stop()
            raise TransportUnavailable("the local API and the panel did not start; the log says why")

    @property
    def came_round_s(self) -> float | None:
        """When the event loop last came round (seconds of a monotonic clock); each look asks it to do so again."""
        loop = self._server.loop if self._server is not None else None
        if loop is not None and self.is_running:
            with contextlib.suppress(RuntimeError):  # it is being closed
                loop.call_soon_threadsafe(self._came_round)
        return self._came_round_s

    def _came_round(self) -> None:
        self._came_round_s = time.monotonic()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the streams, let requests under way finish, and give the port back; may be called twice."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._app.close_streams()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.error("door.stop: still running after %g s; left to the end of the process", timeout_s)

    def _run(self, server: uvicorn.Server) -> None:
        """Top of the thread."""
        try:
            server.run(sockets=self._sockets)
        except Exception:
            log.exception("door.broken port=%d", self._port)
        finally:
            for listener in self._sockets:
                listener.close()
            self._listening.set()  # whoever waits for the start finds the thread ended
