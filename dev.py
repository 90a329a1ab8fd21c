#!/usr/bin/env python3
"""One door for developers: `python3 dev.py demo` runs the main job, `python3 dev.py test` checks everything.

Standard library only, Linux and Windows. The first call makes `.venv` beside this file and installs what the lock files
name, hashes checked; later calls reuse it.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")  # what an old Python may have beside it
# Each holds all of the one before it: an environment made for a later one serves the earlier ones too.
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock", "bench": "requirements-bench.lock"}
BENCHES = (
    "start",
    "proxy",
    "engine",
    "queue",
    "replica",
    "central",
    "members",
    "shtrih",
    "atol",
    "timeouts",
    "scanners",
    "reports",
)
# Room for an environment made from nothing and for what is unpacked on the way.
ROOM_MB = {"run": 250, "dev": 1000, "bench": 1100}
# Stands in `.venv` while packages are put in, with the process that does it: a half of one looks whole to pip.
UNFINISHED = VENV / "unfinished"
# Where a package's programs may be besides PATH, which leaves the system's own out for ordinary users.
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
INTERRUPTED = 130
ALONE = ("tests/browser", "tests/wine")  # where tests are marked so

# What is built → Debian package → the program it brings.
BUILDS: dict[str, dict[str, str]] = {
    "wheel": {},
    "archive": {},
    "deb": {"dpkg": "dpkg-deb", "binutils": "readelf"},
    "windows": {
        "gcc-mingw-w64-x86-64": "x86_64-w64-mingw32-gcc",
        "nsis": "makensis",
        "wixl": "wixl",
        "msitools": "msibuild",
    },
}

# Debian package → (the program or file it brings, what is skipped without it).
SYSTEM_PACKAGES = {
    "git": ("git", "looking for private numbers and paths in what is shipped"),
    "curl": ("curl", "the integrator's guide, call by call"),
    "groff-base": ("groff", "the manual page as man shows it"),
    "shellcheck": ("shellcheck", "the check of the launcher, a shell script"),
    "postgresql": ("psql", "the central server on PostgreSQL"),
    "chromium": ("chromium", "the panel tests in a real browser"),
    "strace": ("strace", "counting how often the queue syncs the disk"),
    "umockdev": ("umockdev-run", "the list of devices as a system with them shows it"),
    "binutils": ("readelf", "building the Debian package"),
    "lintian": ("lintian", "what Debian's linter says of the package"),
    "mariadb-server-core": ("mariadbd", "reading the database of an Artix cash server"),
    "xvfb": ("Xvfb", "the hot key and the focus on an X11 desktop"),
    "openbox": ("openbox", "the same with a window manager"),
    "fonts-dejavu-core": ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "Cyrillic letters on slips and screens"),
    "fonts-thai-tlwg": ("/usr/share/fonts/truetype/tlwg/Garuda.ttf", "Thai letters on slips and screens"),
}
# The same for `test --all`.
MACHINE_PACKAGES = {
    "qemu-system-x86": ("qemu-system-x86_64", "the emulated machine with USB devices"),
    "busybox-static": ("busybox", "the emulated machine with USB devices"),
    "udev": ("udevadm", "the emulated machine with USB devices"),
    "debootstrap": ("debootstrap", "the Debian package on a booted systemd"),
    "systemd-container": ("systemd-nspawn", "the Debian package on a booted systemd"),
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
        # Others' options (of the demo, of pytest) are not listed here; --help of `test` must install nothing.
        one = commands.add_parser(name, help=words, description=words, add_help=name not in {"demo", "words"})
        one.set_defaults(run=run)
    args, rest = parser.parse_known_args()
    if sys.version_info < OLDEST:
        newer = next((name for name in NEWER if shutil.which(name)), None)
        said = " ".join(["dev.py", *sys.argv[1:]])
        next_step = f"here is a newer one: {newer} {said}" if newer else "install a newer one and run this file with it"
        return complain(
            f"Tillpoint needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}; {next_step}.",
        )
    try:
        result: int = args.run(rest)
    except KeyboardInterrupt:
        print("\ndev.py: stopped.", file=sys.stderr)
        return INTERRUPTED
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
    marks = "not soak" if is_whole else "not soak and not machine and not thorough"
    if chosen:  # somebody looks at a part: one process, and all it says
        return run([PYTHON, "-m", "pytest", "-m", marks, *chosen])
    return run_parts(marks, is_whole=is_whole)


def run_parts(marks: str, *, is_whole: bool) -> int:
    """Every test once: on all processors, but for what measures time; the worst exit code.

    One worker more than processors: a worker often waits for a socket or a disk. The browser's tests have workers of
    their own, because Playwright's loop runs in them for ever; a browser waits for nothing. A machine that is emulated,
    or a system that boots, is a story told in order.
    """
    count = os.cpu_count() or 1
    more = ["--hypothesis-profile=thorough"] if is_whole else []
    quick = f"{marks} and not machine and not alone"
    parts = [
        ("without a browser", ["--ignore=tests/browser", "-m", quick, "-n", str(count + 1), "--dist", "worksteal"]),
        ("in a browser", ["tests/browser", "-m", quick, "-n", str(count), "--dist", "worksteal"]),
        ("what measures time", [*ALONE, "-m", f"{marks} and alone"]),
    ]
    if is_whole:
        told = f"{marks} and machine and not alone"
        parts.append(("machines and systems", ["-m", told, "-n", str(count), "--dist", "loadfile"]))
    worst = 0
    for name, words in parts:
        print(f"── {name}", flush=True)
        worst = max(worst, run([PYTHON, "-m", "pytest", *words, *more]))
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
    """What is shipped, each by its own script; one that lacks something or fails does not stop the next."""
    if rest[:1] == ["all"]:
        rest = rest[1:]
    elif rest and rest[0].startswith("-"):
        return complain(f"say which build {rest[0]} is for: all, {', '.join(BUILDS)}")
    elif rest and rest[0] not in BUILDS:
        return complain(f"no build called {rest[0]}; there are: {', '.join(BUILDS)}")
    names = list(BUILDS) if not rest or rest[0].startswith("-") else [rest[0]]
    more = rest if len(names) > 1 else rest[1:]
    failed = prepare("run")
    if failed:
        return failed
    parts = HERE / "installer" / "build"
    commands: dict[str, list[str | Path]] = {
        "wheel": [tool("hatchling"), "build", "--directory", HERE / "dist"],
        "archive": [PYTHON, parts / "payload.py"],
        "deb": [PYTHON, parts / "deb.py"],
        "windows": [PYTHON, parts / "windows.py"],
    }
    worst = 0
    for name in names:
        print(f"── build {name}", flush=True)
        missing = [package for package, program in BUILDS[name].items() if not is_here(program)]
        if missing:
            worst = max(worst, complain(f"{name} is not built: apt-get install {' '.join(missing)}, then try again."))
            continue
        worst = max(worst, run([*commands[name], *more]))
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
    common += ["--extra", "postgresql", "--group", "test", "--group", "lint"]
    worst = worst or run([*common, "-o", LOCKS["dev"]])
    return worst or run([*common, "--group", "bench", "-o", LOCKS["bench"]])


# ── The environment ─────────────────────────────────────────────────────────────────────────────


def prepare(kind: str) -> int:
    """Make or reuse `.venv` with what `kind` needs; 0 when it is ready."""
    busy = at_work()
    if busy:
        return complain(
            f"process {busy} is still making .venv; wait for it, then try again (or delete .venv if it is no dev.py).",
        )
    wanted = stamp(kind)
    kinds = list(LOCKS)
    is_whole = PYTHON.exists() and not UNFINISHED.exists()
    if is_whole and any(stamped(other) == stamp(other) for other in kinds[kinds.index(kind) :]):
        return 0
    failed = 0 if is_whole and made_with_this_python() else make_venv(kind)
    if failed:
        return failed
    lock_file = HERE / LOCKS[kind]
    names = [line.split("==")[0] for line in lock_file.read_text("utf-8").splitlines() if "==" in line[:80]]
    if install(["--require-hashes", "-r", lock_file], len(names)):
        room = f" Only {free_mb()} MB are free here." if free_mb() < ROOM_MB[kind] else ""
        return complain(
            f"the packages could not be installed; the lines above say why.{room} Without a network: bring this folder "
            "with its .venv from a machine of the same kind, to the same path, or point pip at a folder of wheels "
            "(PIP_NO_INDEX=1 PIP_FIND_LINKS=folder).",
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


def made_with_this_python() -> bool:
    """False when `.venv` belongs to another Python than the one that runs this file: 3.11 is not 3.12."""
    try:
        said = re.search(r"^version\w*\s*=\s*(\d+\.\d+)", (VENV / "pyvenv.cfg").read_text("utf-8"), re.MULTILINE)
    except OSError:
        return False
    return said is not None and said[1] == f"{sys.version_info.major}.{sys.version_info.minor}"


def make_venv(kind: str) -> int:
    """A virtual environment beside this file, in place of one that is not whole or is another Python's."""
    if importlib.util.find_spec("ensurepip") is None and install_venv():
        return 2
    try:
        if VENV.exists():
            shutil.rmtree(VENV)
        VENV.mkdir()
        begin_work()
    except OSError as error:
        return complain(
            f"cannot make .venv here: {error}. It stands beside dev.py, so copy this folder to where you may write.",
        )
    if free_mb() < ROOM_MB[kind]:
        shutil.rmtree(VENV)
        return complain(f"too little room for .venv: {free_mb()} MB are free, {ROOM_MB[kind]} are wanted.")
    print("making .venv …", flush=True)
    done = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        reason = " ".join((done.stderr or done.stdout).split())
        return complain(f"this Python cannot make a virtual environment: {reason}")
    UNFINISHED.unlink()
    return 0


