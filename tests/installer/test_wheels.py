"""Which wheels a till gets, and that none with another hash is taken."""

from __future__ import annotations

import hashlib
import zipfile

import pytest


@pytest.fixture
def wheels(build_tool):
    return build_tool("wheels")


@pytest.fixture
def closure(wheels, project):
    """Platform → the names of what it gets."""
    pins = wheels.pins_of_lock((project / "requirements.lock").read_text("utf-8"))
    return {
        name: {pin.name for pin in wheels.run_closure(pins, project, platform)}
        for name, platform in wheels.PLATFORMS.items()
    }


def test_what_the_agent_imports_is_there(closure):
    """Also what our dependencies need, through several hands."""
    for names in closure.values():
        assert {"msgspec", "apsw", "httpx", "httpcore", "h11", "certifi", "pillow", "cffi", "sqlite-fts4"} <= names


def test_what_a_till_never_needs_is_not(closure, wheels):
    """The centre, the build tools, installers of packages."""
    for names in closure.values():
        assert not names & {"sqlalchemy", "prometheus-client", "hatchling", "editables", "packaging"}
        assert not names & set(wheels.NOT_NEEDED)


def test_markers_are_those_of_the_target(closure):
    """Not of the machine that builds."""
    linux, windows = closure["linux-x86_64-cp311"], closure["win-amd64"]

    assert {"pywin32", "colorama"} == windows - linux
    assert {"python-xlib"} == linux - windows


def test_a_row_of_the_lock(wheels):
    """Name, version, marker, hashes, and who wants it."""
    text = (
        f"# made by a tool\nPywin32==312 ; sys_platform == 'win32' \\\n    --hash=sha256:{'a' * 64} \\\n"
        f"    --hash=sha256:{'b' * 64}\n    # via tillpoint (pyproject.toml)\nsix==1.0 \\\n    --hash=sha256:{'c' * 64}\n"
        "    # via\n    #   one\n    #   python-xlib\n"
    )
    pins = wheels.pins_of_lock(text)

    assert ("312", "sys_platform == 'win32'") == (pins["pywin32"].version, pins["pywin32"].marker)
    assert frozenset({"a" * 64, "b" * 64}) == pins["pywin32"].hashes
    assert frozenset({"one", "python-xlib"}) == pins["six"].wanted_by
    assert not pins["pywin32"].is_for(wheels.PLATFORMS["linux-x86_64-cp311"])


def _wheel(path, files):
    with zipfile.ZipFile(path, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return path


def test_a_wheel_with_another_hash_is_not_taken(wheels, tmp_path, monkeypatch):
    """It lies where wheels lie, and still pip is asked; nobody takes what the lock does not name."""
    asked = []
    monkeypatch.setattr(wheels, "_download", lambda pins, _platform, _folder: asked.extend(pins))
    path = _wheel(tmp_path / "good-1.0-py3-none-any.whl", {"good.py": ""})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    pin = wheels.Pin(name="good", version="1.0", marker="", hashes=frozenset({digest}), wanted_by=frozenset())
    platform = wheels.PLATFORMS["win-amd64"]

    assert {"good": path} == wheels.fetch([pin], platform, tmp_path)
    assert not asked

    _wheel(path, {"good.py": "import os"})
    with pytest.raises(wheels.BuildFailed, match="no wheel of good for win-amd64"):
        wheels.fetch([pin], platform, tmp_path)
    assert [pin] == asked


def test_only_modules_are_unpacked(wheels, tmp_path):
    """Scripts and headers stay out, and nothing leaves the folder."""
    files = {
        "one/__init__.py": "1",
        "one-1.0.data/purelib/two.py": "2",
        "one-1.0.data/scripts/run": "#!python",
        "one-1.0.data/headers/one.h": "",
        "../../escaped.py": "",
    }
    wheels.unpack(_wheel(tmp_path / "one.whl", files), tmp_path / "a/app")

    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*") if path.is_file()}
    assert {"one.whl", "a/app/one/__init__.py", "a/app/two.py"} == found
