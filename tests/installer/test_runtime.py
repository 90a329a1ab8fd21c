"""The Windows runtime is what was pinned, and nothing else; its programs are the same bytes at every build."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import zipfile

import pytest


@pytest.fixture(scope="module")
def runtime(build_tool):
    return build_tool("runtime")


@pytest.fixture(scope="module")
def programs(build_tool):
    one = build_tool("programs")
    if one.missing():
        pytest.skip(f"SKIPPED LOUDLY: no program for Windows was made: {one.missing()}")
    return one


@pytest.fixture
def embeddable(tmp_path):
    """A package that looks like python.org's, without a Python in it."""
    path = tmp_path / "python-3.11.9-embed-amd64.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in (
            "python.exe", "pythonw.exe", "python311.dll", "python3.dll", "vcruntime140.dll", "vcruntime140_1.dll",
            "python311.zip", "python311._pth", "_ssl.pyd", "libssl-3.dll", "_tkinter.pyd", "sqlite3.dll", "python.cat",
        ):  # fmt: skip
            archive.writestr(name, f"bytes of {name}")
    return path


def test_from_the_embeddable_package(runtime, embeddable, tmp_path):
    """Same shape as otherwise: extension modules in DLLs, what a till does not need left out, isolated."""
    into = tmp_path / "version"

    facts = runtime.make_runtime(into, python_zip=embeddable)

    assert {"_ssl.pyd", "libssl-3.dll", "sqlite3.dll"} == {path.name for path in (into / "DLLs").iterdir()}
    assert not (into / "pythonw.exe").exists()
    assert b"python311.zip\r\nDLLs\r\n" == (into / "python311._pth").read_bytes()
    assert "3.11.9" == facts["python"]
    assert hashlib.sha256(embeddable.read_bytes()).hexdigest() == facts["source_sha256"]
    assert facts == json.loads((into / "runtime.json").read_text("utf-8"))


def test_another_digest_than_told_is_refused(runtime, embeddable, tmp_path, capsys):
    words = ["--into", str(tmp_path / "version"), "--python-zip", str(embeddable), "--sha256", "0" * 64]

    assert 1 == runtime.main(words)
    assert "fetch it again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "sentence"), [(b"no zip", "is no zip archive"), (None, "cannot read"), ("empty", "it lacks")]
)
def test_what_is_no_embeddable_package_is_named(runtime, tmp_path, data, sentence):
    path = tmp_path / "python.zip"
    if data == "empty":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("readme.txt", "")
        data = packed.getvalue()
    if data is not None:
        path.write_bytes(data)

    with pytest.raises(runtime.RuntimeMakingError, match=sentence):
        runtime.make_runtime(tmp_path / "version", python_zip=path)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the runtime's standard library is that of a Python 3.11")
def test_a_wheel_that_is_not_the_pinned_one_is_refused(runtime, tmp_path):
    path = tmp_path / "panda3d-1.10.16-cp311-cp311-win_amd64.whl"
    path.write_bytes(b"somebody else's")

    with pytest.raises(runtime.RuntimeMakingError, match="is not the pinned wheel"):
        runtime.make_runtime(tmp_path / "version", wheel=path)


def test_the_standard_library_is_compiled_and_without_what_a_till_does_not_need(runtime, tmp_path):
    """Of a small one: packages, tests in them, what is left out by name, and what only looks like it."""
    for name in (
        "os.py",
        "turtle.py",
        "testing.py",
        "json/__init__.py",
        "json/test/x.py",
        "tkinter/__init__.py",
        "_sysconfigdata_a.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")

    packed = runtime._packed_stdlib(tmp_path, runtime.NOT_ON_A_TILL)

    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert ["json/__init__.pyc", "os.pyc", "testing.pyc"] == archive.namelist()
        assert b"\x01\x00\x00\x00" == archive.read("os.pyc")[4:8]  # by hash, unchecked
    assert packed == runtime._packed_stdlib(tmp_path, runtime.NOT_ON_A_TILL)


@pytest.mark.machine
def test_the_launcher_is_the_same_at_every_build(programs, tmp_path):
    first = programs.make_launcher(tmp_path / "a", version="1.2.3rc1")
    second = programs.make_launcher(tmp_path / "b", version="1.2.3rc1")

    assert ["tillpoint.exe", "tillpointw.exe"] == [path.name for path in first]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert all(path.read_bytes().startswith(b"MZ") for path in first)


@pytest.mark.machine
def test_a_library_that_is_no_python_is_refused(programs, tmp_path):
    """The forwarder would lead nowhere."""
    made = programs.make_launcher(tmp_path, version="1")[0]

    with pytest.raises(programs.ProgramsError, match="Py_Main"):
        programs.make_forwarder(tmp_path / "python3.dll", made)


def test_without_a_compiler_the_next_step_is_told(build_tool, monkeypatch, tmp_path, capsys):
    tool = build_tool("programs")
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert 1 == tool.main(["--into", str(tmp_path)])
    assert "apt-get install" in capsys.readouterr().err
