"""A real centre on loopback, real twins of a printer and a scanner, and a pseudo-terminal with somebody who types."""

from __future__ import annotations

import os
import queue
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from drivers import registry
from drivers.registry import LoadedDriver
from drivers.scanners.serial.simulator import ScannerTwin
from simulation.twins.lines import listen_at
from simulation.twins.scanner import Line, ScannerStand
from simulation.twins.stand import Stand
from tests.agent.sync.key_rig import Centre

PATIENCE_S = 20.0  # far longer than anything takes; only a hang reaches it


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path)
    yield made
    made.stop()


@dataclass
class Printer:
    """A receipt printer on the network."""

    stand: Stand
    address: str

    def paper(self) -> str:
        return "\n".join(self.stand.look(0).lines)


def twin_of(driver: str) -> Printer:
    loaded = registry.load_driver(driver)
    assert isinstance(loaded, LoadedDriver)
    assert loaded.driver.twin is not None
    place, there = listen_at("tcp-listen://127.0.0.1:0")
    twin: Any = loaded.driver.twin(loaded.driver.settings_type())
    stand = Stand(twin, place)
    stand.start()
    return Printer(stand, there.replace("tcp-listen", "tcp"))


@pytest.fixture
def printer() -> Iterator[Printer]:
    made = twin_of("escpos")
    yield made
    made.stand.stop()


@pytest.fixture
def register() -> Iterator[Printer]:
    made = twin_of("shtrih")
    yield made
    made.stand.stop()


@dataclass
class Scanner:
    """A serial scanner whose codes wait until somebody reads them."""

    address: str
    codes: queue.Queue[str | None] = field(default_factory=queue.Queue)

    def scan(self, code: str) -> None:
        self.codes.put(code)


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[Scanner]:
    others = []
    while True:
        place, there = listen_at(f"pty:{tmp_path / 'scanner'}")
        if is_free(there):
            break
        others.append(place)  # kept, so that the next one has another number
    stand = ScannerStand(place, ScannerTwin(), say=lambda _: None, pause=lambda _: None)
    made = Scanner(f"serial:{there}")

    def work() -> None:
        while (code := made.codes.get()) is not None:
            stand.scan(Line(code))

    thread = threading.Thread(target=work)
    thread.start()
    yield made
    made.codes.put(None)
    thread.join(PATIENCE_S)
    for one in (place, *others):
        one.close()


def is_free(terminal: str) -> bool:
    """Whether nobody holds the lock of a terminal of this number: some kernels keep it for who had the number before."""
    import fcntl

    with Path(terminal).open("rb", buffering=0) as port:
        try:
            fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


class Sitting:
    """A command on a pseudo-terminal, and who sits before it."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self._far, near = os.openpty()
        self.began_s = time.monotonic()
        self.answers = self.keys = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent.cli", *words],
            stdin=near,
            stdout=near,
            stderr=near,
            env=environment,
            start_new_session=True,
        )
        os.close(near)
        self.seen = ""
        self._read_to = 0

    def until(self, text: str) -> str:
        """What came since the last time, up to this text."""
        ends_s = time.monotonic() + PATIENCE_S
        while (place := self.seen.find(text, self._read_to)) < 0:
            assert self._more(ends_s), f"no {text!r} in:\n{self.seen}"
        told, self._read_to = self.seen[self._read_to : place], place + len(text)
        return told

    def answer(self, prompt: str, text: str = "") -> str:
        """Wait for a prompt and answer it; what stood before it."""
        told = self.until(prompt)
        self.until(": ")
        self.type(text)
        return told

    def pick(self, title: str) -> None:
        """Choose the line of a list that has this in it."""
        lines = self.until("[1]:").splitlines()
        self.until(" ")
        self.type(next(line.split()[0] for line in lines if title in line))

    def type(self, text: str = "") -> None:
        os.write(self._far, text.encode() + b"\n")
        self.answers += 1
        self.keys += len(text) + 1

    def end(self) -> int:
        """Read to the end; the exit code."""
        ends_s = time.monotonic() + PATIENCE_S
        while self._more(ends_s):
            pass
        os.close(self._far)
        return self.process.wait(PATIENCE_S)

    def _more(self, ends_s: float) -> bool:
        ready, _, _ = select.select([self._far], [], [], max(0.0, ends_s - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._far, 4096)
        except OSError:  # the other end was closed: Linux says EIO
            data = b""
        self.seen += re.sub(r"\r+\n", "\n", data.decode("utf-8", "replace"))
        return bool(data)


@pytest.fixture
def sit(tmp_path: Path) -> Iterator[Any]:
    """Starts a command at a terminal; its settings and its state lie in the test's own folder."""
    sittings: list[Sitting] = []

    def start(*words: str, language: str = "en_GB.UTF-8", **more: str) -> Sitting:
        base = {name: value for name, value in os.environ.items() if not name.startswith("TILLPOINT_")}
        environment = {
            **base,
            "LC_ALL": language,
            "PYTHONUTF8": "1",
            "TILLPOINT_TILL_STATE_FOLDER": str(tmp_path / "state"),
            **more,
        }
        sittings.append(Sitting([*words, "--config", str(tmp_path / "config.toml")], environment))
        return sittings[-1]

    yield start
    for one in sittings:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(PATIENCE_S)
