"""People who join at the till, against the real centre: opened there, one customer each, told back, exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from agent.checkout.records import Newcomer, read_all
from agent.checkout.state import TillName
from central import schema
from central.accounts import imbalances
from central.members import show_member
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.centre import VerdictState
from drivers.vocabulary.facts import CustomerEnrolled
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven
from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaWriter
from tests.agent.sync.key_rig import Centre, TillEnd

pytestmark = pytest.mark.net

CONSENT = ConsentGiven(purpose="loyalty", text_version="2026-01", channel=ConsentChannel.PAPER)


@dataclass
class Shop:
    """A desk on real files and its line to the centre; it is on line only while `sync` runs."""

    rig: Any
    end: TillEnd
    cursor: str = ""

    @classmethod
    def open(cls, rig: Any, centre: Centre, name: str) -> Shop:
        shop = cls(rig, TillEnd(centre, rig.folder, name=name).enrol())
        rig.clock.drawn = 1_000 * int(name[1:])
        rig.desk.name = TillName(shop="s1", till=name)
        shop.take_keys()
        return shop

    def take_keys(self) -> None:
        identity = self.end.ask_keys()
        present, following = (*identity.tenant_keys, b"")[:2]
        self.rig.desk.keys_changed(tenant_key=present, tenant_key_next=following, sealing_key=identity.centre_key)

    def enrol(self, phone: str = "89000000077", **more: Any) -> contract.EnrolCustomerAnswer:
        return self.rig.desk.enrol(
            contract.EnrolCustomerRequest(phone=phone, name="Vera Petrova", consents=(CONSENT,), cashier="c-7", **more)
        )

    def sell(self, uid: str, **more: Any) -> contract.ConfirmAnswer:
        request = contract.ConfirmRequest(receipt=self.rig.paid(uid, "100", "0"), **more)
        return self.rig.desk.confirm(request, source="api")

    def batch(self) -> Any:
        reader = OutboxReader.open(self.rig.folder / "till.db")
        try:
            return reader.batch(envelopes_max=100, bytes_max=1_000_000)
        finally:
            reader.close()

    def sync(self, *, answer_is_lost: bool = False) -> list[VerdictState]:
        envelopes = self.batch()
        states: list[VerdictState] = []
        if envelopes:
            answer = self.end.send(*envelopes)
            states = [one.state for one in answer.verdicts]
            if answer_is_lost:
                return states
            refused = {one.sequence: one.reason for one in answer.verdicts if one.state is VerdictState.REFUSED}
            self.rig.desk.store.settle(epoch=answer.epoch, through=answer.through, refused=refused)
        with self.end.client() as client:
            page = client.changes(self.cursor, 0)
        self.cursor = page.cursor
        with ReplicaWriter.open(self.rig.folder / "replica.db") as writer:
            writer.apply(
                cursor=page.cursor,
                reflects=page.reflects,
                epoch=page.epoch,
                changes=[(one.collection, one.key, one.version, one.document) for one in page.changes],
                stored_at=self.rig.clock.now().isoformat(),
            )
        self.rig.desk.replica_changed()
        return states

    def found(self, phone: str = "89000000077") -> tuple[str, int]:
        answer = self.rig.desk.identify(contract.IdentifyRequest(code=phone))
        assert answer.customer is not None
        return answer.customer.id, sum(one.available + one.pending for one in answer.balances)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    folder = tmp_path / "centre"
    folder.mkdir()
    made = Centre(folder)
    yield made
    with made.database.read() as connection:
        assert [] == imbalances(connection)
    made.stop()


@pytest.fixture
def shop(rig: Any, centre: Centre) -> Shop:
    return Shop.open(rig, centre, "t1")


@pytest.fixture
def other(rig: Any, centre: Centre, tmp_path: Path) -> Iterator[Shop]:
    folder = tmp_path / "second"
    folder.mkdir()
    second = type(rig)(folder)
    programme = rig.desk.knowledge.replica.get("programme", "current")
    second.tell([], reflects=0, programme=programme.body.decode())
    second.open()
    yield Shop.open(second, centre, "t2")
    second.desk.close()


def rows(centre: Centre, table: Any) -> list[Any]:
    with centre.database.read() as connection:
        return list(connection.execute(select(table)))


@pytest.mark.parametrize("answer_is_lost", [False, True])
def test_a_newcomer_is_a_customer_at_the_centre_once(shop: Shop, centre: Centre, answer_is_lost: bool) -> None:
    """With phone, consent and points; an answer that was lost doubles nothing; the till then knows it from the centre."""
    enrolled = shop.enrol()
    shop.sell("r-1")
    if answer_is_lost:
        assert [VerdictState.APPLIED] * 2 == shop.sync(answer_is_lost=True)
    states = shop.sync()

    assert [VerdictState.DUPLICATE if answer_is_lost else VerdictState.APPLIED] * 2 == states
    with centre.database.read() as connection:
        shown = show_member(connection, enrolled.customer_id)
    assert ("Vera Petrova", "+79000000077", ["+7900***77"]) == (shown["name"], shown["phone"], shown["found_by"])
    assert [10] == [entry["amount"] for entry in shown["ledger"]]
    assert [("loyalty", True, "c-7")] == [(one["purpose"], one["given"], one["cashier"]) for one in shown["consents"]]
    (consent,) = rows(centre, schema.consent)
    assert (enrolled.customer_id, "loyalty", True, "2026-01", "paper", "t1", "c-7") == (
        consent.customer,
        consent.purpose,
        consent.given,
        consent.text_version,
        consent.channel,
        consent.till,
        consent.cashier,
    )
    assert (enrolled.customer_id, 10) == shop.found()
    assert [] == read_all(shop.rig.desk.store, "newcomer", Newcomer)


def test_two_tills_that_enrol_one_phone_end_with_one_customer(shop: Shop, other: Shop, centre: Centre) -> None:
    """Both without a line; the first to arrive gives the name, and what both sold counts for one person."""
    first, second = shop.enrol(), other.enrol()
    shop.sell("r-1")
    other.sell("r-2")
    assert first.customer_id != second.customer_id
    shop.sync()
    assert [VerdictState.APPLIED] * 2 == other.sync()
    # A POS that still has the name the till gave.
    other.sell("r-3", customer_id=second.customer_id)
    other.sync()
    shop.sync()

    assert [first.customer_id] == [row.id for row in rows(centre, schema.customer)]
    assert [(second.customer_id, first.customer_id)] == [(row.id, row.customer) for row in rows(centre, schema.merged)]
    assert (first.customer_id, 30) == shop.found()
    assert (first.customer_id, 30) == other.found()
    assert first.customer_id == other.rig.desk.known(second.customer_id).customer.id
    assert 2 == len(rows(centre, schema.consent))
    # What was earned without a line may be spent at that till, under the name that counts now; the centre knows it.
    assert [] == other.rig.desk.store.scan("lease", f"{second.customer_id}/")
    assert other.rig.desk.store.scan("lease", f"{first.customer_id}/")
    assert {first.customer_id} == {row.customer for row in rows(centre, schema.lease)}


def test_a_phone_the_centre_knew_is_that_member(shop: Shop, centre: Centre) -> None:
    """The till had not heard of the member yet."""
    centre.member("anna-9", name="Anna P", phone="+79000000077", points={"bonus": 40})
    enrolled = shop.enrol()
    shop.sell("r-1")
    shop.sync()

    assert ["anna-9"] == [row.id for row in rows(centre, schema.customer)]
    assert ("anna-9", 50) == shop.found()
    with shop.end.client() as client:
        grant = client.hold(
            contract_hold(enrolled.customer_id, 40),
            deadline_s=5,
        )
    assert 40 == grant.points


def contract_hold(customer: str, points: int) -> Any:
    from drivers.vocabulary.centre import HoldWanted

    return HoldWanted(receipt_uid="r-9", customer_id=customer, unit="bonus", points=points)


def test_between_enrolment_and_its_echo_nothing_counts_twice(shop: Shop) -> None:
    """A page that came before the upload, and a sale after it."""
    shop.enrol()
    shop.sell("r-1")
    assert 10 == shop.found()[1]
    shop.sync()
    assert 10 == shop.found()[1]
    shop.rig.desk.identify(contract.IdentifyRequest(code="89000000077", receipt_uid="r-2"))
    shop.sell("r-2")
    assert 20 == shop.found()[1]
    shop.sync()
    assert 20 == shop.found()[1]


def test_a_box_moved_to_another_name_is_refused_with_its_reason(shop: Shop, centre: Centre) -> None:
    """A thief with the till's own key cannot give one person's phone to another customer."""
    shop.enrol()
    (envelope,) = shop.batch()
    fact = codec.decode(envelope.body, CustomerEnrolled)
    moved = shop.end.pen.write("customer.enrolled", replace(fact, customer_id="n-thief"))
    (verdict,) = shop.end.send(moved).verdicts

    assert VerdictState.REFUSED is verdict.state
    assert "cannot be opened" in verdict.reason
    assert [] == rows(centre, schema.customer)


def test_an_enrolment_under_a_taken_name_is_refused(shop: Shop, centre: Centre) -> None:
    """The name of a member is nobody else's, whoever signs for it."""
    centre.member("anna-9", phone="+79000000001")
    enrolled = shop.enrol()
    (envelope,) = shop.batch()
    fact = codec.decode(envelope.body, CustomerEnrolled)
    from drivers.vocabulary.joining import Contact, contact_context
    from drivers.vocabulary.sealing import seal

    forged = replace(
        fact,
        customer_id="anna-9",
        contact=seal(
            codec.encode(Contact(phone="+79000000077")),
            public=shop.end.identity.centre_key,
            context=contact_context(till="t1", customer_id="anna-9", alias=fact.alias),
            random=b"r" * 32,
        ),
    )
    (verdict,) = shop.end.send(shop.end.pen.write("customer.enrolled", forged)).verdicts

    assert (VerdictState.REFUSED, True) == (verdict.state, "belongs to somebody else" in verdict.reason)
    assert enrolled.customer_id not in {row.id for row in rows(centre, schema.customer)}


def test_facts_sealed_again_after_a_fork_make_no_second_person(shop: Shop, centre: Centre) -> None:
    """The same fact under another envelope: one customer, one consent."""
    shop.enrol()
    (envelope,) = shop.batch()
    fact = codec.decode(envelope.body, CustomerEnrolled)
    shop.end.send(shop.end.pen.write("customer.enrolled", fact), shop.end.pen.write("customer.enrolled", fact))

    assert (1, 1, 1) == tuple(len(rows(centre, one)) for one in (schema.customer, schema.consent, schema.alias))
