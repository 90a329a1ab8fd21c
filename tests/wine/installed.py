"""Tillpoint as it lies on a Windows machine, laid down in a Wine prefix without an installer: payload, runtime, launcher."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.wine.ground import CHECKOUT, WINE, Ground
from tests.wine.packages import Factory

__all__ = ["Installed", "wait_for"]

BUILD: Final = CHECKOUT / "installer" / "build"
PATIENCE_S: Final = 120.0  # a busy machine is slow and Wine with it


def wait_for(what: Callable[[], Any], name: str, patience_s: float = PATIENCE_S) -> Any:
    """What `what()` gives as soon as it is true; AssertionError with `name` when it never is."""
    end_s = time.monotonic() + patience_s
    while not (found := what()):
        assert time.monotonic() < end_s, f"not within {patience_s:g} s: {name}"
        time.sleep(0.1)
    return found


class Installed:
    """One installation.

    Args:
        ground: a prefix for it alone: services of two would mix.
        random_from: another ground, whose stand-in for a library that Wine lacks is copied.
    """

    def __init__(self, ground: Ground, *, random_from: Ground) -> None:
        self.ground = ground
        self._random_from = random_from
        self.program = ground.drive / "Program Files" / "Tillpoint"
        self.data = ground.drive / "ProgramData" / "Tillpoint"
        self.version = "0"
        self.idle_pid = 0  # a Python that does nothing, to compare memory with

    @property
    def folder(self) -> Path:
        """The version folder."""
        return self.program / "versions" / self.version

    def lay_down(self) -> None:
        """Payload, runtime and launcher where the installers put them; no data from an earlier run."""
        self._clear()
        sys.path.insert(0, str(BUILD))
        try:
            import payload
            import programs
            import runtime
        finally:
            sys.path.pop(0)
        self.version = payload.project_version()
        self.folder.parent.mkdir(parents=True)
        payload.build("win-amd64", self.folder)
        self.runtime = runtime.make_runtime(self.folder)
        programs.make_launcher(self.program, version=self.version)

    def lay_down_version(self, factory: Factory, version: str) -> None:
        """The same with a version that a factory has made."""
        self._clear()
        self.version = version
        self.folder.parent.mkdir(parents=True)
        factory.lay_down(version, self.program)

    def _clear(self) -> None:
        system = self.ground.drive / "windows" / "system32"
        if not (system / "kernel32.dll").exists():
            self.ground.folder.mkdir(parents=True, exist_ok=True)
            self.ground.boot()
        shutil.copy(self._random_from.drive / "windows/system32/bcryptprimitives.dll", system)
        for folder in (self.program, self.data):
            shutil.rmtree(folder, ignore_errors=True)

    def configure(self, text: str) -> None:
        """Write the settings file."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "config.toml").write_text(text, "utf-8")

    def tillpoint(self, *words: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """The command as an administrator would give it."""
        return self.ground.run([WINE, self.program / "tillpoint.exe", *words], timeout_s=timeout_s)

    @contextlib.contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Wine's service manager ends with the last process; this one stays."""
        sleeper = subprocess.Popen(
            [
                str(WINE),
                str(self.folder / "python.exe"),
                "-I",
                "-S",
                "-c",
                "import sys; print(1, flush=True); sys.stdin.read()",
            ],
            env=self.ground.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            assert sleeper.stdout is not None
            assert sleeper.stdout.readline(), "the process that stays has not started"
            self.idle_pid = sleeper.pid
            yield
        finally:
            assert sleeper.stdin is not None
            sleeper.stdin.close()
            try:
                sleeper.wait(timeout=30)
            except subprocess.TimeoutExpired:
                sleeper.kill()
                sleeper.wait()
            sleeper.stdout.close()

    def log(self, name: str) -> str:
        """A log file as it is now; "" before there is one."""
        try:
            return (self.data / "state" / "log" / f"{name}.log").read_text("utf-8", "replace")
        except OSError:
            return ""

    def processes(self, *words: str) -> list[int]:
        """Linux process ids of what runs from this installation with all these words in its command."""
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                told = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                prefix = (folder / "environ").read_bytes()
                is_ours = f"WINEPREFIX={self.ground.prefix}".encode() in prefix.split(b"\0")
                if is_ours and told.startswith("C:\\Program Files\\Tillpoint") and all(word in told for word in words):
                    found.append(int(folder.name))
        return found

    def resident_mb(self, pid: int) -> float:
        """Memory that is this process's own (PSS): Wine's libraries are shared by all that run under it."""
        with contextlib.suppress(OSError, StopIteration):
            rows = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
            return int(next(row for row in rows if row.startswith("Pss:")).split()[1]) / 1024
        return 0.0

    @staticmethod
    def kill(pid: int) -> None:
        """With no warning."""
        os.kill(pid, signal.SIGKILL)

    @staticmethod
    def freeze(pid: int) -> None:
        """It hangs from now on."""
        os.kill(pid, signal.SIGSTOP)
