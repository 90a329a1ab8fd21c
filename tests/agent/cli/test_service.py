"""`tillpoint service`, with a service manager in memory."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from agent.cli import main
from agent.cli import service as command
from agent.service.rights import ADMINISTRATORS
from agent.service.scm import ScmError, ServiceState
from agent.service.service_plan import ServicePlan
from tests.agent.service.test_data_folder import STRANGER, MemoryAccess


@dataclass
class MemoryScm:
    plans: dict[str, ServicePlan] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    hung: set[str] = field(default_factory=set)

    def install(self, plan):
        self.plans[plan.name] = plan
        return [f"Windows would not set something of {plan.name}"] if plan.name == "Tillpoint" else []

    def remove(self, name):
        return self.plans.pop(name, None) is not None

    def start(self, name, *, wait_s):
        self.running.add(name)

    def stop(self, name, *, wait_s):
        if name in self.hung:
            raise ScmError(f"the service {name} is still stopping after {wait_s:g} s")
        self.running.discard(name)

    def state(self, name):
        if name not in self.plans:
            return ServiceState(state="missing")
        return ServiceState(
            state="running" if name in self.running else "stopped", pid=7 if name in self.running else 0
        )


@pytest.fixture
def scm(monkeypatch):
    one = MemoryScm()
    monkeypatch.setattr(command, "own_scm", lambda: one)
    monkeypatch.setattr(command, "_prepare_folders", lambda account, config: ["a folder was moved"])
    monkeypatch.setattr(command, "_remove_source", lambda: None)
    return one


def test_install_start_status_stop_remove(scm, capsys):
    assert 0 == main(["service", "install"])
    said = capsys.readouterr()
    assert {"Tillpoint", "TillpointUpdater"} == set(scm.plans)
    assert "would not set something" in said.err
    assert "a folder was moved" in said.err
    assert "Next: tillpoint service start" in said.out

    assert 3 == main(["service", "status"])
    assert 0 == main(["service", "start"])
    assert 0 == main(["service", "status"])
    assert "Tillpoint: running, process 7" in capsys.readouterr().out

    assert 0 == main(["service", "stop"])
    assert 0 == main(["service", "remove"])
    assert {} == scm.plans
    assert 0 == main(["service", "remove"])
    assert "There was no service Tillpoint." in capsys.readouterr().out


def test_status_before_the_installation_says_what_to_do(scm, capsys):
    assert 3 == main(["service", "status"])

    assert "tillpoint service install" in capsys.readouterr().out


def test_one_that_hangs_is_removed_all_the_same(scm, capsys):
    main(["service", "install"])
    scm.hung.add("Tillpoint")

    assert 0 == main(["service", "remove"])
    assert "removed when it ends" in capsys.readouterr().out


def test_settings_elsewhere_are_handed_on(scm, tmp_path):
    main(["service", "install", "--config", str(tmp_path / "our till.toml"), "--account", "LocalSystem"])

    assert scm.plans["Tillpoint"].command.endswith(f'--config "{tmp_path / "our till.toml"}"')
    assert "LocalSystem" == scm.plans["Tillpoint"].account


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has services of this kind")
@pytest.mark.parametrize("action", ["install", "start", "status", "host", "host-updater"])
def test_elsewhere_the_right_command_is_named(action, capsys):
    assert 1 == main(["service", action])

    assert "systemctl" in capsys.readouterr().err


@pytest.mark.parametrize("whose", [STRANGER, ADMINISTRATORS])
def test_a_planted_settings_file_gives_no_folder_away(tmp_path, monkeypatch, whose):
    """Anybody may write below ProgramData before us: which folder the service may change is no word of his."""
    monkeypatch.setattr(command, "program_data", lambda: tmp_path)
    named = tmp_path / "other"
    config = tmp_path / "Tillpoint" / "config.toml"
    config.parent.mkdir()
    config.write_text(f"[till]\nstate_folder = '{named}'\n")
    access = MemoryAccess(owners={config: whose})

    said = command.prepare_folders("", None, access, datetime(2026, 11, 22, tzinfo=UTC))

    is_believed = whose == ADMINISTRATORS
    assert (is_believed, not is_believed) == (named in access.lists, "was moved to" in "".join(said))
    assert tmp_path / "Tillpoint" in access.lists
