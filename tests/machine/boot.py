"""Boots the emulated machine and reads its console; it ends in time, whatever happens inside."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.machine.kernel import newest_kernel, pack_first_files

__all__ = ["CHECKOUT", "STEPS", "Machine", "emulator"]

CHECKOUT: Final = Path(__file__).resolve().parents[2]
LIFE_S: Final = 900.0  # it takes two to seven minutes: processors are emulated, and others may be busy
LINES_KEPT: Final = 400

#: What is played, in this order; each is a method of `tests.machine.inside.Story`.
STEPS: Final = (
    "a_kernel_with_gadgets",
    "everything_is_listed",
    "the_agent_starts_without_any_of_them",
    "the_doctor_names_what_is_unplugged",
    "plugged_in_they_work",
    "scans_arrive",
    "a_slip_is_printed",
    "paper_out_is_told",
    "pulled_out_in_use",
    "the_doctor_names_the_one_that_is_gone",
    "plugged_in_again_they_work",
    "scans_arrive_again",
    "the_slip_that_waited_is_printed",
    "the_doctor_is_content",
    "the_agent_stops",
)


class Machine:
    """One run: `steps` is what the machine told, by name, and `console` its last words."""

    def __init__(self, folder: Path) -> None:
        self.steps: dict[str, dict[str, Any]] = {}
        self.console: list[str] = []
        self.seconds = 0.0
        self.boot_s = 0.0
        self.is_over = False
        self.folder = folder

    def words(self) -> list[str]:
        """The emulator's command line; the machine's files are this machine's."""
        kernel = newest_kernel()
        assert kernel is not None
        return emulator(*pack_first_files(kernel, sys.executable, CHECKOUT, self.folder), host=Path("/"))

    def run(self) -> None:
        """Boot, read, end."""
        words = self.words()
        began_s = time.monotonic()
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as machine:
            end = threading.Timer(LIFE_S, machine.kill)
            end.start()
            try:
                for line in _lines(machine):
                    self._told(line, time.monotonic() - began_s)
            finally:
                end.cancel()
                machine.kill()
        self.seconds = time.monotonic() - began_s

    def _told(self, line: str, after_s: float) -> None:
        self.console = [*self.console, line][-LINES_KEPT:]
        mark, _, rest = line.partition(" ")
        if mark == "STEP":
            told = json.loads(rest)
            if not self.steps:
                self.boot_s = after_s - told["seconds"]
            self.steps[told["name"]] = told
        elif mark == "MACHINE":
            self.is_over = True


def emulator(image: Path, first: Path, *, host: Path, more: str = "") -> list[str]:
    """QEMU without virtualisation: a kernel, its first files, and a folder of the host below everything."""
    return [
        "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2G",
        "-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio", "-kernel", str(image), "-initrd", str(first),
        "-append", f"console=ttyS0 quiet panic=-1 oops=panic {more}",
        "-virtfs", f"local,path={host},mount_tag=host,security_model=none,readonly=on,multidevs=remap",
    ]  # fmt: skip


def _lines(machine: subprocess.Popen[bytes]) -> Iterator[str]:
    assert machine.stdout is not None
    for line in machine.stdout:
        yield line.decode("utf-8", "replace").strip()
