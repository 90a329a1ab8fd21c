"""Service managers: what systemctl and the service control manager are told, and what their refusals become."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.service.scm import ScmError, ServiceState
from agent.updating.manager import ManagerError, Systemd
from agent.updating.scm import WindowsServices

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


class Shell:
    """`subprocess.run`, for fixed words."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, str, str]] = {}

    def __call__(self, words: Any, **more: Any) -> subprocess.CompletedProcess[str]:
        line = " ".join(words)
        self.asked.append(line)
        if "missing" in self.answers:
            raise FileNotFoundError(2, "No such file or directory")
        code, out, err = next((told for begin, told in self.answers.items() if line.startswith(begin)), (0, "", ""))
        return subprocess.CompletedProcess(words, code, out, err)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    one = Shell()
    monkeypatch.setattr(subprocess, "run", one)
    return one


def test_systemd(shell: Shell) -> None:
    """Stop waits; start does not, and an earlier limit of starts is forgotten."""
    shell.answers["systemctl show"] = (0, "activating\n", "")
    shell.answers["journalctl"] = (0, "2026 tillpoint: Traceback", "")
    service = Systemd()
    service.stop()
    service.start()

    assert service.is_running()
    assert "Traceback" in service.log_since(NOON)
    assert [
        "systemctl stop tillpoint.service",
        "systemctl reset-failed tillpoint.service",
        "systemctl start --no-block tillpoint.service",
        "systemctl show --property=ActiveState --value tillpoint.service",
    ] == shell.asked[:4]
    assert f"--since @{int(NOON.timestamp())}" in shell.asked[4]


def test_systemd_refuses(shell: Shell) -> None:
    """Its own words."""
    shell.answers["systemctl stop"] = (5, "", "Failed to stop: Access denied\n")
    with pytest.raises(ManagerError, match=r"systemctl stop tillpoint\.service failed: Failed to stop: Access denied"):
        Systemd().stop()


def test_no_systemd(shell: Shell) -> None:
    """A sentence, and no log."""
    shell.answers["missing"] = (0, "", "")
    with pytest.raises(ManagerError, match="No such file"):
        Systemd().start()
    assert ("", False) == (Systemd().log_since(NOON), Systemd().is_running())


class FakeScm:
    """The service control manager of a machine with one service."""

    def __init__(self) -> None:
        self.now = "running"
        self.refuses = False

    def install(self, plan: Any) -> list[str]:
        return []

    def remove(self, name: str) -> bool:
        return False

    def start(self, name: str, *, wait_s: float) -> None:
        self._require(name)
        self.now = "running"

    def stop(self, name: str, *, wait_s: float) -> None:
        self._require(name)
        self.now = "stopped"

    def state(self, name: str) -> ServiceState:
        self._require(name)
        return ServiceState(state=self.now)

    def _require(self, name: str) -> None:
        assert name == "Tillpoint"
        if self.refuses:
            raise ScmError("cannot open service Tillpoint: access is denied")


def test_windows(tmp_path: Path) -> None:
    """Stopped, started; the end of the agent's own log is what it said."""
    scm = FakeScm()
    log = tmp_path / "tillpoint.log"
    service = WindowsServices(scm, log)
    service.stop()
    assert not service.is_running()
    service.start()
    assert service.is_running()
    assert "" == service.log_since(NOON)
    log.write_bytes(b"x" * 300_000 + "последнее".encode())
    assert service.log_since(NOON).endswith("последнее")
    assert len(service.log_since(NOON)) < 200_001


def test_windows_refuses() -> None:
    """As a service manager's error, which the updater knows."""
    scm = FakeScm()
    scm.refuses = True
    service = WindowsServices(scm)
    for act in (service.stop, service.start, service.is_running):
        with pytest.raises(ManagerError, match="access is denied"):
            act()


@pytest.mark.skipif(sys.platform == "win32", reason="there the real one")
def test_own_manager_here() -> None:
    """systemd on Linux."""
    from agent.settings import Settings
    from agent.updating.manager import own_manager

    assert isinstance(own_manager(Settings()), Systemd)
