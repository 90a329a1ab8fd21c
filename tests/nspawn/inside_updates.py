"""The story of updates, played inside the container: the agent wishes, root's units do it, and the power goes.

Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from tests.nspawn.means import (
    CONFIG,
    PATIENCE_S,
    POINTER,
    STATE,
    STORY,
    answers,
    install,
    panel_opens,
    purge,
    run,
    sell,
    tillpoint,
    unsent,
    wait_for,
)
from tests.nspawn.play import play
from tests.nspawn.updates import (
    INBOX,
    VERSIONS,
    WORK,
    bring,
    configure,
    forget_wish,
    held_at,
    is_idle,
    plug_in_scanner,
    runs,
    scanner_is_open,
    status,
    stick,
    wish,
    words,
    work_is_done,
)

WATCH_S = 4
DROP_IN = Path("/etc/systemd/system/tillpoint-update.service.d/probe.conf")

#: After these the power goes.
CUTS = ("the_power_goes_while_stopping", "the_power_goes_while_switching", "the_power_goes_while_watching")


class Story:
    """Each method is a step; it says what it measured, or raises."""

    order: tuple[str, ...] = ()

    def __init__(self) -> None:
        told = json.loads((STORY / "packages.json").read_text("utf-8"))
        self.packages, self.releases, self.root, self.order = (
            told["packages"], told["releases"], told["root"], tuple(told["steps"]),
        )  # fmt: skip
        self.scanner: tuple[int, int] | None = None
        if CONFIG.is_file():  # not the first boot
            self.scanner = plug_in_scanner()

    def _lay(self, name: str) -> str:
        """The agent lays a release and its word for it; nobody starts anything. Made ready or refused afterwards."""
        version = str(self.releases[name]["version"])
        bring(self.releases[name])
        wish(version, switch=False)

        def is_ready() -> bool:
            told = status()
            return is_idle() and version in {told.get("prepared"), (told.get("last") or {}).get("version")}

        wait_for(is_ready, f"the updater has looked at {version}", seconds=2 * PATIENCE_S)
        return version

    def _lay_and_switch(self, name: str) -> str:
        """And the till is quiet now."""
        version = self._lay(name)
        wish(version)
        return version

    def _sells_with(self, version: str) -> None:
        """One whole version: it runs, the pointer (or the package) names it, it takes a receipt, its scanner is open."""
        wait_for(lambda: answers() and runs() == version and scanner_is_open(), f"{version} runs with its scanner")
        before = unsent()
        sell(f"R-{before + 1}")
        assert before + 1 == unsent()
        told = status()
        assert (version, False) == (told["running"], told["switching"]), told
        assert version in tillpoint("--version")

    # ── An update ───────────────────────────────────────────────────────────────────────────────

    def installed_with_a_scanner(self) -> None:
        """The package, a root key in root's settings, a scanner on a line."""
        install(self.packages["old"])
        wait_for(lambda: answers(8765), "the agent answers")
        self.scanner = plug_in_scanner()
        configure(self.root, watch_s=WATCH_S)
        run("systemctl", "restart", "tillpoint")
        self._sells_with(self.packages["old"]["version"])

    def a_wish_starts_the_updater(self) -> str:
        """The agent's account writes two files and a word; root's unit starts by itself and makes the version ready."""
        began = time.monotonic()
        version = self._lay("good")
        told = status()
        assert ("staged", self.packages["old"]["version"]) == (told["state"], told["running"]), told
        assert [0, 0] == [one.stat().st_uid for one in (VERSIONS / version, VERSIONS / version / "start.py")]
        assert not POINTER.exists()
        return f"ready {time.monotonic() - began:.1f} s after the wish"

    def when_the_till_is_quiet_it_changes_over(self) -> str:
        """Switched by the unit, watched, healthy; pointer and `good` moved, the panel is the new version's."""
        version, began = str(self.releases["good"]["version"]), time.monotonic()
        wish(version)
        told = work_is_done(version, "healthy")
        seconds = time.monotonic() - began
        self._sells_with(version)
        assert panel_opens()
        assert [str(VERSIONS / version)] * 2 == [(VERSIONS / one).read_text().strip() for one in ("current", "good")]
        assert (version, self.packages["old"]["version"]) == (told["running"], told["previous"]), told
        return f"{seconds:.1f} s from the wish to the end of a watch of {WATCH_S} s"

    def back_by_hand_and_there_again_from_a_stick(self) -> None:
        """`rollback`, and `now --from`: the same by root's hand."""
        version, old = str(self.releases["good"]["version"]), str(self.packages["old"]["version"])
        tillpoint("update", "rollback")
        self._sells_with(old)
        assert version in status()["not_again"]
        tillpoint("update", "now", "--from", str(stick(self.releases["good"])))
        self._sells_with(version)

    def its_sandbox_has_what_it_needs_and_no_more(self) -> str:
        """Asked from inside, in the updater's place."""
        DROP_IN.parent.mkdir()
        probe = f"/usr/bin/python3.11 -I {STORY}/tests/nspawn/probe.py"
        DROP_IN.write_text(
            f"[Service]\nExecStart=\nExecStart={probe}\nRestart=no\nStandardOutput=truncate:{STORY}/probe.json\n"
        )
        run("systemctl", "daemon-reload")
        try:
            run("systemctl", "start", "tillpoint-update.service")
        finally:
            DROP_IN.unlink()
            DROP_IN.parent.rmdir()
            run("systemctl", "daemon-reload")
        told = json.loads((STORY / "probe.json").read_text())
        assert ({}, [], "1", "2") == (told["fails"], told["succeeds"], told["NoNewPrivs"], told["Seccomp"]), told
        line = run("systemd-analyze", "security", "--no-pager", "--threshold=30", "tillpoint-update.service")
        return f"capabilities {told['CapBnd']} {line.strip().splitlines()[-1]}"

    # ── Versions that are not well ──────────────────────────────────────────────────────────────

    def one_that_does_not_start_is_taken_back(self) -> str:
        """It passed the rehearsal and fails on the till; its last words are kept."""
        return self._goes_back("start", "has not answered", "no module named part")

    def one_whose_driver_fails_is_taken_back(self) -> str:
        """Everything is well but the scanner that was open before."""
        return self._goes_back("driver", "device scanner was open before", "the port cannot be opened by this version")

    def _goes_back(self, name: str, reason: str, logged: str) -> str:
        good, began = runs(), time.monotonic()
        version = self._lay_and_switch(name)
        told = work_is_done(version, "rolled_back")
        seconds = time.monotonic() - began
        assert reason in told["last"]["reason"], told
        assert version in told["not_again"], told
        self._sells_with(good)
        kept = (WORK / "logs" / f"{version}.log").read_text("utf-8")
        assert logged in kept, kept[-2_000:]
        return f"sells with the old one again {seconds:.1f} s after the wish, log of {len(kept)} characters kept"

    def one_signed_by_a_stranger_is_refused(self) -> None:
        """The agent that runs is not even stopped."""
        self._is_refused("forged", "root")

    def a_lower_one_is_refused(self) -> None:
        """A good signature is good for ever, and so are the mistakes of an old version."""
        self._is_refused("lower", "older than")

    def _is_refused(self, name: str, reason: str) -> None:
        good, pid = runs(), run("systemctl", "show", "--property=MainPID", "--value", "tillpoint")
        version = self._lay(name)
        told = work_is_done(version, "refused")
        assert reason in told["last"]["reason"], told
        assert pid == run("systemctl", "show", "--property=MainPID", "--value", "tillpoint")
        self._sells_with(good)

    # ── Killed ──────────────────────────────────────────────────────────────────────────────────

    def the_updater_is_killed_while_stopping(self) -> str:
        """systemd starts it again; nothing was switched, and the wish is still good."""
        self._lay("killed")
        return self._kill_at("stopping")

    def the_updater_is_killed_while_switching(self) -> str:
        """One or the other version, whole."""
        return self._kill_at("switching", "starting", "watching")

    def the_updater_is_killed_while_watching(self) -> str:
        """The new version is watched again, by another updater, to the good end."""
        said = self._kill_at("watching")
        version = str(self.releases["killed"]["version"])
        work_is_done(version, "healthy")
        self._sells_with(version)
        return said

    def _kill_at(self, *steps: str) -> str:
        step = held_at(str(self.releases["killed"]["version"]), *steps)
        run("systemctl", "kill", "--signal=KILL", "tillpoint-update.service")
        assert (WORK / "journal.json").exists()
        assert (Path(POINTER.read_text("utf-8").strip()) / "release.json").is_file()
        return f"killed in {step}"

    # ── The power goes ──────────────────────────────────────────────────────────────────────────

    def the_power_goes_while_stopping(self) -> str:
        """Everything is dead in one instant, half-way into the stop."""
        return f"in {held_at(self._lay('cut'), 'stopping')}"

    def after_that_the_old_one_sells(self) -> None:
        """Without anybody's help; the timer starts the updater, which gives the cut switch up."""
        version = str(self.releases["killed"]["version"])
        self._sells_after_the_boot(version)
        forget_wish()  # a busy till
        work_is_done(str(self.releases["cut"]["version"]), "failed")
        assert "cut before" in status()["last"]["reason"], status()
        self._sells_with(version)

    def the_power_goes_while_switching(self) -> str:
        """The next one, between the two pointers."""
        return f"in {held_at(str(self.releases['cut']['version']), 'switching', 'starting', 'watching')}"

    def after_that_a_whole_one_sells(self) -> str:
        """The old one or the new one; asked again if it was the old one, the till gets to the new one."""
        wait_for(lambda: answers() and scanner_is_open(), "a version sells after the boot")
        first, new = runs(), str(self.releases["cut"]["version"])
        assert first in {new, str(self.releases["killed"]["version"])}, first
        forget_wish()
        wait_for(is_idle, "the updater has ended the switch")
        self._sells_with(runs())
        if runs() == new:  # for the next step there must be something to watch
            tillpoint("update", "rollback")
        run("tillpoint", "update", "now", "--no-wait")  # whoever was cut twice is forgiven
        return f"{first} sold first"

    def the_power_goes_while_watching(self) -> str:
        """The new one runs already."""
        return f"in {held_at(self._lay('cut'), 'watching')}"

    def after_that_the_new_one_is_watched_to_the_end(self) -> str:
        """The timer starts the updater after the boot, and it goes on from its journal."""
        began, version = time.monotonic(), str(self.releases["cut"]["version"])
        self._sells_after_the_boot(version)
        work_is_done(version, "healthy")
        self._sells_with(version)
        return f"healthy {time.monotonic() - began:.1f} s after the boot"

    @staticmethod
    def _sells_after_the_boot(version: str) -> None:
        """Before the updater has come."""
        wait_for(lambda: answers() and runs() == version, f"{version} runs after the boot")
        sell(f"B-{version}")

    # ── Packages in between ─────────────────────────────────────────────────────────────────────

    def a_package_that_cannot_be_unpacked_changes_nothing(self) -> None:
        """Half a file: dpkg goes back, and so does everything else."""
        good = runs()
        half = Path("~root/half.deb").expanduser()
        whole = (STORY / self.packages["new"]["file"]).read_bytes()
        half.write_bytes(whole[: len(whole) // 2])
        done = subprocess.run(["dpkg", "-i", str(half)], capture_output=True, text=True, check=False)
        assert 0 != done.returncode, done
        self._sells_with(good)
        self._units_wait()

    def a_package_between_leaves_the_pointer(self) -> None:
        """Newer than the package before, older than the version that runs."""
        good = runs()
        install(self.packages["between"])
        self._sells_with(good)
        self._units_wait()

    def a_newer_package_in_the_middle_of_the_stop(self) -> str:
        """The updater holds the stopped agent when dpkg comes: the package's version runs, and nobody undoes that."""
        return self._packaged_at("new", self._lay("late"), "stopping", "copying")

    def a_lower_wish_does_not_undo_a_package(self) -> None:
        """The agent's word for a version that a package has overtaken, which lies ready: refused."""
        version = self._lay("late")
        told = work_is_done(version, "refused")
        assert "older than" in told["last"]["reason"], told
        self._sells_with(self.packages["new"]["version"])

    def an_older_package_while_a_newer_one_is_watched(self) -> str:
        """Somebody takes the package back while an update is watched: the older package runs."""
        return self._packaged_at("old", self._lay("latest"), "watching")

    def _packaged_at(self, package: str, update: str, *steps: str) -> str:
        step, began = held_at(update, *steps), time.monotonic()
        install(self.packages[package])
        version = self.packages[package]["version"]
        wait_for(is_idle, "the updater has ended the switch")
        self._sells_with(version)
        assert not POINTER.exists(), POINTER.read_text()
        self._units_wait()
        return f"in {step}; {time.monotonic() - began:.1f} s from dpkg -i until everything is settled"

    @staticmethod
    def _units_wait() -> None:
        for unit in ("tillpoint-update.path", "tillpoint-update.timer"):
            assert "active" == run("systemctl", "is-active", unit).strip()

    # ── Leaving ─────────────────────────────────────────────────────────────────────────────────

    def removed_in_the_middle_it_stops(self) -> str:
        """`dpkg -r` while the updater watches: nothing of ours runs any more."""
        tillpoint("update", "now", "--no-wait")
        step = held_at(self._lay("latest"), "watching")
        run("dpkg", "-r", "tillpoint")
        assert 0 == len([one for one in Path("/proc").glob("[0-9]*") if _is_ours(one)])
        assert [True, True] == [POINTER.exists(), (STATE / "till.db").exists()]
        return f"in {step}"

    def installed_again_it_ends_what_was_begun(self) -> None:
        """The journal is there still: the new version is watched to the end."""
        install(self.packages["old"])
        version = str(self.releases["latest"]["version"])
        work_is_done(version, "healthy")
        self._sells_with(version)

    def purged_nothing_is_left(self) -> str:
        """With updated versions, a record, logs, an inbox: the disk is searched."""
        assert INBOX.is_dir()
        answer = "tillpoint tillpoint/purge-unsent boolean true"
        subprocess.run(["debconf-set-selections"], input=answer, text=True, check=True)
        purge()
        left = [
            str(Path(folder, name))
            for top in ("/etc", "/usr", "/var", "/opt", "/run", "/home", "/tmp")
            for folder, folders, files in os.walk(top)
            if not folder.startswith("/run/systemd/")
            for name in (*folders, *files)
            if "tillpoint" in name
        ]
        assert [] == left, left
        return f"user {'stays' if 'tillpoint' in Path('/etc/passwd').read_text() else 'goes'}, as Debian's do"


def _is_ours(folder: Path) -> bool:
    try:
        return b"start.py\0" in (folder / "cmdline").read_bytes()
    except OSError:
        return False


if __name__ == "__main__":
    play(Story(), cuts=CUTS, words=words)
