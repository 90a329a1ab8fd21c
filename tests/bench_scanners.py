"""How much later a product reaches the POS when the scanner is shared; a script, not a test.

Two scanners read the same day in turns within one run, so that a busy machine disturbs both alike: one whose terminal
the POS reads itself, one shared through a process of its own, from terminal to terminal. Measured is the time from the
last character of a product leaving the scanner until the POS has it. Then what telling codes apart costs by itself,
and what the dear libraries cost that are imported late.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import select
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agent.checkout.codes.recogniser import Recogniser
from agent.checkout.codes.whose import LoyaltyJudge
from agent.shared_scanners import SharedScanner
from drivers.scanners.serial.driver import driver
from drivers.scanners.serial.link import SerialScannerSettings
from drivers.scanners.serial.simulator import ScannerTwin
from drivers.vocabulary import phones
from drivers.vocabulary.events import CodeScanned
from tests.agent.mixed_scans import Scan, mixed_scans

SCANS = 10_000
WARM_UP = 300
PACED = 120
PATIENCE_S = 20.0


def main() -> None:
    """Measure and print."""
    _wires()
    _telling_apart()
    _imports()


def _wires() -> None:
    if sys.platform == "win32":
        print("SKIPPED LOUDLY: Windows has no pseudo-terminals")
        return
    with tempfile.TemporaryDirectory() as folder:
        scanner, direct = _Terminal(), _Terminal()
        name = Path(folder) / "scanner"
        context = multiprocessing.get_context("spawn")
        ready, kept = context.Event(), context.Value("i", 0)
        process = context.Process(target=_share, args=(scanner.path, str(name), ready, kept), daemon=True)
        process.start()
        assert ready.wait(PATIENCE_S)
        shared_pos = os.open(name, os.O_RDWR | os.O_NOCTTY)
        direct_pos = os.open(direct.path, os.O_RDWR | os.O_NOCTTY)
        times: dict[str, list[float]] = {"direct": [], "shared": []}
        for number, scan in enumerate(mixed_scans(WARM_UP + SCANS)):
            for way, far, pos in (("direct", direct.far, direct_pos), ("shared", scanner.far, shared_pos)):
                spent_s = _scan(far, pos, scan, is_kept=way == "shared" and scan.whose == "ours")
                if number >= WARM_UP and scan.whose == "pos":
                    times[way].append(spent_s)
        paced = _paced((("direct", direct.far, direct_pos), ("shared", scanner.far, shared_pos)))
        process.terminate()
        process.join(5)
    print(
        f"{SCANS} mixed scans, {len(times['shared'])} of them for the POS, byte for byte; milliseconds until it has them"
    )
    _table(times)
    print(f"  codes kept for us and told: {kept.value}")
    print(f"{PACED} of them at 5 to 50 ms a character; milliseconds from the last character until the POS has it")
    _table(paced)


def _table(times: dict[str, list[float]]) -> None:
    figures = {
        way: (statistics.median(all_s), statistics.quantiles(all_s, n=100)[98], max(all_s))
        for way, all_s in times.items()
    }
    print(f"  {'path':<10}{'median':>10}{'p99':>10}{'worst':>10}")
    for way, row in figures.items():
        print(f"  {way:<10}" + "".join(f"{one * 1e3:>10.3f}" for one in row))
    added = [one - other for one, other in zip(figures["shared"], figures["direct"], strict=True)]
    print(f"  {'added':<10}" + "".join(f"{one * 1e3:>10.3f}" for one in added))


def _paced(ways: tuple[tuple[str, int, int], ...]) -> dict[str, list[float]]:
    """The POS's codes at a real scanner's pace, on both paths at once; seconds behind the last character."""
    rng = random.Random(3)
    times: dict[str, list[float]] = {way: [] for way, _, _ in ways}
    for scan in [one for one in mixed_scans(PACED * 3, seed=3) if one.whose == "pos"][:PACED]:
        data = ScannerTwin().scan(scan.code, symbology=scan.symbology)
        step_s = rng.uniform(0.005, 0.050)
        for byte in data[:-1]:
            for _, far, _ in ways:
                os.write(far, bytes((byte,)))
            time.sleep(step_s)
        for way, far, pos in ways:
            os.write(far, data[-1:])
            began_s = time.perf_counter()
            heard = b""
            while len(heard) < len(data):
                assert select.select([pos], [], [], PATIENCE_S)[0], scan
                heard += os.read(pos, 4_096)
            times[way].append(time.perf_counter() - began_s)
            assert data == heard, (scan, heard)
    return times


def _scan(far: int, pos: int, scan: Scan, *, is_kept: bool) -> float:
    """One scan; seconds until the POS has it. What is kept is followed by a product, so that its end is seen."""
    data = ScannerTwin().scan(scan.code, symbology=scan.symbology)
    expected = data
    if is_kept:
        expected = ScannerTwin().scan("4600000000015")
        data += expected
    os.write(far, data)
    began_s = time.perf_counter()
    heard = b""
    while len(heard) < len(expected):
        assert select.select([pos], [], [], PATIENCE_S)[0], scan
        heard += os.read(pos, 4_096)
    spent_s = time.perf_counter() - began_s
    assert expected == heard, (scan, heard)
    return spent_s


class _Terminal:
    """A scanner's end of a pseudo-terminal, and the name of the other."""

    def __init__(self) -> None:
        import tty

        self.far, self._near = os.openpty()
        tty.setraw(self._near)
        self.path = os.ttyname(self._near)


