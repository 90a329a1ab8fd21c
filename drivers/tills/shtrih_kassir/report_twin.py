"""Кассир's side of its report: the transactions of a story, as it appends them; a codec."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from drivers.tills.contract import Story, TwinContext
from drivers.tills.report_lines import last_number
from drivers.vocabulary.money import line_total

__all__ = ["KassirReportTwin"]

RETURNS_FROM: Final = 500_000  # receipts of returns are numbered from here, so that no story meets another's return


class KassirReportTwin:
    """See `drivers.tills.reports.ReportTwin`."""

    def __init__(self, _settings: Any, context: TwinContext) -> None:
        self._context = context
        self._next = 1

    def header(self) -> bytes:
        """Fresh."""
        return b"#\r\n1\r\n1\r\n"

    def footer(self) -> bytes:
        """None: it is appended to."""
        return b""

    def go_on(self, report: bytes) -> None:
        """See `ReportTwin`."""
        self._next = last_number(report) + 1

    def play(self, story: Story) -> bytes:
        """A sale paid in cash, cancelled if it was abandoned, and the return of a part of it."""
        goods = [(line.code, line.price, line.quantity) for line in story.lines]
        rows: list[Sequence[str]] = []
        total = 0
        for code, price, quantity in goods:
            amount = line_total(price, quantity)
            total += amount.minor
            rows.append(("11", code, "1", price.amount, str(quantity), amount.amount))
        whole = story.lines[0].price.with_minor(total).amount
        if story.customer and not story.abandon:
            rows.append(("37", story.customer, "3", "0", "0.00", "0.00"))
        rows += [("56",)] if story.abandon else [("40", "", "", "0.00", "1", whole), ("55", "", "", "0", "0", whole)]
        said = self._rows(rows, story.number, story.at)
        if not story.refund:
            return said
        back: list[Sequence[str]] = []
        total = 0
        for place, quantity in story.refund:
            line = story.lines[place - 1]
            amount = line_total(line.price, quantity)
            total += amount.minor
            back.append(("13", line.code, "1", line.price.amount, f"-{quantity}", f"-{amount.amount}"))
        whole = story.lines[0].price.with_minor(total).amount
        back += [("40", "", "", "0.00", "1", f"-{whole}"), ("55", "", "", "0", "0", f"-{whole}")]
        return said + self._rows(back, story.number + RETURNS_FROM, story.at + timedelta(minutes=1))

    def _rows(self, rows: Sequence[Sequence[str]], number: int, at: datetime) -> bytes:
        local = at.astimezone(self._context.zone)
        told = []
        for kind, *rest in rows:
            head = (
                str(self._next),
                f"{local:%d.%m.%y}",
                f"{local:%H:%M:%S}",
                kind,
                self._context.till,
                str(number),
                "1",
            )
            told.append(";".join((*head, *(*rest, "", "", "", "", "")[:5])) + ";\r\n")
            self._next += 1
        return "".join(told).encode("cp1251", "replace")
