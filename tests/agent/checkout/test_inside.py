"""A receipt that is open in a register: what is offered, and what its end becomes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from agent.checkout.observed.inside import request_of
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer, WhatTillBelieves
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import Line, Receipt, Tender, TenderKind
from tests.agent.checkout.test_desk import available, bodies, identify, rub


def opened(rig: Any, *prices: str, uid: str = "s-1") -> Document:
    """What an in-line driver knows before the close, the sum counted out in cash."""
    sale = rig.sale(uid, *prices)
    document: Document = rig.document(replace(sale, tenders=(Tender(kind=TenderKind.CASH, amount=sale.total),)))
    return document


def offer(rig: Any, document: Document, **more: Any) -> InsideOffer:
    request = request_of(document)
    assert request is not None
    answer = rig.desk.quote(replace(request, **more))
    found: InsideOffer = rig.desk.offer_inside(answer, document)
    return found


def closed(document: Document, off: Money, *, uid: str = "f-1-2-3", more: str = "") -> Document:
    """The document of the register after `off` was taken off the receipt, and `more` sold after the quote."""
    receipt = document.receipt
    assert receipt is not None
    lines = receipt.lines
    if more:
        price = rub(more)
        extra = Line(number=len(lines) + 1, name="tea", quantity=lines[0].quantity, price=price, total=price)
        lines = (*lines, extra)
    full = Money(sum(line.total.minor for line in lines), "RUB")
    total = full - off
    fiscal = Receipt(
        uid=uid,
        kind=receipt.kind,
        total=total,
        lines=lines,
        tenders=(Tender(kind=TenderKind.CASH, amount=total),),
        adjustment=rub("0") - off if off.minor else None,
        number="2",
    )
    believed = WhatTillBelieves(total=full, tenders=receipt.tenders, off_minor=off.minor) if off.minor else None
    return dataclasses.replace(document, receipt=fiscal, quoted=receipt.uid, believed=believed)


def test_the_offer_is_the_quote_in_minor_units(rig: Any) -> None:
    identify(rig)
    found = offer(rig, opened(rig, "200", "50"))

    assert found.off == {1: 1_000, 2: 250}
    assert found.quoted == "s-1"
    assert any("+23" in line for line in found.lines)  # ten per cent of 237.50
    assert any("+25" in line for line in found.lines_untouched)  # of 250.00


def test_nobody_at_the_till_gets_nothing_off(rig: Any) -> None:
    assert offer(rig, opened(rig, "200")).off == {}


def test_points_lower_the_sums_as_a_discount(rig: Any) -> None:
    identify(rig)
    found = offer(rig, opened(rig, "200"), points=50)

    assert found.off == {1: 6_000}


def test_the_end_of_the_receipt_is_the_quoted_sale(rig: Any) -> None:
    """By the quote's own name, known by the fiscal one too; points spent once; what the till believes is told."""
    identify(rig)
    document = opened(rig, "200")
    offer(rig, document, points=50)
    slip = rig.desk.printed("register", closed(document, rub("60")))
    again = rig.desk.printed("register", closed(document, rub("60")))
    (told,) = bodies(rig)

    assert slip == again
    assert told["receipt"]["uid"] == "s-1"
    assert told["receipt"]["total"] == "140.00 RUB"
    assert told["receipt"]["lines"][0]["total"] == "140.00 RUB"
    assert told["believed"] == {
        "total": "200.00 RUB",
        "tenders": [{"kind": "cash", "amount": "200.00 RUB"}],
        "off_minor": 6_000,
    }
    assert available(rig) == 500 - 50 + 14
    assert "60.00" in rig.desk.notice


def test_a_receipt_whose_sums_stayed_earns_on_what_was_paid(rig: Any) -> None:
    identify(rig)
    document = opened(rig, "200")
    found = offer(rig, document, points=50)
    slip = rig.desk.printed("register", closed(document, rub("0")))
    (told,) = bodies(rig)

    assert told["receipt"]["uid"] == "s-1"
    assert told["receipt"]["total"] == "200.00 RUB"
    assert "believed" not in told
    assert available(rig) == 500 + 20
    assert tuple(slip) == tuple(found.lines_untouched)


@pytest.mark.parametrize("off", ["60", "59.99"])
def test_more_sold_after_the_quote_is_sold_all_the_same(rig: Any, off: str) -> None:
    """A refused close, one more position, an agent that said nothing the second time: the receipt counts as it is."""
    identify(rig)
    document = opened(rig, "200")
    offer(rig, document, points=50)
    rig.desk.printed("register", closed(document, rub(off), more="30"))
    (told,) = bodies(rig)

    assert [line["name"] for line in told["receipt"]["lines"]] == ["goods 1", "tea"]
    assert told["receipt"]["total"] == str(rub("230") - rub(off))
    assert available(rig) == 500 - 50 + int((rub("230") - rub(off)).minor / 1000)


def test_a_cancelled_receipt_leaves_nothing_behind(rig: Any) -> None:
    identify(rig)
    offer(rig, opened(rig, "200"), points=50)
    rig.desk.cancel(contract.CancelRequest(receipt_uid="s-1"))

    assert available(rig) == 500
    assert bodies(rig) == []


def test_a_receipt_that_names_its_customer_is_hers_unless_somebody_is_at_the_till(rig: Any) -> None:
    """By a phone the register sends the receipt to; the customer on the panel goes before."""
    document = dataclasses.replace(opened(rig, "200"), codes=("no phone at all", "2900000000018"))
    request = request_of(document)
    assert request is not None
    named = rig.desk.named(request, document.codes)

    assert named.customer_id == "m-1"
    assert offer(rig, document, customer_id=named.customer_id).off == {1: 1_000}
    assert rig.desk.named(request, ("no phone at all",)) == request
    identify(rig)
    assert rig.desk.named(request, document.codes) == request


def test_a_receipt_nobody_was_asked_about_is_hers_whom_it_names(rig: Any) -> None:
    document = dataclasses.replace(opened(rig, "200"), codes=("2900000000018",))
    rig.desk.printed("register", document)
    (told,) = bodies(rig)

    assert told["customer_id"] == "m-1"
