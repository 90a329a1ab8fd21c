"""Which ring a till is in, and when a gate opens or a release stops; pure, from rows that others have read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

__all__ = [
    "FAILURES",
    "IN_VAIN",
    "WHOLE",
    "GateView",
    "ReleaseState",
    "Ring",
    "Verdict",
    "judge",
    "ring_of",
    "share_place",
]

WHOLE: Final = 10_000  # a share counts hundredths of a percent

#: Words of `TryOutcome` that count against a release.
FAILURES: Final = ("rolled_back", "failed", "refused")
#: Of them those after which the till is not given it again. What merely failed may pass (a full disk, a power cut), and
#: a till that knows better refuses by itself.
IN_VAIN: Final = ("rolled_back", "refused")


class ReleaseState(Enum):
    """WAITING: added, nobody gets it. ROLLING: open rings get it. STOPPED: nobody new gets it. WITHDRAWN: for good."""

    WAITING = "waiting"
    ROLLING = "rolling"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Tills that get a release at the same time, and the gate behind them.

    Attributes:
        share: of the tills nobody placed by hand, in hundredths of a percent.
        healthy_min: so many tills must have been healthy for `soak` before the next ring opens.
        failures_max: one more stops the release.
    """

    name: str
    place: int
    share: int
    healthy_min: int
    soak: timedelta
    failures_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateView:
    """What the gate behind a ring sees of one release.

    Attributes:
        proven: tills that were healthy, and heard of, for all the time that is asked for; 0 once the gate is open.
        failures: tills that went back or could not take it, since a person last let it go on.
    """

    opened_at: datetime | None
    proven: int
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gates say: stop with this reason, or open this ring; neither is to wait."""

    stop: str = ""
    opens: str = ""


def share_place(till: str) -> int:
    """Where a till stands among all, 0 to 9999: by its name alone, so it is the same tomorrow and on every server."""
    return int.from_bytes(hashlib.sha256(b"tillpoint ring 1\0" + till.encode()).digest()[:8], "big") % WHOLE


def ring_of(
    till: str, shop: str, *, rings: Sequence[Ring], tills: Mapping[str, str], shops: Mapping[str, str]
) -> Ring | None:
    """The till's ring: as a person put the till, else its shop, else by its share; the last ring has the rest.

    A larger share of an earlier ring only takes tills from later ones: nobody who is in it leaves it.

    Args:
        till: its name.
        shop: where it stands.
        rings: in their order.
        tills: ring by till, as put by hand.
        shops: ring by shop, likewise.

    Returns:
        None when there are no rings.
    """
    by_name = {ring.name: ring for ring in rings}
    for chosen in (tills.get(till), shops.get(shop)):
        if chosen is not None and chosen in by_name:
            return by_name[chosen]
    place, through = share_place(till), 0
    for ring in rings:
        through += ring.share
        if place < through:
            return ring
    return rings[-1] if rings else None


def judge(rings: Sequence[Ring], seen: Mapping[str, GateView]) -> Verdict:
    """What is to become of a release that is rolling.

    Args:
        rings: in their order.
        seen: by ring; one that is missing was never opened and nobody there has tried it.
    """
    never = GateView(opened_at=None, proven=0, failures=0)
    for ring in rings:
        failures = seen.get(ring.name, never).failures
        if failures > ring.failures_max:
            tills = "till" if failures == 1 else "tills"
            return Verdict(
                stop=f"{failures} {tills} of ring {ring.name} could not take it or went back; {ring.failures_max} may"
            )
    opened = [seen.get(ring.name, never).opened_at is not None for ring in rings]
    if not any(opened) or all(opened):
        return Verdict()
    place = opened.index(False)
    if any(opened[place:]):
        return Verdict(opens=rings[place].name)  # it came, or was moved, in front of one that is open already
    before = rings[place - 1]
    return Verdict(opens=rings[place].name) if seen[before.name].proven >= before.healthy_min else Verdict()
