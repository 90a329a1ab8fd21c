"""The plain tests, run by Windows' own CPython under Wine, two parts at a time.

What cannot run there says so by name in its own file (pseudo-terminals, POSIX modes, Unix sockets, CUPS …); what is
Linux's alone is left out here: the shape of the house, the browser, other machines, PostgreSQL.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import pytest

from tests.wine.ground import CACHE, CHECKOUT, WINE, Ground

pytestmark = [pytest.mark.machine, pytest.mark.alone]  # one prefix, one service manager

#: Folders with all below them, with a star the files in it alone; the long ones first, so that both end together.
PARTS = (
    "central/*",
    "conformance",
    "agent/*",
    "drivers/printers",
    "faults",
    "agent/updating",
    "agent/doors",
    "agent/doctor",
    "agent/sync",
    "agent/checkout",
    "agent/service",
    "simulation",
    "bridges",
    "central/releases",
    "central/shops",
    "drivers/*",
    "drivers/tills",
    "drivers/transport",
    "agent/setup",
    "agent/cli",
    "agent/desktop",
    "agent/loyalty",
    "agent/slips",
    "agent/secrets",
    "offline_queue",
    "drivers/finding",
    "drivers/scanners",
    "drivers/ffd",
    "drivers/vocabulary",
    "cases",
)
#: What else stands beside these, and why it is not run here.
LEFT_OUT = {
    "house": "reads the checkout with git and the tools of Linux",
    "browser": "Chromium is the system's",
    "machine": "an emulated machine",
    "wine": "this",
    "nspawn": "a booted systemd",
    "installer": "packages are built on Linux",
}
PART_S = 2700.0  # a busy machine; alone none takes a quarter of it
PASSED_MIN = 6_000
LOGS = CACHE / "logs"
MARKS = "not machine and not soak and not browser and not thorough"


def paths_of(part: str) -> list[str]:
    """As pytest is told them under Wine."""
    folder = CHECKOUT / "tests" / part.removesuffix("/*")
    found = sorted(folder.glob("test_*.py")) if part.endswith("/*") else [folder]
    return ["C:\\checkout\\" + str(path.relative_to(CHECKOUT)).replace("/", "\\") for path in found]


@dataclass(frozen=True, slots=True)
class Done:
    """What one part came to."""

    code: int
    text: str
    seconds: float

    @property
    def last(self) -> str:
        """pytest's own sum."""
        rows = reversed(self.text.splitlines())
        return next((row.strip("= ") for row in rows if re.search(r"\d+ (passed|skipped|failed)", row)), "nothing")

    def count(self, what: str) -> int:
        """How many `passed`, `skipped`, `failed`."""
        found = re.search(rf"(\d+) {what}", self.last)
        return int(found[1]) if found else 0


def run_part(part: str, grounds: SimpleQueue[Ground]) -> Done:
    """On whichever ground is free."""
    ground = grounds.get()
    began_s = time.monotonic()
    words = ["-p", "no:cacheprovider", "--tb=short", "-m", MARKS, "-c", "C:\\checkout\\pyproject.toml"]
    words += ["-o", "faulthandler_timeout=300", *paths_of(part)]
    try:
        done = ground.run([WINE, ground.python / "python.exe", "-m", "pytest", *words], timeout_s=PART_S)
        return _kept(part, Done(done.returncode, done.stdout, time.monotonic() - began_s))
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"").decode("utf-8", "replace")
        return _kept(part, Done(1, f"{said}\nnot within {PART_S:g} s", time.monotonic() - began_s))
    finally:
        ground.end()  # a child that outlived its test
        grounds.put(ground)


def _kept(part: str, done: Done) -> Done:
    """All it said lies beside the prefixes: a run takes its time, and what failed first is wanted first."""
    LOGS.mkdir(exist_ok=True)
    (LOGS / f"{part.replace('/', '_').replace('*', 'root')}.log").write_text(done.text, "utf-8")
    return done


@pytest.fixture(scope="module")
def parts(ground: Ground, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Done]]]:
    """All parts that were asked for, two at a time, each in a process and a prefix of its own."""
    ours = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    asked = {str(item.callspec.params["part"]) for item in ours if hasattr(item, "callspec")}
    second = Ground(ground.folder / "second")
    second.make_like(ground)
    grounds: SimpleQueue[Ground] = SimpleQueue()
    for one in (ground, second):
        grounds.put(one)
    with ThreadPoolExecutor(grounds.qsize(), thread_name_prefix="wine") as pool:
        yield {part: pool.submit(run_part, part, grounds) for part in PARTS if part in asked}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("part", PARTS)
def test_green_under_windows_python(
    parts: dict[str, Future[Done]], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing fails; how many ran is told."""
    done = parts[part].result()
    with capsys.disabled():
        print(f"\nunder Wine: {part}: {done.last} ({done.seconds:.0f} s)")

    assert 0 == done.code, done.text[-6000:]


def test_how_many_ran(parts: dict[str, Future[Done]], capsys: pytest.CaptureFixture[str]) -> None:
    """The sum, told at the end; a run that has lost most of its tests is no green one."""
    ended = [future.result() for future in parts.values()]
    passed, skipped, failed = (sum(one.count(what) for one in ended) for what in ("passed", "skipped", "failed"))
    with capsys.disabled():
        print(f"\nunder Wine, {len(ended)} of {len(PARTS)} parts: {passed} passed, {skipped} skipped, {failed} failed")

    assert len(ended) < len(PARTS) or passed > PASSED_MIN


def test_every_test_is_run_or_left_out_with_a_reason() -> None:
    """Whoever adds a folder of tests says whether Windows runs it."""
    tests = CHECKOUT / "tests"
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    lacking = [
        str(folder)
        for folder in sorted(folders)
        if folder.parts[0] not in LEFT_OUT
        and f"{folder}/*" not in PARTS
        and not any(f"{folder}/".startswith(f"{part}/") for part in PARTS)
    ]

    assert [] == lacking
