"""What a device read, as a step of the desk: the same code twice is one scan, a bank card is told without a digit.

Another customer than the one at the till is asked about at the panel first, as if the panel had scanned the card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.checkout.customers import identifying
from agent.checkout.customers.guests import Asked
from agent.checkout.panel import machine as panel
from agent.checkout.state import DeskState
from agent.snapshot import Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import LookupAnswer
from drivers.vocabulary.events import BankCardRead, CodeScanned

if TYPE_CHECKING:
    from agent.checkout.desk import Desk

__all__ = ["scan_asked", "scanned"]


def scanned(desk: Desk, event: CodeScanned | BankCardRead) -> Asked | None:
    """A code or a bank card at a scanner of ours; whom to ask the centre for, when only it can know."""
    if isinstance(event, BankCardRead):
        identifying.show(desk, Screen.NOT_LOYALTY, contract.IdentifyState.NOT_LOYALTY, "", desk.clock.now())
        return None
    if _is_same_scan(desk, event):
        return None
    request = contract.IdentifyRequest(code=event.symbology + event.code, presented=True)
    return panel.identify(desk, request, replaces=False, may_ask=True)


def scan_asked(desk: Desk, asked: Asked, answer: LookupAnswer | None, *, is_awaited: bool) -> None:
    """The centre's word on a scanned code is here; nothing becomes of it when the till has gone on since."""
    identifying.keep_answer(desk, asked, answer)
    if is_awaited or asked.turn == desk.turn:
        panel.identify(desk, asked.request, replaces=False, may_ask=False)


def _is_same_scan(desk: DeskState, event: CodeScanned) -> bool:
    """Whether a trembling hand has read the same code again; what was read is remembered as a number only."""
    now_s = desk.clock.uptime_s()
    mark = hash((event.symbology, event.code))
    before = desk.scanned_last
    desk.scanned_last = (mark, now_s)
    return before is not None and before[0] == mark and now_s - before[1] < desk.rules.same_code_s
