"""Puts the twin behind a real pipe: a thread that carries bytes to it and what it says, SYN included, back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from drivers.transport.contract import Transport
from drivers.vocabulary.errors import TransportError

from .simulator import IslTwin

READ_SLICE_S = 0.01  # SYN is due every 60 ms
WRITE_TIMEOUT_S = 2.0


def serve(
    transport: Transport, twin: IslTwin, stop: threading.Event, *, clock: Callable[[], float] = time.monotonic
) -> None:
    """Serve one open pipe until the other end goes or `stop` is set; the pipe is closed then."""
    try:
        while not stop.is_set():
            data = transport.read(READ_SLICE_S)
            now_s = clock()
            answer = twin.feed(data, now_s) if data else b""
            answer += twin.tick(now_s)
            if answer:
                transport.write(answer, WRITE_TIMEOUT_S)
    except TransportError:
        return
    finally:
        transport.close()
