"""Real version folders, real agents as processes, and a service manager that keeps a pid in a file.

Also a program: `python real_rig.py FOLDER [CUT]` is one run of the updater, which kills itself before its CUT-th act.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[3]
CUT_CODE = -getattr(signal, "SIGKILL", 9)  # read on Windows too, used on Linux

START = """
import sys, os
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [one for one in sys.path if "packages" not in one and one not in ("", HERE)]
sys.path += [os.path.join(HERE, "app"), {project!r}, *{packages!r}]
sys.argv[0] = "tillpoint"
{prelude}
from agent.cli import main
sys.exit(main())
"""

#: What a version is → what its start.py does first.
PRELUDES = {
    "": "",
    # Not in the rehearsal: on the till only.
    "start": "if sys.argv[1] == 'run': raise ImportError('no module named part')",
    "everywhere": "raise ImportError('no module named part')",
    "driver": """
if sys.argv[1] == 'run':
    from drivers.transport.serial_port import SerialEndpoint
    from drivers.vocabulary.errors import TransportUnavailable
    def broken(self, timeout_s):
        raise TransportUnavailable('the port cannot be opened by this version', reason='driver')
    SerialEndpoint.open = broken
""",
    "slow": "if sys.argv[1] == 'run': import time; time.sleep(3600)",
}


def entry_points() -> str:
    """The drivers, as an installed distribution names them."""
    tables = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    return "".join(
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in rows.items())
        for group, rows in tables.items()
    )


def write_version(folder: Path, version: str, kind: str = "") -> dict[str, Any]:
    """A version folder; the code is this tree's, its version and its faults are its own."""
    packages = [one for one in sys.path if one.endswith("site-packages")]
    files = {
        "start.py": START.format(project=str(PROJECT), packages=packages, prelude=PRELUDES[kind]),
        f"app/tillpoint-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: tillpoint\nVersion: {version}\n",
        f"app/tillpoint-{version}.dist-info/entry_points.txt": entry_points(),
        "SBOM.json": "{}",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    facts = {
        "version": version,
        "platform": "linux-x86_64-cp311",
        "built": "2026-01-01T00:00:00Z",
        "schema": 1,
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()},
    }
    (folder / "release.json").write_text(json.dumps(facts), "utf-8")
    return facts


def zip_folder(folder: Path, target: Path) -> None:
    """The archive of a version folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(folder.rglob("*")):
            if one.is_file():
                archive.write(one, one.relative_to(folder).as_posix())


class Processes:
    """The service manager's double: a launcher, one process, its pid in a file that outlives the updater."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pid = folder / "service.pid"
        self._log = folder / "service.log"

    def start(self) -> None:
        if self.is_running():
            return
        from agent.updating.shelf import Shelf
        from agent.updating.trial import command_of

        running = Shelf(settings_and_places(self._folder)[1]).current()
        assert running is not None
        with self._log.open("ab") as log:
            child = subprocess.Popen(
                [*command_of(running.path), "run", "--config", str(self._folder / "config.toml")],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        child.returncode = 0  # not ours to wait for: it outlives the updater that starts it
        self._pid.write_text(str(child.pid), "ascii")

    def stop(self) -> None:
        pid = self.pid()
        if not pid:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        end_s = time.monotonic() + 15
        while self.is_running():
            if time.monotonic() > end_s:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def kill(self) -> None:
        """The power goes, for the agent too."""
        if self.is_running():
            os.kill(self.pid(), signal.SIGKILL)
        while self.is_running():
            time.sleep(0.02)

    def is_running(self) -> bool:
        pid = self.pid()
        if not pid:
            return False
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # ours, in the tests' own process
        try:
            return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def pid(self) -> int:
        try:
            return int(self._pid.read_text("ascii"))
        except (OSError, ValueError):
            return 0

    def log_since(self, moment: datetime) -> str:
        return self._log.read_text("utf-8", "replace")[-4_000:]


def settings_and_places(folder: Path) -> tuple[Any, Any]:
    """Of a rig's folder."""
    from agent.settings import load
    from agent.updating.places import places_of

    settings = load(folder / "config.toml")
    return settings, places_of(settings)


def updater_of(folder: Path, *, cut: int | None = None, **more: Any) -> Any:
    """The real updater on a rig's folder; kills this process before its `cut`-th act."""
    from agent.updating.updater import Updater

    count = [0]

    def at(act: str) -> None:
        count[0] += 1
        if cut is not None and count[0] >= cut:
            sys.stderr.write(f"cut before {act}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    settings, _ = settings_and_places(folder)
    return Updater(
        settings,
        folder / "config.toml",
        manager=Processes(folder),
        at=at,
        platform="linux-x86_64-cp311",
        grace_s=8.0,
        look_s=0.1,
        **more,
    ), count


def main() -> int:
    """One run of the updater as a process."""
    folder = Path(sys.argv[1])
    updater, count = updater_of(folder, cut=int(sys.argv[2]) if len(sys.argv) > 2 else None)
    status = updater.apply()
    last = status.last
    sys.stdout.write(json.dumps({
        "running": status.running,
        "acts": count[0],
        "outcome": last.outcome.value if last is not None else "",
        "reason": last.reason if last is not None else "",
        "at": datetime.now(UTC).isoformat(),
    }) + "\n")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    sys.exit(main())
