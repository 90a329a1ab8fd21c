"""Archives: nothing leads out of the folder, nothing is a link, nothing is more than was said."""

from __future__ import annotations

import io
import stat
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.updating import unpack as room
from agent.updating.unpack import unpack
from drivers.vocabulary.release import ReleaseRefused


def zip_of(folder: Path, *members: tuple[str, bytes, int]) -> Path:
    """An archive with these names, contents and modes, written as they are."""
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data, mode in members:
            info = zipfile.ZipInfo()
            info.filename = name
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../out.py",
        "app/../../out.py",
        "/etc/passwd",
        "C:/windows/evil.dll",
        "app\\..\\..\\out.py",
        "app//two.py",
        "app/./here.py",
        "app/con.txt",
        "app/NUL",
        "app/end. ",
        "app/end.",
        "a" * 300,
        "app/line\nbreak.py",
        "app/stream:ads",
    ],
)
def test_a_name_that_leads_elsewhere(tmp_path: Path, name: str) -> None:
    """Refused before anything is written."""
    archive = zip_of(tmp_path, ("start.py", b"", 0o100644), (name, b"evil", 0o100644))

    with pytest.raises(ReleaseRefused, match="leads out of its folder or is no file name"):
        unpack(archive, tmp_path / "into", bytes_max=1_000)
    assert ["made.zip"] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644, stat.S_IFCHR | 0o644])
def test_a_link_or_a_device(tmp_path: Path, mode: int) -> None:
    """Only plain files."""
    with pytest.raises(ReleaseRefused, match="is a link or a device"):
        unpack(zip_of(tmp_path, ("start.py", b"/etc", mode)), tmp_path / "into", bytes_max=1_000)


def test_the_same_name_twice(tmp_path: Path) -> None:
    """Also where only Windows takes them for one."""
    archive = zip_of(tmp_path, ("app/Part.py", b"1", 0o100644), ("app/part.py", b"2", 0o100644))

    with pytest.raises(ReleaseRefused, match="twice"):
        unpack(archive, tmp_path / "into", bytes_max=1_000)


def test_a_bomb(tmp_path: Path) -> None:
    """By what it says of itself."""
    with pytest.raises(ReleaseRefused, match="more than 1000 bytes"):
        unpack(zip_of(tmp_path, ("big", b"0" * 1_001, 0o100644)), tmp_path / "into", bytes_max=1_000)


def test_a_bomb_that_lies(tmp_path: Path) -> None:
    """And by what comes out of it: the library stops at the size that was told, and so do we."""
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big", b"0" * 100_000)
    data = bytearray(path.read_bytes())
    honest = (100_000).to_bytes(4, "little")
    path.write_bytes(bytes(data).replace(honest, (500).to_bytes(4, "little")))

    with pytest.raises(ReleaseRefused):
        unpack(path, tmp_path / "into", bytes_max=1_000)
    written = [one.stat().st_size for one in (tmp_path / "into").rglob("*") if one.is_file()]
    assert sum(written) <= 1_000


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk has an end of names, too."""
    monkeypatch.setattr(room, "FILES_MAX", 3)
    archive = zip_of(tmp_path, *((f"f{number}", b"", 0o100644) for number in range(4)))

    with pytest.raises(ReleaseRefused, match="3 files"):
        unpack(archive, tmp_path / "into", bytes_max=1_000)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_programs_stay_programs(tmp_path: Path) -> None:
    """And nothing is writable by others, whatever the archive says."""
    archive = zip_of(tmp_path, ("tool", b"#!", 0o100777), ("text", b"", 0o100666))
    unpack(archive, tmp_path / "into", bytes_max=1_000)

    assert [0o755, 0o644] == [(tmp_path / "into" / name).stat().st_mode & 0o777 for name in ("tool", "text")]


@settings(max_examples=60)
@given(st.binary(max_size=400), st.integers(0, 300))
def test_rubbish(tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int) -> None:
    """Any damage is a sentence, and nothing lies beside the folder."""
    folder = tmp_path_factory.mktemp("rubbish")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("start.py", b"print()" * 10)
        archive.writestr("app/part.py", b"x")
    whole = made.getvalue()
    (folder / "made.zip").write_bytes(whole[:at] + data + whole[at + len(data) :])
    with suppress(ReleaseRefused, OSError):
        unpack(folder / "made.zip", folder / "into", bytes_max=10_000)
    assert {one.name for one in folder.iterdir()} <= {"made.zip", "into"}
