"""Start-up: from `tillpoint run` to the first answered request, and the memory it stands in; beside bare things.

With the path of a version folder (`installer/build/payload.py` makes one) it is that one's, as the launcher starts it.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7
GIVE_UP_S = 30.0
WARM_S = 4.0  # by then the libraries that the first slip needs are loaded

DEVICES = """
[[devices]]
name = "receipt"
driver = "escpos"
host = "tcp-listen://127.0.0.1:0"
device = "tcp://127.0.0.1:9"

[[devices]]
name = "scanner"
driver = "serial_scanner"
port = "tcp://127.0.0.1:9"
"""

BARE_SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    visitor, _ = server.accept()
    visitor.recv(4096)
    visitor.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
    visitor.close()
"""

BARE_STARLETTE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
async def ok(_): return PlainTextResponse("ok")
uvicorn.run(Starlette(routes=[Route("/healthz", ok)]), port=int(sys.argv[1]), log_config=None)
"""


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def measure(command: list[str], port: int, stay_s: float = 0.0) -> tuple[float, float]:
    """(seconds to the first 200, resident MB `stay_s` after it) of one start."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while time.perf_counter() - began < GIVE_UP_S:
                try:
                    line = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
                    line.request("GET", "/healthz")
                    if line.getresponse().status == 200:
                        seconds = time.perf_counter() - began
                        time.sleep(stay_s)
                        return seconds, resident_mb(process.pid)
                except OSError:
                    time.sleep(0.002)
                finally:
                    line.close()
            raise SystemExit(f"{command} did not answer within {GIVE_UP_S} s")
        finally:
            process.terminate()


def resident_mb(pid: int) -> float:
    """Resident memory; 0 where the system has no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return 0.0
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def make_identity(folder: Path) -> None:
    """A till that is known to a centre which does not answer: its line and its signatures are loaded too."""
    from agent.sync.identity import Identity, save

    folder.mkdir(mode=0o700)
    keys = {"tenant_key": "ab" * 32, "centre_key": "cd" * 32, "till_key": "ef" * 32}
    save(
        folder,
        Identity(url="https://127.0.0.1:9", till="2", shop="17", epoch=1, token="t" * 40, currency="RUB", **keys),
    )


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = {}
        port = free_port()
        config = Path(folder) / "config.toml"
        config.write_text(f"[till]\nstate_folder = {json.dumps(folder)}\n[doors]\nport = {port}\n", "utf-8")
        with_devices = Path(folder) / "devices.toml"
        with_devices.write_text(config.read_text("utf-8") + DEVICES, "utf-8")
        agent = [sys.executable, "-m", "agent.cli", "run", "--config"]
        if len(sys.argv) > 1:
            agent = ["/usr/bin/python3.11", "-I", "-S", str(Path(sys.argv[1]) / "start.py"), "run", "--config"]
        subjects = {
            "python with a bare socket": [sys.executable, "-c", BARE_SERVER, str(port)],
            "starlette + uvicorn, empty": [sys.executable, "-c", BARE_STARLETTE, str(port)],
            "tillpoint run, no device": [*agent, str(config)],
            "the same, printer and scanner": [*agent, str(with_devices)],
        }
        for name, command in subjects.items():
            measure(command, port)  # compiles and warms the disk cache
            rows[name] = [measure(command, port) for _ in range(ROUNDS)]
        warm = "the same, warmed up"
        rows[warm] = [measure([*agent, str(with_devices)], port, WARM_S) for _ in range(3)]
        enrolled = Path(folder) / "enrolled.toml"
        state = Path(folder) / "enrolled"
        make_identity(state)
        settings = with_devices.read_text("utf-8").replace(json.dumps(folder), json.dumps(str(state)))
        enrolled.write_text(settings, "utf-8")
        measure([*agent, str(enrolled)], port, WARM_S)  # makes its files, for which a library is loaded once
        rows["the same, enrolled, no line"] = [measure([*agent, str(enrolled)], port, WARM_S) for _ in range(3)]
        base = statistics.median(seconds for seconds, _ in rows["starlette + uvicorn, empty"])
        print(f"{'':32} {'median s':>9} {'worst s':>9} {'resident MB':>12} {'x empty server':>15}")
        for name, found in rows.items():
            seconds = [one for one, _ in found]
            memory = statistics.median(mb for _, mb in found)
            middle = statistics.median(seconds)
            print(f"{name:32} {middle:9.3f} {max(seconds):9.3f} {memory:12.1f} {middle / base:15.2f}")
        print(f"aim: 0.6 s, 50 MB ({os.cpu_count()} processors)")


if __name__ == "__main__":
    main()
