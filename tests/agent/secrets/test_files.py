"""Private files: written whole, readable by one, refused when others could have read them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from agent.secrets.files import SecretError, read_private, write_private

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has access lists, which the installer sets")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The folder is made; a second writing replaces; no draft stays."""
    path = tmp_path / "state" / "secret"
    write_private(path, b"one")
    write_private(path, b"two")

    assert b"two" == read_private(path, bytes_max=10)
    assert ["secret"] == [one.name for one in path.parent.iterdir()]


@posix
def test_nobody_else_may_read_what_we_wrote(tmp_path: Path) -> None:
    """Whatever the umask says."""
    before = os.umask(0)
    try:
        write_private(tmp_path / "secret", b"x")
    finally:
        os.umask(before)

    assert 0o600 == stat.S_IMODE((tmp_path / "secret").stat().st_mode)


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_a_file_others_have_rights_to_is_refused_with_the_next_step(tmp_path: Path, mode: int) -> None:
    """Also when they could only write it: then it is not ours to trust."""
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(mode)
    with pytest.raises(SecretError, match=f"mode {mode:04o}.*chmod 600 {path}"):
        read_private(path, bytes_max=10)


@posix
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """It could lead to a file of somebody else's choosing."""
    write_private(tmp_path / "other", b"x")
    (tmp_path / "secret").symlink_to(tmp_path / "other")
    with pytest.raises(SecretError, match="cannot read"):
        read_private(tmp_path / "secret", bytes_max=10)


@posix
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root may give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Somebody put it there before us."""
    path = tmp_path / "secret"
    write_private(path, b"x")
    os.chown(path, 12_345, 12_345)
    with pytest.raises(SecretError, match=r"belongs to user 12345.*chown"):
        read_private(path, bytes_max=10)


@posix
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root writes for others")
def test_root_writes_for_the_owner_of_the_folder(tmp_path: Path) -> None:
    """`sudo tillpoint enrol` must not leave a file that the service cannot read."""
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, 12_345, 12_345)
    write_private(folder / "secret", b"x")

    assert 12_345 == (folder / "secret").stat().st_uid
    assert b"x" == read_private(folder / "secret", bytes_max=10)


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    """One byte too many says that it is too large."""
    write_private(tmp_path / "secret", b"x" * 100)

    assert 11 == len(read_private(tmp_path / "secret", bytes_max=10))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file is where the folder should be."""
    (tmp_path / "state").write_bytes(b"")
    with pytest.raises(SecretError, match=r"cannot write .*secret"):
        write_private(tmp_path / "state" / "secret", b"x")