def install_venv() -> int:
    """Debian and Ubuntu keep a part of Python in a package of its own; 0 when it is there now."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if may_install():
        apt_get([package])
        importlib.invalidate_caches()
        if importlib.util.find_spec("ensurepip") is not None:
            return 0
    return complain(
        f"this Python cannot make a virtual environment: its module ensurepip is missing. "
        f"On Debian and Ubuntu: sudo apt-get install {package}. Then try again.",
    )


def begin_work() -> None:
    """Note that `.venv` is not whole, and who is at it."""
    UNFINISHED.write_text(str(os.getpid()), "ascii")


def at_work() -> int:
    """The other process that is making `.venv` now; 0 when there is none (Windows does not tell)."""
    try:
        process = int(UNFINISHED.read_text("ascii"))
        if os.name != "nt":
            os.kill(process, 0)
            return process
    except PermissionError:
        return process
    except (OSError, ValueError):
        pass
    return 0


def free_mb() -> int:
    """Room where this file lies."""
    return shutil.disk_usage(HERE).free // 1_000_000


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
                begin_work()
                progress(f"installing {count} packages")
    progress("")
    if pip.returncode:
        # Of five tries that failed alike the last is enough, and what is not for this system is no news.
        retries = [line for line in said if "Retrying (" in line]
        told = [line for line in said if line not in retries[:-1] and not line.startswith(("Ignoring ", "  "))]
        print("".join(told[-8:]), file=sys.stderr)
    else:
        UNFINISHED.unlink(missing_ok=True)
    return pip.returncode


def progress(words: str) -> None:
    """One line that is written over, on a terminal; nothing where nobody looks."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{words}", end="", flush=True)


