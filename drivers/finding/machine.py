"""Everything that is plugged into this machine, with who holds it; and what changed since the last look."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from msgspec.structs import replace

from drivers.finding import linux, windows
from drivers.finding.found import Found, Kind
from drivers.finding.holders import holders_of
from drivers.finding.known import named
from drivers.transport.spool import system_spooler
from drivers.vocabulary.errors import TransportError

__all__ = ["changes", "find_all", "find_plugged", "look"]


def find_all() -> tuple[Found, ...]:
    """Ports, USB and HID devices, scanners that type, print queues; asks the system, opens nothing."""
    return (*find_plugged(), *_queues())


def find_plugged() -> tuple[Found, ...]:
    """The same without the queues of the spooler, which is another program and takes its time to answer."""
    return windows.find(windows.this_machine()) if sys.platform == "win32" else linux.find()


def look() -> tuple[Found, ...]:
    """The same, with who has each open."""
    found = find_all()
    held, unknown = holders_of(one.node for one in found)
    return tuple(
        replace(one, held_by=held.get(one.node, ()), held_unknown=unknown if one.node not in held else "")
        if one.kind is not Kind.PRINT_QUEUE
        else one
        for one in found
    )


def changes(before: Sequence[Found], after: Sequence[Found]) -> tuple[list[Found], list[Found]]:
    """(what came, what went), by address and place: a device in another plug has gone and come."""
    was = {(one.address, one.node, one.place): one for one in before}
    now = {(one.address, one.node, one.place): one for one in after}
    return [one for key, one in now.items() if key not in was], [one for key, one in was.items() if key not in now]


def _queues() -> list[Found]:
    try:
        names = system_spooler().names()
    except (TransportError, OSError):  # a spooler that does not answer has no queues to offer
        return []
    queue = Found(
        address="", kind=Kind.PRINT_QUEUE, why="a queue of the system's spooler; choose it if it prints slips"
    )
    return [named(replace(queue, address=f"spool:{name}", model=name)) for name in names]
