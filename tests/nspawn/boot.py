"""Boots the container over a throw-away layer, with the packages and the story in a folder that both sides see.

A story may let the power go: its last step says so, every process of the container is killed at once, and it is booted
again on the same layer.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.nspawn.base import BASE

__all__ = ["LIFE_S", "Container"]

LIFE_S: Final = 600.0  # the story of a package takes three to four minutes
BOOTS_MAX: Final = 10
LOOK_S: Final = 0.2
MEANS: Final = ("means.py", "play.py")

UNIT: Final = """
[Unit]
Description=The story of a package
After=multi-user.target
[Service]
Type=simple
WorkingDirectory=/story
ExecStart=/usr/bin/python3.11 -m tests.nspawn.STORY
Nice=-10
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
"""


class Container:
    """One run: `steps` is what the story told, by name, and `console` the system's last words.

    Args:
        folder: for everything that this run makes.
        story: the module of this folder that is played.
        more: files of this folder that it needs besides.
        life_s: then it is switched off whatever happens.
    """

    def __init__(
        self, folder: Path, story: str = "inside", more: tuple[str, ...] = (), *, life_s: float = LIFE_S
    ) -> None:
        self.folder = folder
        self._story = story
        self._life_s = life_s
        self._files = (f"{story}.py", *MEANS, *more)
        self.shared = folder / "story"
        self.shared.mkdir()
        self.steps: dict[str, dict[str, Any]] = {}
        self.console = ""

    def run(self) -> None:
        """Boot, play, switch off."""
        (self.shared / "tests/nspawn").mkdir(parents=True)
        for name in self._files:
            shutil.copyfile(Path(__file__).with_name(name), self.shared / "tests/nspawn" / name)
        with self._layer() as root:
            unit = root / "etc/systemd/system/story.service"
            unit.write_text(UNIT.replace("STORY", self._story), "utf-8")
            wants = root / "etc/systemd/system/multi-user.target.wants"
            wants.mkdir(exist_ok=True)
            (wants / unit.name).symlink_to(f"/etc/systemd/system/{unit.name}")
            words = ["systemd-nspawn", "--quiet", "--directory", str(root), "--machine", "tillpoint-story"]
            words += ["--register=no", "--keep-unit", "--private-network", "--console=pipe", "--boot"]
            words += [f"--bind={self.shared}:/story"]
            end_s = time.monotonic() + self._life_s
            for _ in range(BOOTS_MAX):
                if not self._boot(words, end_s):
                    break
        self.console = (self.folder / "console").read_text("utf-8", "replace")[-4000:]
        self.steps = {step["name"]: step for step in self._told()}

    def _boot(self, words: list[str], end_s: float) -> bool:
        """From power-on until it is switched off; whether the power went instead."""
        cuts = self._cuts()
        with (self.folder / "console").open("ab") as console:
            nspawn = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
            try:
                while nspawn.poll() is None and self._cuts() == cuts:
                    if time.monotonic() > end_s:
                        console.write(b"\nended by the time limit\n")
                        break
                    time.sleep(LOOK_S)
            finally:
                _cut_power(nspawn)
        return self._cuts() > cuts

    def _cuts(self) -> int:
        return sum(step["cut"] for step in self._told())

    def _told(self) -> list[dict[str, Any]]:
        told = self.shared / "told.jsonl"
        lines = told.read_text("utf-8").splitlines(keepends=True) if told.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @contextlib.contextmanager
    def _layer(self) -> Iterator[Path]:
        """The fetched system with a layer over it that takes all changes."""
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()
        root = self.folder / "root"
        options = f"lowerdir={BASE},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
        try:
            yield root
        finally:
            subprocess.run(["umount", "--lazy", str(root)], check=False)


def _cut_power(nspawn: subprocess.Popen[bytes]) -> None:
    """Kill the container's first process, and with it all others in the same instant; harmless when it has ended."""
    if nspawn.poll() is not None:
        return
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text("ascii").split()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)
    try:
        nspawn.wait(timeout=30)
    except subprocess.TimeoutExpired:
        nspawn.kill()
        nspawn.wait()
