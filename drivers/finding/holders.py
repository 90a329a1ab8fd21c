"""Who has a device file open, from /proc; other users' programs are seen only with the right to, and that is said."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["Holders", "holders_of"]

WINDOWS_SAYS: Final = "Windows does not tell who has a port open; Process Explorer finds the handle by its name"
OTHERS_HIDDEN: Final = "programs of other users are not seen; run it as root to see all"

Holders = tuple[dict[str, tuple[str, ...]], str]


def holders_of(nodes: Iterable[str], *, proc: Path = Path("/proc")) -> Holders:
    """({device file: ("name (pid)", …)}, why that may not be all, or "").

    Reading is all that is done: no device is opened.
    """
    if sys.platform == "win32":
        return {}, WINDOWS_SAYS
    wanted = {os.path.realpath(node): node for node in nodes if node.startswith("/")}
    found: dict[str, list[str]] = {}
    hidden = False
    try:
        processes = [entry for entry in proc.iterdir() if entry.name.isdigit()]
    except OSError as error:
        return {}, f"{proc} cannot be read: {error.strerror}"
    for process in processes if wanted else ():
        try:
            handles = list((process / "fd").iterdir())
        except PermissionError:
            hidden = True
            continue
        except OSError:  # it has ended meanwhile
            continue
        for handle in handles:
            node = wanted.get(_target(handle))
            if node is not None and process.name != str(os.getpid()):
                found.setdefault(node, []).append(f"{_name(process)} ({process.name})")
    return {node: tuple(dict.fromkeys(sorted(who))) for node, who in found.items()}, OTHERS_HIDDEN if hidden else ""


def _target(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except OSError:
        return ""


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "?"
