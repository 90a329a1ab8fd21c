"""All checks in the order in which they are made: from the door to the points, and what must be refused at the end."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from central.conformance import (
    checks_certificates,
    checks_changes,
    checks_coming,
    checks_door,
    checks_end,
    checks_holds,
    checks_leases,
    checks_ledger,
    checks_people,
    checks_refusals,
    checks_updates,
    checks_upload,
    checks_values,
)
from central.conformance.suite import CHECKS, Check

__all__ = ["chosen"]

_ROOMS: Final = (
    checks_door,
    checks_coming,
    checks_upload,
    checks_people,
    checks_changes,
    checks_ledger,
    checks_holds,
    checks_leases,
    checks_values,
    checks_certificates,
    checks_updates,
    checks_refusals,
    checks_end,
)


def chosen(only: Collection[str] = ()) -> list[Check]:
    """These checks and all they need, each after what it needs; everything when none is named.

    Raises:
        KeyError: there is no such check; its argument is the name.
    """
    found: dict[str, Check] = {}

    def add(one: Check) -> None:
        for name in one.needs:
            add(CHECKS[name])
        found.setdefault(one.id, one)

    places = {room.__name__: place for place, room in enumerate(_ROOMS)}
    wanted = {CHECKS[name].id for name in only}
    for one in sorted(CHECKS.values(), key=lambda one: places[one.act.__module__]):
        if not wanted or one.id in wanted:
            add(one)
    return list(found.values())
