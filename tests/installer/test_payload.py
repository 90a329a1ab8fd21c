"""A version folder: what starts in it, what it says of itself, and that the same tree gives the same bytes."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import marshal
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

STUB = """import json, sys
def main():
    print(json.dumps({"path": sys.path, "argv": sys.argv, "bytecode": not sys.dont_write_bytecode}))
    return 7
"""


@pytest.fixture
def payload(build_tool, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return build_tool("payload")


@pytest.fixture
def folder(project, tmp_path):
    """A version folder whose agent tells what it sees."""
    one = tmp_path / "1.0"
    (one / "app/agent").mkdir(parents=True)
    (one / "app/agent/__init__.py").touch()
    (one / "app/agent/cli.py").write_text(STUB)
    shutil.copyfile(project / "installer/build/start.py", one / "start.py")
    return one


def _start(folder, *options):
    environment = {**os.environ, "PYTHONPATH": "/somewhere/else"}
    words = [sys.executable, *options, folder / "start.py", "queue", "status"]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=folder.parent)


def test_the_start_sees_its_own_folder_alone(folder):
    """No package of the machine, no folder of the moment; arguments and the exit code pass through."""
    done = _start(folder, "-I", "-S")
    told = json.loads(done.stdout)

    assert 7 == done.returncode
    assert ["tillpoint", "queue", "status"] == told["argv"]
    assert str(folder / "app") == told["path"][-1]
    assert not [path for path in told["path"] if "site-packages" in path or "somewhere" in path or path == ""]


def test_the_start_leaves_no_byte_code(folder):
    """The folder is as it was delivered, and its hashes hold."""
    told = json.loads(_start(folder, "-I", "-S").stdout)

    assert not told["bytecode"]
    assert not list(folder.rglob("__pycache__"))


@pytest.mark.parametrize("options", [(), ("-I",), ("-S",)])
def test_started_by_hand_without_the_options_it_says_so(folder, options):
    """Otherwise a package of the machine could stand before ours."""
    done = _start(folder, *options)

    assert 1 == done.returncode
    assert "start it with: python -I -S" in done.stderr


def test_an_archive_depends_on_its_contents_alone(payload, folder, tmp_path):
    """Not on times, nor on the order in which files were made."""
    first = payload.archive(folder, tmp_path / "first.zip")
    other = tmp_path / "other"
    for path in sorted((one for one in folder.rglob("*") if one.is_file()), reverse=True):
        target = other / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
        target.chmod(0o600)
        os.utime(target, (1, 1))
    second = payload.archive(other, tmp_path / "second.zip")

    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as made:
        names = made.namelist()
        assert sorted(names) == names
        assert {(2023, 11, 14)} == {entry.date_time[:3] for entry in made.infolist()}


def test_another_byte_is_another_archive(payload, folder, tmp_path):
    """The comparison above can fail."""
    first = payload.archive(folder, tmp_path / "first.zip").read_bytes()
    (folder / "app/agent/__init__.py").write_text("\n")

    assert first != payload.archive(folder, tmp_path / "second.zip").read_bytes()


def test_a_release_names_every_file_by_its_hash(payload, folder):
    """But itself; and the number of the till's tables, which decides whether a version can go back."""
    from agent.updating.unpack import facts_of
    from offline_queue.migrations import TILL

    payload.write_release(folder, version="1.0", platform="win-amd64")
    payload.write_release(folder, version="1.0", platform="win-amd64")  # after files were added
    told = json.loads((folder / "release.json").read_text("utf-8"))

    assert {"app/agent/__init__.py", "app/agent/cli.py", "start.py"} == set(told["files"])
    assert hashlib.sha256(STUB.encode()).hexdigest() == told["files"]["app/agent/cli.py"]
    facts = facts_of(folder)  # as the updater reads it
    assert ("1.0", "win-amd64") == (facts.version, facts.platform)
    assert (TILL.version, TILL.readable_from) == (facts.schema, facts.readable_from)
    assert told["files"] == facts.files


