"""`dev.py` says what is missing and what to do, on a machine that lacks it."""

from __future__ import annotations

import importlib.util
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def checkout(project: Path, tmp_path: Path) -> Path:
    """What dev.py needs of a fresh checkout, without an environment."""
    for name in ("dev.py", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "requirements-bench.lock"):
        shutil.copy(project / name, tmp_path)
    return tmp_path


def dev(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it as a newcomer would."""
    return subprocess.run(
        [sys.executable, "dev.py", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_an_unknown_bench_is_named(checkout: Path) -> None:
    """With what there is instead; nothing is installed for it."""
    done = dev(checkout, "bench", "proxi")

    assert 2 == done.returncode
    assert "no bench called proxi; there are: start, proxy, engine, queue" in done.stderr
    assert not (checkout / ".venv").exists()


def test_without_a_network_it_says_how_to_go_on(checkout: Path) -> None:
    """A folder of wheels, or a .venv from elsewhere."""
    done = dev(checkout, "demo", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(checkout / "none"), PIP_EXTRA_INDEX_URL="")

    assert 2 == done.returncode
    assert "PIP_FIND_LINKS=folder" in done.stderr


def test_help_names_every_command(checkout: Path) -> None:
    """A newcomer's first call."""
    done = dev(checkout, "--help")

    assert 0 == done.returncode
    assert all(name in done.stdout for name in ("demo", "test", "lint", "bench", "soak", "build", "lock"))


def test_what_measures_time_lies_where_it_is_looked_for(project: Path) -> None:
    """A test marked `alone` elsewhere would run in no part."""
    places = runpy.run_path(str(project / "dev.py"))["ALONE"]
    marked = [
        path.relative_to(project).as_posix()
        for path in (project / "tests").rglob("test_*.py")
        if re.search(r"mark\.alone", path.read_text("utf-8"))
    ]

    assert marked
    assert [] == [path for path in marked if not path.startswith(tuple(f"{place}/" for place in places))]


@pytest.fixture
def one(checkout: Path):
    """`dev.py` of the checkout as a module, to look at one function."""
    spec = importlib.util.spec_from_file_location("dev_of_checkout", checkout / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_was_stopped_half_way_is_begun_anew(one, checkout: Path, capsys) -> None:
    """Half a package looks whole to pip: Ctrl-C, a kill, a full disk."""
    (checkout / ".venv").mkdir()
    one.UNFINISHED.write_text("0", "ascii")
    (checkout / ".venv" / "half").touch()

    assert 0 == one.make_venv("run")
    assert [True, False, False] == [one.PYTHON.exists(), one.UNFINISHED.exists(), (checkout / ".venv/half").exists()]


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell whether a process lives")
def test_another_call_at_work_is_waited_for(one, checkout: Path, capsys) -> None:
    """Two terminals, one checkout: the second takes nothing away from the first."""
    (checkout / ".venv").mkdir()
    one.UNFINISHED.write_text(str(os.getpid()), "ascii")

    assert 2 == one.prepare("run")
    assert f"process {os.getpid()} is still making .venv" in capsys.readouterr().err
    assert one.UNFINISHED.exists()


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        ("version = {0}.{1}.7", True),
        ("version_info = {0}.{1}.7", True),
        ("version = {0}.9{1}.1", False),
        ("home = /usr/bin", False),
    ],
)
def test_another_pythons_environment_is_not_used(one, checkout: Path, written: str, fits: bool) -> None:
    """`python3.11 dev.py build` after `python3.12 dev.py test`."""
    (checkout / ".venv").mkdir()
    (checkout / ".venv/pyvenv.cfg").write_text("include = no\n" + written.format(*sys.version_info[:2]), "utf-8")

    assert fits is one.made_with_this_python()


def test_a_folder_that_cannot_be_written_is_said(one, monkeypatch, capsys) -> None:
    """With where to go, and without a word of packages."""

    def refuse(*args, **more):
        raise OSError(30, "Read-only file system", ".venv")

    monkeypatch.setattr(one.Path, "mkdir", refuse)

    assert 2 == one.make_venv("run")
    assert "copy this folder to where you may write" in capsys.readouterr().err


def test_too_little_room_is_said_before_anything_is_fetched(one, monkeypatch, capsys) -> None:
    """Both numbers; nothing is left behind."""
    monkeypatch.setattr(one, "free_mb", lambda: 12)

    assert 2 == one.make_venv("run")
    assert "12 MB are free, 250 are wanted" in capsys.readouterr().err
    assert not one.VENV.exists()


def test_debians_missing_half_of_python_is_named(one, monkeypatch, capsys) -> None:
    """Who may not install reads one command; who may is not asked."""
    asked: list[list[str]] = []
    monkeypatch.setattr(one.importlib.util, "find_spec", lambda name: None if not asked else object())
    monkeypatch.setattr(one, "apt_get", asked.append)
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"

    monkeypatch.setattr(one, "may_install", lambda: False)
    assert 2 == one.install_venv()
    assert f"apt-get install {package}. Then try again" in capsys.readouterr().err

    monkeypatch.setattr(one, "may_install", lambda: True)
    assert 0 == one.install_venv()
    assert [[package]] == asked


