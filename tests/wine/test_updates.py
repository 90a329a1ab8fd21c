"""Updates of an installed till under Wine: its own service, its own updater, real version folders, real signatures.

The tests build on each other, in this order. A till that no centre knows is given what its agent could have fetched;
at the end it is made known to a real centre, and everything goes by itself. After each test the service runs one whole
version, and `tillpoint update status` tells which.

Wine's service manager knows no failure actions: where Windows would start the updater again, the test does.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.signatures import new_private_key, sign_with
from agent.updating.records import Wish, keep
from agent.updating.unpack import require_whole
from central.releases import signing
from drivers.vocabulary import codec
from drivers.vocabulary.release import RELEASE, SignedRelease
from tests.agent.updating.centre_rig import Centre
from tests.wine.ground import WINE, Ground
from tests.wine.installed import Installed, wait_for
from tests.wine.packages import Factory

pytestmark = [pytest.mark.machine, pytest.mark.alone]  # one prefix, one service manager

KEPT = "TILLPOINT_TEST_INSTALLERS"
WATCH_S = 10
PATIENCE_S = 900.0  # four thousand files to disk and four starts of an agent, on a machine that others use too
APPLY = ("start.py", "update apply")
#: Passes its rehearsal; what breaks is seen on the till alone.
BROKEN = 'import sys\nif "run" in sys.argv:\n    raise RuntimeError("a version that cannot start")'


@dataclass
class Till:
    """An installed till, and what is done with it."""

    installed: Installed
    factory: Factory
    centre: Centre
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def inbox(self) -> Path:
        return self.installed.data / "state" / "updates"

    @property
    def versions(self) -> Path:
        return self.installed.program / "versions"

    def bring(self, version: str, change: Callable[[SignedRelease], SignedRelease] = lambda one: one) -> None:
        """What the agent lays into its inbox when it has fetched a release."""
        archive = self.factory.archive(version)
        signed = change(codec.decode(self.centre.signed(archive), SignedRelease))
        _, _, payload = signing.read_archive(archive)
        self.inbox.mkdir(exist_ok=True)
        (self.inbox / f"{version}.release.json").write_bytes(codec.encode(signed))
        (self.inbox / f"{payload.sha256}.zip").write_bytes(archive.read_bytes())

    def wish(self, version: str, *, switch: bool = True) -> None:
        """The agent's word for the updater. Within half a minute it asks its babysitter to start it."""
        keep(self.inbox / "wish.json", Wish(version=version, at=datetime.now(UTC), switch=switch))

    def make_ready(self, version: str) -> None:
        """Brought, verified, unpacked, rehearsed; what runs runs on."""
        running = self.running()
        began_s = time.monotonic()
        self.bring(version)
        self.wish(version, switch=False)
        wait_for(lambda: self.note().get("prepared") == version, f"{version} is ready; {self.said()}", PATIENCE_S)
        self.seconds[f"{version} made ready"] = round(time.monotonic() - began_s, 1)
        self.sells_with(running)
        assert running == self.note()["running"]

    def journal_step(self) -> str:
        """Where the updater is; "" between two switches."""
        try:
            return str(json.loads((self.versions / ".work" / "journal.json").read_bytes())["step"])
        except (OSError, ValueError):
            return ""

    def note(self) -> dict[str, Any]:
        """The updater's word for everybody."""
        try:
            return dict(json.loads((self.versions / "status.json").read_bytes()))
        except (OSError, ValueError):
            return {}

    def last(self) -> dict[str, Any]:
        """What became of the last try."""
        return dict(self.note().get("last") or {})

    def told(self, *wanted: str) -> dict[str, Any]:
        """What `tillpoint update status` says once a try with this version and outcome is over."""
        began_s = time.monotonic()

        def is_over() -> bool:
            last = self.last()
            is_it = wanted == (last.get("version"), last.get("outcome"))
            return is_it and not self.journal_step() and not self.installed.processes(*APPLY)

        try:
            wait_for(is_over, f"{wanted}", PATIENCE_S)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {self.last()}; {self.said()}") from None
        self.seconds[" ".join(wanted)] = round(time.monotonic() - began_s, 1)
        said = self.installed.tillpoint("update", "status", "--json").stdout
        status: dict[str, Any] = json.loads(said[said.index("{") :])
        assert wanted == (status["last"]["version"], status["last"]["outcome"])
        return status

    def running(self) -> str:
        """The version that the agent says it is."""
        try:
            note = json.loads((self.installed.data / "state" / "runtime.json").read_bytes())
        except (OSError, ValueError):
            return ""
        return str(note["version"])

    def sells_with(self, version: str) -> None:
        """It runs, is whole, and it is the one that the status names."""
        wait_for(lambda: self.running() == version, f"{version} runs; {self.said()}")
        require_whole(self.versions / version)
        assert 1 == len(self.installed.processes("start.py", "run"))

    def cut_at(self, step: str) -> None:
        """End the updater with no warning as soon as it has noted this step."""
        wait_for(lambda: self.journal_step() == step, f"{step}; {self.said()}", PATIENCE_S)
        for one in self.installed.processes(*APPLY):
            self.installed.kill(one)
        wait_for(lambda: not self.installed.processes("service host-updater"), "the end of the updater's service")
        assert step == self.journal_step()

    def said(self) -> str:
        """The ends of the logs, for a failure's words."""
        return "\n".join(self.installed.log(name)[-1_500:] for name in ("updater", "updater-service", "service"))


