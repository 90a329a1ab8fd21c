"""Runs inside the updater's own sandbox, in its place: tries what it needs, and what nobody who took it over may do.

Standard library only; prints what it found as one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import pwd
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

CLONE_NEWNS = 0x00020000


def works(what: Callable[[], object]) -> str:
    """ "" when it works, else the words of the system."""
    try:
        what()
    except (OSError, subprocess.SubprocessError) as error:
        return str(error) or type(error).__name__
    return ""


def hung_child() -> None:
    """A rehearsal that does not end, as the service's user: it is killed when its time is over."""
    user = pwd.getpwnam("tillpoint")
    try:
        subprocess.run(
            [sys.executable, "-c", "import time; time.sleep(20)"],
            user=user.pw_uid, group=user.pw_gid, extra_groups=[], timeout=0.5, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return
    raise OSError("it was not killed")


def service_manager() -> None:
    """It may ask, and may order."""
    for verb in ("show", "reset-failed"):
        subprocess.run(["systemctl", verb, "tillpoint.service"], check=True, timeout=20, capture_output=True)


def written(path: str) -> Callable[[], object]:
    """Write a file there, and take it away."""

    def write() -> None:
        Path(path).write_text("x")
        Path(path).unlink()

    return write


def unshared() -> None:
    """A namespace of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")


def set_user_bit() -> None:
    """A program that gives root away."""
    path = Path("/var/lib/tillpoint-versions/probe")
    path.write_text("")
    try:
        path.chmod(0o4755)
    finally:
        path.unlink()


def own_lines() -> dict[str, str]:
    """Of /proc/self/status."""
    text = Path("/proc/self/status").read_text("ascii")
    return {name: re.findall(rf"(?m)^{name}:\s*(\S+)", text)[0] for name in ("CapBnd", "NoNewPrivs", "Seccomp")}


def main() -> None:
    """Both lists."""
    may = {
        "kills a hung rehearsal": hung_child,
        "orders the service manager": service_manager,
        "writes versions": written("/var/lib/tillpoint-versions/probe"),
        "writes into the state folder": written("/var/lib/tillpoint/probe"),
        "asks the local API": lambda: socket.socket(socket.AF_INET).close(),
    }
    may_not = {
        "writes settings": written("/etc/tillpoint/probe"),
        "writes packaged versions": written("/usr/lib/tillpoint/probe"),
        "writes programs": written("/usr/bin/probe"),
        "reads homes": lambda: list(Path("~root/stick").expanduser().iterdir()),  # a step before has laid it there
        "writes homes": written(str(Path("~root/probe").expanduser())),
        "opens kernel memory": lambda: os.open("/dev/mem", os.O_RDONLY),
        "talks raw to the network": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "talks to the kernel's network": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "makes a namespace": unshared,
        "writes code into memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC),
        "makes a set-user-id program": set_user_bit,
    }
    told = {
        "fails": {name: why for name, what in may.items() if (why := works(what))},
        "succeeds": [name for name, what in may_not.items() if not works(what)],
        **own_lines(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
