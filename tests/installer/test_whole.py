"""Whole payloads and the whole package, made from the lock: sizes, linters, and that everything in them can be imported.

It takes minutes and fetches wheels the first time; `python3 dev.py test --all` runs it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.machine,
    pytest.mark.skipif(
        sys.platform != "linux" or sys.version_info[:2] != (3, 11),
        reason="SKIPPED LOUDLY: payloads are built with Python 3.11 on Linux",
    ),
]

#: What a till uses of its packages after the start, too late for a glance at a fresh panel.
USES = r"""
import sys, pkgutil, importlib.util
sys.path.append(sys.argv[1])
for package in ("agent", "drivers", "offline_queue"):
    for one in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not one.name.endswith("__main__") and one.name not in {"agent.cli.demo"} and not one.name.startswith("agent.demo"):
            source = importlib.util.find_spec(one.name).loader.get_source(one.name)
            if '\nassert sys.platform == "win32"' in source:
                continue
            try:
                importlib.import_module(one.name)
            except ImportError as error:
                if error.name not in {"winreg", "msvcrt", "win32api", "win32service", "win32serviceutil", "pywintypes",
                                      "servicemanager", "win32event", "win32con", "win32gui", "win32print", "pymysql",
                                      "win32evtlogutil", "win32security", "win32crypt", "win32process", "_winapi"}:
                    raise
import barcode, qrcode, escpos.printer, escpos.capabilities, sqlite_utils, zoneinfo, phonenumbers, httpx, apsw, usb.core
import serial.tools.list_ports, Xlib.display
from PIL import Image, ImageDraw, ImageFont, ImageChops
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
assert barcode.Code128("12345").build()
code = qrcode.QRCode(); code.add_data("x"); code.make()
printer = escpos.printer.Dummy(profile="TM-T88V"); printer.text("x"); printer.image(Image.new("1", (8, 8))); assert printer.output
assert list(sqlite_utils.Database(memory=True).query("select 1 as one")) == [{"one": 1}]
assert phonenumbers.is_valid_number(phonenumbers.parse("+79000000001"))
Ed25519PrivateKey.generate().sign(b"x"); httpx.Client().close(); apsw.Connection(":memory:").execute("select 1")
"""


#: Every module of a payload, ours and others': what cannot be imported and why, and the document of the local API.
ALL = r"""
import sys, importlib, json, pathlib
app = pathlib.Path(sys.argv[1])
sys.path.append(str(app))
names = [".".join(one.relative_to(app).with_suffix("").parts).removesuffix(".__init__") for one in app.rglob("*.py")]
failed = {}
for name in sorted(name for name in names if not name.endswith("__main__")):
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
from agent.doors import openapi
print(json.dumps([len(names), failed, json.loads(openapi.render()), importlib.import_module("agent.till").__doc__]))
"""


@pytest.fixture(scope="module")
def payload(build_tool):
    return build_tool("payload")


@pytest.fixture(scope="module")
def linux(payload, tmp_path_factory):
    """A version folder of this tree."""
    return payload.build("linux-x86_64-cp311", tmp_path_factory.mktemp("linux") / "0.0.1", version="0.0.1")


def test_it_starts_and_finds_its_drivers_and_tills(linux):
    """By their entry points, all in order."""
    words = ["/usr/bin/python3.11", "-I", "-S", linux / "start.py"]
    version = subprocess.run([*words, "--version"], capture_output=True, text=True, check=True).stdout
    told = subprocess.run([*words, "devices", "--drivers", "--json"], capture_output=True, text=True, check=True).stdout
    drivers = json.loads(told)

    assert "tillpoint 0.0.1\n" == version
    assert {"ok"} == {one["state"] for one in drivers}
    assert {"atol", "shtrih", "escpos", "hid_scanner"} <= {one["driver"] for one in drivers}
    assert not list(linux.rglob("*.pyc.*"))


def test_the_demonstration_says_that_it_is_not_on_a_till(linux):
    """It needs the centre; a sentence, not a traceback."""
    words = ["/usr/bin/python3.11", "-I", "-S", linux / "start.py", "demo", "--once"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    assert "that is not on a till" in done.stdout
    assert not done.stderr


def test_all_that_is_ours_can_be_imported_and_what_it_uses_works(linux):
    """Nothing that was stripped is missed."""
    done = subprocess.run(
        ["/usr/bin/python3.11", "-I", "-S", "-B", "-c", USES, linux / "app"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr


def test_nothing_misses_its_docstrings(linux):
    """All modules, with their byte code and again from their sources: the same few want a package nobody needs."""

    def told(*more):
        words = ["/usr/bin/python3.11", "-I", "-S", "-B", "-W", "ignore", *more, "-c", ALL, linux / "app"]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        return json.loads(said.splitlines()[-1])

    count, failed, document, doc = told()
    from_sources = told("-X", "pycache_prefix=/nonexistent")

    assert [count, failed, document] == from_sources[:3]
    assert 1_000 < count
    assert len(failed) < 80
    assert doc is None
    assert from_sources[3]


def test_the_same_tree_gives_the_same_archive(payload, linux, tmp_path, capsys):
    """Built twice, in other folders; and it fits."""
    again = payload.build("linux-x86_64-cp311", tmp_path / "again", version="0.0.1")
    first = payload.archive(linux, tmp_path / "first.zip")

    assert first.read_bytes() == payload.archive(again, tmp_path / "second.zip").read_bytes()
    assert first.stat().st_size < 30e6
    with capsys.disabled():
        print(f"\n  payload: {payload.size(linux) / 1e6:.1f} MB, archive {first.stat().st_size / 1e6:.1f} MB")


def test_the_updater_takes_the_archive(payload, linux, tmp_path):
    """It unpacks it and finds every file as the release says."""
    from agent.updating.unpack import facts_of, require_whole, unpack

    unpack(payload.archive(linux, tmp_path / "one.zip"), tmp_path / "0.0.1", bytes_max=200 << 20)
    require_whole(tmp_path / "0.0.1")

    assert "0.0.1" == facts_of(tmp_path / "0.0.1").version


def test_a_payload_for_windows_is_made_here(payload, tmp_path):
    """Its wheels are those of Windows, and no name in it is one that Windows keeps for itself."""
    folder = payload.build("win-amd64", tmp_path / "win", version="0.0.1")
    app = folder / "app"

    assert list(app.glob("win32/win32service*.pyd"))
    assert (app / "pywin32_system32").is_dir()
    assert not list(app.rglob("*.so"))
    kept = {"con", "prn", "aux", "nul"}
    assert not [path for path in folder.rglob("*") if path.name.lower().partition(".")[0] in kept]
    assert "win-amd64" == json.loads((folder / "release.json").read_text("utf-8"))["platform"]


@pytest.mark.skipif(shutil.which("lintian") is None, reason="SKIPPED LOUDLY: no lintian here (apt-get install lintian)")
def test_lintian_is_content(build_tool, linux, tmp_path, capsys):
    """Debian's linter of packages; what is overridden says why in the package."""
    made = build_tool("deb").build(linux, tmp_path)
    words = ["lintian", "--allow-root", "--fail-on=error,warning", "--tag-display-limit=0", made]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stdout.strip()), done.stderr
    assert made.stat().st_size < 20e6
    with capsys.disabled():
        print(f"\n  .deb: {made.stat().st_size / 1e6:.1f} MB")