@pytest.fixture(scope="module")
def till(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    kept = os.environ.get(KEPT)
    factory = Factory(Path(kept) if kept else tmp_path_factory.mktemp("versions"))
    factory.broken["1.6.0"] = BROKEN
    installed = Installed(Ground(ground.folder / "updates"), random_from=ground)
    installed.lay_down_version(factory, "1.0.0")
    centre = Centre(tmp_path_factory.mktemp("centre"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    installed.configure(
        f'[doors]\nport = {port}\n[updates]\nwatch_s = {WATCH_S}\nroot_keys = ["{centre.root}"]\n'
        '[till]\nzone = "Europe/Moscow"\n'
    )
    till = Till(installed, factory, centre)
    try:
        with installed.kept_alive():
            for word in ("install", "start"):
                done = installed.tillpoint("service", word)
                assert 0 == done.returncode, done.stdout
            till.sells_with("1.0.0")
            yield till
            installed.tillpoint("service", "stop")
            installed.tillpoint("service", "remove")
    finally:
        installed.ground.end()
        centre.close()


def of_somebody_else(signed: SignedRelease) -> SignedRelease:
    """The same manifest with the signature of a key that nobody vouched for."""
    signature = sign_with(base64.b64decode(signed.manifest), RELEASE, new_private_key())
    return SignedRelease(manifest=signed.manifest, certificate=signed.certificate, signature=signature)


def test_a_wrong_signature_is_refused(till: Till) -> None:
    """The agent asks for the updater by itself; the one that runs is not even stopped."""
    before = till.installed.processes("start.py", "run")
    till.bring("1.3.0", of_somebody_else)
    till.wish("1.3.0")

    status = till.told("1.3.0", "refused")

    assert "did not sign this manifest" in status["last"]["reason"]
    assert ("1.0.0", before) == (status["running"], till.installed.processes("start.py", "run"))
    till.sells_with("1.0.0")


def test_a_lower_version_is_refused(till: Till) -> None:
    till.bring("0.9.0")
    till.wish("0.9.0")

    status = till.told("0.9.0", "refused")

    assert "older than 1.0.0" in status["last"]["reason"]
    assert "1.0.0" == status["running"]
    till.sells_with("1.0.0")


def test_a_version_that_does_not_start_is_taken_back(till: Till) -> None:
    till.make_ready("1.6.0")
    till.wish("1.6.0")

    status = till.told("1.6.0", "rolled_back")

    assert "has not answered" in status["last"]["reason"]
    assert "1.0.0" == status["running"]
    assert "1.6.0" in status["not_again"]
    assert not (till.versions / "1.6.0").exists()
    assert "a version that cannot start" in (till.versions / ".work/logs/1.6.0.log").read_text("utf-8", "replace")
    till.sells_with("1.0.0")


def test_the_updater_is_killed_before_the_switch(till: Till) -> None:
    """The agent is stopped at that moment; the updater that is started again gives up, and the old version goes on."""
    till.make_ready("1.3.0")
    till.wish("1.3.0")
    till.cut_at("copying")

    till.installed.ground.run([WINE, "sc", "start", "TillpointUpdater"], timeout_s=60)  # Windows' failure action
    status = till.told("1.3.0", "failed")

    assert "cut before the new version ran" in status["last"]["reason"]
    assert "1.0.0" == status["running"]
    till.sells_with("1.0.0")


def test_the_updater_is_killed_while_it_watches(till: Till) -> None:
    """The new version runs, finds the journal, and asks for the updater by itself, which watches to the end."""
    till.wish("1.3.0")
    till.cut_at("watching")

    status = till.told("1.3.0", "healthy")

    assert ("1.3.0", "1.0.0") == (status["running"], status["previous"])
    till.sells_with("1.3.0")


def test_from_the_centre(till: Till, capsys: pytest.CaptureFixture[str]) -> None:
    """`tillpoint update now`: the agent asks, fetches, waits until it is quiet; the babysitter starts the updater."""
    done = till.installed.tillpoint("enrol", till.centre.url, till.centre.code("till-1"))
    assert 0 == done.returncode, done.stdout
    till.centre.publish(till.factory.archive("1.4.0"))

    done = till.installed.tillpoint("update", "now", timeout_s=PATIENCE_S)

    assert (0, True) == (done.returncode, "1.4.0 healthy" in done.stdout), f"{done.stdout} {till.said()}"
    status = till.told("1.4.0", "healthy")
    assert ("1.4.0", "1.3.0") == (status["running"], status["previous"])
    till.sells_with("1.4.0")
    assert {"1.3.0", "1.4.0"} == {one.name for one in till.versions.iterdir() if one.name[0].isdigit()}
    with capsys.disabled():
        print(f"\nunder Wine, seconds: {till.seconds}; load {os.getloadavg()[0]:.1f}")
