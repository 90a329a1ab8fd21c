"""A sale told by a POS's call and by its report is one sale, whichever comes first; what the calls missed is counted."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agent.checkout.observed import report_places
from agent.checkout.records import AwaitingPrint, PulledPlace, read_all
from drivers.tills.reports import Reported
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt
from offline_queue.reader import OutboxReader

CARD = "2900000000018"


@pytest.fixture
def desk(rig: Any) -> Any:
    rig.desk.reports_are_read = True
    return rig.desk


def bodies(rig: Any) -> list[dict[str, Any]]:
    """Everything for the centre, oldest first."""
    with OutboxReader.open(rig.folder / "till.db") as reader:
        envelopes = reader.batch(envelopes_max=100, bytes_max=10**7)
    return [{"kind": envelope.kind, **json.loads(envelope.body)} for envelope in envelopes]


def kinds(rig: Any) -> list[str]:
    return [body["kind"] for body in bodies(rig)]


def told(rig: Any, uid: str, *prices: str, number: str = "7", shift: int | None = 3, **more: Any) -> Receipt:
    """A sale of five minutes ago."""
    at = more.pop("closed_at", rig.clock.now() - timedelta(minutes=5))
    receipt: Receipt = replace(rig.sale(uid, *(prices or ("100",)), number=number, closed_at=at), shift=shift, **more)
    return receipt


def take(rig: Any, receipt: Receipt | None, *, number: int = 1, late: bool = False, **more: Any) -> None:
    """What the thread of the reports asks of the till's."""
    kind = receipt.kind if receipt is not None else DocumentKind.SALE
    document = Document(kind=kind, raw=b"", text=(), receipt=receipt, **more)
    at = receipt.closed_at if receipt is not None else None
    one = Reported(counter="1", number=number, closed_at=at, read=lambda: document, is_late=late)
    kept = dict(read_all(rig.desk.store, "pulled", PulledPlace)).get("pos/1")
    if report_places.is_new(kept, one):
        found = report_places.Found(one=one, document=document, place=report_places.after(kept, one))
        report_places.take(rig.desk, "pos", [found])


def points(desk: Any, card: str = CARD) -> int:
    found = desk.identify(contract.IdentifyRequest(code=card, presented=True))
    desk.clear()
    return sum(balance.available for balance in found.balances)


def test_what_no_call_told_is_counted_for_the_card_in_it(rig: Any, desk: Any) -> None:
    """As of then, once however often it is told; it changes nothing on the screen."""
    before = points(desk)
    receipt = told(rig, "frontol-1-1-3-7-20260302")
    take(rig, receipt, codes=("4600000000015", CARD))
    take(rig, receipt, codes=(CARD,))
    (body,) = bodies(rig)

    assert ("receipt.confirmed", "print:pos") == (body["kind"], body["source"])
    assert before + 10 == points(desk)
    assert CARD not in json.dumps(body)


def test_a_sale_that_was_called_is_not_counted_again(rig: Any, desk: Any) -> None:
    """The call named it otherwise, and its clock was five minutes off."""
    desk.confirm(contract.ConfirmRequest(receipt=told(rig, "call-1"), code=CARD), source="till:pos")
    before = points(desk)
    take(rig, told(rig, "report-1", closed_at=rig.clock.now()), codes=(CARD,))

    assert ["receipt.confirmed"] == kinds(rig)
    assert before == points(desk)
    assert [] == read_all(desk.store, "print", AwaitingPrint)


def test_two_sales_of_one_sum_in_one_minute_are_two(rig: Any, desk: Any) -> None:
    """Their numbers tell them apart, though only one of them was called."""
    desk.confirm(contract.ConfirmRequest(receipt=told(rig, "call-1", number="7")), source="till:pos")
    take(rig, told(rig, "report-8", number="8"), number=1)
    take(rig, told(rig, "report-7", number="7"), number=2)

    assert ["call-1", "report-8"] == [body["receipt"]["uid"] for body in bodies(rig)]


@pytest.mark.parametrize("shift", [3, None])
def test_the_same_number_in_another_shift_is_another_sale(rig: Any, desk: Any, shift: int | None) -> None:
    """Some tills count from one again; a call without a shift needs the same total."""
    desk.confirm(contract.ConfirmRequest(receipt=told(rig, "call-1", "100", shift=shift)), source="till:pos")
    take(rig, told(rig, "report-1", "90", shift=4))

    assert ["call-1", "report-1"] == [body["receipt"]["uid"] for body in bodies(rig)]


def test_a_call_that_comes_after_the_report(rig: Any, desk: Any) -> None:
    """It waited in the POS's queue: answered as a repetition, and its customer gets the points that nobody had."""
    before = points(desk)
    take(rig, told(rig, "report-1"))
    request = contract.ConfirmRequest(receipt=told(rig, "call-1"), code=CARD)
    first = desk.confirm(request, source="till:pos")
    again = desk.confirm(request, source="till:pos")

    assert (True, True, "call-1") == (first.duplicate, again.duplicate, first.receipt_uid)
    assert ["receipt.confirmed", "receipt.attached"] == kinds(rig)
    assert before + 10 == points(desk)


