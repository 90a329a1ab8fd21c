"""The Debian package of a small version folder: what lies where, what dpkg is told, and the same bytes each time."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess

import pytest

needs_readelf = pytest.mark.skipif(
    shutil.which("readelf") is None, reason="SKIPPED LOUDLY: no readelf here (apt-get install binutils)"
)
needs_dpkg = pytest.mark.skipif(
    shutil.which("dpkg-deb") is None or shutil.which("readelf") is None,
    reason="SKIPPED LOUDLY: no dpkg-deb or no readelf here (apt-get install dpkg binutils)",
)


@pytest.fixture
def deb(build_tool, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return build_tool("deb")


@pytest.fixture
def folder(build_tool, tmp_path):
    """A version folder with one module and one package in its bill."""
    one = tmp_path / "1.2.0rc1"
    (one / "app/agent").mkdir(parents=True)
    (one / "app/agent/__init__.py").write_text('"""Nothing."""\n')
    (one / "start.py").write_text("print('hello')\n")
    row = {"name": "six", "version": "1.17", "licenses": [{"license": {"id": "MIT"}}]}
    (one / "SBOM.json").write_text(json.dumps({"components": [row]}))
    (one / "LICENSES").mkdir()
    (one / "LICENSES/six.txt").write_text("MIT")
    build_tool("payload").write_release(one, version="1.2.0rc1", platform="linux-x86_64-cp311")
    return one


@pytest.fixture
def tree(deb, folder, tmp_path):
    """The package unpacked: (its files, its control files)."""
    made = deb.build(folder, tmp_path / "dist", "-Znone")
    subprocess.run(["dpkg-deb", "--raw-extract", made, tmp_path / "tree"], check=True)
    return tmp_path / "tree"


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.2.0", "1.2.0"), ("1.2.0rc1", "1.2.0~rc1"), ("1.2.0a12", "1.2.0~a12"), ("1.2.0.dev3", "1.2.0~.dev3")],
)
def test_a_version_in_debian_s_order(deb, version, expected):
    """A candidate is before what it is a candidate for."""
    assert expected == deb.debian_version(version)


@needs_dpkg
def test_what_lies_where(tree):
    """Program, units, rules, user, settings, papers; folders that dpkg knows."""
    version = tree / "usr/lib/tillpoint/versions/1.2.0rc1"

    assert "print('hello')\n" == (version / "start.py").read_text()
    for name in (
        "usr/bin/tillpoint", "lib/systemd/system/tillpoint.service", "lib/udev/rules.d/70-tillpoint.rules",
        "usr/lib/modules-load.d/tillpoint.conf", "usr/lib/sysusers.d/tillpoint.conf", "usr/share/tillpoint/config.toml",
        "usr/share/doc/tillpoint/copyright", "usr/share/doc/tillpoint/changelog.gz", "usr/share/man/man1/tillpoint.1.gz",
        "usr/share/doc/tillpoint/examples/config.example.toml", "usr/share/bash-completion/completions/tillpoint",
    ):  # fmt: skip
        assert (tree / name).is_file(), name
    assert 0o755 == (tree / "usr/bin/tillpoint").stat().st_mode & 0o777
    assert 0o644 == (version / "start.py").stat().st_mode & 0o777
    assert (tree / "etc/tillpoint/conf.d").is_dir()
    assert not (tree / "etc/tillpoint/config.toml").exists()  # written at the first install, never again
    assert (version / "SBOM.json").samefile(tree / "usr/share/doc/tillpoint/SBOM.json")


@needs_dpkg
def test_what_dpkg_is_told(tree):
    """Version, needs, scripts without holes, a sum for each file."""
    control = (tree / "DEBIAN/control").read_text("utf-8")

    assert "\nVersion: 1.2.0~rc1\n" in control
    assert "python3.11" in re.findall(r"(?m)^Depends: (.*)$", control)[0].split(", ")
    for name in ("postinst", "prerm", "postrm"):
        text = (tree / "DEBIAN" / name).read_text("utf-8")
        assert not re.search(r"@[A-Z]+@", text), name
        assert 0o755 == (tree / "DEBIAN" / name).stat().st_mode & 0o777
        subprocess.run(["sh", "-n", tree / "DEBIAN" / name], check=True)
    assert "version='1.2.0rc1'" in (tree / "DEBIAN/postinst").read_text()
    sums = dict(reversed(line.split("  ")) for line in (tree / "DEBIAN/md5sums").read_text().splitlines())
    start = "usr/lib/tillpoint/versions/1.2.0rc1/start.py"
    assert hashlib.md5((tree / start).read_bytes()).hexdigest() == sums[start]
    shipped = [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(sums) == len([path for path in shipped if (tree / "DEBIAN") not in path.parents])


@needs_dpkg
def test_an_upgrade_ends_the_updater_and_nothing_else(tree):
    """It runs from files that are about to go; the till sells on meanwhile."""
    upgrade = (tree / "DEBIAN/prerm").read_text().partition("= remove ]")[0]

    stopped = re.findall(r"deb-systemd-invoke stop (.*?) >", upgrade)
    assert ["tillpoint-update.path tillpoint-update.service tillpoint-update.timer"] == stopped


def test_the_updater_looks_for_wishes_in_the_till_s_own_folder(project):
    """For Tillpoint STATE_DIRECTORY is the till's state folder; the unit's own is that of the versions."""
    unit = (project / "installer/linux/tillpoint-update.service").read_text("utf-8")

    assert "\nStateDirectory=tillpoint-versions\n" in unit
    assert "\nUnsetEnvironment=STATE_DIRECTORY\n" in unit


@needs_dpkg
@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="SKIPPED LOUDLY: no shellcheck here")
@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_shellcheck_is_content(tree, name):
    """The linter of shell scripts; debconf's functions, which it cannot read, take no words of ours."""
    subprocess.run(["shellcheck", "--exclude=SC1091,SC2119", tree / "DEBIAN" / name], check=True)


