"""Names the program that has a loopback port, where the system lets us see it; an answer of "" is not an error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["holder_of", "pid_in_netstat", "socket_in_proc_table"]

_COMMAND_TIMEOUT_S: Final = 3.0  # asked once, when the port is taken; the agent's start waits for it
_LISTEN: Final = "0A"  # TCP_LISTEN in the kernel's table (include/net/tcp_states.h)


def holder_of(port: int) -> str:
    """``frontol.exe (pid 1234)``, or ""."""
    try:
        return _holder_on_windows(port) if sys.platform == "win32" else _holder_in_proc(port, Path("/proc"))
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""


def socket_in_proc_table(table: str, port: int) -> str:
    """The inode of the socket that listens on `port`, from the text of /proc/net/tcp, or "".

    A row: ``sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode`` (Linux, proc_net_tcp.rst).
    """
    for row in table.splitlines()[1:]:
        columns = row.split()
        if len(columns) > 9 and columns[1].endswith(f":{port:04X}") and columns[3] == _LISTEN:
            return columns[9]
    return ""


def pid_in_netstat(text: str, port: int) -> str:
    """The process that listens on `port`, from ``netstat -ano -p TCP``, or "".

    The word for "listening" is translated, so a listener is known by its foreign address ``0.0.0.0:0``.
    """
    for row in text.splitlines():
        columns = row.split()
        if len(columns) >= 5 and columns[0] == "TCP" and columns[2] == "0.0.0.0:0" and columns[1].endswith(f":{port}"):
            return columns[-1]
    return ""


def _holder_in_proc(port: int, proc: Path) -> str:
    inode = socket_in_proc_table((proc / "net" / "tcp").read_text(encoding="ascii"), port)
    if not inode:
        return ""
    wanted = f"socket:[{inode}]"
    for process in proc.iterdir():
        if process.name.isdecimal() and _has_file(process / "fd", wanted):
            name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
            return f"{name} (pid {process.name})"
    return ""


def _has_file(folder: Path, wanted: str) -> bool:
    """Whether one of a process's open files is `wanted`; processes of others cannot be read and are passed over."""
    try:
        return any(str(link.readlink()) == wanted for link in folder.iterdir())
    except OSError:
        return False


def _holder_on_windows(port: int) -> str:
    pid = pid_in_netstat(_output_of("netstat.exe", "-ano", "-p", "TCP"), port)
    if not pid:
        return ""
    row = _output_of("tasklist.exe", "/FI", f"PID eq {int(pid)}", "/FO", "CSV", "/NH")
    name = re.match(r'\s*"([^"]+)"', row)
    return f"{name[1]} (pid {pid})" if name else f"the process with pid {pid}"


def _output_of(program: str, *arguments: str) -> str:
    """What one of the system's own tools prints."""
    done = subprocess.run(  # noqa: S603 - fixed programs of the system, a number is the only thing put in
        [program, *arguments],
        capture_output=True,
        timeout=_COMMAND_TIMEOUT_S,
        check=True,
    )
    return done.stdout.decode("ascii", "replace")
