"""One scanner for the POS and for us: ten thousand scans told apart, and a whole agent between two real terminals."""

from __future__ import annotations

import os
import random
import select
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent.assembly import Agent, check
from agent.checkout.codes.recogniser import Recogniser
from agent.checkout.codes.whose import LoyaltyJudge
from agent.settings import DeviceSettings, DoorsSettings, Settings, TillSettings
from agent.snapshot import Screen
from drivers.scanners.hid.link import HidScannerLink, HidScannerSettings
from drivers.scanners.hid.simulator import HidScannerTwin
from drivers.scanners.keyboard.link import KeyboardScannerLink, KeyboardScannerSettings
from drivers.scanners.keyboard.simulator import KeyboardScannerTwin
from drivers.scanners.serial.link import SerialScannerLink, SerialScannerSettings, Suffix
from drivers.scanners.serial.simulator import ScannerTwin
from drivers.sharing import SharedBytes, SharedCodes
from drivers.vocabulary import phones
from drivers.vocabulary.events import CodeScanned
from tests.agent.mixed_scans import Scan, mixed_scans

PATIENCE_S = 20.0


def judge() -> LoyaltyJudge:
    return LoyaltyJudge(Recogniser(normalise_phone=lambda text: phones.normalise(text, "RU")))


def test_ten_thousand_mixed_scans_are_told_apart() -> None:
    """At 5 to 50 ms a character, in invented time: each is whose it is, and the POS's bytes are what was sent."""
    rng = random.Random(7)
    programmed = SerialScannerSettings(suffix=Suffix.CRLF)
    twin, shared = ScannerTwin(programmed), SharedBytes(SerialScannerLink(programmed, device="s"), judge())
    now_s, wrong, kinds = 0.0, list[tuple[Scan, bytes, list[str]]](), Counter[str]()
    for scan in mixed_scans(10_000):
        data = twin.scan(scan.code, symbology=scan.symbology)
        passed, told = b"", list[str]()
        step_s = rng.uniform(0.005, 0.050)
        for byte in data:
            now_s += step_s
            out, events = shared.feed(bytes((byte,)), now_s)
            passed += out
            told += [event.code for event in events if isinstance(event, CodeScanned)]
        now_s += 0.7
        late, events = shared.tick(now_s)
        told += [event.code for event in events if isinstance(event, CodeScanned)]
        expected = (b"" if scan.whose == "ours" else data, [] if scan.whose == "pos" else [scan.code])
        if (passed, told) != expected or late:
            wrong.append((scan, passed, told))
        kinds[scan.kind] += 1

    assert [] == wrong[:3]
    assert 10 == len(kinds)
    assert min(kinds.values()) > 500


@pytest.mark.parametrize("kind", ["hid", "keyboard"])
def test_scanners_that_give_whole_codes_are_shared_too(kind: str) -> None:
    """Reports of 64 bytes, and keys one by one."""
    link: Any
    twin: Any
    if kind == "hid":
        link, twin = HidScannerLink(HidScannerSettings(), device="s"), HidScannerTwin()
    else:
        link, twin = KeyboardScannerLink(KeyboardScannerSettings(), device="s"), KeyboardScannerTwin()
    shared = SharedCodes(link, judge())
    for number, scan in enumerate(mixed_scans(600, seed=8)):
        passed, events = shared.feed(twin.scan(scan.code), float(number))
        told = [event.code for event in events if isinstance(event, CodeScanned)]

        assert (b"" if scan.whose == "ours" else scan.code.encode() + b"\r") == passed, scan
        assert ([] if scan.whose == "pos" else [scan.code]) == told, scan


# ── A whole agent ───────────────────────────────────────────────────────────────────────────────


class Terminal:
    """A scanner's end of a pseudo-terminal; `path` is what the agent opens."""

    def __init__(self) -> None:
        import tty

        self.far, self._near = os.openpty()
        tty.setraw(self._near)
        self.path = os.ttyname(self._near)

    def scan(self, data: bytes) -> None:
        os.write(self.far, data)

    def close(self) -> None:
        os.close(self.far)
        os.close(self._near)


def read_pos(descriptor: int, count: int) -> bytes:
    data = b""
    deadline_s = time.monotonic() + PATIENCE_S
    while len(data) < count:
        assert time.monotonic() < deadline_s, data[-200:]
        if select.select([descriptor], [], [], 0.5)[0]:
            data += os.read(descriptor, 4_096)
    return data


def wait_for(agent: Agent, ready: Any) -> None:
    changed = threading.Event()
    stop = agent.till.subscribe(lambda _: changed.set())
    deadline_s = time.monotonic() + PATIENCE_S
    try:
        while not ready(agent.till.snapshot):
            assert time.monotonic() < deadline_s, agent.till.snapshot
            changed.wait(0.05)
            changed.clear()
    finally:
        stop()


@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals")
def test_an_agent_between_a_scanner_and_a_pos(tmp_path: Path) -> None:
    """The POS reads its products by the name it always used; cards reach the panel; stopped, the name is the scanner's."""
    scanner, name = Terminal(), tmp_path / "scanner"
    name.symlink_to(scanner.path)
    settings = Settings(
        till=TillSettings(state_folder=str(tmp_path / "state")),
        doors=DoorsSettings(port=0),
        devices=(
            DeviceSettings(
                name="scanner",
                driver="serial_scanner",
                port=f"serial:{scanner.path}",
                pass_on=f"pty:{name}?otherwise={scanner.path}",
            ),
        ),
    )
    assert [] == check(settings)
    agent = Agent(settings)
    agent.start()
    try:
        wait_for(agent, lambda shot: [one.state for one in shot.devices] == ["on", "on"])
        assert ["scanner", "scanner/pos"] == [one.name for one in agent.till.snapshot.devices]
        pos = os.open(name, os.O_RDWR | os.O_NOCTTY)
        twin, scans = ScannerTwin(), [one for one in mixed_scans(120, seed=9) if one.kind != "receipt"]
        for scan in scans:
            scanner.scan(twin.scan(scan.code, symbology=scan.symbology))
        expected = b"".join(twin.scan(one.code, symbology=one.symbology) for one in scans if one.whose == "pos")
        assert expected == read_pos(pos, len(expected))
        scanner.scan(twin.scan("2900000000018"))
        wait_for(agent, lambda shot: shot.screen is Screen.NOT_FOUND and shot.mask == "****0018")
        os.write(pos, b"\x16T\r")
        assert b"\x16T\r" == read_pos(scanner.far, 3)
        os.close(pos)
    finally:
        agent.stop()
    assert scanner.path == str(name.readlink())
    scanner.close()


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        ({"pass_on": "serial:COM5"}, "the scanner's own port"),
        ({"pass_on": "COM11"}, 'write "serial:COM11"'),
        (
            {"driver": "escpos", "port": "", "host": "memory:a", "device": "memory:b", "pass_on": "memory:c"},
            "nothing to share",
        ),
    ],
)
def test_a_scanner_that_cannot_be_shared_so_is_found_with_the_settings(more: dict[str, str], hint: str) -> None:
    """Before anything is opened."""
    fields = {"name": "scanner", "driver": "serial_scanner", "port": "serial:COM5?baud=9600", **more}

    assert any(hint in problem for problem in check(Settings(devices=(DeviceSettings(**fields),))))
