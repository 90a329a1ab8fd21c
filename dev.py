#!/usr/bin/env python3
"""One door for developers: `python3 dev.py demo` runs the main job, `python3 dev.py test` checks everything.

Standard library only, Linux and Windows. The first call makes `.venv` beside this file and installs what the lock files
name, hashes checked; later calls reuse it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
OLDEST = (3, 11)
# Each holds all of the one before it: an environment made for a later one serves the earlier ones too.
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock", "bench": "requirements-bench.lock"}
BENCHES = (
    "start",
    "proxy",
    "engine",
    "queue",
    "central",
    "members",
    "shtrih",
    "atol",
    "timeouts",
    "scanners",
    "reports",
)

BUILDS = ("wheel", "archive", "deb", "windows")

# Debian package → (the program it brings, what is skipped without it).
SYSTEM_PACKAGES = {
    "postgresql": ("psql", "the central server on PostgreSQL"),
    "chromium": ("chromium", "the panel tests in a real browser"),
    "strace": ("strace", "counting how often the queue syncs the disk"),
    "umockdev": ("umockdev-run", "the list of devices as a system with them shows it"),
    "mariadb-server-core": ("mariadbd", "reading the database of an Artix cash server"),
    "xvfb": ("Xvfb", "the hot key and the focus on an X11 desktop"),
    "openbox": ("openbox", "the same with a window manager"),
    "fonts-dejavu-core": ("", "Cyrillic letters in screenshots and slips"),
    "fonts-thai-tlwg": ("", "Thai letters in screenshots and slips"),
}
# The same for `test --all`.
MACHINE_PACKAGES = {
    "qemu-system-x86": ("qemu-system-x86_64", "the emulated machine with USB devices"),
    "busybox-static": ("busybox", "the emulated machine with USB devices"),
    "udev": ("udevadm", "the emulated machine with USB devices"),
    "debootstrap": ("debootstrap", "the Debian package on a booted systemd"),
    "systemd-container": ("systemd-nspawn", "the Debian package on a booted systemd"),
    "binutils": ("readelf", "building the Debian package"),
    "lintian": ("lintian", "what Debian's linter says of the package"),
    "wine64": ("/usr/lib/wine/wine64", "everything on Windows: its Python under Wine, the service, the installers"),
    "wine": ("wine", "everything on Windows"),
    "gcc-mingw-w64-x86-64": ("x86_64-w64-mingw32-gcc", "the launcher for Windows"),
    "cups": ("/usr/sbin/cupsd", "printing through the spooler of Windows"),
    "cups-client": ("lpadmin", "printing through the spooler of Windows"),
    "nsis": ("makensis", "the Windows installers under Wine"),
    "wixl": ("wixl", "the Windows installers under Wine"),
    "msitools": ("msibuild", "the Windows installers under Wine"),
    "osslsigncode": ("osslsigncode", "signatures of the Windows installers"),
}


def main() -> int:
    """Parse the command line and run one command; the exit code is the command's own."""
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    rows = (
        (
            "demo",
            demo,
            "start centre, agent, till, printer and scanner, and tell the story (--once: no browser, no key)",
        ),
        (
            "test",
            test,
            "install what the tests need and run them (--all: other machines too, emulated); more words go to pytest",
        ),
        ("lint", lint, "style, format, types (also as Windows), import contracts"),
        ("bench", bench, f"measure, as ratios within one run: {', '.join(BENCHES)}; no name runs all"),
        ("soak", soak, "the long versions of the tests"),
        ("words", catalogues, "make the words a till loads from the catalogues (--check: only say what is amiss)"),
        (
            "build",
            build,
            f"make what is shipped, in dist/: {', '.join(BUILDS)} and its options; no name makes all",
        ),
        ("lock", lock, "work out the lock files again from pyproject.toml (needs uv)"),
    )
    for name, run, words in rows:
        one = commands.add_parser(name, help=words, add_help=name not in {"demo", "test", "words"})
        one.set_defaults(run=run)
    args, rest = parser.parse_known_args()
    if sys.version_info < OLDEST:
        return complain(
            f"Tillpoint needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}. "
            "Install a newer Python and run this file with it.",
        )
    result: int = args.run(rest)
    return result


