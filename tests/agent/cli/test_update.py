"""`tillpoint update`: what it tells, and what it refuses in words."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main, update
from agent.doctor.report import State
from agent.doctor.updates import check_updates
from agent.settings import Settings, TillSettings, UpdatesSettings
from agent.updating.places import places_of
from agent.updating.records import Hearing, HearingState, Journal, Status, Step, Waiting, keep
from drivers.vocabulary.updates import LastTry, TryOutcome, UpdateState

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A till with one version folder."""
    for version in ("1.0.0", "1.1.0"):
        (tmp_path / "versions" / version).mkdir(parents=True)
        (tmp_path / "versions" / version / "start.py").write_text("", "utf-8")
    (tmp_path / "versions" / "current").write_text(f"{tmp_path / 'versions' / '1.0.0'}\n", "utf-8")
    (tmp_path / "state" / "updates").mkdir(parents=True)
    (tmp_path / "versions" / ".work").mkdir()
    (tmp_path / "config.toml").write_text(
        f"[till]\nstate_folder = {json.dumps(str(tmp_path / 'state'))}\n"
        f"[updates]\nversions_folder = {json.dumps(str(tmp_path / 'versions'))}\n",
        "utf-8",
    )
    return Settings(
        till=TillSettings(state_folder=str(tmp_path / "state")),
        updates=UpdatesSettings(versions_folder=str(tmp_path / "versions")),
    )


def say(settings: Settings, **more: Any) -> None:
    """The updater's word."""
    status = {"state": UpdateState.IDLE, "running": "1.0.0", "at": NOON, **more}
    keep(places_of(settings).status, Status(**status))


def asked(tmp_path: Path, *words: str) -> int:
    return main(["update", *words, "--config", str(tmp_path / "config.toml")])


def test_status(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words and as JSON: what runs, what lies ready, what it waits for, what became of the last."""
    last = LastTry(version="1.1.0", outcome=TryOutcome.ROLLED_BACK, reason="device printer is not open", at=NOON)
    say(settings, prepared="1.2.0", previous="0.9.0", last=last, not_again={"1.1.0": "device printer is not open"})
    keep(places_of(settings).waiting, Waiting(version="1.2.0", reason="the shop is open; not outside 22:00-07:00"))

    assert 0 == asked(tmp_path, "status")
    told = capsys.readouterr().out
    assert 0 == asked(tmp_path, "status", "--json")
    read = json.loads(capsys.readouterr().out)

    for words in (
        "running   1.0.0",
        "prepared  1.2.0",
        "waiting   the shop is open",
        "1.1.0 rolled back (2026-06-01T12:00:00+00:00): device printer is not open",
    ):
        assert words in told
    assert ("1.0.0", ["1.0.0", "1.1.0"], "auto") == (read["running"], read["versions"], read["install"])
    assert "rolled_back" == read["last"]["outcome"]


def test_pin_and_unpin(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The version that runs; it stands in the status until it is unpinned."""
    assert 0 == asked(tmp_path, "pin")
    assert "pinned    1.0.0" in capsys.readouterr().out
    assert 0 == asked(tmp_path, "unpin", "--json")
    assert "" == json.loads(capsys.readouterr().out)["pinned"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rollback"], "there is no version to go back to on this till"),
        (["pin", "7.0.0"], "version 7.0.0 is not on this till (there are: 1.0.0, 1.1.0)"),
        (["now", "--from", "/nowhere"], "nowhere has 0 files *.release.json; one is needed"),
    ],
)
def test_what_cannot_be(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    """A sentence, and nothing was touched."""
    assert 1 == asked(tmp_path, *words)
    assert sentence in capsys.readouterr().err


def test_now_lays_the_word(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For the agent to see."""
    assert 0 == asked(tmp_path, "now", "--no-wait")
    assert places_of(settings).asked_now.exists()
    assert "asked" in capsys.readouterr().out


def test_now_where_updates_are_off(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No thread would hear it: said at once, with what to do."""
    with (tmp_path / "config.toml").open("a", encoding="utf-8") as file:
        file.write('install = "off"\n')

    assert 1 == asked(tmp_path, "now")
    assert 'updates.install is "off"' in capsys.readouterr().err
    assert not places_of(settings).asked_now.exists()


@pytest.mark.parametrize(
    ("state", "said", "code"),
    [
        (HearingState.NEWEST, "the centre has nothing newer than 1.0.0 for this till", 0),
        (HearingState.FAILED, "the centre does not answer: no line", 1),
    ],
)
def test_now_tells_the_agents_answer(
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    state: HearingState,
    said: str,
    code: int,
) -> None:
    """Who waits at the command is told why nothing comes, not left waiting; an answer to another word is none."""
    monkeypatch.setattr(update, "LOOK_S", 0.05)
    places = places_of(settings)
    keep(places.hearing, Hearing(word=1, state=HearingState.FAILED, said="of yesterday"))

    def answer() -> None:
        while not (places.asked_now.exists() and places.asked_now.read_text("ascii")):
            threading.Event().wait(0.02)
        word = places.asked_now.stat().st_mtime_ns
        for now, words in ((HearingState.GOING, "asking the centre"), (state, said)):
            keep(places.hearing, Hearing(word=word, state=now, said=words))
            threading.Event().wait(0.5)

    agent = threading.Thread(target=answer)
    agent.start()
    assert code == asked(tmp_path, "now")
    agent.join()
    told = capsys.readouterr()

    assert "of yesterday" not in told.out + told.err
    assert "asking the centre\n" in told.out
    assert f"{said}\n" in (told.err if code else told.out)


def test_apply_with_nothing_to_do(settings: Settings, tmp_path: Path) -> None:
    """Ends at once, and well."""
    assert 0 == asked(tmp_path, "apply")


# ── The doctor ──────────────────────────────────────────────────────────────────────────────────


def codes(settings: Settings, now: datetime = NOON) -> list[str]:
    return [one.code for one in check_updates(settings, now)]


def test_the_doctor_on_updates(settings: Settings, tmp_path: Path) -> None:
    """What went back, what is not taken, what lies too long, what was cut."""
    assert [""] == codes(settings)
    say(settings, last=LastTry(version="1.1.0", outcome=TryOutcome.ROLLED_BACK, reason="x", at=NOON))
    assert ["update_rolled_back"] == codes(settings)
    say(settings, last=LastTry(version="1.1.0", outcome=TryOutcome.REFUSED, reason="x", at=NOON))
    assert ["update_refused"] == codes(settings)
    say(settings, last=LastTry(version="1.0.0", outcome=TryOutcome.HEALTHY, at=NOON))
    assert [""] == codes(settings)
    say(settings, prepared="1.1.0", prepared_at=NOON)
    assert ["", ""] == codes(settings, NOON + timedelta(days=14))
    assert ["", "update_late"] == codes(settings, NOON + timedelta(days=15))
    journal = Journal(
        step=Step.WATCHING, version="1.1.0", folder="x", previous_version="1.0.0", previous="y", began_at=NOON
    )
    keep(places_of(settings).journal, journal)
    assert [""] == codes(settings, NOON + timedelta(minutes=9))
    assert ["update_cut"] == codes(settings, NOON + timedelta(hours=5))


def test_the_doctor_where_nothing_was_installed(tmp_path: Path) -> None:
    """A development tree is not updated."""
    nowhere = Settings(updates=UpdatesSettings(versions_folder=str(tmp_path / "none")))

    assert [State.SKIPPED] == [one.state for one in check_updates(nowhere, NOON)]
