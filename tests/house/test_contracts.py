"""Each import contract is seen to catch a violation; a rule that cannot fail guards nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

# (the module that gets the line, the line, the contract that must break)
VIOLATIONS = [
    ("drivers/backoff.py", "import agent.clock", "Arrows go down only"),
    ("offline_queue/files.py", "import drivers.vocabulary.money", "The queue knows no domain"),
    ("agent/loyalty/lots.py", "import agent.settings", "The engine is pure"),
    ("agent/loyalty/lots.py", "import time", "The engine is pure"),
    ("agent/clock.py", "import central.schema", "Nobody imports the central server"),
    ("central/turns.py", "import simulation.world", "Nobody imports the simulation"),
    ("central/errors.py", "import offline_queue.store", "The central server shares"),
    ("drivers/scanners/serial/link.py", "import drivers.printers.escpos.frames", "No driver knows another driver"),
    ("drivers/printers/escpos/frames.py", "import socket", "A codec does no I/O"),
    ("agent/checkout/codes/recogniser.py", "import time", "What a code is"),
    ("agent/till.py", "import serial", "One importer of the serial library"),
    ("agent/cli/run.py", "import httpx", "One importer of the HTTP client"),
]


def test_every_violation_is_caught(project: Path, tmp_path: Path) -> None:
    """Forbidden imports in a copy of the tree, one for each contract: each breaks its own, and is named."""
    for package in ("agent", "drivers", "offline_queue", "central", "simulation"):
        shutil.copytree(project / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project / "pyproject.toml", tmp_path)
    for module, line, _ in VIOLATIONS:
        with (tmp_path / module).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    broken = [
        found
        for found in done.stdout.splitlines()
        if re.search(r" BROKEN( \(\d+ ignored imports?\))?$", found.rstrip())
    ]
    importers = [module.removesuffix(".py").replace("/", ".") for module, _, _ in VIOLATIONS]

    assert done.returncode
    assert [] == [name for _, _, name in VIOLATIONS if not any(one.startswith(name) for one in broken)]
    assert [] == [one for one in importers if f"{one} -> " not in done.stdout], done.stdout
