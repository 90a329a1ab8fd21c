"""`/usr/bin/tillpoint`: which version it starts, and what it says when the pointer is no good."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SKIPPED LOUDLY: the launcher of Linux is a shell script")

START = "import sys\nprint('VERSION', *sys.argv[1:])\nsys.exit(int(sys.argv[-1]) if sys.argv[-1].isdigit() else 0)\n"


class Till:
    """A machine's folders under another root, and the launcher that looks into them."""

    def __init__(self, root, project):
        self.packaged = root / "usr/lib/tillpoint/versions"
        self.fetched = root / "var/lib/tillpoint-versions"
        self.packaged.mkdir(parents=True)
        self.fetched.mkdir(parents=True)
        text = (project / "installer/linux/tillpoint").read_text("utf-8")
        for name in ("/usr/lib/tillpoint/versions", "/var/lib/tillpoint"):
            text = text.replace(f"={name}", f"={root}{name}")
        self.script = root / "tillpoint"
        self.script.write_text(text.replace("=/usr/bin/python3.11", f"={sys.executable}"), "utf-8")

    def lay(self, folder, version):
        """A version that says its name."""
        (folder / version).mkdir()
        (folder / version / "start.py").write_text(START.replace("VERSION", version))
        return folder / version

    def point(self, words):
        """Write the pointer."""
        (self.fetched / "current").write_text(words)

    def run(self, *words):
        """(exit code, what it printed, what it complained)."""
        done = subprocess.run(["sh", self.script, *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip(), done.stderr.strip()


@pytest.fixture
def till(tmp_path, project):
    return Till(tmp_path, project)


def test_without_a_pointer_the_newest_packaged_version_runs(till):
    """By the order of versions, not of letters; a folder without a start is none."""
    for version in ("0.9.0", "0.10.0"):
        till.lay(till.packaged, version)
    (till.packaged / "0.11.0").mkdir()

    assert (0, "0.10.0 queue status", "") == till.run("queue", "status")


def test_the_pointer_decides(till):
    """Also for an older version."""
    till.lay(till.packaged, "0.2.0")
    till.point(f"{till.lay(till.fetched, '0.1.0')}\n")

    assert (0, "0.1.0 devices", "") == till.run("devices")


def test_a_pointer_without_the_end_of_its_line_counts(till):
    """The name is whole."""
    till.lay(till.packaged, "0.2.0")
    till.point(str(till.lay(till.fetched, "0.3.0")))

    assert (0, "0.3.0", "") == till.run()


@pytest.mark.parametrize(
    "words", ["", "\n", "{fetched}/0.9.9\n", "{elsewhere}\n", "{fetched}/../../elsewhere\n", "a\0b"]
)
def test_a_bad_pointer_is_said_and_the_packaged_version_runs(till, tmp_path, words):
    """Empty, nothing there, a folder that is not ours, a way round."""
    till.lay(till.packaged, "0.2.0")
    elsewhere = till.lay(tmp_path / "var", "elsewhere")
    till.point(words.format(fetched=till.fetched, elsewhere=elsewhere))
    code, said, complained = till.run("check")

    assert (0, "0.2.0 check") == (code, said)
    assert "current names no version that is here; starting the packaged one" in complained


def test_no_version_at_all(till):
    """127 and the next step."""
    code, _, complained = till.run("check")

    assert 127 == code
    assert "apt-get install --reinstall tillpoint" in complained


def test_no_python(till):
    """The same."""
    till.lay(till.packaged, "0.2.0")
    till.script.write_text(till.script.read_text().replace(f"={sys.executable}", "=/nowhere/python3.11"))
    code, _, complained = till.run("check")

    assert 127 == code
    assert "apt-get install python3.11" in complained


@pytest.mark.parametrize("words", [("run", "5"), ("check", "5")])
def test_the_exit_code_is_the_program_s(till, words):
    """As the service and as root's command."""
    till.lay(till.packaged, "0.2.0")

    assert 5 == till.run(*words)[0]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="SKIPPED LOUDLY: no shellcheck here")
def test_shellcheck_is_content(till):
    """The linter of shell scripts."""
    subprocess.run(["shellcheck", till.script], check=True)


def test_the_updater_runs_from_the_version_that_was_good(till):
    """The one that is being tried may not even start; without a good one it is the one that the package brought."""
    till.lay(till.packaged, "0.1.0")
    till.point(str(till.lay(till.fetched, "0.3.0")))
    assert (0, "0.1.0 update apply", "") == till.run("update", "apply")
    (till.fetched / "good").write_text(f"{till.lay(till.fetched, '0.2.0')}\n")

    assert (0, "0.2.0 update apply --json", "") == till.run("update", "apply", "--json")
    assert (0, "0.3.0 update status", "") == till.run("update", "status")
    (till.fetched / "good").write_text("/nowhere\n")
    code, said, complained = till.run("update", "apply")
    assert (0, "0.1.0 update apply") == (code, said)
    assert "good names no version that is here; starting the packaged one" in complained
