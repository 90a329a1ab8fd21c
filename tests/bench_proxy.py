"""How much time the in-line pump adds to a till's bytes, and how fast print streams are parsed; a script, not a test.

Three paths carry the same chunks in turns within one run, so that a busy machine disturbs all of them alike: straight
to the printer, through a bare relay of two sockets, and through the pump with the ESC/POS driver. A printer answers
each chunk with one byte; what is measured is the time from sending a chunk to its answer.
"""

from __future__ import annotations

import select
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

from drivers.inline import InlineWorker
from drivers.registry import LoadedDriver, load_driver
from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint

ROUNDS = 3_000
WARM_UP_ROUNDS = 200
CHUNKS = {"status request, 3 bytes": b"\x10\x04\x01", "a line, 48 bytes": b"x" * 47 + b"\n"}
CHUNKS["a receipt, 4 kB"] = (b"y" * 47 + b"\n") * 85


def main() -> None:
    """Measure and print two tables."""
    for title, chunk in CHUNKS.items():
        _print_delays(title, _measure(chunk))
    _print_parsing()


def _measure(chunk: bytes) -> dict[str, list[float]]:
    """Seconds of each round trip, per path."""
    stop = threading.Event()
    printer = _serve(lambda till: _answer(till, len(chunk)))
    relay = _serve(lambda till: _relay(till, printer))
    worker, pump = _pump(printer, stop)
    paths = {"direct": printer, "bare relay": relay, "pump": pump}
    tills = {name: _connect(port) for name, port in paths.items()}
    times: dict[str, list[float]] = {name: [] for name in paths}
    for number in range(WARM_UP_ROUNDS + ROUNDS):
        for name, till in tills.items():
            began_s = time.perf_counter()
            till.sendall(chunk)
            till.recv(1)
            if number >= WARM_UP_ROUNDS:
                times[name].append(time.perf_counter() - began_s)
    for till in tills.values():
        till.close()
    stop.set()
    worker.join(2)
    return times


def _pump(printer: int, stop: threading.Event) -> tuple[InlineWorker, int]:
    loaded = load_driver("escpos")
    if not isinstance(loaded, LoadedDriver):
        raise loaded
    driver = loaded.driver
    host = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    host.listen()
    worker = InlineWorker(
        name="bench",
        host=host,
        device=endpoint(f"tcp://127.0.0.1:{printer}"),
        conversation_factory=lambda: driver.conversation(driver.settings_type(), device="bench"),
        emit=lambda event: None,
        stop=stop,
    )
    worker.start()
    return worker, host.port


def _serve(handle) -> int:
    """A port whose visitors are each served on a thread of their own, until the script ends."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            visitor, _ = server.accept()
            visitor.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handle, args=(visitor,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    return server.getsockname()[1]


def _answer(till: socket.socket, size: int) -> None:
    got = 0
    while data := till.recv(65_536):
        got += len(data)
        while got >= size:
            got -= size
            till.sendall(b"\x12")


def _relay(till: socket.socket, printer: int) -> None:
    """The least a relay can do: two sockets, one select, no thought."""
    device = _connect(printer)
    other = {till: device, device: till}
    while True:
        for ready in select.select([till, device], [], [])[0]:
            data = ready.recv(65_536)
            if not data:
                device.close()
                return
            other[ready].sendall(data)


def _connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _print_delays(title: str, times: dict[str, list[float]]) -> None:
    direct = _microseconds(times["direct"])
    print(f"\n{title}: round trip in microseconds, {ROUNDS} rounds")
    print(f"  {'path':<12}{'median':>9}{'p99':>9}{'added median':>15}{'added p99':>12}")
    for name, seconds in times.items():
        median, p99 = _microseconds(seconds)
        print(f"  {name:<12}{median:>9.1f}{p99:>9.1f}{median - direct[0]:>15.1f}{p99 - direct[1]:>12.1f}")


def _microseconds(seconds: list[float]) -> tuple[float, float]:
    return statistics.median(seconds) * 1e6, statistics.quantiles(seconds, n=100)[98] * 1e6


def _print_parsing() -> None:
    """ESC/POS conversation against a bare pass over the same bytes."""
    loaded = load_driver("escpos")
    if not isinstance(loaded, LoadedDriver) or loaded.driver.twin is None:
        print("\nparsing: not measured, the ESC/POS driver is not there")
        return
    driver = loaded.driver
    streams = {"receipts of the twin": b"".join(scene.from_host for scene in driver.twin().script()) * 20}
    samples = Path(__file__).resolve().parents[2] / "shared" / "samples" / "escpos"
    if samples.is_dir():
        streams["real print streams"] = b"".join(file.read_bytes() for file in sorted(samples.glob("*.bin"))) * 5
    print(f"\nparsing in chunks of 1460 bytes\n  {'stream':<24}{'bytes':>10}{'driver MB/s':>13}{'bare scan MB/s':>16}")
    for name, stream in streams.items():
        chunks = [stream[at : at + 1460] for at in range(0, len(stream), 1460)]
        conversation = driver.conversation(driver.settings_type(), device="bench")
        driver_s = min(_timed(lambda: [conversation.from_host(chunk, 0.0) for chunk in chunks]) for _ in range(3))
        bare_s = min(_timed(lambda: [sum(map(b"\x1b\x1d\x1c\x10".__contains__, chunk)) for chunk in chunks]) for _ in range(3))
        megabytes = len(stream) / 1e6
        print(f"  {name:<24}{len(stream):>10}{megabytes / driver_s:>13.2f}{megabytes / bare_s:>16.2f}")


def _timed(run) -> float:
    began_s = time.perf_counter()
    run()
    return time.perf_counter() - began_s


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
