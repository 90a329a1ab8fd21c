"""Slips on printers of our own: told of each receipt that closes, and printed again when somebody asks."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from agent.checkout.records import Closed, read
from agent.checkout.state import DeskState
from agent.slip_printers import ClosedSlip
from agent.slips.text import lay_out
from drivers.vocabulary.checkout import ReprintAnswer, ReprintRequest
from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["SlipOutlet", "reprint", "tell"]


class SlipOutlet(Protocol):
    """Where slips go (`agent.slip_printers.SlipPrinters`); must not wait."""

    def closed(self, source: str, slip: ClosedSlip, now: datetime) -> None:
        """A receipt was closed, or its print was seen."""
        ...

    def again(self, slip: ClosedSlip) -> tuple[bool, str]:
        """Print it once more."""
        ...

    def note(self, name: str, lines: tuple[str, ...]) -> None:
        """Print a few lines that belong to no receipt."""
        ...


def tell(desk: DeskState, source: str, closed: Closed) -> None:
    """Give the slip of a receipt to the printers of our own; after its transaction, so that it is on disk already."""
    if desk.slips is not None and desk.slips_wait is not None:
        desk.slips_wait.append((source, closed))
    elif desk.slips is not None:
        desk.slips.closed(source, _slip(desk, closed), desk.clock.now())


def reprint(desk: DeskState, request: ReprintRequest) -> ReprintAnswer:
    """The slip of a closed receipt once more; without a uid, of the one closed last.

    Raises:
        CheckoutRefused: ``unknown_receipt``: it was not closed at this till, or long ago.
    """
    uid = request.receipt_uid or desk.last_receipt.get("uid", "")
    closed = read(desk.store, "closed", uid, Closed) if uid else None
    if closed is None:
        wanted = f"receipt {uid} is not known here" if uid else "no receipt was closed here yet"
        raise CheckoutRefused(f"{wanted}; name one that this till has closed", code="unknown_receipt")
    printing, trouble = desk.slips.again(_slip(desk, closed)) if desk.slips is not None else (False, "")
    return ReprintAnswer(
        receipt_uid=closed.uid, printing=printing, trouble=trouble, slip=lay_out(closed.slip, desk.rules.columns)
    )


def _slip(desk: DeskState, closed: Closed) -> ClosedSlip:
    style = desk.rules.slip
    return ClosedSlip(
        receipt=closed.receipt,
        lines=closed.slip,
        closed_at=closed.closed_at,
        language=style.language,
        zone=style.zone,
    )
