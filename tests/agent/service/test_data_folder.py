"""Whose the data folder is: a Windows in memory, with owners and access lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.service.data_folder import DataFolder, DataFolderError
from agent.service.rights import ADMINISTRATORS, SYSTEM, account_sid, sddl, service_sid, updater_sddl

SERVICE = service_sid("Tillpoint")
STRANGER = "S-1-5-21-1-2-3-1001"
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@dataclass
class MemoryAccess:
    owners: dict[Path, str] = field(default_factory=dict)
    links: set[int] = field(default_factory=set)  # inodes: one that is moved away leads elsewhere still
    lists: dict[Path, str] = field(default_factory=dict)
    refuses: bool = False

    def owner_of(self, path: Path) -> str:
        return self.owners.get(path, ADMINISTRATORS)

    def is_link(self, path: Path) -> bool:
        return path.exists() and path.stat().st_ino in self.links

    def protect(self, path: Path, text: str) -> None:
        if self.refuses:
            raise PermissionError(13, "Access is denied", str(path))
        self.lists[path] = text
        self.owners[path] = ADMINISTRATORS  # as the text says

    def is_protected(self, path: Path) -> bool:
        return path in self.lists


@pytest.fixture
def access():
    return MemoryAccess()


@pytest.fixture
def folder(tmp_path, access):
    root = tmp_path / "Tillpoint"
    return DataFolder(root=root, state=root / "state", service=SERVICE, access=access, program=tmp_path / "program")


def test_a_new_one_is_made_and_protected(folder, access):
    assert [] == folder.prepare(NOW)

    assert {folder.root, folder.state, folder.root / "panel"} == set(access.lists)
    assert all(text.startswith(f"O:{ADMINISTRATORS}D:PAI(") for text in access.lists.values())
    assert [] == folder.review()


def test_the_service_reads_its_settings_and_may_not_write_them(folder, access):
    folder.prepare(NOW)

    assert f"(A;OICI;0x1200a9;;;{SERVICE})" in access.lists[folder.root]
    assert f"(A;OICI;0x1301bf;;;{SERVICE})" in access.lists[folder.state]
    assert "S-1-5-32-545" not in access.lists[folder.root] + access.lists[folder.state]
    assert "(A;OICI;0x1200a9;;;S-1-5-32-545)" in access.lists[folder.root / "panel"]


@pytest.mark.parametrize("whose", ["root", "config", "deep"])
def test_a_strangers_folder_is_set_aside(folder, access, whose):
    """Anybody may make folders in ProgramData: one with somebody else's file in it is not believed."""
    folder.state.mkdir(parents=True)
    config = folder.root / "config.toml"
    config.write_text("[updates]\n")
    deep = folder.state / "identity"
    deep.write_text("")
    access.owners[{"root": folder.root, "config": config, "deep": deep}[whose]] = STRANGER

    said = folder.prepare(NOW)

    aside = folder.root.with_name("Tillpoint.insecure-20261122-093000")
    assert 1 == len(said)
    assert str(aside) in said[0]
    assert STRANGER in said[0]
    assert (aside / "config.toml").exists()
    assert not config.exists()


def test_whoever_was_quicker_is_found_afterwards(folder, access):
    """Between the look and the access list anybody may still make folders in ProgramData: what he left counts."""
    protect = access.protect

    def slow(path, text):
        if path == folder.root and not access.lists:
            planted = folder.root / "config.toml"
            planted.write_text("[updates]\n")
            access.owners[planted] = STRANGER
        protect(path, text)

    access.protect = slow
    with pytest.raises(DataFolderError, match="run this again"):
        folder.prepare(NOW)

    assert "was moved to" in folder.prepare(NOW)[0]
    assert not (folder.root / "config.toml").exists()


def test_a_link_in_it_is_not_followed(folder, access):
    folder.state.mkdir(parents=True)
    access.links.add(folder.state.stat().st_ino)

    assert "leads elsewhere" in folder.prepare(NOW)[0]


def test_our_own_is_kept_with_all_that_is_in_it(folder, access):
    folder.prepare(NOW)
    (folder.root / "config.toml").write_text("[till]\n")
    (folder.state / "till.db").write_text("")
    access.owners |= {folder.state / "till.db": SERVICE, folder.root / "config.toml": SYSTEM}

    assert [] == folder.prepare(NOW)
    assert (folder.state / "till.db").exists()


def test_the_owner_of_the_program_is_believed(folder, access):
    """What lies in the program's folder runs anyway."""
    folder.root.mkdir()
    access.owners |= {folder.root: STRANGER, folder.program: STRANGER}

    assert [] == folder.prepare(NOW)


def test_a_refusal_says_what_to_do(folder, access):
    access.refuses = True

    with pytest.raises(DataFolderError, match="as an administrator"):
        folder.prepare(NOW)


def test_at_a_start_what_was_opened_is_closed_again(folder, access):
    folder.prepare(NOW)
    del access.lists[folder.state]

    assert [] == folder.review()
    assert access.is_protected(folder.state)


def test_at_a_start_what_cannot_be_closed_is_said(folder, access):
    folder.prepare(NOW)
    access.lists.clear()
    access.refuses = True

    said = folder.review()

    assert 2 == len(said)
    assert all("tillpoint service install" in sentence for sentence in said)


def test_sids_of_services():
    """The SID of Windows' own TrustedInstaller is known everywhere, and is made by the same rule."""
    assert service_sid("TrustedInstaller") == "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
    assert SYSTEM == account_sid("LocalSystem", "Tillpoint")
    assert "S-1-5-19" == account_sid("NT AUTHORITY\\LocalService", "Tillpoint")
    assert SERVICE == account_sid("NT SERVICE\\Tillpoint", "Tillpoint")


def test_system_itself_needs_no_row_of_its_own():
    assert 1 == sddl("state", SYSTEM).count(SYSTEM)


def test_the_agent_may_start_the_updater_and_no_more():
    assert updater_sddl(SERVICE).endswith(f"(A;;0x94;;;{SERVICE})")