def demo(rest: list[str]) -> int:
    """The main job, told in plain words."""
    return prepare("run") or run([PYTHON, "-m", "agent.cli", "demo", *rest])


def test(rest: list[str]) -> int:
    """Everything that can fail, but for lint and the soaks; the emulated machine with --all."""
    is_whole = "--all" in rest
    chosen = [word for word in rest if word != "--all"]
    system_packages(SYSTEM_PACKAGES | (MACHINE_PACKAGES if is_whole else {}))
    failed = prepare("dev")
    if is_whole and not failed:
        run([PYTHON, "-m", "tests.machine.kernel"])  # what it cannot fetch, the tests skip loudly
        run([PYTHON, "-m", "tests.nspawn.base"])
    if failed:
        return failed
    marks = "not soak" if is_whole else "not soak and not machine and not second"
    if chosen:  # somebody looks at a part: one process, and all it says
        return run([PYTHON, "-m", "pytest", "-m", marks, *chosen])
    # One worker more than processors: a worker often waits for a socket or a disk. The browser's tests have workers of
    # their own, because Playwright's loop runs in them for ever; a browser waits for nothing.
    count = os.cpu_count() or 1
    worst = 0
    for part, more in (
        ("not browser and not alone", ["-n", str(count + 1), "--dist", "loadfile"]),
        ("browser and not alone", ["-n", str(count), "--dist", "loadfile"]),
        ("alone", []),  # what measures time
    ):
        print(f"── {part}", flush=True)
        worst = max(worst, run([PYTHON, "-m", "pytest", "-m", f"{marks} and {part}", *more]))
    return worst


def lint(rest: list[str]) -> int:
    """All checks that read and do not run; each is run even when one before it failed."""
    failed = prepare("dev")
    if failed:
        return failed
    checks = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["mypy", "--platform", "win32"],
        ["lint-imports"],
    )
    worst = 0
    for program, *words in checks:
        print(f"── {program} {' '.join(words)}", flush=True)
        worst = max(worst, run([tool(program), *words, *rest]))
    return worst


def bench(rest: list[str]) -> int:
    """Ratios, measured beside what they are compared with."""
    wrong = [name for name in rest if name not in BENCHES]
    if wrong:
        return complain(f"no bench called {wrong[0]}; there are: {', '.join(BENCHES)}")
    failed = prepare("bench")
    for name in rest or BENCHES:
        if not failed:
            print(f"── bench {name}", flush=True)
            failed = run([PYTHON, HERE / "tests" / f"bench_{name}.py"])
    return failed


def soak(rest: list[str]) -> int:
    """The long versions: hours of faults in minutes."""
    return prepare("dev") or run([PYTHON, "-m", "pytest", "-m", "soak", *rest])


def catalogues(rest: list[str]) -> int:
    """The catalogues of panel and slips: .po in, .json out."""
    return prepare("dev") or run([PYTHON, HERE / "tests" / "catalogues.py", *rest])


def build(rest: list[str]) -> int:
    """What is shipped, each by its own script, which says what it lacks; one that fails does not stop the next."""
    if rest and rest[0] not in BUILDS:
        return complain(f"no build called {rest[0]}; there are: {', '.join(BUILDS)}")
    failed = prepare("run")
    if failed:
        return failed
    parts = HERE / "installer" / "build"
    commands = {
        "wheel": [tool("hatchling"), "build", "--directory", HERE / "dist"],
        "archive": [PYTHON, parts / "payload.py"],
        "deb": [PYTHON, parts / "deb.py"],
        "windows": [PYTHON, parts / "windows.py"],
    }
    worst = 0
    for name in rest[:1] or BUILDS:
        print(f"── build {name}", flush=True)
        worst = max(worst, run([*commands[name], *rest[1:]]))
    return worst


def lock(rest: list[str]) -> int:
    """Lock files with hashes, for every system and every Python we support."""
    uv = shutil.which("uv")
    if uv is None:
        return complain("uv is not installed; `python3 -m pip install uv`, then try again")
    common = [
        uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
        "--custom-compile-command", "python3 dev.py lock",
        "--extra", "central", "--group", "build", *rest, "pyproject.toml",
    ]  # fmt: skip
    worst = run([*common, "-o", LOCKS["run"]])
    common += ["--extra", "postgresql", "--extra", "artix", "--group", "test", "--group", "lint"]
    worst = worst or run([*common, "-o", LOCKS["dev"]])
    return worst or run([*common, "--group", "bench", "-o", LOCKS["bench"]])


