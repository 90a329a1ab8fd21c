"""How often one panel may look a customer up, so that it is no oracle for phone numbers; pure, time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

__all__ = ["LookupLimit", "LookupLimits"]

LOOKUPS_PER_MINUTE: Final = 30  # twice what the fastest till has receipts
LOOKUPS_BURST: Final = 10  # a cashier who mistypes and corrects
NOT_FOUND_RUN_MAX: Final = 5  # in a row; honest typing errors do not come in fives
NOT_FOUND_DELAY_S: Final = 2.0  # makes trying numbers one by one useless
SESSIONS_MAX: Final = 64  # one till has one panel; old sessions are forgotten in order of use


@dataclass(slots=True)
class LookupLimit:
    """A bucket of look-ups that refills with time, and a pause after a run of numbers nobody has."""

    tokens: float = float(LOOKUPS_BURST)
    refilled_s: float = 0.0
    not_found_run: int = 0
    not_found_s: float = 0.0

    def ask(self, now_s: float) -> float:
        """Take one look-up; returns 0.0, or how many seconds to wait before asking again (nothing is taken then)."""
        if self.not_found_run >= NOT_FOUND_RUN_MAX:
            wait_s = self.not_found_s + NOT_FOUND_DELAY_S - now_s
            if wait_s > 0:
                return wait_s
        rate = LOOKUPS_PER_MINUTE / 60
        self.tokens = min(float(LOOKUPS_BURST), self.tokens + max(0.0, now_s - self.refilled_s) * rate)
        self.refilled_s = now_s
        if self.tokens < 1:
            return (1 - self.tokens) / rate
        self.tokens -= 1
        return 0.0

    def answered(self, *, found: bool, now_s: float) -> None:
        """Remember what became of a look-up."""
        self.not_found_run = 0 if found else self.not_found_run + 1
        self.not_found_s = now_s


class LookupLimits:
    """One LookupLimit per panel session, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, LookupLimit] = OrderedDict()

    def of(self, session: str, now_s: float) -> LookupLimit:
        """The limit of this session."""
        limit = self._of.get(session)
        if limit is None:
            limit = self._of[session] = LookupLimit(refilled_s=now_s)
        self._of.move_to_end(session)
        while len(self._of) > SESSIONS_MAX:
            self._of.popitem(last=False)
        return limit