def _share(port: str, name: str, ready: Event, kept: Any) -> None:
    """The process between: the scanner's thread, the POS's port, and whoever is told."""
    states: set[str] = set()

    def hear(event: Any) -> None:
        if isinstance(event, CodeScanned):
            kept.value += 1
        elif getattr(event, "state", None) is not None and event.state.value == "on":
            states.add(event.device)
            if len(states) == 2:
                ready.set()

    scanner = SharedScanner(
        name="scanner",
        driver=driver,
        own=SerialScannerSettings(),
        port=f"serial:{port}",
        pass_on=f"pty:{name}",
        recogniser=_recogniser(),
        emit=hear,
        stop=threading.Event(),
    )
    scanner.start()
    threading.Event().wait()


def _recogniser() -> Recogniser:
    return Recogniser(normalise_phone=lambda text: phones.normalise(text, "RU"))


def _telling_apart() -> None:
    judge, scans = LoyaltyJudge(_recogniser()), mixed_scans(SCANS, seed=7)
    codes = [CodeScanned(device="s", code=one.code, symbology=one.symbology) for one in scans]
    spent: dict[str, list[float]] = {}
    wrong = Counter[str]()
    for scan, code in zip(scans, codes, strict=True):
        began_s = time.perf_counter()
        fate = judge.fate(code)
        spent.setdefault(scan.kind, []).append(time.perf_counter() - began_s)
        wrong[scan.kind] += scan.kind != "bank" and fate.value != scan.whose
    print(f"telling {SCANS} whole codes apart, microseconds; wrong: {sum(wrong.values())}")
    for kind, all_s in sorted(spent.items()):
        p99_s = statistics.quantiles(all_s, n=100)[98]
        print(f"  {kind:<10}{statistics.median(all_s) * 1e6:>10.1f}{p99_s * 1e6:>10.1f}")


_MEASURED = """
import time
def megabytes():
    try:
        return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
    except OSError:
        return 0.0
size, began = megabytes(), time.perf_counter()
{code}
print(1e3 * (time.perf_counter() - began), megabytes() - size)
"""


def _imports() -> None:
    """Each in a fresh interpreter: milliseconds and megabytes of an import and a first use."""
    rows = {
        "phonenumbers": "import phonenumbers; phonenumbers.parse('9000000001', 'RU')",
        "recogniser": "from agent.checkout.codes.recogniser import Recogniser; Recogniser(normalise_phone=str)",
    }
    print("first use in a fresh interpreter, milliseconds and megabytes")
    for name, code in rows.items():
        program = _MEASURED.format(code=code)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        took_ms, size_mb = map(float, done.stdout.split())
        print(f"  {name:<14}{took_ms:>8.1f}{size_mb:>8.1f}")


if __name__ == "__main__":
    main()
