"""What a device read, as a step of the desk: the same code twice is one scan, a bank card is told without a digit."""

from __future__ import annotations

from agent.checkout import identifying
from agent.checkout.guests import Asked
from agent.checkout.state import DeskState
from agent.snapshot import Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.events import BankCardRead, CodeScanned

__all__ = ["scanned"]


def scanned(desk: DeskState, event: CodeScanned | BankCardRead) -> Asked | None:
    """A code or a bank card at a scanner of ours; whom to ask the centre for, when only it can know."""
    if isinstance(event, BankCardRead):
        identifying.show(desk, Screen.NOT_LOYALTY, contract.IdentifyState.NOT_LOYALTY, "", desk.clock.now())
        return None
    if _is_same_scan(desk, event):
        return None
    request = contract.IdentifyRequest(code=event.symbology + event.code, presented=True)
    found = identifying.identify_or_want(desk, request)
    return found if isinstance(found, Asked) else None


def _is_same_scan(desk: DeskState, event: CodeScanned) -> bool:
    """Whether a trembling hand has read the same code again; what was read is remembered as a number only."""
    now_s = desk.clock.uptime_s()
    mark = hash((event.symbology, event.code))
    before = desk.scanned_last
    desk.scanned_last = (mark, now_s)
    return before is not None and before[0] == mark and now_s - before[1] < desk.rules.same_code_s
