"""How much time the in-line driver adds to each command of a Shtrih-M register; a script, not a test.

Two tills sell the same receipts in turns within one run, so that a busy machine disturbs both alike: one straight at
its register, one through the proxy; proxy and registers have a process each. Measured is each command from ENQ to the
last byte of its answer.
"""

from __future__ import annotations

import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

from drivers.inline import InlineWorker
from drivers.printers.shtrih.driver import conversation
from drivers.printers.shtrih.frames import ACK, ENQ, NAK, Control, Decoder, Frame, encode
from drivers.printers.shtrih.pos_script import classic_receipt, modern_receipt
from drivers.printers.shtrih.simulator import VirtualRegister
from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint

RECEIPTS = 300
WARM_UP_RECEIPTS = 20


def main() -> None:
    """Measure and print a table."""
    context = multiprocessing.get_context("spawn")
    direct, direct_port = _process(context, _register_process, 0)
    behind, behind_port = _process(context, _register_process, 0)
    proxy, proxy_port = _process(context, _proxy_process, behind_port)
    tills = {"direct": _Till(direct_port), "proxy": _Till(proxy_port)}
    times: dict[str, list[float]] = {name: [] for name in tills}
    bodies = [*classic_receipt(), *modern_receipt()]
    for number in range(WARM_UP_RECEIPTS + RECEIPTS):
        for body in bodies:
            for name, till in tills.items():
                spent_s = till.ask(body)
                if number >= WARM_UP_RECEIPTS:
                    times[name].append(spent_s)
    for process in (proxy, direct, behind):
        process.terminate()
        process.join(5)
    print(f"one command, microseconds, {len(times['direct'])} commands each way")
    print(f"  {'path':<10}{'median':>10}{'p99':>10}")
    figures = {
        name: (statistics.median(all_s), statistics.quantiles(all_s, n=100)[98]) for name, all_s in times.items()
    }
    for name, (median_s, p99_s) in figures.items():
        print(f"  {name:<10}{median_s * 1e6:>10.1f}{p99_s * 1e6:>10.1f}")
    added = [figures["proxy"][index] - figures["direct"][index] for index in (0, 1)]
    print(f"  {'added':<10}{added[0] * 1e6:>10.1f}{added[1] * 1e6:>10.1f}")


class _Till:
    """Asks in step, as a till does."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = Decoder()

    def ask(self, body: bytes) -> float:
        """Seconds from ENQ to the answer."""
        began_s = time.perf_counter()
        self._send_and_wait(bytes([ENQ]), lambda item: item == Control(NAK))
        self._send_and_wait(encode(body), lambda item: isinstance(item, Frame))
        spent_s = time.perf_counter() - began_s
        self._socket.sendall(bytes([ACK]))
        return spent_s

    def _send_and_wait(self, data: bytes, wanted: Callable[[object], bool]) -> None:
        self._socket.sendall(data)
        while not any(wanted(item) for item in self._decoder.feed(self._socket.recv(4096))):
            pass


def _process(context: Any, target: Callable[[Any, int], None], port: int) -> tuple[Any, int]:
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, port), daemon=True)
    process.start()
    return process, ours.recv()


def _register_process(parent: Any, _: int) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    parent.send(server.getsockname()[1])
    till, _address = server.accept()
    till.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    twin = VirtualRegister()
    while data := till.recv(4096):
        till.sendall(twin.feed(data, time.monotonic()))


def _proxy_process(parent: Any, port: int) -> None:
    host = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    host.listen()
    parent.send(host.port)
    InlineWorker(
        name="bench",
        host=host,
        device=endpoint(f"tcp://127.0.0.1:{port}"),
        conversation_factory=lambda: conversation(None, device="bench"),
        emit=lambda event: None,
        stop=threading.Event(),
    ).run()


if __name__ == "__main__":
    main()