def test_an_old_python_is_told_of_a_newer_one(one, monkeypatch, capsys) -> None:
    """Where there is one; elsewhere it is to be installed."""
    monkeypatch.setattr(one.sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(one.sys, "argv", ["dev.py", "demo", "--once"])
    monkeypatch.setattr(one.shutil, "which", lambda name, **more: name if name == "python3.12" else None)

    assert 2 == one.main()
    assert "here is a newer one: python3.12 dev.py demo --once" in capsys.readouterr().err


def test_ctrl_c_is_no_traceback(one, monkeypatch, capsys) -> None:
    """One line, and the exit code that shells expect."""

    def stop(rest):
        raise KeyboardInterrupt

    monkeypatch.setattr(one, "demo", stop)
    monkeypatch.setattr(one.sys, "argv", ["dev.py", "demo"])

    assert 130 == one.main()
    assert "dev.py: stopped." in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 2])
def test_ctrl_c_ends_the_parts_that_come_after(one, monkeypatch, code: int) -> None:
    """A child that ends in order on it (the demo) is a success; tests that were stopped are not followed by more."""

    class Child:
        """A process that is stopped while it is waited for, and then ends with `code`."""

        waited = 0

        def wait(self) -> int:
            self.waited += 1
            if self.waited == 1:
                raise KeyboardInterrupt
            return code

    monkeypatch.setattr(one.subprocess, "Popen", lambda command, **more: Child())
    if code:
        with pytest.raises(KeyboardInterrupt):
            one.run([sys.executable])
    else:
        assert 0 == one.run([sys.executable])


def test_sigterm_is_passed_on(one, monkeypatch) -> None:
    """`timeout 60 python3 dev.py demo` leaves no shop behind."""
    ends: list[str] = []

    class Child:
        """A process that ends when it is told to."""

        def terminate(self) -> None:
            ends.append("told")

        def wait(self) -> int:
            signal.raise_signal(signal.SIGTERM)
            return 143

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(one.subprocess, "Popen", lambda command, **more: Child())

    assert 143 == one.run([sys.executable])
    assert ["told"] == ends
    assert before == signal.getsignal(signal.SIGTERM)


def test_help_of_the_tests_installs_nothing(checkout: Path) -> None:
    """It says what would be done."""
    done = dev(checkout, "test", "--help", PATH="")

    assert 0 == done.returncode
    assert "more words go to pytest" in done.stdout
    assert not (checkout / ".venv").exists()


def test_an_ordinary_user_reads_what_is_skipped_and_one_command(one, monkeypatch, capsys) -> None:
    """Each package with its reason, then all of them to paste; what is here is not named."""
    monkeypatch.setattr(one, "may_install", lambda: False)
    wanted = {"strace": ("no-such-strace", "syncs"), "python3": (sys.executable, "all"), "xvfb": ("/no/such", "X")}

    one.system_packages(wanted)

    said = capsys.readouterr().out
    assert "NOT INSTALLED: strace; skipped without it: syncs\n" in said
    assert said.endswith("apt-get install --no-install-recommends strace xvfb\n")


def test_a_build_names_all_it_lacks_and_the_next_goes_on(one, monkeypatch, capsys) -> None:
    """In one sentence, before minutes are spent."""
    ran: list[str] = []
    monkeypatch.setattr(one, "prepare", lambda kind: 0)
    monkeypatch.setattr(one, "is_here", lambda program: program == "wixl")
    monkeypatch.setattr(one, "run", lambda command: ran.append(Path(command[-1]).name) or 0)

    assert 2 == one.build(["all"])
    said = capsys.readouterr().err
    assert "deb is not built: apt-get install dpkg binutils, then try again." in said
    assert "windows is not built: apt-get install gcc-mingw-w64-x86-64 nsis msitools, then" in said
    assert ["dist", "payload.py"] == ran


def test_an_option_without_its_build_is_asked_for(checkout: Path) -> None:
    """`dev.py build --quick`: of which?"""
    done = dev(checkout, "build", "--quick")

    assert 2 == done.returncode
    assert "say which build --quick is for: all, wheel" in done.stderr


def test_every_dev_command_in_the_documents_is_one(one, project: Path, capsys) -> None:
    """`dev.py WORD`, and the names of benches and builds behind it."""
    pages = [project / "README.md", project / "installer/README.md", *sorted((project / "docs").rglob("*.md"))]
    said = {
        (page.name, *found)
        for page in pages
        for found in re.findall(r"\bdev\.py ([a-z]+)(?: ([a-z]+))?", page.read_text("utf-8"))
    }
    behind = {"bench": one.BENCHES, "build": ("all", *one.BUILDS)}
    names = {"demo", "test", "lint", "bench", "soak", "words", "build", "lock"}

    assert len(said) > 5
    assert [] == [row for row in said if row[1] not in names]
    assert [] == [row for row in said if row[2] and row[1] in behind and row[2] not in behind[row[1]]]


def test_every_bench_has_its_script(one, project: Path) -> None:
    """A name that runs nothing is no bench."""
    assert [] == [name for name in one.BENCHES if not (project / "tests" / f"bench_{name}.py").exists()]
