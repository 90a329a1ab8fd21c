"""Entered for the next logon and taken out again; which browser, with which words; what the cashier's account may read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.assembly import Agent
from agent.cli import main
from agent.desktop import access, autostart
from agent.desktop.browsers import Browser, find, words
from agent.desktop.monitors import Monitor, customers_monitor, parse_place
from agent.doors.keys import DoorSecrets
from agent.settings import DoorsSettings, PanelSettings, Settings, TillSettings
from drivers.vocabulary.errors import SettingsError, TillpointError

LEFT = Monitor(x=0, y=0, width=1024, height=768, is_primary=True)
RIGHT = Monitor(x=1024, y=0, width=800, height=480)
LAUNCHER = r"C:\Program Files\Tillpoint\tillpoint.exe"


class PaperRegistry:
    def __init__(self, *, is_closed: bool = False) -> None:
        self.values: dict[tuple[str, bool], str] = {}
        self.is_closed = is_closed

    def set(self, name: str, text: str, *, for_all: bool) -> None:
        if self.is_closed:
            raise PermissionError(5, "Access is denied")
        self.values[name, for_all] = text

    def delete(self, name: str, *, for_all: bool) -> bool:
        return self.values.pop((name, for_all), None) is not None


def test_windows_runs_it_at_logon() -> None:
    registry = PaperRegistry()
    autostart.install(for_all=True, command=[LAUNCHER], registry=registry)
    autostart.install(for_all=True, command=[LAUNCHER], registry=registry)

    assert {("Tillpoint panel", True): f'"{LAUNCHER}" panel --stay'} == registry.values
    assert "any more" in autostart.remove(for_all=True, registry=registry)
    assert "nothing to remove" in autostart.remove(for_all=True, registry=registry)
    assert {} == registry.values


def test_whoever_may_not_is_told_so() -> None:
    with pytest.raises(TillpointError, match="administrator"):
        autostart.install(for_all=True, command=[LAUNCHER], registry=PaperRegistry(is_closed=True))


@pytest.mark.skipif(sys.platform == "win32", reason="an autostart entry is a thing of Linux")
def test_linux_has_an_entry_that_is_a_desktop_entry(tmp_path: Path) -> None:
    """With a launcher in a folder with a space and a percent sign, as nobody would have it."""
    told = autostart.install(for_all=False, command=["/opt/my till%/tillpoint"], folder=tmp_path / "autostart")
    entry = tmp_path / "autostart" / "tillpoint-panel.desktop"

    assert str(entry) in told
    assert 'Exec="/opt/my till%%/tillpoint" panel --stay' in entry.read_text("utf-8")
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", entry], check=True)
    autostart.remove(for_all=False, folder=tmp_path / "autostart")
    assert not entry.exists()
    assert "nothing to remove" in autostart.remove(for_all=False, folder=tmp_path / "autostart")


@pytest.mark.skipif(sys.platform == "win32", reason="groups are a thing of Linux")
def test_the_cashiers_account_gets_into_the_group(tmp_path: Path) -> None:
    ran: list[list[str]] = []

    def run(command: list[str]) -> int:
        ran.append(list(command))
        return 0 if command[-1] == "kassa" else 6

    autostart.install(for_all=True, user="kassa", command=["tillpoint"], folder=tmp_path, run=run)
    with pytest.raises(TillpointError, match="does it exist"):
        autostart.install(for_all=True, user="nobody-here", command=["tillpoint"], folder=tmp_path, run=run)

    assert ["usermod", "-a", "-G", "tillpoint", "kassa"] == ran[0]


@pytest.mark.skipif(sys.platform == "win32", reason="an autostart entry is a thing of Linux")
def test_the_command_does_it_for_one_account(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    main(["panel", "--install-logon", "--for-me"])
    there = (tmp_path / "autostart" / "tillpoint-panel.desktop").exists()
    main(["panel", "--remove-logon", "--for-me"])

    assert there
    assert not (tmp_path / "autostart" / "tillpoint-panel.desktop").exists()
    assert "next logon" in capsys.readouterr().out


# ── Browsers ────────────────────────────────────────────────────────────────────────────────────


def test_the_first_browser_there_is() -> None:
    linux = find(
        "", platform="linux", which=lambda name: f"/usr/bin/{name}" if name in {"firefox", "yandex-browser"} else None
    )
    edge = r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe"
    windows = find(
        "", platform="win32", exists=lambda path: path == edge,
        environment={"PROGRAMFILES(X86)": r"C:\Program Files (x86)"}.get,
    )  # fmt: skip

    assert Browser(program="/usr/bin/yandex-browser", is_firefox=False) == linux
    assert Browser(program=edge, is_firefox=False) == windows


def test_the_named_browser_or_a_sentence() -> None:
    def nowhere(name: str) -> None:
        return None

    assert find("firefox-esr", which=lambda name: f"/usr/bin/{name}").is_firefox
    assert find(r"D:\ff\firefox.exe", which=nowhere, exists=lambda path: True).is_firefox
    with pytest.raises(SettingsError, match=r"panel\.browser: there is no opera"):
        find("opera", which=nowhere, exists=lambda path: False)
    with pytest.raises(SettingsError, match="no browser is on this machine"):
        find("", platform="linux", which=nowhere)


def test_words_of_both_families(tmp_path: Path) -> None:
    url = "http://127.0.0.1:8765/panel?ticket=1"
    chromium = words(Browser(program="c", is_firefox=False), url, profile=tmp_path, place=RIGHT, is_full=True)
    firefox = words(Browser(program="f", is_firefox=True), url, profile=tmp_path, place=RIGHT, is_full=True)
    free = words(Browser(program="c", is_firefox=False), url, profile=tmp_path, place=None, is_full=False)

    assert f"--app={url}" == chromium[-1]
    assert {
        "--window-position=1024,0",
        "--window-size=800,480",
        "--start-fullscreen",
        f"--user-data-dir={tmp_path}",
    } <= set(chromium)
    assert ["--kiosk", url] == firefox[-2:]
    assert [] == [word for word in free if word.startswith(("--window", "--start"))]


# ── Monitors ────────────────────────────────────────────────────────────────────────────────────


def test_which_monitor_is_the_customers() -> None:
    mirrored = Monitor(x=0, y=0, width=800, height=600)

    assert RIGHT == customers_monitor([LEFT, RIGHT])
    assert RIGHT == customers_monitor([RIGHT, LEFT])
    assert customers_monitor([LEFT]) is None
    assert customers_monitor([LEFT, mirrored]) is None  # both show the same
    assert customers_monitor([]) is None


def test_a_place_in_words() -> None:
    assert Monitor(x=664, y=0, width=360, height=768) == parse_place("360x768+664+0")
    assert parse_place("") is None


# ── Access ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.net
@pytest.mark.skipif(
    sys.platform == "win32", reason="modes are a thing of POSIX; on Windows the installer's access list rules"
)
def test_a_service_lays_what_the_cashiers_account_needs_and_no_more(tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    state = tmp_path / "state"
    panel = PanelSettings(hot_key="F9", customer_screen=True, language="en")
    agent = Agent(Settings(till=TillSettings(state_folder=str(state)), doors=DoorsSettings(port=0), panel=panel))
    agent.start()
    try:
        agent.lay_panel_access()
        known = access.read(folder)
        laid = (folder / "panel.json").read_text()
    finally:
        agent.stop()
    own = DoorSecrets.load_or_create(state, agent.clock)

    assert 0o640 == (folder / "panel.json").stat().st_mode & 0o777
    assert ("F9", True, "For our customers") == (known.hot_key, known.customer_screen, known.customer_title)
    assert own.session_of(known.secrets().new_session())
    assert own.api_token not in laid
    assert not known.secrets().is_api_token("")
    access.remove(folder)
    with pytest.raises(TillpointError, match="start its service"):
        access.read(folder)


def test_an_agent_that_is_no_service_lays_nothing(monkeypatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("PROGRAMDATA", "/nowhere")

    assert access.panel_folder() is None


def test_a_file_that_is_none_of_ours_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "panel.json").write_text("{}")
    with pytest.raises(TillpointError, match="cannot read"):
        access.read(tmp_path)
