"""The plain tests, run by Windows' own CPython under Wine, a part at a time.

What cannot run there says so by name in its own file (pseudo-terminals, POSIX modes, Unix sockets, CUPS …); what is
Linux's alone is left out here: the shape of the house, the browser, other machines, PostgreSQL.
"""

from __future__ import annotations

import re

import pytest

from tests.wine.ground import CHECKOUT, WINE, Ground

pytestmark = [pytest.mark.machine, pytest.mark.alone]  # one prefix, one service manager

#: Folders with all below them; with a star the files in it alone.
PARTS = (
    "offline_queue",
    "drivers/*",
    "drivers/ffd",
    "drivers/vocabulary",
    "drivers/transport",
    "drivers/scanners",
    "drivers/finding",
    "drivers/printers",
    "drivers/tills",
    "agent/*",
    "agent/secrets",
    "agent/setup",
    "agent/updating",
    "agent/service",
    "agent/cli",
    "agent/doctor",
    "agent/doors",
    "agent/sync",
    "agent/checkout",
    "agent/desktop",
    "agent/slips",
    "agent/loyalty",
    "conformance",
    "simulation",
    "faults",
    "cases",
    "central",
    "bridges",
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
PART_S = 1500.0  # a busy machine; alone none takes a third of it
MARKS = "not machine and not soak and not browser and not second"


def paths_of(part: str) -> list[str]:
    """As pytest is told them under Wine."""
    folder = CHECKOUT / "tests" / part.removesuffix("/*")
    found = sorted(folder.glob("test_*.py")) if part.endswith("/*") else [folder]
    return ["C:\\checkout\\" + str(path.relative_to(CHECKOUT)).replace("/", "\\") for path in found]


@pytest.mark.parametrize("part", PARTS)
def test_green_under_windows_python(ground: Ground, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing fails; how many ran is told."""
    words = [
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-q",
        "--tb=short",
        "-m",
        MARKS,
        "-c",
        "C:\\checkout\\pyproject.toml",
    ]
    try:
        done = ground.run(
            [WINE, ground.python / "python.exe", *words, "-o", "faulthandler_timeout=300", *paths_of(part)],
            timeout_s=PART_S,
        )
    finally:
        ground.end()  # a child that outlived its test
    last = next(
        (row for row in reversed(done.stdout.splitlines()) if re.search(r"\d+ (passed|skipped|failed)", row)), ""
    )
    with capsys.disabled():
        print(f"\nunder Wine: {part}: {last.strip('= ')}")

    assert 0 == done.returncode, done.stdout[-6000:]


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
