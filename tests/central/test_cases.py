"""What tills tell of customers besides receipts: tickets for a person, consents taken back, new cards for lost ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from central import schema
from central.accounts import customer_documents
from central.cli import main
from central.members import Member, load_members
from central.tenant import sealing_key, tenant_keys
from central.tickets import TicketKind, close_ticket, list_tickets
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer, Identifier, IdentifierKind, keyed_hash
from drivers.vocabulary.facts import CardReissued, ConsentWithdrawn, DuplicateSeen, LimitMet
from drivers.vocabulary.joining import CardContact, card_context
from drivers.vocabulary.sealing import seal

OLD, NEW, OTHERS = "2900000000018", "2900000000025", "2900000000032"
PHONE = "+79000000001"


@pytest.fixture
def nina(centre: Any) -> Any:
    members = [
        Member(id="nina", name="Nina P", phone=PHONE, card=OLD, tier="", spent_minor=0, points={"bonus": 70}),
        Member(id="oleg", name="", phone="", card=OTHERS, tier="", spent_minor=0, points={"bonus": 5}),
    ]
    load_members(centre.database, members, now=centre.now, progress=lambda _: None)
    return centre


def hash_of(centre: Any, value: str, kind: IdentifierKind = IdentifierKind.CARD) -> str:
    with centre.database.read() as connection:
        return keyed_hash(tenant_keys(connection).current, Identifier(kind=kind, value=value))


def owner(centre: Any, value: str, kind: IdentifierKind = IdentifierKind.CARD) -> str | None:
    table = schema.alias
    with centre.database.read() as connection:
        found: str | None = connection.scalar(
            select(table.c.customer).where(
                table.c.hash == keyed_hash(tenant_keys(connection).current, Identifier(kind=kind, value=value))
            )
        )
        return found


def tickets(centre: Any, kind: TicketKind | None = None, **more: Any) -> list[Any]:
    with centre.database.read() as connection:
        return list(list_tickets(connection, kind=kind, **more))


def reissue(centre: Any, card: str = NEW, *, customer: str = "nina", till: str = "t1") -> CardReissued:
    alias = hash_of(centre, card)
    with centre.database.read() as connection:
        public = sealing_key(connection)[1]
    context = card_context(till=till, customer_id=customer, alias=alias)
    box = seal(codec.encode(CardContact(card=card)), public=public, context=context, random=b"r" * 32)
    return CardReissued(customer_id=customer, alias=alias, card=box)


def test_a_limit_is_a_ticket_with_everything_that_was_said(nina: Any, words: Any) -> None:
    """Once, however often it is sent; it moves nothing; somebody closes it."""
    pen = words.Pen()
    fact = LimitMet(
        customer_id="nina", receipt_uid="r1", limit="card_hour", count=4, level="soft", answer="family", cashier="c7"
    )
    sent = pen.write(fact)
    nina.take(sent)
    nina.take(sent)
    (one,) = tickets(nina, TicketKind.LIMIT)

    assert ("nina", "t1", "card_hour", 4, "family", "c7") == (
        one.customer, one.till, one.detail["limit"], one.detail["count"], one.detail["answer"], one.detail["cashier"],
    )  # fmt: skip
    with nina.database.write() as connection:
        close_ticket(connection, one.id)
    assert ([], 1) == (tickets(nina), len(tickets(nina, closed_too=True)))


def test_people_who_may_be_one_are_not_merged(nina: Any, words: Any) -> None:
    """A ticket names both; their points stay apart."""
    pen = words.Pen()
    nina.take(pen.write(DuplicateSeen(customer_id="nina", other_id="oleg")))
    unknown = nina.take(pen.write(DuplicateSeen(customer_id="nina", other_id="nobody")))

    assert [("nina", "oleg")] == [(one.customer, one.detail["other"]) for one in tickets(nina)]
    assert "customer nobody is not known here" == unknown.verdicts[0].reason


def test_consents_are_taken_back_and_the_rest_is_a_persons_work(nina: Any, words: Any) -> None:
    """One row for each purpose; the number on the customer's paper finds the ticket."""
    pen = words.Pen()
    fact = ConsentWithdrawn(
        customer_id="nina", purposes=("messages", "loyalty"), number="7K4M0Q-2X", at=words.NOON, cashier="c7"
    )
    nina.take(pen.write(fact))
    with nina.database.read() as connection:
        rows = connection.execute(select(schema.consent).order_by(schema.consent.c.purpose)).all()

    assert [("loyalty", False, "c7"), ("messages", False, "c7")] == [
        (one.purpose, one.given, one.cashier) for one in rows
    ]
    assert [("7K4M0Q-2X", True)] == [(one.number, one.detail["erase"]) for one in tickets(nina, TicketKind.WITHDRAWAL)]


