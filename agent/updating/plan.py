"""When a version that lies ready may be changed to: pure; what is known of the till and the clock comes in.

Never with a receipt, a shift or a customer open, and only while the shop is closed as far as anybody has said when that
is. An update that waits costs little; one at the wrong moment costs a queue at the till.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

__all__ = ["Moment", "is_within", "why_wait"]

_BY_HAND: Final = "it waits for `tillpoint update now`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The till, now.

    Attributes:
        now: in the shop's zone.
        busy: what is going on, in words; "" for nothing.
        quiet_s: for how long nothing has happened.
        since_receipt_s: since the last receipt; None when there was none since the start.
        shift_ended: whether a report was printed after the last receipt.
        uptime_s: of the agent: before it has been up for long, quiet means nothing.
    """

    now: datetime
    busy: str
    quiet_s: float
    since_receipt_s: float | None
    shift_ended: bool
    uptime_s: float


def why_wait(
    moment: Moment,
    *,
    install: str,
    hours: str,
    quiet_minutes: int,
    shift_minutes: int,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    asked_now: bool = False,
) -> str:
    """Why a version that lies ready is not changed to now, in words; "" when it may be.

    Args:
        moment: the till.
        install: `updates.install`.
        hours: `updates.hours`.
        quiet_minutes: `updates.quiet_minutes`.
        shift_minutes: `updates.shift_minutes`.
        not_before: when the shop is closed next, as the centre says.
        not_after: until when.
        asked_now: somebody asked for it by hand: the hours and the shift do not matter, an open receipt does.
    """
    if moment.busy or asked_now:
        return moment.busy
    if install != "auto":
        return _BY_HAND
    return _shop_is_open(moment, hours, not_before, not_after) or _in_use(moment, quiet_minutes, shift_minutes)


def _shop_is_open(moment: Moment, hours: str, not_before: datetime | None, not_after: datetime | None) -> str:
    if not_before is not None and moment.now < not_before:
        return f"not before {not_before.astimezone(moment.now.tzinfo):%d.%m. %H:%M}"
    if not_after is not None and moment.now >= not_after:
        return "the time that the centre gave is over; it gives another one"
    return "" if is_within(hours, moment.now.time()) else f"the shop is open; not outside {hours}"


def _in_use(moment: Moment, quiet_minutes: int, shift_minutes: int) -> str:
    if moment.quiet_s < quiet_minutes * 60:
        return f"the till was used less than {quiet_minutes} min ago"
    last_s = moment.since_receipt_s if moment.since_receipt_s is not None else moment.uptime_s
    return "a shift may be open" if not moment.shift_ended and last_s < shift_minutes * 60 else ""


def is_within(hours: str, moment: time) -> bool:
    """Whether a time of day lies in "22:00-07:00"; "" is always."""
    if not hours:
        return True
    begin, end = (time.fromisoformat(one) for one in hours.split("-"))
    moment = moment.replace(tzinfo=None)
    if begin <= end:
        return begin <= moment < end
    return moment >= begin or moment < end
