"""1C with a proxy driver before the register's own: each closed receipt's package is posted, again until answered."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final
from xml.etree import ElementTree as ET

from drivers.tills.amounts import decimal_of
from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest, Outcome, Story, StoryLine, TwinContext
from drivers.vocabulary.money import Money, Quantity, line_total

__all__ = ["OnecTwin", "package"]

TRIES: Final = 4
OK: Final = 200


class OnecTwin:
    """Plays a story through ``/process_check``."""

    def __init__(self, settings: object, context: TwinContext) -> None:
        del settings  # nothing of the room's table is 1C's business
        self._context = context

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """The sale's package, and perhaps that of a return of a part."""
        nothing = Money(0, self._context.currency)
        seen = Outcome(discount=nothing, points_paid=nothing, paid=nothing)
        if story.abandon:
            return seen
        sold = [(line, line.quantity) for line in story.lines]
        seen.paid = _total(sold)
        body = package(sold, kind="1", phone=story.customer, number=story.number)
        yield from self._post(f"document={story.uid}", body, seen)
        if story.refund:
            back = [(story.lines[place - 1], quantity) for place, quantity in story.refund]
            seen.refunded = _total(back)
            body = package(back, kind="2", phone=story.customer, number=story.number + 1)
            yield from self._post(f"document={story.uid}-back&base={story.uid}", body, seen)
        return seen

    def _post(self, query: str, body: bytes, seen: Outcome) -> Generator[HttpRequest, HttpReply, None]:
        request = HttpRequest(
            method="POST",
            path="/process_check",
            query=dict(part.split("=", 1) for part in query.split("&")),
            headers={"authorization": f"Bearer {self._context.key}", "content-type": "application/xml"},
            body=body,
        )
        for _ in range(TRIES):
            try:
                reply = yield request
            except AnswerLost:
                continue
            answer = ET.fromstring(reply.body)  # noqa: S314 - the agent's own
            if reply.status != OK:
                seen.failures.append(answer.get("Text", ""))
            seen.slip += [one.get("Text", "") for one in answer.iterfind("Positions/TextString")]
            return
        seen.failures.append("no answer")


def package(sold: list[tuple[StoryLine, Quantity]], *, kind: str, phone: str, number: int) -> bytes:
    """A package of the newer generation with what the register answered."""
    root = ET.Element("ProcessCheck")
    check = ET.SubElement(root, "CheckPackage")
    parameters = {"CashierName": "Иванова", "OperationType": kind, "TaxationSystem": "0", "CustomerPhone": phone}
    ET.SubElement(check, "Parameters", parameters)
    positions = ET.SubElement(check, "Positions")
    for line, quantity in sold:
        total = decimal_of(line_total(line.price, quantity))
        told = {
            "Name": line.name, "Quantity": str(quantity), "PriceWithDiscount": line.price.amount,
            "AmountWithDiscount": str(total), "DiscountAmount": "0", "VATRate": "20", "PaymentMethod": "4",
        }  # fmt: skip
        ET.SubElement(positions, "FiscalString", told)
    cash = decimal_of(_total(sold))
    ET.SubElement(
        check, "Payments", {"Cash": str(cash), "ElectronicPayment": "0", "PrePayment": "0", "PostPayment": "0"}
    )
    output = ET.SubElement(root, "DocumentOutputParameters")
    made = {"ShiftNumber": "7", "CheckNumber": str(number), "FiscalSign": str(4_000_000 + number)}
    ET.SubElement(output, "Parameters", made)
    written: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _total(sold: list[tuple[StoryLine, Quantity]]) -> Money:
    first, *rest = [line_total(line.price, quantity) for line, quantity in sold]
    for one in rest:
        first += one
    return first
