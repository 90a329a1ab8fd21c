"""What an installer laid down takes its place, keeps the version before, and can be taken back to the last letter."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.packaged import PackagedError, Taken, take_back, take_place
from agent.service.data_folder import DataFolderError
from drivers.vocabulary.release import ReleaseRefused
from offline_queue.migrations import TILL


def lay(root: Path, version: str) -> Path:
    """A version folder as the build makes it."""
    folder = root / "versions" / version
    (folder / "app").mkdir(parents=True)
    (folder / "start.py").write_text("# start\n", "utf-8")
    (folder / "python311.dll").write_bytes(b"MZ")
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    told = {
        "version": version,
        "platform": "win-amd64",
        "built": "2026-01-01T00:00:00Z",
        "schema": TILL.version,
        "readable_from": TILL.readable_from,
        "replica_schema": 1,
        "files": files,
    }
    (folder / "release.json").write_text(json.dumps(told), "utf-8")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the launcher lies."""
    return tmp_path / "Tillpoint"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A till that has sold nothing."""
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def fine(folder: Path, words: Sequence[str], **more: Any) -> dict[str, Any]:
    """A version that starts."""
    assert ("update", "rehearse") == tuple(words[:2])
    return {"version": folder.name}


def place(package: str, state: Path, folder: Path, trial: Any = fine) -> Taken:
    """As the installer calls it."""
    return take_place(package, state=state, config=state.parent / "config.toml", folder=folder, trial=trial)


def read(path: Path) -> str | None:
    """What a small file says."""
    return path.read_text("utf-8").strip() if path.exists() else None


def test_the_first_version_takes_its_place(root: Path, state: Path) -> None:
    """No pointer is laid: the launcher starts the newest."""
    taken = place("msi", state, lay(root, "1.0.0"))

    assert ("1.0.0", "1.0.0", ()) == (taken.version, taken.runs, taken.removed)
    assert (None, "msi") == (read(root / "current"), read(root / "package"))


def test_an_older_pointer_goes_and_one_version_before_stays(root: Path, state: Path) -> None:
    """Of three old ones the newest stays for going back."""
    for old in ("0.8.0", "0.9.0", "0.10.0"):
        lay(root, old)
    (root / "current").write_text(f"{root / 'versions' / '0.10.0'}\n", "utf-8")

    taken = place("exe", state, lay(root, "1.0.0"))

    assert "1.0.0" == taken.runs
    assert {"0.8.0", "0.9.0"} == set(taken.removed)
    assert {"0.10.0", "1.0.0"} == {one.name for one in (root / "versions").iterdir() if one.name[0] != "."}
    assert not (root / "current").exists()


def test_a_newer_version_that_an_update_brought_runs_on(root: Path, state: Path) -> None:
    """Group policy still has the older package."""
    newer = lay(root, "1.1.0")
    (root / "current").write_text(f"{newer}\n", "utf-8")

    taken = place("msi", state, lay(root, "1.0.0"))

    assert "1.1.0" == taken.runs
    assert str(newer) == read(root / "current")
    assert "which is newer and runs on" in taken.in_words()


def test_a_pointer_into_nothing_goes(root: Path, state: Path) -> None:
    """Somebody deleted the folder."""
    own = lay(root, "1.0.0")
    (root / "current").write_text(f"{root / 'versions' / '3.0.0'}\n", "utf-8")

    assert "1.0.0" == place("msi", state, own).runs
    assert not (root / "current").exists()


@pytest.mark.parametrize("spoil", ["change", "lose", "add"])
def test_a_payload_that_is_not_as_it_was_built_changes_nothing(root: Path, state: Path, spoil: str) -> None:
    """The installer hears it before anything is switched."""
    old = lay(root, "0.9.0")
    (root / "current").write_text(f"{old}\n", "utf-8")
    own = lay(root, "1.0.0")
    if spoil == "change":
        (own / "python311.dll").write_bytes(b"not a library")
    elif spoil == "lose":
        (own / "python311.dll").unlink()
    else:
        (own / "app" / "strange.py").write_text("import this\n", "utf-8")

    with pytest.raises(PackagedError, match="fetch"):
        place("msi", state, own)
    assert (str(old), None) == (read(root / "current"), read(root / "package"))


def test_a_version_that_cannot_start_changes_nothing(root: Path, state: Path) -> None:
    """It is tried on a copy before anything is switched, and the copy goes."""
    old = lay(root, "0.9.0")
    (root / "current").write_text(f"{old}\n", "utf-8")
    (state / "api.token").write_text("word", "ascii")
    seen = []

    def broken(folder: Path, words: Sequence[str], **more: Any) -> dict[str, Any]:
        copy = Path(words[3])
        seen.append((folder.name, sorted(one.name for one in copy.iterdir())))
        raise ReleaseRefused("rehearsal", "version 1.0.0 failed in the rehearsal: no module named agent.till")

    with pytest.raises(PackagedError, match=r"failed in the rehearsal: no module named agent\.till"):
        place("msi", state, lay(root, "1.0.0"), broken)
    assert [("1.0.0", ["api.token", "empty.toml"])] == seen
    assert str(old) == read(root / "current")
    assert not (root / "versions" / ".work" / "rehearsal").exists()


def test_taken_back_it_is_as_before(root: Path, state: Path) -> None:
    """Pointer, package and database; a second time there is nothing."""
    old = lay(root, "0.9.0")
    (root / "current").write_text(f"{old}\n", "utf-8")
    (root / "package").write_text("exe\n", "utf-8")
    own = lay(root, "1.0.0")
    place("msi", state, own)

    assert take_back(state=state, folder=own)
    assert (str(old), "exe") == (read(root / "current"), read(root / "package"))
    assert not take_back(state=state, folder=own)


def test_a_first_installation_taken_back_leaves_no_word(root: Path, state: Path) -> None:
    """Nothing was there, nothing is."""
    own = lay(root, "1.0.0")
    place("msi", state, own)

    assert take_back(state=state, folder=own)
    assert (None, None) == (read(root / "current"), read(root / "package"))


def test_a_repeated_call_notes_the_first_state(root: Path, state: Path) -> None:
    """Power went between the files and the service; the installer runs again."""
    old = lay(root, "0.9.0")
    (root / "current").write_text(f"{old}\n", "utf-8")
    own = lay(root, "1.0.0")
    place("msi", state, own)
    place("msi", state, own)
    take_back(state=state, folder=own)

    assert str(old) == read(root / "current")


def test_a_database_is_copied_before_and_put_back(root: Path, state: Path) -> None:
    """A migration by the new version is undone with it."""
    with sqlite3.connect(state / "till.db") as database:
        database.execute("create table kept (word)")
    database.close()
    own = lay(root, "1.0.0")
    place("msi", state, own)

    assert (root / "versions" / ".work" / "installer" / "till.db").exists()


def test_the_command_says_that_it_is_not_for_hands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """In a development tree there is no version folder."""
    assert 1 == main(["package", "take-place", "--config", str(tmp_path / "none.toml")])
    assert "only an installer calls this" in capsys.readouterr().err


def test_the_data_folder_is_made_safe_before_a_word_in_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever made it before us would say where the set-up lays the till's secrets."""

    def refuse() -> list[str]:
        raise DataFolderError("cannot make it safe; run this as an administrator")

    def read(*_: object) -> Any:
        raise AssertionError("read before it was safe")

    monkeypatch.setattr("agent.cli.package.version_folder", lambda: tmp_path)
    monkeypatch.setattr("agent.cli.package.make_folders_safe", refuse)
    monkeypatch.setattr("agent.cli.package.settings_of", read)

    assert 1 == main(["package", "take-place"])
    assert "run this as an administrator" in capsys.readouterr().err


def test_the_space_behind_an_answer_is_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    r"""The MSI lets one follow each value: in `"receipt.folder=C:\POS\"` the backslash would take the quote away."""
    monkeypatch.setenv("TILLPOINT_TILL_STATE_FOLDER", str(tmp_path / "state"))
    config = tmp_path / "config.toml"
    words = ("receipt.how=files", "receipt.system=frontol", f"receipt.folder={tmp_path}", "till.language=en")
    told = [word for one in words for word in ("--set", f"{one} ")]

    assert 0 == main(["package", "set-up", "--config", str(config), *told])

    settings = tomllib.loads(config.read_text("utf-8"))
    assert str(tmp_path) == settings["till_systems"][0]["settings"]["reports"]["folder"]