# ── The environment ─────────────────────────────────────────────────────────────────────────────


def prepare(kind: str) -> int:
    """Make or reuse `.venv` with what `kind` needs; 0 when it is ready."""
    wanted = stamp(kind)
    kinds = list(LOCKS)
    if any(stamped(other) == stamp(other) for other in kinds[kinds.index(kind) :]) and PYTHON.exists():
        return 0
    if not PYTHON.exists():
        failed = make_venv()
        if failed:
            return failed
    lock_file = HERE / LOCKS[kind]
    names = [line.split("==")[0] for line in lock_file.read_text("utf-8").splitlines() if "==" in line[:80]]
    if install(["--require-hashes", "-r", lock_file], len(names)):
        return complain(
            "the packages could not be installed. Without a network: copy a .venv from a machine that has one, "
            "or point pip at a folder of wheels (PIP_NO_INDEX=1 PIP_FIND_LINKS=folder). The lines above say more.",
        )
    if install(["--no-deps", "--no-build-isolation", "--editable", HERE], 1):
        return complain("Tillpoint itself could not be installed into .venv; delete .venv and try again.")
    (VENV / f"stamp-{kind}").write_text(wanted, "utf-8")
    return 0


def stamp(kind: str) -> str:
    """What the environment was made from."""
    parts = [
        (HERE / LOCKS[kind]).read_bytes(),
        (HERE / "pyproject.toml").read_bytes(),
        sys.version.encode(),
        bytes(HERE),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def stamped(kind: str) -> str:
    """What an earlier call noted, or ""."""
    try:
        return (VENV / f"stamp-{kind}").read_text("utf-8")
    except OSError:
        return ""


def make_venv() -> int:
    """A virtual environment beside this file."""
    print("making .venv …", flush=True)
    done = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        reason = " ".join((done.stderr or done.stdout).split())[-200:]
        return complain(
            f"this Python cannot make a virtual environment: {reason}\n"
            f"On Debian and Ubuntu: apt-get install {version}-venv. Then try again.",
        )
    return 0


def install(words: list[str | Path], count: int) -> int:
    """Run pip and show how far it is; its own words are shown only when it fails."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", *words]
    said: list[str] = []
    done = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=HERE) as pip:
        for line in pip.stdout or ():
            said.append(line)
            if line.startswith("Collecting"):
                done += 1
                progress(f"fetching {min(done, count)}/{count} {line.split()[1].split('==')[0]}")
            elif line.startswith("Installing collected"):
                progress(f"installing {count} packages")
    progress("")
    if pip.returncode:
        print("".join(said[-15:]), file=sys.stderr)
    return pip.returncode


def progress(words: str) -> None:
    """One line that is written over, on a terminal; nothing where nobody looks."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{words}", end="", flush=True)


def system_packages(wanted: dict[str, tuple[str, str]]) -> None:
    """Install what the tests want of the system, where we may; otherwise say what will be skipped."""
    missing = [name for name, (program, _) in wanted.items() if program and shutil.which(program) is None]
    if not missing:
        return
    may = os.name != "nt" and shutil.which("apt-get") is not None and (os.geteuid() == 0 or "CI" in os.environ)
    if may:
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        print(f"installing for the tests: {' '.join(wanted)} …", flush=True)
        for words in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
            subprocess.run([*sudo, "apt-get", "-qq", *words], env=quiet, stdout=subprocess.DEVNULL, check=False)
    for name in missing:
        program, skipped = wanted[name]
        if shutil.which(program) is None:
            print(f"NOT INSTALLED: {name}; skipped without it: {skipped}. To have it: apt-get install {name}")


def tool(name: str) -> Path:
    """A program of the environment."""
    return BIN / (f"{name}.exe" if os.name == "nt" else name)


def run(command: list[str | Path]) -> int:
    """Run it here; Ctrl-C goes to the child, whose exit code is ours."""
    child = subprocess.Popen([str(word) for word in command], cwd=HERE)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def complain(sentence: str) -> int:
    """Say what is wrong and what to do."""
    print(f"dev.py: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
