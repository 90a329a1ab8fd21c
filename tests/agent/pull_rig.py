"""A device on loopback for tests that read it: a driver's twin behind TCP, and how far a till has read it."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path
from typing import Any

from drivers.registry import LoadedDriver, load_driver
from drivers.transport.tcp import TcpListenEndpoint
from drivers.vocabulary.errors import TransportError
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader


class Counter:
    """A device on loopback: a driver's twin behind TCP, one visitor at a time; the line can be cut after so many bytes."""

    def __init__(self, name: str, **settings: str) -> None:
        loaded = load_driver(name)
        assert isinstance(loaded, LoadedDriver)
        assert loaded.driver.twin is not None
        self.twin: Any = loaded.driver.twin(loaded.driver.settings_type(**settings))
        self.turn = threading.Lock()
        self.cut_after: int | None = None
        self.cuts = 0
        self._listener = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
        self._listener.listen()
        self._stop = threading.Event()
        self._hang_up = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._listener.port}"

    def hang_up(self) -> None:
        """End this visit: the process that made it was killed, and Wine may keep its socket open for ever."""
        self._hang_up.set()

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._hang_up.clear()
            pipe = self._listener.open(0.05)
            if pipe is None:
                continue
            with contextlib.suppress(TransportError):
                self._visit(pipe)
            pipe.abort()

    def _visit(self, pipe: Any) -> None:
        said = 0
        while not (self._stop.is_set() or self._hang_up.is_set()):
            data = pipe.read(0.05)
            with self.turn:
                answer = self.twin.feed(data, time.monotonic()) if data else b""
            if self.cut_after is not None and said + len(answer) > self.cut_after:
                pipe.write(answer[: self.cut_after - said], 5)
                self.cut_after, self.cuts = None, self.cuts + 1
                return
            said += len(answer)
            if answer:
                pipe.write(answer, 5)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._listener.close()


def place_of(folder: Path) -> dict[str, Any]:
    """The last document taken from the device called register; number -1 when there is none."""
    try:
        with OutboxReader.open(folder / "till.db") as reader:
            data = reader.document("pulled", "register")
    except StoreError:
        data = None
    return json.loads(data or b'{"number": -1}')


def receipts_of(folder: Path) -> list[dict[str, Any]]:
    """The receipts in the outbox, in the order in which they were counted."""
    with OutboxReader.open(folder / "till.db") as reader:
        found = reader.batch(envelopes_max=1000, bytes_max=10**9)
    return [json.loads(one.body)["receipt"] for one in found if one.kind.startswith("receipt.")]
