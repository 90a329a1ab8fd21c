"""Whether a till's time-outs are kept with the agent in line on a busy machine; a script, not a test.

An ISL till waits 500 ms for an answer or a SYN, a Shtrih-M till and its register 50 ms between two bytes of a frame. One
agent process stands between two tills and their devices, reads 500 closed receipts of a third device meanwhile, and
takes for each receipt all the time for its loyalty lines that it may take; on every processor another program computes.

The tills send as a port of 115 200 baud does, eight bytes at a time. Measured are, straight and through the agent in
the same run: from the last byte of an ISL command to the first byte back, and the longest silence inside each Shtrih-M
frame, as the register hears it and as the till hears it.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from agent.cli.run import SWITCH_INTERVAL_S
from drivers.inline import InlineWorker
from drivers.polling import Pace, PollingWorker
from drivers.printers.isl.driver import driver as isl
from drivers.printers.isl.pos_script import SOLD, PosScript, sale_commands
from drivers.printers.isl.simulator import IslTwin
from drivers.printers.shtrih.driver import driver as shtrih
from drivers.printers.shtrih.frames import ACK, encode
from drivers.printers.shtrih.pos_script import classic_receipt, request
from drivers.printers.shtrih.simulator import VirtualRegister
from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint

MEASURE_S = 12.0
WARM_UP_S = 1.0
ISL_LIMIT_S = 0.5
BYTES_LIMIT_S = 0.05
SLICE_BYTES = 8
SLICE_S = SLICE_BYTES * 10 / 115_200
COMPOSE_S = 0.25  # slip.answer_timeout_s, all of it
BACKLOG = 500


def main() -> None:
    """Measure and print a table."""
    context = multiprocessing.get_context("spawn")
    devices = {name: _process(context, _device_process, name) for name in ("isl", "shtrih", "backlog")}
    straight = {name: _process(context, _device_process, name) for name in ("isl", "shtrih")}
    ports = {name: port for name, (_, _, port) in devices.items()}
    agent, _, behind = _process(context, _agent_process, ports)
    burners = [context.Process(target=_burn, daemon=True) for _ in range(os.cpu_count() or 1)]
    for burner in burners:
        burner.start()
    waits: dict[str, list[float]] = {}
    try:
        for path, found in (("direct", {name: port for name, (_, _, port) in straight.items()}), ("agent", behind)):
            waits |= {f"{name}, {path}": times for name, times in _measure(found).items()}
    finally:
        for process in burners:
            process.terminate()
    for path, made in (("direct", straight), ("agent", devices)):
        _, parent, _ = made["shtrih"]
        parent.send("tell")
        waits[f"silence at the register, {path}"] = parent.recv()
    for process, *_ in (*devices.values(), *straight.values()):
        process.terminate()
    agent.terminate()
    _table(waits)


def _table(waits: dict[str, list[float]]) -> None:
    print(f"on {os.cpu_count()} processors, each busy with another program; milliseconds")
    print(f"  {'':<36}{'count':>8}{'median':>9}{'p99':>9}{'longest':>9}{'limit':>7}{'over':>6}")
    for name, times in waits.items():
        limit_s = ISL_LIMIT_S if name.startswith("answer") else BYTES_LIMIT_S
        p99_s = statistics.quantiles(times, n=100)[98]
        figures = [statistics.median(times), p99_s, max(times)]
        over = sum(one > limit_s for one in times)
        print(
            f"  {name:<36}{len(times):>8}" + "".join(f"{one * 1e3:>9.2f}" for one in figures)
            + f"{limit_s * 1e3:>7.0f}{over:>6}"
        )  # fmt: skip


def _measure(ports: dict[str, int]) -> dict[str, list[float]]:
    """Two tills at once, each on a thread; what each had to wait."""
    answers: list[float] = []
    silences: list[float] = []
    ends_s = time.perf_counter() + WARM_UP_S + MEASURE_S
    tills = [
        threading.Thread(target=_isl_till, args=(ports["isl"], answers, ends_s)),
        threading.Thread(target=_shtrih_till, args=(ports["shtrih"], silences, ends_s)),
    ]
    for till in tills:
        till.start()
    for till in tills:
        till.join()
    return {"answer to ISL": answers, "silence at the till": silences}


def _isl_till(port: int, answers: list[float], ends_s: float) -> None:
    line = _call(port)
    script = PosScript(isl.twin().model)  # type: ignore[misc]
    begins_s = ends_s - MEASURE_S
    while time.perf_counter() < ends_s:
        for code, data in sale_commands(isl.twin().model, SOLD, None):  # type: ignore[misc]
            _send_slowly(line, script.command(code, data))
            began_s = time.perf_counter()
            heard = line.recv(4096)
            if began_s > begins_s:
                answers.append(time.perf_counter() - began_s)
            while not heard.endswith(b"\x03"):
                heard += line.recv(4096)


def _shtrih_till(port: int, silences: list[float], ends_s: float) -> None:
    line = _call(port)
    begins_s = ends_s - MEASURE_S
    while time.perf_counter() < ends_s:
        for body in (request("full_status"), *classic_receipt(), request("short_status")):
            _send_slowly(line, encode(body))
            heard, longest_s, last_s = line.recv(1), 0.0, time.perf_counter()  # ACK
            while len(heard) < 3 or len(heard) < heard[2] + 4:  # ACK STX LEN body LRC
                heard += line.recv(4096)
                now_s = time.perf_counter()
                if len(heard) > 2 and len(heard) != heard[2] + 4:
                    longest_s = max(longest_s, now_s - last_s)
                last_s = now_s
            if last_s > begins_s:
                silences.append(longest_s)
            line.sendall(bytes([ACK]))


def _send_slowly(line: socket.socket, data: bytes) -> None:
    for at in range(0, len(data), SLICE_BYTES):
        time.sleep(SLICE_S)
        line.sendall(data[at : at + SLICE_BYTES])


def _call(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), timeout=30)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


# ── Processes ───────────────────────────────────────────────────────────────────────────────────


def _process(context: Any, target: Callable[..., None], what: Any) -> tuple[Any, Any, Any]:
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, what), daemon=True)
    process.start()
    return process, ours, ours.recv()


def _burn() -> None:
    while True:
        sum(range(1000))


def _device_process(parent: Any, name: str) -> None:
    """A twin, which answers eight bytes at a time too and notes the longest silence inside each frame it hears."""
    twin: Any = IslTwin() if name != "shtrih" else VirtualRegister()
    if name == "backlog":
        twin.sell(BACKLOG)
    server = socket.create_server(("127.0.0.1", 0))
    parent.send(server.getsockname()[1])
    silences: list[float] = []
    threading.Thread(target=_tell, args=(parent, silences), daemon=True).start()
    while True:
        line, _ = server.accept()
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _serve(line, twin, silences)


def _tell(parent: Any, silences: list[float]) -> None:
    parent.recv()
    parent.send(silences)


def _serve(line: socket.socket, twin: Any, silences: list[float]) -> None:
    longest_s, last_s, is_inside = 0.0, 0.0, False
    while data := line.recv(4096):
        now_s = time.perf_counter()
        if is_inside:
            longest_s = max(longest_s, now_s - last_s)
        last_s = now_s
        answer = twin.feed(data, time.monotonic())
        is_inside = not answer
        if answer:
            silences.append(longest_s)
            longest_s = 0.0
            is_inside = False
        for at in range(0, len(answer), SLICE_BYTES):
            line.sendall(answer[at : at + SLICE_BYTES])
            time.sleep(SLICE_S)


def _agent_process(parent: Any, ports: dict[str, int]) -> None:
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    behind = {}
    for name, driver in (("isl", isl), ("shtrih", shtrih)):
        host = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
        host.listen()
        behind[name] = host.port
        worker: Any = InlineWorker(
            name=name,
            host=host,
            device=endpoint(f"tcp://127.0.0.1:{ports[name]}"),
            conversation_factory=partial(driver.conversation, None, device=name),  # type: ignore[arg-type]
            emit=lambda event: None,
            stop=threading.Event(),
            compose=_slow_lines,
            compose_timeout_s=COMPOSE_S,
        )
        worker.start()
    if isl.polling is None:
        raise AssertionError
    reader = PollingWorker(
        name="backlog",
        endpoint=endpoint(f"tcp://127.0.0.1:{ports['backlog']}"),
        device_factory=partial(isl.polling.device, None, device="backlog"),
        emit=lambda event: None,
        stop=threading.Event(),
        taker=_Again(),
        pace=Pace(poll_s=0.01, quiet_s=0.0),
    )
    reader.start()
    parent.send(behind)
    threading.Event().wait()  # until it is terminated


def _slow_lines(document: object, *, timeout_s: float) -> list[str]:
    del document
    time.sleep(timeout_s)
    return []


class _Again:
    """A taker that begins anew when it has everything, so that the reading never ends."""

    def __init__(self) -> None:
        self._number = 0

    def place(self, memory: Any) -> int:
        return self._number % memory.last

    def take(self, pulled: Any) -> tuple[str, ...]:
        self._number = pulled.number
        return ()


if __name__ == "__main__":
    main()
