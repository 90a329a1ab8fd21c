"""Newcomers and changing tenant keys inside the centre's transactions, on every database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from central import schema
from central.aliases import finish_rotation, start_rotation, tills_behind, unmade
from central.tenant import sealing_key, tenant_keys
from drivers.vocabulary import codec
from drivers.vocabulary.centre import VerdictState
from drivers.vocabulary.customer import Identifier, IdentifierKind, keyed_hash
from drivers.vocabulary.facts import CustomerEnrolled
from drivers.vocabulary.joining import Consent, ConsentChannel, Contact, contact_context
from drivers.vocabulary.sealing import seal


def enrolled(centre: Any, words: Any, *, name: str, till: str = "t1", phone: str = "+79000000077") -> CustomerEnrolled:
    with centre.database.read() as connection:
        public, keys = sealing_key(connection)[1], tenant_keys(connection)
    alias = keyed_hash(keys.current, Identifier(kind=IdentifierKind.PHONE, value=phone))
    return CustomerEnrolled(
        customer_id=name,
        alias=alias,
        contact=seal(
            codec.encode(Contact(phone=phone, name="Vera Petrova")),
            public=public,
            context=contact_context(till=till, customer_id=name, alias=alias),
            random=b"r" * 32,
        ),
        consents=(
            Consent(
                purpose="loyalty", text_version="1", channel=ConsentChannel.PAPER, at=words.NOON, till=till, cashier="c"
            ),
        ),
        enrolled_at=words.NOON,
    )


def count(centre: Any, table: Any) -> int:
    with centre.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_a_newcomer_and_the_sales_after_it_in_one_batch(centre: Any, words: Any) -> None:
    """The customer is there for the next envelope of the same transaction."""
    pen = words.Pen()
    fact = enrolled(centre, words, name="n-1")
    answer = centre.take(pen.write(fact), pen.write(words.sale("r1", customer="n-1", earn=5)))

    assert [VerdictState.APPLIED] * 2 == [one.state for one in answer.verdicts]
    with centre.database.read() as connection:
        row = connection.execute(select(schema.customer).where(schema.customer.c.id == "n-1")).one()
    assert ("Vera P.", "+7900***77", 10_000) == (row.name, row.phone, row.spent_minor)


def test_another_name_of_one_person_earns_for_that_person(centre: Any, words: Any) -> None:
    """Also in the batch that brings it, under either name, and in a return."""
    centre.take(words.Pen().write(enrolled(centre, words, name="n-1")))
    pen = words.Pen(till="t2")
    answer = centre.take(
        pen.write(enrolled(centre, words, name="n-2", till="t2")),
        pen.write(words.sale("r1", customer="n-2", earn=5)),
        pen.write(words.sale("r2", customer="n-1", earn=7)),
        pen.write(words.refund("r3", "r1")),
        till="t2",
    )

    assert [VerdictState.APPLIED] * 4 == [one.state for one in answer.verdicts]
    with centre.database.read() as connection:
        lots = connection.execute(select(schema.lot).where(schema.lot.c.unit == "bonus")).all()
    assert [("n-1", 7)] == [(lot.customer, lot.amount) for lot in lots if lot.customer.startswith("n-")]
    assert (1, 2) == (count(centre, schema.merged), count(centre, schema.consent))


def test_a_contact_for_another_centre_is_refused_and_kept(centre: Any, words: Any) -> None:
    """The envelope is stored with the reason; the chain goes on."""
    fact = enrolled(centre, words, name="n-1")
    with centre.database.write() as connection:
        connection.execute(schema.meta.update().where(schema.meta.c.name == "sealing_key").values(value="07" * 32))
    pen = words.Pen()
    answer = centre.take(pen.write(fact), pen.write(words.sale("r1", earn=5)))

    assert [VerdictState.REFUSED, VerdictState.APPLIED] == [one.state for one in answer.verdicts]
    assert "sealed to another key" in answer.verdicts[0].reason


@pytest.mark.parametrize("is_forced", [False, True])
def test_hashes_follow_the_tenant_key(centre: Any, words: Any, is_forced: bool) -> None:
    """A newcomer is hashed under both keys while both live, and under the new one afterwards."""
    centre.take(words.Pen().write(enrolled(centre, words, name="n-1")))
    start_rotation(centre.database, lambda _: None)
    centre.take(
        words.Pen(till="t2").write(enrolled(centre, words, name="n-2", till="t2", phone="+79000000078")), till="t2"
    )
    assert 4 == count(centre, schema.alias)
    with centre.database.write() as connection:
        assert 0 == unmade(connection)
        assert ["t1", "t2"] == tills_behind(connection)
        if not is_forced:
            connection.execute(schema.till.update().values(tenant_generation=2))

    assert 2 == finish_rotation(centre.database, is_forced=is_forced)
    assert 2 == count(centre, schema.alias)
    with centre.database.read() as connection:
        assert (2, None) == (tenant_keys(connection).generation, tenant_keys(connection).following)
