"""A closed receipt as a slip of its own: whose shop, which receipt, then the lines every slip has; for our printer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from agent.slips.text import BARCODE, QR, date_text, lay_out, money_with_sign, words
from drivers.vocabulary.receipt import DocumentKind, Receipt
from drivers.vocabulary.slips import PartKind, Slip, SlipPart

__all__ = ["own_note", "own_slip"]

_CODES = {BARCODE: PartKind.BARCODE, QR: PartKind.QR}


def own_note(name: str, lines: Sequence[str], *, header: Sequence[str], columns: int) -> Slip:
    """A few lines that belong to no receipt."""
    parts = [SlipPart(PartKind.TITLE, line) for line in lay_out(header, columns)]
    parts += [SlipPart(PartKind.TEXT, line) for line in lay_out(lines, columns)]
    return Slip(name=name, parts=tuple(parts))


def own_slip(
    receipt: Receipt,
    lines: Sequence[str],
    *,
    closed_at: datetime,
    header: Sequence[str],
    language: str,
    zone: tzinfo,
    columns: int,
) -> Slip:
    """The slip of a receipt for a printer of so many columns.

    Args:
        receipt: what was closed; a slip that lies alone says which receipt it belongs to.
        lines: as composed (`agent.slips.compose`), not laid out yet.
        closed_at: when the receipt was closed, when it does not say itself.
        header: the shop's own lines at the top.
        language: of the catalogue.
        zone: the shop's.
        columns: of the printer.
    """
    parts = [SlipPart(PartKind.TITLE, line) for line in lay_out(header, columns)]
    say = words(language)
    moment = (receipt.closed_at or closed_at).astimezone(zone)
    word = say["return" if receipt.kind is DocumentKind.RETURN else "receipt"].format(number=receipt.number).strip()
    head = (
        f"{word}\t{money_with_sign(receipt.total, language)}",
        f"{date_text(moment, zone, language)} {moment:%H:%M}",
    )
    parts += [SlipPart(PartKind.TEXT, line) for line in lay_out(head, columns)]
    for line in lines:
        kind = next((kind for mark, kind in _CODES.items() if line.startswith(mark)), None)
        if kind is not None:
            parts.append(SlipPart(kind, line[len(BARCODE) :]))
        else:
            parts += [SlipPart(PartKind.TEXT, laid) for laid in lay_out((line,), columns)]
    return Slip(name=receipt.uid, parts=tuple(parts))
