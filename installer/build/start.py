"""Starts this version of Tillpoint from its own folder and from nothing else: `python -I -S start.py ARGUMENTS`.

The launcher calls it. Only the interpreter's standard library and `app/` beside this file are importable: what else is
installed on the machine cannot change what a till does.
"""

import os
import sys
from pathlib import Path

APP = Path(__file__).resolve().parent / "app"


def prepare() -> None:
    """The paths; on Windows also those of pywin32, which its .pth file would set if `site` ran."""
    if not (sys.flags.isolated and sys.flags.no_site):
        sys.exit("tillpoint: packages of this machine would get in the way; start it with: python -I -S")
    sys.dont_write_bytecode = True
    sys.path.append(str(APP))
    sys.argv[0] = "tillpoint"
    if sys.platform == "win32":
        sys.path += [str(APP / "win32"), str(APP / "win32/lib")]
        os.add_dll_directory(str(APP / "pywin32_system32"))


if __name__ == "__main__":
    prepare()
    from agent.cli import main

    sys.exit(main())
