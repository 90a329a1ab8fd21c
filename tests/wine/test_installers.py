"""Both Windows installers under Wine, silently: fresh, upgrade, broken and taken back, removed, installed again, purged.

One story for each installer, on a prefix of its own, with the payload that is shipped. What Wine cannot show (UAC, group
policy, files in use across a restart) is said in the store-IT guide.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.wine import packages
from tests.wine.ground import WINE, Ground, missing
from tests.wine.packages import Factory

pytestmark = [pytest.mark.machine, pytest.mark.alone]

CALL_S = 400.0
KEPT = "TILLPOINT_TEST_INSTALLERS"
REMOVE_S = 180.0
IDLE_S = 300.0  # how long is waited; the promise of two minutes is measured (a busy machine is no fault of the code)


def skip_reason() -> str:
    """Why nothing of this can run here."""
    return missing() or packages.missing()


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Factory:
    """Installers of the first version, the next one, and one whose start-up is broken."""
    if reason := skip_reason():
        pytest.skip(f"SKIPPED LOUDLY: no installers under Wine; {reason}")
    kept = os.environ.get(KEPT)  # building takes a minute; whoever works on the installers' tests keeps them
    factory = Factory(Path(kept) if kept else tmp_path_factory.mktemp("installers"))
    factory.broken["1.2.0"] = 'raise RuntimeError("a version that cannot start")'
    return factory


@dataclass
class Till:
    """One machine: a prefix, and what an administrator does on it."""

    ground: Ground
    kind: str
    factory: Factory
    port: int
    seconds: dict[str, float] = field(default_factory=dict)
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def program(self) -> Path:
        """Where Tillpoint is installed."""
        return self.ground.drive / "Program Files" / "Tillpoint"

    @property
    def data(self) -> Path:
        """Where its data lies."""
        return self.ground.drive / "ProgramData" / "Tillpoint"

    def install(self, version: str, **answers: str) -> int:
        """Run the installer silently; its exit code."""
        installer = self.ground.windows_path(self.factory.installer(version, self.kind))
        if self.kind == "msi":
            log = self.ground.windows_path(self.ground.folder / f"{version}.log")
            words = ["msiexec", "/i", installer, "/qn", "/l*v", log]
            words += [f"TILLPOINT_{name.upper()}={value}" for name, value in answers.items()]
        else:
            words = [installer, "/S"]
            for name, value in answers.items():
                words += ["--set", f"{name.replace('_', '.', 1)}={value}"]
        started = time.monotonic()
        code = self.call(words)
        self.seconds[f"install {version}"] = time.monotonic() - started
        return code

    def remove(self, version: str, *, purge: bool = False) -> None:
        """Remove it silently, and wait until it is gone: the .exe's uninstaller goes on by itself."""
        if self.kind == "msi":
            installer = self.ground.windows_path(self.factory.installer(version, "msi"))
            words = ["msiexec", "/x", installer, "/qn", *(["PURGE=1"] if purge else [])]
        else:
            words = [self.ground.windows_path(self.program / "uninstall.exe"), "/S", *(["/PURGE"] if purge else [])]
        started = time.monotonic()
        assert 0 == self.call(words), self.log()
        until(lambda: not self.program.exists(), REMOVE_S, self.left)
        until(lambda: "Owner" not in self.registry(r"HKLM\Software\Tillpoint"), REMOVE_S, self.log)
        self.seconds["purge" if purge else "remove"] = time.monotonic() - started

    def call(self, words: list[str]) -> int:
        """Run to its end; the pipe stays open, because the service that is started on the way inherits it."""
        child = self.ground.start([WINE, *words])
        self.children.append(child)
        return child.wait(timeout=CALL_S)

    def registry(self, key: str) -> str:
        """What `reg query` says, "" for a key that is not there."""
        done = self.ground.run([WINE, "reg", "query", key, "/s", "/reg:64"], timeout_s=60)
        return done.stdout if done.returncode == 0 else ""

    def service(self) -> str:
        """What the service manager says of it."""
        return self.ground.run([WINE, "sc", "query", "Tillpoint"], timeout_s=60).stdout

    def panel(self) -> str:
        """The panel's page; "" while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/panel", timeout=5) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as answer:  # 401: the panel's page that says how to be let in
            return answer.read().decode()
        except (OSError, urllib.error.URLError):
            return ""

    def running(self) -> str:
        """Which version the agent says that it is."""
        try:
            return str(json.loads((self.data / "state" / "runtime.json").read_text("utf-8")).get("version", ""))
        except (OSError, ValueError):
            return ""

    def versions(self) -> set[str]:
        """Version folders."""
        return {one.name for one in (self.program / "versions").iterdir() if one.name[0].isdigit()}

    def left(self) -> str:
        """What still lies where the program was, and what the remover said."""
        found = sorted(str(path.relative_to(self.program)) for path in self.program.rglob("*"))
        return f"{len(found)} left, first {found[:10]}; {self.log()}"

    def log(self) -> str:
        """The installer's own log, for a failure's words."""
        found = sorted(self.ground.folder.glob("*.log")) + sorted(
            self.ground.drive.glob("users/*/Temp/tillpoint-setup.log")
        )
        found += sorted(self.ground.drive.glob("users/*/AppData/Local/Temp/tillpoint-setup.log"))
        return "\n".join(
            path.read_bytes().decode("utf-16", "replace")[-2000:] for path in found if path.suffix == ".log"
        )


def until(reached: Callable[[], bool], seconds: float, words: Callable[[], str] = str) -> None:
    """Wait for something that comes by itself; `words` say more when it does not."""
    ends = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < ends, f"it did not come in time: {words()}"
        time.sleep(0.2)


@pytest.fixture
def till(request: pytest.FixtureRequest, factory: Factory, tmp_path: Path) -> Iterator[Till]:
    """A machine without Tillpoint. One Wine process stays, because Wine's service manager ends with the last."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ground = Ground(tmp_path / "wine")
    ground.folder.mkdir()
    ground.boot()
    ground._make_random()
    ground.checkout.mkdir()
    kept = ground.start([WINE, factory.version("1.0.0") / "python.exe", "-c", "import time; time.sleep(3600)"])
    till = Till(ground=ground, kind=request.param, factory=factory, port=port, children=[kept])
    try:
        yield till
    finally:
        ground.end()
        for child in till.children:
            child.wait(timeout=60)
            if child.stdout is not None:
                child.stdout.close()


