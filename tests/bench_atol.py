"""How much time the door to the ATOL web server adds to each request of a till; a script, not a test.

Two tills sell in turns within one run, so that a busy machine disturbs both alike: one straight at its web server, one
through the door; door and servers have a process each. Measured is each HTTP request from its first byte to the last of
its answer, over a connection that is kept.
"""

from __future__ import annotations

import http.client
import multiprocessing
import statistics
import threading
import time
from typing import Any

from drivers.json_amounts import write_json
from drivers.printers.atol.driver import conversation
from drivers.printers.atol.pos_script import sale
from drivers.printers.atol.serving import serve
from drivers.printers.atol.simulator import VirtualAtol
from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint
from drivers.visits import ManyVisits

RECEIPTS = 300
WARM_UP_RECEIPTS = 20


def main() -> None:
    """Measure and print a table."""
    context = multiprocessing.get_context("spawn")
    direct, direct_port = _process(context, _server_process, 0)
    behind, behind_port = _process(context, _server_process, 0)
    door, door_port = _process(context, _door_process, behind_port)
    tills = {
        "direct": http.client.HTTPConnection("127.0.0.1", direct_port),
        "door": http.client.HTTPConnection("127.0.0.1", door_port),
    }
    times: dict[str, list[float]] = {name: [] for name in tills}
    for number in range(WARM_UP_RECEIPTS + RECEIPTS):
        body = write_json({"uuid": f"u-{number}", "request": [sale()]})
        requests = [("POST", "/api/v2/requests", body), *[("GET", f"/api/v2/requests/u-{number}", b"")] * 2]
        for method, path, sent in requests:
            for name, till in tills.items():
                spent_s = _ask(till, method, path, sent)
                if number >= WARM_UP_RECEIPTS:
                    times[name].append(spent_s)
    for process in (door, direct, behind):
        process.terminate()
        process.join(5)
    print(f"one request, microseconds, {len(times['direct'])} requests each way")
    print(f"  {'path':<10}{'median':>10}{'p99':>10}")
    figures = {
        name: (statistics.median(all_s), statistics.quantiles(all_s, n=100)[98]) for name, all_s in times.items()
    }
    for name, (median_s, p99_s) in figures.items():
        print(f"  {name:<10}{median_s * 1e6:>10.1f}{p99_s * 1e6:>10.1f}")
    added = [figures["door"][index] - figures["direct"][index] for index in (0, 1)]
    print(f"  {'added':<10}{added[0] * 1e6:>10.1f}{added[1] * 1e6:>10.1f}")


def _ask(till: http.client.HTTPConnection, method: str, path: str, body: bytes) -> float:
    began_s = time.perf_counter()
    till.request(method, path, body=body or None)
    answer = till.getresponse()
    answer.read()
    spent_s = time.perf_counter() - began_s
    if answer.status not in (200, 201):
        raise SystemExit(f"the server says {answer.status}")
    return spent_s


def _process(context: Any, target: Any, port: int) -> tuple[Any, int]:
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, port), daemon=True)
    process.start()
    return process, ours.recv()


def _listening(parent: Any) -> TcpListenEndpoint:
    listener = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    listener.listen()
    parent.send(listener.port)
    return listener


def _server_process(parent: Any, _: int) -> None:
    serve(_listening(parent), VirtualAtol(), threading.Event())


def _door_process(parent: Any, port: int) -> None:
    ManyVisits(
        name="bench",
        host=_listening(parent),
        device_factory=lambda: endpoint(f"tcp://127.0.0.1:{port}"),
        conversation_factory=lambda: conversation(None, device="bench"),
        emit=lambda event: None,
        stop=threading.Event(),
        visitors_max=16,
    ).run()


if __name__ == "__main__":
    main()
