"""How much time the in-line pump adds to a till's bytes, and how fast print streams are parsed; a script, not a test.

Three paths carry the same chunks in turns within one run, so that a busy machine disturbs all of them alike: straight
to the printer, through a bare relay of two sockets, and through the pump with the ESC/POS driver; relay and pump have
a process each, as in life. A printer answers each chunk with one byte; what is measured is the time from sending a
chunk to its answer.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import select
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

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
    printer = _serve(lambda till: _answer(till, len(chunk)))
    relay, relay_port = _process(_relay_process, printer)
    pump, pump_port = _process(_pump_process, printer)
    paths = {"direct": printer, "bare relay": relay_port, "pump": pump_port}
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
    for process in (relay, pump):
        process.terminate()
        process.join(5)
    return times


def _process(target: Callable[[int, Any], None], printer: int) -> tuple[Any, int]:
    """Start a process and hear on which port it serves."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(printer, theirs), daemon=True)
    process.start()
    return process, ours.recv()


def _pump_process(printer: int, parent: Any) -> None:
    loaded = load_driver("escpos")
    if not isinstance(loaded, LoadedDriver):
        raise loaded
    driver = loaded.driver
    host = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    host.listen()
    parent.send(host.port)
    InlineWorker(
        name="bench",
        host=host,
        device=endpoint(f"tcp://127.0.0.1:{printer}"),
        conversation_factory=lambda: driver.conversation(driver.settings_type(), device="bench"),
        emit=lambda event: None,
        stop=threading.Event(),
    ).run()


def _relay_process(printer: int, parent: Any) -> None:
    """The least a relay can do: two sockets, one select, no thought."""
    server = socket.create_server(("127.0.0.1", 0))
    parent.send(server.getsockname()[1])
    till, _ = server.accept()
    till.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    device = _connect(printer)
    other = {till: device, device: till}
    while True:
        for ready in select.select([till, device], [], [])[0]:
            data = ready.recv(65_536)
            if not data:
                return
            other[ready].sendall(data)


def _serve(handle: Callable[[socket.socket], None]) -> int:
    """A port whose visitors are each served on a thread of their own, until the script ends."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            visitor, _ = server.accept()
            visitor.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=handle, args=(visitor,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    return int(server.getsockname()[1])


def _answer(till: socket.socket, size: int) -> None:
    got = 0
    with contextlib.suppress(ConnectionError):
        while data := till.recv(65_536):
            got += len(data)
            while got >= size:
                got -= size
                till.sendall(b"\x12")


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
    print(
        "\nparsing in chunks of 1460 bytes, MB/s: commands only; whole receipts understood by every shipped layout, by one"
    )
    print(f"  {'stream':<24}{'bytes':>10}{'commands':>10}{'all layouts':>13}{'one layout':>12}{'bare scan':>11}")
    one_layout = driver.settings_type(layouts=("ru-two-lines",))
    for name, stream in streams.items():
        chunks = [stream[at : at + 1460] for at in range(0, len(stream), 1460)]
        runs = (
            partial(_tokenise, chunks),
            partial(_converse, driver.conversation(driver.settings_type(), device="bench"), chunks),
            partial(_converse, driver.conversation(one_layout, device="bench"), chunks),
            partial(_scan, chunks),
        )
        speeds = [len(stream) / 1e6 / min(_timed(run) for _ in range(3)) for run in runs]
        print(f"  {name:<24}{len(stream):>10}{speeds[0]:>10.1f}{speeds[1]:>13.2f}{speeds[2]:>12.2f}{speeds[3]:>11.1f}")


def _tokenise(chunks: list[bytes]) -> None:
    from drivers.printers.escpos.frames import Tokenizer

    tokenizer = Tokenizer()
    for chunk in chunks:
        for _ in tokenizer.feed(chunk):
            pass


def _converse(conversation: Any, chunks: list[bytes]) -> None:
    for chunk in chunks:
        conversation.from_host(chunk, 0.0)


def _scan(chunks: list[bytes]) -> None:
    """The least that a parser in Python must do: look at each byte once."""
    for chunk in chunks:
        sum(map(b"\x1b\x1d\x1c\x10".__contains__, chunk))


def _timed(run: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    run()
    return time.perf_counter() - began_s


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