def test_a_card_that_only_the_report_knows(rig: Any, desk: Any) -> None:
    """The call came without a customer."""
    before = points(desk)
    desk.confirm(contract.ConfirmRequest(receipt=told(rig, "call-1")), source="till:pos")
    take(rig, told(rig, "report-1"), codes=(CARD,))

    assert ["receipt.confirmed", "receipt.attached"] == kinds(rig)
    assert before + 10 == points(desk)


def test_a_quote_whose_confirm_never_came(rig: Any, desk: Any) -> None:
    """The discount was charged; the report says so, under the POS's own uid."""
    basket = told(rig, "call-1", "1000")
    who = desk.identify(contract.IdentifyRequest(code=CARD, presented=True, receipt_uid="call-1"))
    quote = desk.quote(contract.QuoteRequest(receipt=basket, customer_id=who.customer.id, points=100))
    desk.clear()
    line = replace(basket.lines[0], total=quote.payable, discount=Money.of("1000", "RUB") - quote.payable)
    charged = replace(basket, uid="report-1", lines=(line,), total=quote.payable)
    take(rig, charged, also=("call-1",))
    (body,) = bodies(rig)

    assert "call-1" == body["receipt"]["uid"]
    assert who.customer.id == body["customer_id"]
    told_late = desk.confirm(contract.ConfirmRequest(receipt=replace(charged, uid="call-1")), source="till:pos")
    assert told_late.duplicate
    assert 1 == len(bodies(rig))


def test_a_return_takes_back_the_sale_it_names(rig: Any, desk: Any) -> None:
    """By shift and number, though the sale was told by a call; told again by a call it is one return."""
    before = points(desk)
    desk.confirm(contract.ConfirmRequest(receipt=told(rig, "call-1", "100", "100"), code=CARD), source="till:pos")
    back = told(rig, "report-2", "100", number="8", kind=DocumentKind.RETURN)
    take(rig, back, base=(3, "7"))
    called = replace(back, uid="call-2", base_uid="call-1")
    answer = desk.refund(contract.RefundRequest(receipt=called), source="till:pos")

    assert ["receipt.confirmed", "receipt.refunded"] == kinds(rig)
    assert answer.duplicate
    assert before + 10 == points(desk)


def test_a_called_return_of_a_sale_that_only_the_report_told(rig: Any, desk: Any) -> None:
    """Its confirm came late and taught us the POS's name of it."""
    take(rig, told(rig, "report-1", "100", "100"), codes=(CARD,))
    desk.confirm(contract.ConfirmRequest(receipt=told(rig, "call-1", "100", "100")), source="till:pos")
    back = told(rig, "call-2", "100", number="8", kind=DocumentKind.RETURN, base_uid="call-1")
    answer = desk.refund(contract.RefundRequest(receipt=back), source="till:pos")

    assert not answer.settled_by_centre
    assert {"bonus": 10} == answer.points_taken_back


def test_an_unread_document_holds_nobody_up(rig: Any, desk: Any) -> None:
    """It is kept for a person, its digits masked, and the next is counted."""
    document = Document(kind=DocumentKind.SALE, raw=b"55;2900000000018;", text=(), problems=("does not add up",))
    one = Reported(counter="1", number=5, closed_at=None, read=lambda: document)
    found = report_places.Found(one=one, document=document, place=report_places.after(None, one))
    report_places.take(desk, "pos", [found])
    take(rig, told(rig, "report-6"), number=6)

    assert ["receipt.unread", "receipt.confirmed"] == kinds(rig)
    assert CARD not in json.dumps(bodies(rig))


def test_numbers_that_begin_anew(rig: Any, desk: Any) -> None:
    """The POS's database was made anew: a low number is new when it was closed after all others."""
    take(rig, told(rig, "report-900", number="900"), number=900)
    take(rig, told(rig, "report-1", number="1", closed_at=rig.clock.now()), number=12)
    take(rig, told(rig, "report-old", number="2", closed_at=rig.clock.now() - timedelta(days=1)), number=3)

    assert ["report-900", "report-1"] == [body["receipt"]["uid"] for body in bodies(rig)]


def test_what_fills_a_gap_is_counted_once(rig: Any, desk: Any) -> None:
    take(rig, told(rig, "report-9", number="9"), number=90)
    take(rig, told(rig, "report-5", "50", number="5"), number=50, late=True)
    take(rig, told(rig, "report-5", "50", number="5"), number=50, late=True)

    assert ["report-9", "report-5"] == [body["receipt"]["uid"] for body in bodies(rig)]
    assert 90 == dict(read_all(desk.store, "pulled", PulledPlace))["pos/1"].number


def test_the_numbers_are_forgotten_with_their_receipts(rig: Any, desk: Any) -> None:
    take(rig, told(rig, "report-1"))
    assert 1 == len(desk.store.scan("numbered"))
    rig.clock.forward(days=200)
    desk.tick()

    assert [] == desk.store.scan("numbered")
