"""Runs under Wine: the serial scanner's driver on a COM port, with the threads of the agent; tells what was scanned."""

from __future__ import annotations

import sys
import threading

from drivers.scanners.serial import driver
from drivers.transport.address import endpoint
from drivers.vocabulary.events import CodeScanned, DeviceStateChanged, Event
from drivers.worker import ReaderWorker


def main() -> int:
    """Until as many codes were read as told, or half a minute has passed."""
    address, wanted = sys.argv[1], int(sys.argv[2])
    stop, done, seen = threading.Event(), threading.Event(), []

    def hear(event: Event) -> None:
        if isinstance(event, DeviceStateChanged):
            print(f"state {event.state.value} {event.detail}", flush=True)
        if isinstance(event, CodeScanned):
            seen.append(event)
            print(f"scanned {event.code}", flush=True)
        if len(seen) >= wanted:
            done.set()

    worker = ReaderWorker(
        name="scanner",
        endpoint=endpoint(address),
        conversation_factory=lambda: driver.conversation(None, device="scanner"),
        emit=hear,
        stop=stop,
    )
    worker.start()
    is_done = done.wait(30)
    stop.set()
    worker.join(5)
    return 0 if is_done else 1


if __name__ == "__main__":
    sys.exit(main())
