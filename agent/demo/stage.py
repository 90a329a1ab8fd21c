"""Everything the demo and the fault tests need on one machine: real processes, real sockets, one folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.demo.gate import Gate, free_port
from agent.demo.people import members_csv
from agent.demo.pos import LocalApi, NoAnswer
from agent.demo.printer import PaperPrinter

__all__ = ["Scanner", "Stage", "StageFailed"]

START_TIMEOUT_S: Final = 60.0  # a cold disk, a virus scanner, a first import
MEMBERS: Final = 40

CONFIG: Final = """\
[till]
state_folder = {state}

[doors]
port = {doors}

[slip]
columns = 42
# The demo's machine may be busy; a till's is not.
answer_timeout_s = 1.0

[[devices]]
name = "receipt"
driver = "escpos"
host = "tcp-listen://127.0.0.1:{proxy}"
device = "tcp://127.0.0.1:{printer}"

[[devices]]
name = "scanner"
driver = "serial_scanner"
port = "tcp://127.0.0.1:{scanner}"
"""


class StageFailed(Exception):  # noqa: N818
    """A part of the demo did not come up; the message says which and what it printed."""


class Scanner:
    """A simulated serial scanner at the end of a TCP cable: what it scans reaches whoever is connected."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._reader: socket.socket | None = None
        self._connected = threading.Condition()
        self._thread = threading.Thread(target=self._accept, name="demo-scanner", daemon=True)
        self._thread.start()

    def scan(self, code: str, timeout_s: float = START_TIMEOUT_S) -> bool:
        """Send a code with its carriage return; False when nobody listens."""
        with self._connected:
            if not self._connected.wait_for(lambda: self._reader is not None, timeout_s) or self._reader is None:
                return False
            try:
                self._reader.sendall(code.encode() + b"\r")
            except OSError:
                self._reader.close()
                self._reader = None
                return False
            return True

    def close(self) -> None:
        """Unplug it."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._connected:
            if self._reader is not None:
                self._reader.close()

    def _accept(self) -> None:
        while True:
            try:
                visitor, _ = self._server.accept()
            except OSError:
                return
            with self._connected:
                if self._reader is not None:
                    self._reader.close()
                self._reader = visitor
                self._connected.notify_all()


@dataclass(slots=True)
class Stage:
    """One shop: a centre behind a cable, an agent, a printer, a scanner, a POS's two connections."""

    folder: Path
    programme: Path
    centre: subprocess.Popen[str] | None = None
    agent: subprocess.Popen[str] | None = None
    gate: Gate | None = None
    printer: PaperPrinter = field(default_factory=PaperPrinter)
    scanner: Scanner = field(default_factory=Scanner)
    proxy_port: int = field(default_factory=free_port)
    doors_port: int = field(default_factory=free_port)

    # ── Opening the shop ────────────────────────────────────────────────────────────────────────

    def open_centre(self) -> None:
        """Programme, members, server; and the cable between it and the shop."""
        (self.folder / "members.csv").write_text(members_csv(MEMBERS), "utf-8")
        self.centrally("programme", "set", str(self.programme))
        port = free_port()
        self.centre = self._start("central", "run", "--listen", f"127.0.0.1:{port}", "--database", self.database)
        # While the server starts: it takes up the members like any later change.
        self.centrally("members", "load", str(self.folder / "members.csv"))
        self._wait_for_line(self.centre, "listens on")
        self.gate = Gate(port)

    def enrol(self) -> None:
        """Write the settings and make the till known to the centre."""
        config = CONFIG.format(
            state=json.dumps(str(self.state)),
            doors=self.doors_port,
            proxy=self.proxy_port,
            printer=self.printer.port,
            scanner=self.scanner.port,
        )
        self.config.write_text(config, "utf-8")
        code = self.centrally("enrol-code", "--shop", "demo-shop", "--till", "till-1").split()[-1]
        assert self.gate is not None
        self.tillpoint("enrol", f"http://127.0.0.1:{self.gate.port}", code, "--config", str(self.config))

    def open_agent(self) -> None:
        """Start the agent and wait until it is ready."""
        self.agent = self._start("run", "--config", str(self.config), "--log-level", "warning")
        self._wait_for_line(self.agent, "tillpoint:")

    def kill_agent(self) -> None:
        """As a power cut does it: no warning, no clean-up."""
        if self.agent is not None:
            self.agent.kill()
            self.agent.wait(START_TIMEOUT_S)
            self._close_pipe(self.agent)
            self.agent = None

    def close(self) -> None:
        """Close the shop: every process this stage started, and no other."""
        for process in (self.agent, self.centre):
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(START_TIMEOUT_S)
            self._close_pipe(process)
        if self.gate is not None:
            self.gate.close()
        self.scanner.close()
        self.printer.close()

    # ── Asking ──────────────────────────────────────────────────────────────────────────────────

    @property
    def state(self) -> Path:
        """The agent's folder."""
        return self.folder / "state"

    @property
    def config(self) -> Path:
        """The agent's settings."""
        return self.folder / "config.toml"

    @property
    def database(self) -> str:
        """The centre's database."""
        return f"sqlite:///{(self.folder / 'central.db').as_posix()}"

    @property
    def api(self) -> LocalApi:
        """The POS's way to the agent."""
        return LocalApi(self.doors_port, self.state / "api.token")

    def status(self) -> dict[str, Any]:
        """The agent's status, or {} while it does not answer."""
        try:
            return self.api.call("/v1/status")
        except NoAnswer:
            return {}

    def wait_until(self, wanted: Any, timeout_s: float = START_TIMEOUT_S) -> dict[str, Any]:
        """Ask for the status until it is as wanted."""
        ends = time.monotonic() + timeout_s
        while time.monotonic() < ends:
            status = self.status()
            if status and wanted(status):
                return status
            time.sleep(0.02)
        raise StageFailed(f"the agent did not come to the state waited for; it says {self.status()}")

    def pause(self) -> None:
        """What a POS does before it tries again."""
        time.sleep(0.05)

    def totals(self) -> dict[str, Any]:
        """What the centre has counted."""
        found: dict[str, Any] = json.loads(self.centrally("totals", "--json"))
        return found

    def centrally(self, *words: str) -> str:
        """One command of the centre, on its database."""
        return self.tillpoint("central", *words, "--database", self.database)

    def tillpoint(self, *words: str) -> str:
        """One command of ours; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "agent.cli", *words], capture_output=True, text=True, env=_environment(), check=False
        )
        if done.returncode:
            raise StageFailed(f"tillpoint {' '.join(words[:2])}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    # ── Processes ───────────────────────────────────────────────────────────────────────────────

    def _start(self, *words: str) -> subprocess.Popen[str]:
        log = (self.folder / f"{words[0]}.log").open("a", encoding="utf-8")
        with log:
            return subprocess.Popen(
                [sys.executable, "-m", "agent.cli", *words],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
                env=_environment(),
            )

    def _wait_for_line(self, process: subprocess.Popen[str], words: str) -> str:
        """The first line that contains `words`; the process printing it is up."""
        assert process.stdout is not None
        for line in process.stdout:
            if words in line:
                return line
        process.wait(START_TIMEOUT_S)
        logs = "\n".join(path.read_text("utf-8")[-2000:] for path in sorted(self.folder.glob("*.log")))
        raise StageFailed(f"a process ended with {process.returncode} before it was ready:\n{logs}")

    @staticmethod
    def _close_pipe(process: subprocess.Popen[str]) -> None:
        if process.stdout is not None:
            process.stdout.close()


def _environment() -> dict[str, str]:
    """Ours, with output that is not kept back."""
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
