"""Closed documents read out of a memory: each counted once whatever dies when, and never to a stranger's account."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from agent.checkout.observed import pulled as desk_pulled
from agent.checkout.records import AwaitingPrint, PulledPlace, read, read_all
from drivers.polled import Memory, Pulled
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Tender, TenderKind
from offline_queue.reader import OutboxReader


def bodies(rig: Any) -> list[dict[str, Any]]:
    """Everything for the centre, oldest first."""
    with OutboxReader.open(rig.folder / "till.db") as reader:
        envelopes = reader.batch(envelopes_max=100, bytes_max=10**7)
    return [{"kind": envelope.kind, **json.loads(envelope.body)} for envelope in envelopes]


def late(rig: Any, number: int, price: str = "100", **more: Any) -> Pulled:
    """A sale of an hour ago, as a fiscal memory tells it."""
    closed_at = more.pop("closed_at", rig.clock.now() - timedelta(hours=1))
    cash = Tender(kind=TenderKind.CASH, amount=Money.of(price, "RUB"))
    receipt = rig.sale(f"f-1-{number}", price, tenders=(cash,), closed_at=closed_at, number=str(number))
    document = rig.document(receipt)
    return Pulled(memory="m-1", number=number, last=number, document=document, **more)


def take(rig: Any, one: Pulled) -> tuple[str, ...]:
    """What the device's thread asks of the till's."""
    return desk_pulled.pulled(rig.desk, "register", one)


def scan(rig: Any, card: str = "2900000000018") -> None:
    """Somebody shows a card at the till."""
    rig.desk.identify(contract.IdentifyRequest(code=card, presented=True))


def test_the_first_look_begins_at_the_newest(rig: Any) -> None:
    """What was sold before this till was there is not its to count."""
    memory = Memory(name="m-1", first=1, last=812)

    assert 812 == desk_pulled.place(rig.desk, "register", memory, begin_after=None)
    assert 812 == desk_pulled.place(rig.desk, "register", replace_last(memory, 900), begin_after=None)
    assert 0 == desk_pulled.place(rig.desk, "second", memory, begin_after=0)


def replace_last(memory: Memory, last: int) -> Memory:
    """The same memory, later."""
    return Memory(name=memory.name, first=memory.first, last=last)


def test_the_place_survives_a_restart(rig: Any) -> None:
    """And an exchanged memory begins anew, at its newest."""
    take(rig, late(rig, 7))
    rig.desk.close()
    rig.open()

    assert 7 == desk_pulled.place(rig.desk, "register", Memory(name="m-1", first=1, last=50), begin_after=None)
    assert 3 == desk_pulled.place(rig.desk, "register", Memory(name="m-2", first=1, last=3), begin_after=None)


def test_a_late_sale_is_nobodys_and_leaves_the_screen_alone(rig: Any) -> None:
    """Who stands at the till now did not buy what was sold an hour ago."""
    scan(rig)
    before = rig.desk.current
    lines = take(rig, late(rig, 5))
    (body,) = bodies(rig)

    assert () == lines
    assert before == rig.desk.current
    assert {} == rig.desk.last_receipt
    assert ("receipt.confirmed", None, "print:register") == (
        body["kind"],
        body.get("customer_id"),
        body["source"],
    )


def test_a_fresh_sale_is_the_customers_and_has_its_slip(rig: Any) -> None:
    """It was closed while we looked: the same as if it had been printed in line."""
    scan(rig)
    lines = take(rig, late(rig, 5, is_fresh=True))
    (body,) = bodies(rig)

    assert "m-1" == body["customer_id"]
    assert any("10" in line for line in lines)
    assert rig.desk.current is None


def test_the_same_document_again_changes_nothing(rig: Any) -> None:
    """Also when an older one comes."""
    take(rig, late(rig, 5))
    take(rig, late(rig, 6))
    take(rig, late(rig, 5))
    take(rig, late(rig, 6))

    assert 2 == len(bodies(rig))
    assert 6 == read(rig.desk.store, "pulled", "register", PulledPlace).number


class Killed(BaseException):
    """The process dies here."""


def kill_before(store: Any, transaction: int) -> None:
    """Die when the store is asked for its so-many-th transaction from now."""
    begin, left = type(store).transaction, [transaction]

    @contextmanager
    def counted() -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        with begin(store) as tx:
            yield tx

    store.__dict__["transaction"] = counted


@pytest.mark.parametrize("moment", [1, 2, 3])
@pytest.mark.parametrize("what", ["sale", "fresh sale", "return", "unread", "report"])
def test_a_kill_at_any_moment_loses_and_doubles_nothing(rig: Any, what: str, moment: int) -> None:
    """Killed before the document is kept, between it and its number, or after: it comes again and counts once."""
    one = late(rig, 5, is_fresh=what == "fresh sale")
    if what == "return":
        one = with_document(
            one, rig.document(replace(one.document.receipt, kind=DocumentKind.RETURN), DocumentKind.RETURN)
        )
    elif what == "unread":
        one = with_document(one, rig.document(None))
    elif what == "report":
        one = with_document(one, rig.document(None, DocumentKind.REPORT))
    kill_before(rig.desk.store, moment)
    try:
        take(rig, one)
        was_killed = False
    except Killed:
        was_killed = True
    rig.desk.close()
    rig.open()
    take(rig, one)
    take(rig, one)

    assert was_killed == (moment <= (2 if what in {"sale", "fresh sale", "return"} else 1))
    assert (0 if what == "report" else 1) == len(bodies(rig))
    assert 5 == read(rig.desk.store, "pulled", "register", PulledPlace).number


def with_document(one: Pulled, document: Document) -> Pulled:
    """The same place, another document."""
    return Pulled(memory=one.memory, number=one.number, last=one.last, document=document, is_fresh=one.is_fresh)


def test_a_sale_the_pos_confirmed_is_no_second_sale(rig: Any) -> None:
    """Confirmed over the API last week, read out of the register now: the print of it."""
    sold_at = rig.clock.now()
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("pos-1", "100", "0")), source="api")
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("pos-2", "100", "0")), source="api")
    rig.clock.forward(days=7)
    take(rig, late(rig, 5, closed_at=sold_at + timedelta(minutes=2)))
    take(rig, late(rig, 6, closed_at=sold_at - timedelta(minutes=1)))
    take(rig, late(rig, 7, closed_at=sold_at + timedelta(hours=2)))

    assert ["receipt.confirmed"] * 3 == [body["kind"] for body in bodies(rig)]
    assert [] == read_all(rig.desk.store, "print", AwaitingPrint)


def test_a_sale_that_was_quoted_goes_to_whom_it_was_quoted_for(rig: Any) -> None:
    """The POS asked, the register closed the receipt, and the agent was dead at that moment."""
    rig.desk.identify(contract.IdentifyRequest(code="2900000000025", presented=True, receipt_uid="pos-1"))
    rig.desk.quote(contract.QuoteRequest(receipt=rig.sale("pos-1", "100")))
    sold_at = rig.clock.now() + timedelta(minutes=3)
    rig.clock.forward(hours=5)
    scan(rig)
    take(rig, late(rig, 5, closed_at=sold_at))
    (body,) = bodies(rig)

    assert ("m-2", "pos-1") == (body["customer_id"], body["receipt"]["uid"])
    assert rig.desk.current.customer_id == "m-1"


def test_a_receipt_that_is_refused_is_kept_unread_and_the_next_one_comes(rig: Any) -> None:
    """A register in another currency is a wiring mistake; it must not stop the reading."""
    one = late(rig, 5)
    foreign = replace(
        one.document.receipt,
        total=Money.of("1", "EUR"),
        tenders=(),
        lines=(replace(one.document.receipt.lines[0], price=Money.of("1", "EUR"), total=Money.of("1", "EUR")),),
    )
    take(rig, with_document(one, rig.document(foreign)))
    take(rig, late(rig, 6))
    first, second = bodies(rig)

    assert ("receipt.unread", "receipt.confirmed") == (first["kind"], second["kind"])
    assert "EUR" in first["problems"][0]


def test_a_sale_is_decided_as_of_its_own_time(rig: Any) -> None:
    """A clock of the register that runs ahead decides nothing in the future."""
    take(rig, late(rig, 5, closed_at=rig.clock.now() + timedelta(days=400)))

    assert ["receipt.confirmed"] == [body["kind"] for body in bodies(rig)]