@pytest.mark.parametrize("till", ["msi", "exe"], indirect=True)
def test_the_matrix(till: Till, record_property: Callable[[str, object], None]) -> None:
    """Nothing is asked, nothing is lost, a broken version is never left running, and nothing stays that should not."""
    # Fresh. What is built is built before the clock runs.
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        till.factory.installer(version, till.kind)
    started = time.monotonic()
    assert 0 == till.install("1.0.0", till_port=str(till.port), till_language="en"), till.log()
    until(lambda: "<html" in till.panel(), IDLE_S)
    till.seconds["install to idle panel"] = time.monotonic() - started
    until(lambda: till.running() == "1.0.0", IDLE_S)
    assert "RUNNING" in till.service()
    assert {"1.0.0"} == till.versions()
    assert till.kind == (till.program / "package").read_text("ascii").strip()
    # Nothing is left to go back to: a later installation that fails may not undo this one.
    assert not list((till.program / "versions" / ".work").glob("installer*"))
    settings = till.data / "config.toml"
    assert str(till.port) in settings.read_text("utf-8")

    # Upgrade: what somebody wrote by hand stays to the last letter, and the version before stays beside the new one.
    by_hand = settings.read_text("utf-8") + "\n# written by hand\n"
    settings.write_text(by_hand, "utf-8")
    token = (till.data / "state" / "api.token").read_bytes()
    assert 0 == till.install("1.1.0", till_language="ru"), till.log()
    until(lambda: till.running() == "1.1.0", IDLE_S)
    assert ({"1.0.0", "1.1.0"}, by_hand) == (till.versions(), settings.read_text("utf-8"))
    assert token == (till.data / "state" / "api.token").read_bytes()

    # A version that cannot start is taken back.
    assert 0 != till.install("1.2.0")
    until(lambda: "RUNNING" in till.service(), IDLE_S)
    until(lambda: till.running() == "1.1.0" and "<html" in till.panel(), IDLE_S)
    assert "1.2.0" not in till.versions()
    assert by_hand == settings.read_text("utf-8")

    # Removed: the data stays; installed again it goes on with it.
    till.remove("1.1.0")
    assert "RUNNING" not in till.service()
    assert (by_hand, "") == (settings.read_text("utf-8"), till.panel())
    assert 0 == till.install("1.1.0"), till.log()
    until(lambda: till.running() == "1.1.0" and "<html" in till.panel(), IDLE_S)
    assert token == (till.data / "state" / "api.token").read_bytes()

    # Purged: nothing.
    till.remove("1.1.0", purge=True)
    assert (False, False) == (till.program.exists(), till.data.exists())
    for key in (
        r"HKLM\Software\Tillpoint",
        r"HKLM\System\CurrentControlSet\Services\Tillpoint",
        r"HKLM\System\CurrentControlSet\Services\TillpointUpdater",
        r"HKLM\System\CurrentControlSet\Services\EventLog\Application\Tillpoint",
    ):
        assert "" == till.registry(key), key
    assert "Tillpoint" not in till.registry(r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall")
    assert "Tillpoint" not in till.registry(r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run")
    size = till.factory.installer("1.0.0", till.kind).stat().st_size
    figures = till.seconds | {"MB of this installer": size / 1e6, "load": os.getloadavg()[0]}
    for name, figure in figures.items():
        record_property(name, round(figure, 1))
    sys.stdout.write(f"{till.kind}: { {name: round(figure, 1) for name, figure in figures.items()} }\n")


def test_signed_by_an_authority_of_the_tests(factory: Factory, tmp_path: Path) -> None:
    """What carries a signature says whose it is, and a changed byte is seen."""
    certs, key = packages.own_authority(tmp_path)
    signer = packages.script("windows").Signer(certs=certs, key=key)
    for path in (factory.installer("1.0.0", "msi"), factory.installer("1.0.0", "exe")):
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        signer.sign(copy)
        verify = ["osslsigncode", "verify", "-CAfile", str(certs), "-in", str(copy)]
        assert (
            "Signature verification: ok" in subprocess.run(verify, capture_output=True, text=True, check=False).stdout
        )
        data = bytearray(copy.read_bytes())
        data[len(data) // 2] ^= 1
        copy.write_bytes(data)
        assert 0 != subprocess.run(verify, capture_output=True, check=False).returncode
