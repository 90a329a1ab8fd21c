"""What the story of updates does inside the container: a scanner, the agent's wish, the updater held at a step, its words."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.nspawn.means import CONFIG, PATIENCE_S, PORT, STATE, STORY, answers, ask, main_pid, run, tillpoint, wait_for

__all__ = [
    "INBOX", "SCANNER", "VERSIONS", "WORK", "bring", "by_the_user", "configure", "forget_wish", "held_at", "is_idle", "pid_of_updater",
    "plug_in_scanner", "runs", "scanner_is_open", "status", "stick", "wish", "words", "work_is_done",
]  # fmt: skip

VERSIONS: Final = Path("/var/lib/tillpoint-versions")
WORK: Final = VERSIONS / ".work"
INBOX: Final = STATE / "updates"
SCANNER: Final = Path("/dev/ttyTILL")
UPDATER: Final = "tillpoint-update.service"


# ── The till ────────────────────────────────────────────────────────────────────────────────────


def configure(root_key: str, *, watch_s: int) -> None:
    """The settings of this story, by root's hand."""
    CONFIG.write_text(
        f"""[doors]
port = {PORT}
[updates]
root_keys = ["{root_key}"]
watch_s = {watch_s}
[[devices]]
name = "scanner"
driver = "serial_scanner"
port = "serial:{SCANNER}?baud=9600"
""",
        "utf-8",
    )


def plug_in_scanner() -> tuple[int, int]:
    """A pseudo-terminal under the name that the settings have; both its ends stay open with whoever called."""
    ends = os.openpty()
    os.chown(os.ttyname(ends[1]), pwd.getpwnam("tillpoint").pw_uid, -1)
    SCANNER.unlink(missing_ok=True)
    SCANNER.symlink_to(os.ttyname(ends[1]))
    return ends


def scanner_is_open() -> bool:
    """Whether the agent says so."""
    try:
        return ["on"] == [one["state"] for one in ask("/v1/status")["devices"]]
    except (OSError, AssertionError, ValueError):
        return False


def runs() -> str:
    """The version of the service's process; "" while there is none."""
    pid = main_pid()
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0") if pid else []
    except OSError:
        return ""
    return next((Path(one).parent.name for one in command if one.endswith("/start.py")), "")


# ── The agent's part, with its rights ───────────────────────────────────────────────────────────


def by_the_user(*what: str) -> None:
    """As the service's user, who has no rights but to its own folder."""
    run("setpriv", "--reuid=tillpoint", "--regid=tillpoint", "--clear-groups", *what)


def bring(release: dict[str, str]) -> None:
    """What the agent lays into its inbox once it has fetched it."""
    by_the_user("mkdir", "-p", str(INBOX))
    source = STORY / release["folder"]
    by_the_user("cp", str(source / f"{release['version']}.release.json"), str(INBOX))
    by_the_user("cp", str(next(source.glob("*.zip"))), str(INBOX / f"{release['sha256']}.zip"))


def wish(version: str, *, switch: bool = True) -> None:
    """The agent's word: this lies there; and the till is quiet."""
    told = {"version": version, "at": datetime.now(UTC).isoformat(), "switch": switch}
    draft = INBOX / ".wish.new"
    by_the_user("sh", "-c", f"umask 077; printf '%s' '{json.dumps(told)}' > {draft}; mv {draft} {INBOX / 'wish.json'}")


def forget_wish() -> None:
    """The agent that runs now has not said that the till is quiet."""
    by_the_user("rm", "-f", str(INBOX / "wish.json"))


def stick(release: dict[str, str]) -> Path:
    """The same release in a folder of root's own."""
    folder = Path("~root/stick").expanduser()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(STORY / release["folder"], folder)
    return folder


# ── The updater ─────────────────────────────────────────────────────────────────────────────────


def status() -> dict[str, Any]:
    """`tillpoint update status`."""
    told: dict[str, Any] = json.loads(tillpoint("update", "status", "--json"))
    return told


def is_idle() -> bool:
    """The unit has done what there was to do."""
    state = run("systemctl", "show", "--property=ActiveState", "--value", UPDATER).strip()
    return state == "inactive" and not (WORK / "journal.json").exists()


def work_is_done(version: str, outcome: str) -> dict[str, Any]:
    """Wait until the updater has told what became of a version; that it is this."""

    def is_told() -> bool:
        last = status().get("last") or {}
        return (last.get("version"), last.get("outcome")) == (version, outcome) and is_idle()

    wait_for(is_told, f"the updater says that {version} is {outcome}", seconds=2 * PATIENCE_S)
    return status()


def pid_of_updater() -> int:
    """The interpreter of `tillpoint update apply`; 0 while there is none."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (folder / "cmdline").read_bytes()
            if b"start.py\0update\0apply\0" in told:
                return int(folder.name)
    return 0


def held_at(version: str, *steps: str) -> str:
    """Stop the updater where its journal says one of these steps, the first of them if we are fast enough; says which.

    While there is no updater the agent says again and again that the till is quiet, as the real one does.
    """
    end = time.monotonic() + 2 * PATIENCE_S
    journal, wanted = str(WORK / "journal.json"), f'"step":"{steps[0]}"'.encode()
    while time.monotonic() < end:
        pid = pid_of_updater()
        if not pid:
            if is_idle() and answers():
                wish(version)
            time.sleep(0.2)
            continue
        while Path(f"/proc/{pid}/fd").is_dir() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                descriptor = os.open(journal, os.O_RDONLY)
                told = os.read(descriptor, 4_096)
                os.close(descriptor)
                if wanted in told:
                    os.kill(pid, signal.SIGSTOP)
                    return _step_of(journal, steps)
            time.sleep(0.0003)
    raise AssertionError(f"the updater has not come to {steps[0]} within {2 * PATIENCE_S:.0f} s")


def _step_of(journal: str, steps: tuple[str, ...]) -> str:
    step = str(json.loads(Path(journal).read_bytes())["step"])
    assert step in steps, step
    return step


def words() -> str:
    """The last words of both units."""
    options = ["--no-pager", "--lines=80", "--output=short-monotonic"]
    units = ["--unit=tillpoint", "--unit=tillpoint-update.service", "--unit=tillpoint-update.path"]
    return subprocess.run(["journalctl", *units, *options], capture_output=True, text=True, check=False).stdout
