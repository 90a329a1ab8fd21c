"""Puts the twin behind a real port: as many connections as come, each on a thread of its own, one register inside."""

from __future__ import annotations

import threading
from typing import Final

from drivers.transport.contract import Transport
from drivers.transport.tcp import TcpListenEndpoint
from drivers.vocabulary.errors import TransportError

from .simulator import Line, VirtualAtol

OPEN_SLICE_S: Final = 0.1  # how late a stop may be noticed
READ_SLICE_S: Final = 0.1
WRITE_TIMEOUT_S: Final = 2.0


def serve(listener: TcpListenEndpoint, twin: VirtualAtol, stop: threading.Event) -> None:
    """Serve until `stop` is set; the listener is closed then."""
    turn = threading.Lock()
    visits: list[threading.Thread] = []
    try:
        while not stop.is_set():
            visitor = listener.open(OPEN_SLICE_S)
            visits = [visit for visit in visits if visit.is_alive()]
            if visitor is not None:
                visit = threading.Thread(target=_serve_one, args=(visitor, twin, turn, stop), daemon=True)
                visits.append(visit)
                visit.start()
    finally:
        listener.close()
        for visit in visits:
            visit.join(1.0)


def _serve_one(visitor: Transport, twin: VirtualAtol, turn: threading.Lock, stop: threading.Event) -> None:
    line: Line = twin.connection()
    try:
        while not (stop.is_set() or line.is_closed):
            data = visitor.read(READ_SLICE_S)
            with turn:
                answer = line.feed(data) if data else b""
            if answer:
                visitor.write(answer, WRITE_TIMEOUT_S)
    except TransportError:
        return
    finally:
        visitor.close()