def test_byte_code_holds_whatever_the_time_of_its_source(payload, folder):
    """Unchecked hashes (PEP 552), names relative to app/, and the same bytes each time."""
    payload._compile(folder)
    made = next((folder / "app/agent/__pycache__").glob("cli.*.pyc"))
    first = made.read_bytes()
    os.utime(folder / "app/agent/cli.py", (1, 1))
    made.unlink()
    payload._compile(folder)

    assert first == made.read_bytes()
    assert importlib.util.MAGIC_NUMBER == first[:4]
    assert 0b01 == int.from_bytes(first[4:8], "little")
    assert b"agent/cli.py" in first
    assert str(folder).encode() not in first


def test_byte_code_has_no_docstrings_and_all_else(payload, folder):
    """Assertions stay, a body that said nothing but what it is for, and what the local API's document shows."""
    source = folder / "app/agent/told.py"
    source.write_text(
        'from enum import Enum\nclass B:\n    """C."""\ndef d(e):\n    """F."""\n    assert e, "g"\n    return e\n'
        'class H(Enum):\n    """I."""\n',
        "utf-8",
    )
    payload._compile(folder)
    names: dict[str, object] = {}
    exec(marshal.loads(next((source.parent / "__pycache__").glob("told.*.pyc")).read_bytes()[16:]), names)

    assert (None, None, "I.") == (names["B"].__doc__, names["d"].__doc__, names["H"].__doc__)
    assert 5 == names["d"](5)
    with pytest.raises(AssertionError, match="g"):
        names["d"](0)


def test_commands_of_what_stays_out_are_not_offered(payload):
    """Drivers and tills stay: they are found by these lines."""
    text = (
        "[console_scripts]\ntillpoint = agent.cli:main\n\n[tillpoint.commands]\ncentral = central.cli:main\n"
        "simulate = simulation.cli:main\n\n[tillpoint.drivers]\natol = drivers.printers.atol:driver\n"
    )
    kept = payload.without_commands(text)

    assert "[tillpoint.drivers]\natol = drivers.printers.atol:driver\n" in kept
    assert "tillpoint = agent.cli:main" in kept
    assert "central" not in kept
    assert "simulat" not in kept
    assert "tillpoint.commands" not in kept


def test_another_python_is_refused_in_a_sentence(payload, tmp_path, monkeypatch, capsys):
    """Byte code is for one Python."""
    monkeypatch.setattr(payload.sys, "version_info", (3, 12, 0))

    assert 1 == payload.main(["--folder", str(tmp_path / "x")])
    assert "compiled for Python 3.11" in capsys.readouterr().err


def test_what_goes_and_what_stays(build_tool, tmp_path):
    """Tests and papers go; metadata, entry points and data of packages stay."""
    gone = [
        "tests/test_one.py", "qrcode/tests/a.py", "apsw/__init__.pyi", "PIL/_avif.cpython-311-x86_64-linux-gnu.so",
        "pillow.libs/libavif-1.so", "win32com/client.py", "one-1.0.dist-info/RECORD",
        "one-1.0.dist-info/licenses/LICENSE", "barcode/fonts/font.ttf",
    ]  # fmt: skip
    stays = [
        "one-1.0.dist-info/METADATA", "one-1.0.dist-info/entry_points.txt", "escpos/capabilities.json", "PIL/_imaging.so",
        "agent/doors/panel/index.html", "tzdata/zoneinfo/Europe/Moscow", "win32/win32api.pyd", "starlette/testclient.py",
        "drivers/tests_of_ours.py",
    ]  # fmt: skip
    for name in [*gone, *stays]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("12345")

    assert 5 * len(gone) == build_tool("stripping").strip(tmp_path)
    assert sorted(stays) == sorted(
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    )
    assert not (tmp_path / "qrcode").exists()
