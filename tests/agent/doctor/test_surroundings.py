"""What a bundle takes of the machine: our own log before the journal, the service manager's word, what updates did."""

from __future__ import annotations

import json
import logging
import sys
import zipfile
from pathlib import Path

import pytest

from agent.cli import main
from agent.doctor.surroundings import log_text, service_state, update_history
from agent.service.logs import set_up
from agent.settings import LogSettings, Settings, TillSettings, UpdatesSettings

CARD, PHONE, MAIL = "2900000000018", "+7 900 000-00-01", "anna@example.com"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    versions = UpdatesSettings(versions_folder=str(tmp_path / "versions"))
    return Settings(till=TillSettings(state_folder=str(tmp_path)), updates=versions)


def test_our_own_files_come_before_the_journal(settings: Settings, tmp_path: Path) -> None:
    """Also those of the processes beside the agent; without any the journal is asked."""
    asked: list[str] = []

    def ask(words: object) -> str:
        asked.append(words[0])  # type: ignore[index]
        return "from the journal\n"

    without = log_text(settings, ask=ask)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "tillpoint.log").write_text("2026 INFO agent.x two\n")
    (tmp_path / "log" / "tillpoint.log.1").write_text("2026 INFO agent.x one\n")
    (tmp_path / "log" / "service.log").write_text("2026 INFO service started\n")
    own = log_text(settings, ask=ask)

    assert ("from the journal\n", ["journalctl"]) == (without, asked)
    assert ["one", "two", "service.log", "started"] == [line.split()[-1] for line in own.splitlines()]
    assert "from the journal\n" == log_text(None, ask=ask)


def test_the_service_manager_is_asked_of_ours_alone() -> None:
    asked: list[list[str]] = []
    service_state(ask=lambda words: asked.append(list(words)) or "")

    assert all("illpoint" in " ".join(words) for words in asked)


def test_what_updates_did(settings: Settings, tmp_path: Path) -> None:
    assert "" == update_history(settings)
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "current").write_text("/usr/lib/tillpoint/versions/1.2.0\n")
    (tmp_path / "versions" / "status.json").write_text('{"state": "rolled_back"}')
    (tmp_path / "updates").mkdir()
    (tmp_path / "updates" / "wish.json").write_text('{"version": "1.2.1"}')
    told = update_history(settings)

    assert ["1.2.0", "rolled_back", "1.2.1"] == [word for word in ("1.2.0", "rolled_back", "1.2.1") if word in told]


@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: asks systemctl, which is not on Windows")
def test_nothing_personal_leaves_by_the_new_files_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log, a service state and an update's words that hold what they never should."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "systemctl").write_text(f"#!/bin/sh\necho 'Result=core-dump {CARD} {MAIL}'\n")
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    state = tmp_path / "state"
    (state / "log").mkdir(parents=True)
    (state / "log" / "tillpoint.log").write_text(f"2026 ERROR agent.x number={CARD} {PHONE} {MAIL}\n")
    (state / "updates").mkdir()
    (state / "updates" / "wish.json").write_text(json.dumps({"reason": f"{PHONE} Bearer abc.def {CARD}"}))
    config = tmp_path / "config.toml"
    config.write_text(f"[till]\nstate_folder = '{state}'\n[updates]\nversions_folder = '{tmp_path / 'v'}'\n")
    main(["doctor", "--config", str(config), "--bundle", str(tmp_path / "b.zip")])
    with zipfile.ZipFile(tmp_path / "b.zip") as opened:
        files = {name: opened.read(name).decode() for name in opened.namelist()}
    whole = "\n".join(files.values())

    assert {"log.txt", "service.txt", "updates.txt", "README.txt"} <= set(files)
    assert [] == [one for one in (CARD, PHONE, MAIL, "abc.def") if one in whole]
    assert "Result=core-dump ###" in files["service.txt"]
    assert [] == [name for name in files if name not in files["README.txt"] and name != "README.txt"]


def test_the_log_itself_holds_nobody(tmp_path: Path) -> None:
    """Masked where it is written: what is on the till's disk is what a thief of it reads."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook
    try:
        set_up(LogSettings(event_log=False), tmp_path, level="debug", environment={})
        logging.getLogger("noisy_package").debug("sending %r", {"phone": PHONE, "card": CARD, "mail": MAIL})
        for handler in root.handlers:
            if handler not in before[0]:
                handler.close()
    finally:
        root.handlers[:], sys.excepthook = before[0], before[2]
        root.setLevel(before[1])
    text = (tmp_path / "log" / "tillpoint.log").read_text()

    assert "noisy_package" in text
    assert [] == [one for one in (CARD, PHONE, MAIL) if one in text]
