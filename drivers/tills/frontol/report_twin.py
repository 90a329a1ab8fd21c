"""Frontol's side of a sales report: the transactions of a story, as it appends them; a codec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from drivers.tills.contract import Story, StoryLine, TwinContext
from drivers.tills.report_lines import last_number
from drivers.vocabulary.money import Quantity, line_total

__all__ = ["FrontolReportTwin"]

FIELDS: Final = 44  # Frontol 6; Frontol 5 writes the first 36
SHIFT: Final = 45  # as the twin of the Priority API


class FrontolReportTwin:
    """See `drivers.tills.reports.ReportTwin`.

    Args:
        fields: 36 or 44.
        first: the number of the first transaction.
    """

    def __init__(self, _settings: Any, context: TwinContext, *, fields: int = FIELDS, first: int = 1) -> None:
        self._context = context
        self._fields = fields
        self._next = first

    def header(self) -> bytes:
        """Fresh, of database 1, report 1."""
        return b"#\r\n1\r\n1\r\n"

    def footer(self) -> bytes:
        """None: it is appended to."""
        return b""

    def go_on(self, report: bytes) -> None:
        """See `ReportTwin`."""
        self._next = last_number(report) + 1

    def play(self, story: Story) -> bytes:
        """A sale paid in cash, cancelled if it was abandoned, and as the next document the return of a part of it."""
        goods = [(line, line.quantity) for line in story.lines]
        sold = self._document(story, story.number, goods, at=story.at, is_return=False)
        if not story.refund:
            return sold
        back = [(story.lines[place - 1], quantity) for place, quantity in story.refund]
        number, at = story.number + 1, story.at + timedelta(minutes=1)
        return sold + self._document(story, number, back, at=at, is_return=True)

    def _document(
        self, story: Story, number: int, goods: Iterable[tuple[StoryLine, Quantity]], *, at: datetime, is_return: bool
    ) -> bytes:
        sign, operation = (-1, "1") if is_return else (1, "0")
        till = self._context.till
        common = {
            5: till,
            6: str(number),
            7: "1",
            13: operation,
            14: str(SHIFT),
            23: operation,
            26: f"{till}/{SHIFT}/{number}",
        }
        head: dict[int, str] = {8: story.customer}
        if is_return:
            head[25] = f"{till}/{SHIFT}/{story.number}"
        else:
            head |= {33: story.uid, 43: "|".join(story.coupons)}
        rows: list[tuple[str, Mapping[int, str]]] = []
        total = 0
        for line, quantity in goods:
            amount = line_total(line.price, quantity)
            total += amount.minor
            sums = _comma(line.price.with_minor(sign * amount.minor).amount)
            price, count = _comma(line.price.amount), ("-" if is_return else "") + _comma(str(quantity))
            rows.append(
                ("11", {8: line.code, 10: price, 11: count, 12: sums, 15: price, 16: sums, 19: line.barcode, 20: sums})
            )
        whole = _comma(story.lines[0].price.with_minor(sign * total).amount)
        paid = [] if story.abandon else [("40", {9: "1", 10: "0", 11: whole, 12: whole})]
        close = ("56" if story.abandon else "55", {**head, 12: whole, 16: whole, 20: whole})
        return b"".join(
            self._row(kind, {**common, **fields}, at)
            for kind, fields in (("42", {**head, 12: whole}), *rows, *paid, close)
        )

    def _row(self, kind: str, fields: Mapping[int, str], at: datetime) -> bytes:
        local = at.astimezone(self._context.zone)
        first = {1: str(self._next), 2: f"{local:%d.%m.%Y}", 3: f"{local:%H:%M:%S}", 4: kind}
        self._next += 1
        said = {**first, **fields}
        values = (said.get(place, "").replace(";", "¤") for place in range(1, self._fields + 1))
        return (";".join(values) + ";\r\n").encode("cp1251", "replace")


def _comma(number: str) -> str:
    return number.replace(".", ",")
