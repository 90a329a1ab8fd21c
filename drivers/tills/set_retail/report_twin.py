"""Set Retail's side of a purchases file: a story as its server writes it; a codec."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from drivers.tills.contract import Story, StoryLine, TwinContext
from drivers.vocabulary.money import Quantity, line_total

__all__ = ["PurchasesTwin"]

SHIFT: Final = 14


class PurchasesTwin:
    """See `drivers.tills.reports.ReportTwin`; each story is a file of its own, whole."""

    def __init__(self, _settings: Any, context: TwinContext) -> None:
        self._context = context

    def header(self) -> bytes:
        """The beginning of a file."""
        return b'<?xml version="1.0" encoding="UTF-8"?>\n<purchases>\n'

    def footer(self) -> bytes:
        """Its end."""
        return b"</purchases>\n"

    def go_on(self, report: bytes) -> None:
        """See `ReportTwin`: numbers are the story's."""

    def play(self, story: Story) -> bytes:
        """A sale, nothing of an abandoned one, and as the next purchase the return of a part of it."""
        if story.abandon:
            return b""
        sold = self._purchase(
            story, story.number, [(one, one.quantity) for one in story.lines], at=story.at, is_sale=True
        )
        if not story.refund:
            return sold
        back = [(story.lines[place - 1], quantity) for place, quantity in story.refund]
        at = story.at + timedelta(minutes=1)
        return sold + self._purchase(story, story.number + 1, back, at=at, is_sale=False)

    def _purchase(
        self, story: Story, number: int, goods: Sequence[tuple[StoryLine, Quantity]], *, at: datetime, is_sale: bool
    ) -> bytes:
        rows, total = [], 0
        for order, (line, quantity) in enumerate(goods, 1):
            amount = line_total(line.price, quantity)
            total += amount.minor
            rows.append(
                f'<position order="{order}" goodsCode={quoteattr(line.code)} barCode={quoteattr(line.barcode)}'
                f' count="{quantity}" cost="{line.price.amount}" discountValue="0.0" amount="{amount.amount}"/>'
            )
        whole = story.lines[0].price.with_minor(total).amount
        head = (
            f'operationType="{str(is_sale).lower()}" shop={quoteattr(self._context.shop)} cash="{self._context.till}"'
            f' shift="{SHIFT}" number="{number}" saletime="{at.isoformat()}" amount="{whole}" tabNumber="1"'
        )
        card = f"<discountCards><discountCard>{story.customer}</discountCard></discountCards>" if story.customer else ""
        paid = f'<payment typeClass="CashPaymentEntity" amount="{whole}" description="Cash"/>'
        inside = f"<positions>{''.join(rows)}</positions>\n<payments>{paid}</payments>{card}"
        return f"<purchase {head}>\n{inside}\n</purchase>\n".encode()