@needs_dpkg
def test_the_same_folder_gives_the_same_bytes(deb, folder, tmp_path):
    """Twice, with the files' own times changed between."""
    first = deb.build(folder, tmp_path / "one").read_bytes()
    (folder / "start.py").touch()

    assert first == deb.build(folder, tmp_path / "two").read_bytes()


@needs_dpkg
@pytest.mark.skipif(shutil.which("lintian") is None, reason="SKIPPED LOUDLY: no lintian here (apt-get install lintian)")
def test_lintian_is_content_with_what_is_ours(deb, folder, tmp_path):
    """Control files, scripts, units, papers; the whole package is looked at with its libraries by `--all`."""
    words = [
        "lintian",
        "--allow-root",
        "--fail-on=error,warning",
        "--suppress-tags=mismatched-override,unused-override",
    ]
    done = subprocess.run([*words, deb.build(folder, tmp_path)], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stdout.strip()), done.stderr


def test_all_our_units_are_shipped_and_those_switched_on_that_ask_for_it(deb, project):
    """A unit that is put into installer/linux is in the package without another word."""
    names = {path.name for path in (project / "installer/linux").iterdir()}
    units = {name for name in names if name.endswith((".service", ".path", ".timer"))}

    assert units == set(deb.units())
    assert "tillpoint.service" in deb.units(enabled_only=True)
    known = {pattern for pattern, _, _ in deb.PLACES} | {name for name, _ in deb.RENAMED}
    patterns = [re.compile(pattern.replace(".", r"\.").replace("*", ".*")) for pattern in known]
    left = [name for name in names - {"debian"} if not any(one.fullmatch(name) for one in patterns)]
    assert [] == left, "deb.py does not know where this goes"


def test_licences_are_in_the_copyright_file(deb, folder):
    """Ours as a paragraph, theirs by name."""
    text = deb.copyright_text(folder)

    assert "six 1.17: MIT." in text
    assert "License: Expat\n MIT License\n" in text
    assert not [line for line in text.split("License: Expat\n")[1].splitlines() if not line.startswith(" ")]


@needs_readelf
def test_a_library_nobody_knows_stops_the_build(deb, folder, monkeypatch):
    """Otherwise the package would lack a dependency, and a till would say so first."""
    (folder / "app/x.so").write_bytes(b"")
    told = "0x1 (NEEDED) Shared library: [libz.so.1]\n0x1 (NEEDED) Shared library: [libodd.so.3]\n"
    monkeypatch.setattr(deb.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, told, ""))

    with pytest.raises(deb.BuildFailed, match=r"x\.so asks for libodd\.so\.3"):
        deb.native_needs(folder)
    monkeypatch.setitem(deb.LIBRARIES, "libodd.so.3", "libodd3")
    assert {"zlib1g", "libodd3"} == deb.native_needs(folder)


@needs_readelf
def test_what_cannot_be_read_stops_the_build_too(deb, folder, monkeypatch):
    """A file that is no library, and a machine without readelf, each with its next step."""
    (folder / "app/x.so").write_bytes(b"cut short")
    with pytest.raises(deb.BuildFailed, match="build the folder anew"):
        deb.native_needs(folder)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(deb.BuildFailed, match="apt-get install binutils"):
        deb.native_needs(folder)


def test_the_first_settings_are_sound(project, tmp_path):
    """A till starts on them."""
    from agent.settings import Settings, load

    assert Settings() == load(project / "installer/linux/config.toml")
