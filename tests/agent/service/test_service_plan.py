"""What the services of Windows look like."""

from __future__ import annotations

import pytest

from agent.service.service_plan import agent_plan, command_line, updater_plan
from agent.service.windows import child_command, folders_told

LAUNCHER = r"C:\Program Files\Tillpoint\tillpoint.exe"


def test_the_agents_service():
    plan = agent_plan([LAUNCHER])

    assert f'"{LAUNCHER}" service host' == plan.command
    assert "NT SERVICE\\Tillpoint" == plan.account
    assert (5_000, 15_000, 60_000) == plan.restarts_ms
    assert plan.preshutdown_ms > 20_000
    assert "" == plan.rights


def test_the_updaters_service_runs_as_system_and_the_agent_may_start_it():
    plan = updater_plan([LAUNCHER], config=r"D:\our till\config.toml", starter="S-1-5-80-1")

    assert f'"{LAUNCHER}" service host-updater --config "D:\\our till\\config.toml"' == plan.command
    assert "LocalSystem" == plan.account
    assert plan.rights.endswith(";;;S-1-5-80-1)")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["C:\\x.exe"], '"C:\\x.exe"'),
        (["C:\\x.exe", "a", "b c"], '"C:\\x.exe" a "b c"'),
        (["C:\\x.exe", "C:\\ends here\\"], '"C:\\x.exe" "C:\\ends here\\\\"'),
        (["C:\\x.exe", 'a"b'], '"C:\\x.exe" a\\"b'),
    ],
)
def test_command_lines(words, expected):
    assert expected == command_line(words)


def test_the_child_is_of_the_same_version(tmp_path):
    """Not by the launcher: the pointer may have changed by then, and who changes it starts the service again."""
    command = child_command(["run"], folder=tmp_path)

    assert [str(tmp_path / "python.exe"), "-I", "-S", "-B", str(tmp_path / "start.py"), "run"] == command
    assert ["-m", "agent.cli", "run"] == child_command(["run"], folder=None)[1:]


@pytest.mark.parametrize(
    ("text", "state", "log"),
    [
        ("", "state", "state/log"),
        ('[till]\nstate_folder = "elsewhere"\n', "elsewhere", "elsewhere/log"),
        ('[log]\nfolder = "logs"\n', "state", "logs"),
        ("[till\nbroken", "state", "state/log"),
        ("till = 3\nlog = 'x'", "state", "state/log"),
        ("[till]\nstate_folder = 3\n", "state", "state/log"),
    ],
)
def test_where_the_log_goes_does_not_depend_on_good_settings(tmp_path, monkeypatch, text, state, log):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(text, "utf-8")

    found = folders_told(tmp_path / "config.toml", tmp_path)

    assert [(tmp_path / state).resolve(), (tmp_path / log).resolve()] == [path.resolve() for path in found]


def test_no_settings_file_at_all(tmp_path):
    assert (tmp_path / "state", tmp_path / "state" / "log") == folders_told(tmp_path / "none.toml", tmp_path)