def test_a_lost_card_is_blocked_and_the_new_one_finds_the_customer(nina: Any, words: Any) -> None:
    """The points and the phone stay; whoever found the old card gets a blocked one."""
    answer = nina.take(words.Pen().write(reissue(nina)))
    with nina.database.read() as connection:
        documents = dict(customer_documents(connection, ["nina", owner(nina, OLD) or ""]))
        card = connection.scalar(select(schema.contact.c.card).where(schema.contact.c.customer == "nina"))
    lost = codec.decode(documents[owner(nina, OLD) or ""], Customer)

    assert "" == answer.verdicts[0].reason
    assert ("nina", "nina", NEW) == (owner(nina, NEW), owner(nina, PHONE, IdentifierKind.PHONE), card)
    assert (True, ()) == (lost.blocked, lost.lots)
    assert 70 == sum(lot.amount for lot in codec.decode(documents["nina"], Customer).lots)


def test_a_second_card_blocks_the_first_new_one(nina: Any, words: Any) -> None:
    """Lost again; there is one blocked person for all her old cards."""
    pen = words.Pen()
    nina.take(pen.write(reissue(nina)))
    nina.take(pen.write(reissue(nina, "2900000000049")))
    with nina.database.read() as connection:
        blocked = connection.scalar(select(func.count()).select_from(schema.customer).where(schema.customer.c.blocked))

    assert (owner(nina, OLD), owner(nina, NEW), 1) == ("lost:nina", "lost:nina", blocked)


@pytest.mark.parametrize(("card", "customer", "reason"), [
    (OTHERS, "nina", "the new card is somebody else's already"),
    (NEW, "nobody", "customer nobody is not known here"),
])  # fmt: skip
def test_a_card_that_cannot_be_given(nina: Any, words: Any, card: str, customer: str, reason: str) -> None:
    """Refused in words; nothing is blocked."""
    answer = nina.take(words.Pen().write(reissue(nina, card, customer=customer)))

    assert reason == answer.verdicts[0].reason
    assert "nina" == owner(nina, OLD)


def test_a_box_of_another_till_is_not_opened(nina: Any, words: Any) -> None:
    """Nobody moves one box into another envelope."""
    answer = nina.take(words.Pen().write(reissue(nina, till="t2")))

    assert answer.verdicts[0].reason.startswith("the new card of nina cannot be opened")


def test_the_operator_reads_and_closes_tickets(nina: Any, words: Any, database_url: str, capsys: Any) -> None:
    """In words and as JSON; an unknown number is said."""
    nina.take(words.Pen().write(DuplicateSeen(customer_id="nina", other_id="oleg")))
    database = ("--database", database_url)

    assert 0 == main(["tickets", "list", *database])
    assert "duplicate, customer nina, till t1: other oleg" in capsys.readouterr().out
    assert 0 == main(["tickets", "list", "--kind", "duplicate", "--json", *database])
    number = json.loads(capsys.readouterr().out)[0]["id"]
    assert 0 == main(["tickets", "done", str(number), *database])
    assert 1 == main(["tickets", "done", "999", *database])
    assert "there is no ticket 999" in capsys.readouterr().err
