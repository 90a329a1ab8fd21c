"""Makes the small Windows programs with mingw: the launcher, and `python.exe` and `python3.dll` for a runtime.

Run by path: `python3 installer/build/programs.py --into FOLDER [--version 1.2.3]` makes the launcher in its two forms,
`tillpoint.exe` for consoles and the service, `tillpointw.exe` without a console window for what starts at logon.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["ProgramsError", "make_clear", "make_forwarder", "make_launcher", "make_python", "missing"]

SOURCES: Final = Path(__file__).resolve().parent / "launcher"
CLEARING: Final = SOURCES.parent / "clearing" / "clear.c"
PREFIX: Final = "x86_64-w64-mingw32-"
TOOLS: Final = ("gcc", "windres", "windmc", "objdump")
#: The same bytes at every build: no time stamp; and the system's own defences switched on.
LINK: Final = ("-s", "-Wl,--no-insert-timestamp", "-Wl,--dynamicbase", "-Wl,--nxcompat", "-Wl,--high-entropy-va")
FORWARDER_ENTRY: Final = """#include <windows.h>
BOOL WINAPI DllMainCRTStartup(HINSTANCE library, DWORD reason, LPVOID reserved)
{
    (void)library; (void)reason; (void)reserved;
    return TRUE;
}
"""
RESOURCE: Final = """#include <windows.h>
{messages}
VS_VERSION_INFO VERSIONINFO
FILEVERSION {numbers}
PRODUCTVERSION {numbers}
FILEOS VOS_NT_WINDOWS32
FILETYPE VFT_APP
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904b0"
    BEGIN
      VALUE "CompanyName", "Tillpoint"
      VALUE "FileDescription", "{description}"
      VALUE "FileVersion", "{version}"
      VALUE "OriginalFilename", "{name}"
      VALUE "ProductName", "Tillpoint"
      VALUE "ProductVersion", "{version}"
    END
  END
  BLOCK "VarFileInfo"
  BEGIN
    VALUE "Translation", 0x409, 1200
  END
END
"""


class ProgramsError(Exception):
    """A program cannot be made; the sentence says what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Make both forms of the launcher; 0, or 1 with one sentence."""
    parser = argparse.ArgumentParser(prog="programs.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="where tillpoint.exe is put")
    parser.add_argument("--version", default="0", help="of Tillpoint, for the programs' properties")
    args = parser.parse_args(argv)
    try:
        for made in make_launcher(args.into, version=args.version):
            print(f"{made}  {made.stat().st_size:,} bytes")
    except ProgramsError as error:
        print(f"programs.py: {error}", file=sys.stderr)
        return 1
    return 0


def missing() -> str:
    """Why nothing can be made here, with the next step; "" when it can."""
    if all(shutil.which(PREFIX + tool) for tool in TOOLS):
        return ""
    return "the compiler for Windows is not installed; apt-get install --no-install-recommends gcc-mingw-w64-x86-64"


def make_launcher(into: Path, *, version: str) -> list[Path]:
    """`tillpoint.exe` and `tillpointw.exe`, which also carry the texts of the event log.

    Raises:
        ProgramsError: there is no compiler, or it refused.
    """
    into.mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _run("windmc", "-U", "-h", folder, "-r", folder, SOURCES / "messages.mc")
        for name, more in (("tillpoint.exe", ["-mconsole"]), ("tillpointw.exe", ["-mwindows"])):
            resource = _resource(folder, name, version, "Tillpoint: loyalty at the till", '#include "messages.rc"')
            _compile(into / name, SOURCES / "launcher.c", resource, *more, "-I", folder)
            made.append(into / name)
    return made


def make_python(path: Path, *, version: str) -> None:
    """`python.exe` for a folder that has python311.dll.

    Raises:
        ProgramsError: there is no compiler, or it refused.
    """
    with tempfile.TemporaryDirectory() as scratch:
        resource = _resource(Path(scratch), path.name, version, "Starts the python311.dll beside it", "")
        _compile(path, SOURCES / "python.c", resource, "-mconsole")


def make_clear(path: Path) -> Path:
    """`tillpoint-clear.exe`, with which the installers stop and remove where no Python may run.

    Raises:
        ProgramsError: there is no compiler, or it refused.
    """
    _compile(path, CLEARING, "-ladvapi32", "-mconsole")
    return path


def make_forwarder(path: Path, library: Path) -> None:
    """`python3.dll`, which extensions for any Python 3 ask for: every name leads to `library`.

    Raises:
        ProgramsError: there is no compiler, or it refused.
    """
    names = _exports(library)
    if "Py_Main" not in names:
        raise ProgramsError(f"{library} does not offer Py_Main; it is no Python library")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source, definition = folder / "forward.c", folder / "python3.def"
        source.write_text(FORWARDER_ENTRY, "ascii")
        rows = [f"{name}={library.stem}.{name}" for name in names]
        definition.write_text("\n".join(["LIBRARY python3", "EXPORTS", *rows, ""]), "ascii")
        _run("gcc", "-shared", "-nostdlib", "-O2", *LINK, "-o", path, source, definition,
             "-Wl,--entry=DllMainCRTStartup", "-Wl,--kill-at")  # fmt: skip


def _exports(library: Path) -> list[str]:
    """Names a library offers, sorted."""
    said = _run("objdump", "-p", library)
    _, _, rows = said.partition("[Ordinal/Name Pointer] Table")
    # "[   7] PyArg_Parse" in older binutils, "[   7] +base[   8]  0007 PyArg_Parse" in newer ones.
    return sorted(set(re.findall(r"^\s*\[\s*\d+\].*?([A-Za-z_]\w*)\s*$", rows, re.MULTILINE)))


def _resource(folder: Path, name: str, version: str, description: str, messages: str) -> Path:
    """What Windows shows under "Properties", and the texts of the event log, compiled."""
    numbers = [int(part) for part in re.findall(r"\d+", version)[:4]]
    text = RESOURCE.format(
        messages=messages,
        numbers=",".join(str(min(number, 65_535)) for number in [*numbers, 0, 0, 0, 0][:4]),
        version=version,
        name=name,
        description=description,
    )
    source, made = folder / f"{name}.rc", folder / f"{name}.o"
    source.write_text(text, "ascii")
    _run("windres", "-I", folder, "-i", source, "-o", made)
    return made


def _compile(into: Path, *words: str | Path) -> None:
    """Sources and what they need, in the order in which the linker wants them."""
    flags = ("-O2", "-Wall", "-Wextra", "-Werror", "-Wno-format-truncation", "-municode", "-static")
    _run("gcc", *flags, *LINK, "-o", into, *words)


def _run(tool: str, *words: str | Path) -> str:
    """What the tool says; ProgramsError with its last words when it fails."""
    program = shutil.which(PREFIX + tool)
    if program is None:
        raise ProgramsError(missing())
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False, timeout=120)  # noqa: S603
    if done.returncode:
        raise ProgramsError(f"{PREFIX}{tool} failed: {' '.join((done.stderr or done.stdout).split())[-400:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
