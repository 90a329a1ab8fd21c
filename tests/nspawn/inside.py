"""The story of a package, played inside the container: what it does to a till from the first install to the purge.

Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from tests.nspawn.means import (
    CONFIG,
    LOGS,
    POINTER,
    PORT,
    STATE,
    STORY,
    WATCHDOG_S,
    answers,
    ask,
    install,
    journal,
    main_pid,
    panel_opens,
    purge,
    restarts,
    run,
    sell,
    tillpoint,
    unsent,
    wait_for,
)
from tests.nspawn.play import play


class Story:
    """Each method is a step; it says what it measured, or raises."""

    order: tuple[str, ...] = ()
    old: dict[str, str]
    new: dict[str, str]

    def __init__(self) -> None:
        told = json.loads((STORY / "packages.json").read_text("utf-8"))
        self.old, self.new, self.order = told["old"], told["new"], tuple(told["steps"])

    # ── Installing ──────────────────────────────────────────────────────────────────────────────

    def installed_it_answers(self) -> str:
        """One command; no question; the panel is there."""
        began = time.monotonic()
        install(self.old)
        after_dpkg = time.monotonic() - began
        wait_for(lambda: answers(8765), "the agent answers")
        assert "idle" == ask("/v1/status", port=8765)["screen"]
        assert panel_opens()
        seconds = time.monotonic() - began
        assert seconds < 120, seconds
        return f"dpkg -i {after_dpkg:.1f} s, the idle panel answers after {seconds:.1f} s"

    def it_runs_as_itself(self) -> str:
        """Its own user, its own folders, its first settings, its rules."""
        folder = Path(f"/proc/{main_pid()}")
        assert "tillpoint" == folder.owner()
        assert ("tillpoint", 0o700) == (STATE.owner(), STATE.stat().st_mode & 0o777)
        assert ("root", "tillpoint", 0o640) == (CONFIG.owner(), CONFIG.group(), CONFIG.stat().st_mode & 0o777)
        assert ("tillpoint", 0o750) == (LOGS.owner(), LOGS.stat().st_mode & 0o777)
        assert "enabled" == run("systemctl", "is-enabled", "tillpoint").strip()
        assert self.old["version"] in tillpoint("--version")
        assert all(Path(f"/usr/lib/{one}/tillpoint.conf").is_file() for one in ("modules-load.d", "sysusers.d"))
        time.sleep(5)  # by then it holds all it will need: the libraries of the first slip are loaded late
        resident = int(re.findall(r"VmRSS:\s+(\d+)", (folder / "status").read_text())[0]) / 1024
        assert resident < 60, resident
        return f"{resident:.1f} MB resident"

    def its_units_are_sound(self) -> str:
        """systemd finds no fault in what it reads, and little that an attacker of the service could do."""
        units = sorted(str(path) for path in Path("/usr/lib/systemd/system").glob("tillpoint*"))
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
        )
        assert 0 == done.returncode, done.stderr
        assert not [line for line in done.stderr.splitlines() if "tillpoint" in line], done.stderr
        return run("systemd-analyze", "security", "--no-pager", "--threshold=20", "tillpoint").strip().splitlines()[-1]

    def it_starts_fast(self) -> str:
        """From the order to "ready", three times."""
        times = []
        for _ in range(3):
            run("systemctl", "stop", "tillpoint")
            began = time.monotonic()
            run("systemctl", "start", "tillpoint")
            times.append(time.monotonic() - began)
        return f"ready after {', '.join(f'{one:.2f}' for one in sorted(times))} s"

    def its_settings_are_changed(self) -> None:
        """By hand, as store IT does; a drop-in makes the watchdog quick for this story."""
        CONFIG.write_text(f"[doors]\nport = {PORT}\n", "utf-8")
        drop_in = Path("/etc/systemd/system/tillpoint.service.d/quick.conf")
        drop_in.parent.mkdir()
        drop_in.write_text(f"[Service]\nWatchdogSec={WATCHDOG_S}\n", "utf-8")
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", "tillpoint")
        wait_for(answers, "it answers on the new port")

    # ── Living ──────────────────────────────────────────────────────────────────────────────────

    def killed_it_comes_back(self) -> str:
        """kill -9: systemd starts it again, and what was confirmed is there."""
        sell("R-1")
        return self._comes_back(signal.SIGKILL)

    def hung_it_comes_back(self) -> str:
        """Every thread stands still: the watchdog ends it."""
        said = self._comes_back(signal.SIGSTOP)
        assert "Watchdog timeout" in journal(), journal()
        return said

    def _comes_back(self, number: signal.Signals) -> str:
        before, count = main_pid(), restarts()
        os.kill(before, number)
        began = time.monotonic()
        wait_for(lambda: main_pid() not in {0, before} and answers(), "it came back")
        assert restarts() > count
        assert 1 == unsent()
        return f"answers again after {time.monotonic() - began:.1f} s"

    def root_leaves_no_files_of_its_own(self) -> None:
        """Root's commands run beside the service; what they make in its folder is the service's."""
        (STATE / "made-by-root").touch()
        tillpoint("queue", "status")
        assert {"tillpoint"} == {path.owner() for path in [STATE, *STATE.rglob("*")] if path.exists()}
        (STATE / "made-by-root").unlink()

    # ── Other versions ──────────────────────────────────────────────────────────────────────────

    def upgraded_it_goes_on(self) -> str:
        """A newer package over a running one: new version, same settings, same receipts; the old one's files go."""
        keep = POINTER.parent / self.old["version"]
        run("cp", "-a", f"/usr/lib/tillpoint/versions/{self.old['version']}", str(keep))
        POINTER.write_text(f"{keep}\n", "utf-8")
        before, began = main_pid(), time.monotonic()
        install(self.new)
        wait_for(lambda: main_pid() not in {0, before} and answers(), "the new version answers")
        seconds = time.monotonic() - began
        assert not POINTER.exists()
        self._is(self.new)
        assert [self.new["version"]] == [path.name for path in Path("/usr/lib/tillpoint/versions").iterdir()]
        return f"{seconds:.1f} s from dpkg -i to the answer of the new version"

    def the_pointer_takes_it_back(self) -> None:
        """The older version that the updater kept runs as soon as the pointer names it."""
        POINTER.write_text(f"{POINTER.parent / self.old['version']}\n", "utf-8")
        self._restart()
        self._is(self.old)

    def a_bad_pointer_is_no_end(self) -> None:
        """Nothing there, half a line, a folder of somebody else: the packaged version runs, and it is said."""
        for words in ("", "/var/lib/tillpoint-versions/0.0.0\n", "/tmp\n", "../../etc\n", "\0\0\0"):
            POINTER.write_text(words, "utf-8")
            done = subprocess.run(["tillpoint", "--version"], capture_output=True, text=True, check=True)
            assert self.new["version"] in done.stdout, (words, done)
            assert "names no version" in done.stderr, (words, done)
        self._restart()
        self._is(self.new)

    def an_older_package_is_meant(self) -> None:
        """`dpkg -i` of the older package over the newer: that one runs, whatever the pointer said."""
        kept = POINTER.parent / self.new["version"]
        run("cp", "-a", f"/usr/lib/tillpoint/versions/{self.new['version']}", str(kept))
        POINTER.write_text(f"{kept}\n", "utf-8")
        before = main_pid()
        install(self.old)
        wait_for(lambda: main_pid() not in {0, before} and answers(), "the old version answers")
        self._is(self.old)

    def _restart(self) -> None:
        run("systemctl", "restart", "tillpoint")
        wait_for(answers, "it answers")

    def _is(self, package: dict[str, str]) -> None:
        command = Path(f"/proc/{main_pid()}/cmdline").read_bytes().decode().split("\0")
        assert package["version"] in command[3], command
        assert package["version"] in tillpoint("--version")
        assert 1 == unsent()
        assert f"port = {PORT}" in CONFIG.read_text("utf-8")

    # ── Leaving ─────────────────────────────────────────────────────────────────────────────────

    def removed_it_leaves_what_it_kept(self) -> None:
        """`dpkg -r`: no program, no process; settings and receipts stay."""
        run("dpkg", "-r", "tillpoint")
        assert not [one for one in ("/usr/lib/tillpoint", "/usr/bin/tillpoint") if os.path.lexists(one)]
        assert not answers()
        assert [True, True] == [(STATE / "till.db").is_file(), CONFIG.is_file()]
        assert "1" == Path("/var/lib/tillpoint-versions/unsent").read_text().strip()

    def installed_again_it_goes_on(self) -> None:
        """Everything is as it was."""
        install(self.old)
        wait_for(answers, "it answers")
        assert "enabled" == run("systemctl", "is-enabled", "tillpoint").strip()
        self._is(self.old)

    def purged_it_keeps_unsent_receipts(self) -> str:
        """Nobody can be asked, nobody said yes: what the centre does not have is kept, and that is said."""
        said = purge()
        assert [True, True] == [(STATE / "till.db").is_file(), CONFIG.is_file()]
        assert "receipts the centre does not have: 1" in said, said
        return next(line for line in said.splitlines() if "kept:" in line)

    def told_so_it_deletes_them(self) -> None:
        """An answer given beforehand: nothing is left."""
        install(self.old)
        wait_for(answers, "it answers")
        assert 1 == unsent()
        answer = "tillpoint tillpoint/purge-unsent boolean true"
        subprocess.run(["debconf-set-selections"], input=answer, text=True, check=True)
        purge()
        self._nothing_is_left()

    def with_nothing_to_lose_nothing_is_asked(self) -> None:
        """Installed afresh and purged at once."""
        install(self.old)
        wait_for(lambda: answers(8765), "it answers with the first settings")
        assert "kept" not in purge()
        self._nothing_is_left()

    def _nothing_is_left(self) -> None:
        left = [
            *("/etc/tillpoint", "/usr/lib/tillpoint", "/usr/share/tillpoint", "/usr/share/doc/tillpoint"),
            *("/var/lib/tillpoint", "/var/lib/tillpoint-versions", "/var/log/tillpoint", "/usr/bin/tillpoint"),
            "/etc/systemd/system/multi-user.target.wants/tillpoint.service",
            "/etc/systemd/system/tillpoint.service",
        ]
        assert not [one for one in left if os.path.lexists(one)]
        assert "tillpoint" not in run("debconf-show", "tillpoint")


if __name__ == "__main__":
    play(Story())
