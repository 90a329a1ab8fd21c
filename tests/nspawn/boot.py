"""Boots the container over a throw-away layer, with the packages and the story in a folder that both sides see."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.nspawn.base import BASE

__all__ = ["LIFE_S", "Container"]

LIFE_S: Final = 600.0  # it takes one to three minutes
STORY: Final = ("inside.py", "means.py")

UNIT: Final = """
[Unit]
Description=The story of a package
After=multi-user.target
[Service]
Type=simple
WorkingDirectory=/story
ExecStart=/usr/bin/python3.11 -m tests.nspawn.inside
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
"""


class Container:
    """One run: `steps` is what the story told, by name, and `console` the system's last words."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shared = folder / "story"
        self.shared.mkdir()
        self.steps: dict[str, dict[str, Any]] = {}
        self.console = ""

    def run(self) -> None:
        """Boot, play, switch off."""
        (self.shared / "tests/nspawn").mkdir(parents=True)
        for name in STORY:
            shutil.copyfile(Path(__file__).with_name(name), self.shared / "tests/nspawn" / name)
        with self._layer() as root:
            unit = root / "etc/systemd/system/story.service"
            unit.write_text(UNIT, "utf-8")
            wants = root / "etc/systemd/system/multi-user.target.wants"
            wants.mkdir(exist_ok=True)
            (wants / unit.name).symlink_to(f"/etc/systemd/system/{unit.name}")
            words = ["systemd-nspawn", "--quiet", "--directory", str(root), "--machine", "tillpoint-story"]
            words += ["--register=no", "--keep-unit", "--private-network", "--console=pipe", "--boot"]
            words += [f"--bind={self.shared}:/story"]
            with (self.folder / "console").open("wb") as console:
                try:
                    subprocess.run(
                        words, stdin=subprocess.DEVNULL, stdout=console, stderr=console, check=False, timeout=LIFE_S
                    )
                except subprocess.TimeoutExpired:
                    console.write(b"\nended by the time limit\n")
        self.console = (self.folder / "console").read_text("utf-8", "replace")[-4000:]
        told = self.shared / "told.jsonl"
        for line in told.read_text("utf-8").splitlines() if told.exists() else ():
            step = json.loads(line)
            self.steps[step["name"]] = step

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