def system_packages(wanted: dict[str, tuple[str, str]]) -> None:
    """Install what the tests want of the system, where we may; otherwise say what will be skipped."""
    missing = [name for name, (program, _) in wanted.items() if not is_here(program)]
    if missing and may_install():
        apt_get(missing)
        missing = [name for name in missing if not is_here(wanted[name][0])]
    for name in missing:
        print(f"NOT INSTALLED: {name}; skipped without it: {wanted[name][1]}")
    if missing:
        print(f"To have all of it (names of Debian): apt-get install --no-install-recommends {' '.join(missing)}")
    sys.stdout.flush()


def is_here(program: str) -> bool:
    """Whether a program, or a file by its path, is on this machine."""
    if program.startswith("/"):
        return Path(program).exists()
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])) is not None


def may_install() -> bool:
    """Whether packages of the system may be installed without asking anybody: root, or CI."""
    return os.name != "nt" and shutil.which("apt-get") is not None and (os.geteuid() == 0 or "CI" in os.environ)


def apt_get(packages: list[str]) -> None:
    """Install packages of the system and show how far it is; apt's last words are shown when it fails."""
    command = [*([] if os.geteuid() == 0 else ["sudo", "-n"]), "apt-get", "-q"]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    print(f"installing packages of the system, which may take minutes: {' '.join(packages)} …", flush=True)
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        said: list[str] = []
        with subprocess.Popen(
            [*command, *words], env=quiet, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as apt:
            for line in apt.stdout or ():
                said.append(line)
                progress(line.strip()[:70])
        progress("")
        if apt.returncode:
            print("".join(said[-5:]), file=sys.stderr, flush=True)


def tool(name: str) -> Path:
    """A program of the environment."""
    return BIN / (f"{name}.exe" if os.name == "nt" else name)


def run(command: list[str | Path]) -> int:
    """Run it here; Ctrl-C goes to the child, whose exit code is ours. A child that failed on it ends us too.

    SIGTERM (`timeout`, a supervisor) reaches only us, so it is passed on: nothing goes on alone.

    Byte code is kept whatever the environment says, but beside the packages and not in the tree: hundreds of agents are
    started by the tests, and each would compile everything again.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment.setdefault("PYTHONPYCACHEPREFIX", str(VENV / "bytecode"))
    child = subprocess.Popen([str(word) for word in command], cwd=HERE, env=environment)
    before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    is_stopped = False
    try:
        while True:
            try:
                code = child.wait()
            except KeyboardInterrupt:
                is_stopped = True
                continue
            if is_stopped and code:
                raise KeyboardInterrupt
            return code
    finally:
        signal.signal(signal.SIGTERM, before)


def complain(sentence: str) -> int:
    """Say what is wrong and what to do."""
    print(f"dev.py: {sentence}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
