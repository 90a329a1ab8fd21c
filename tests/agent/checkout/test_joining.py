"""Becoming a customer at the till: at once, once, sealed, and refused in words where it cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from agent.checkout.records import Newcomer, read_all
from agent.snapshot import Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.checkout import EnrolState
from drivers.vocabulary.customer import Customer, Identifier, IdentifierKind, keyed_hash
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.facts import CustomerEnrolled
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven, Contact, contact_context, mask_name
from drivers.vocabulary.sealing import SealError, open_sealed, sealing_public_key
from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaWriter

CENTRE = bytes(range(1, 33))
CONSENTS = (
    ConsentGiven(purpose="loyalty", text_version="2026-01", channel=ConsentChannel.DISPLAY),
    ConsentGiven(purpose="messages", text_version="2026-01", channel=ConsentChannel.DISPLAY, given=False),
)


@pytest.fixture
def desk(rig: Any) -> Any:
    rig.desk.sealing_key = sealing_public_key(CENTRE)
    return rig.desk


def enrol(desk: Any, phone: str = "8 900 000-00-77", **more: Any) -> contract.EnrolCustomerAnswer:
    request = contract.EnrolCustomerRequest(phone=phone, name="Vera Petrova", consents=CONSENTS, cashier="c-7", **more)
    return desk.enrol(request)


def facts(rig: Any) -> list[CustomerEnrolled]:
    reader = OutboxReader.open(rig.folder / "till.db")
    try:
        waiting = reader.batch(envelopes_max=100, bytes_max=1_000_000)
    finally:
        reader.close()
    return [codec.decode(one.body, CustomerEnrolled) for one in waiting if one.kind == "customer.enrolled"]


def test_a_newcomer_earns_with_the_receipt_in_hand(rig: Any, desk: Any) -> None:
    """Enrolled, attached, earning, and found by the phone: all without a line."""
    answer = enrol(desk, receipt_uid="r-1")
    rig.desk.quote(contract.QuoteRequest(receipt=rig.sale("r-1", "100")))
    closed = rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0")), source="api")

    assert EnrolState.ENROLLED is answer.state
    assert answer.customer_id == closed.customer_id
    assert [("bonus", 10)] == [(one.unit, one.available + one.pending) for one in closed.balances]
    found = desk.identify(contract.IdentifyRequest(code="+79000000077"))
    assert (contract.IdentifyState.FOUND, answer.customer_id) == (found.state, found.customer.id)
    assert ("Vera P.", "+7900***77", 1) == (found.customer.name, found.customer.phone, found.customer.purchases)


def test_a_newcomer_survives_a_restart(rig: Any, desk: Any) -> None:
    """It is on disk before it is told."""
    answer = enrol(desk)
    desk.close()
    rig.open()

    assert answer.customer_id == rig.desk.identify(contract.IdentifyRequest(code="89000000077")).customer.id


def test_the_fact_says_who_agreed_to_what_where_and_when(rig: Any, desk: Any) -> None:
    """And who it is only to the centre."""
    answer = enrol(desk)
    (fact,) = facts(rig)
    loyalty, messages = fact.consents
    context = contact_context(till="t1", customer_id=answer.customer_id, alias=fact.alias)
    opened = codec.decode(open_sealed(fact.contact, private=CENTRE, context=context), Contact)

    assert Contact(phone="+79000000077", name="Vera Petrova") == opened
    assert ("loyalty", "2026-01", ConsentChannel.DISPLAY, True) == (
        loyalty.purpose,
        loyalty.text_version,
        loyalty.channel,
        loyalty.given,
    )
    assert ("t1", "c-7", rig.clock.now()) == (loyalty.till, loyalty.cashier, loyalty.at)
    assert not messages.given
    for other in ({"till": "t2"}, {"customer_id": "m-1"}, {"alias": "0" * 32}):
        place = {"till": "t1", "customer_id": answer.customer_id, "alias": fact.alias, **other}
        with pytest.raises(SealError):
            open_sealed(fact.contact, private=CENTRE, context=contact_context(**place))


def test_no_file_of_the_till_says_who_it_is(rig: Any, desk: Any) -> None:
    """Neither the phone nor the name; what shows a request in a log says neither."""
    enrol(desk)
    desk.store.tend()
    on_disk = b"".join(path.read_bytes() for path in sorted(rig.folder.iterdir()) if path.is_file())

    assert b"customer.enrolled" in on_disk
    assert [] == [secret for secret in (b"9000000077", b"000-00-77", b"Petrova") if secret in on_disk]
    shown = repr(contract.EnrolCustomerRequest(phone="89000000077", name="Vera", consents=CONSENTS))
    assert "0077" not in shown
    assert "Vera" not in shown
    assert "0077" not in repr(Contact(phone="+79000000077"))


def test_enrolling_again_is_known_and_writes_nothing(rig: Any, desk: Any) -> None:
    """The answer was lost, or the cashier pressed twice."""
    first = enrol(desk)
    again = enrol(desk, "+7 (900) 000-00-77")
    member = enrol(desk, "89000000001")

    assert (EnrolState.KNOWN, first.customer_id) == (again.state, again.customer_id)
    assert (EnrolState.KNOWN, "m-1", 500) == (member.state, member.customer_id, member.balances[0].available)
    assert 1 == len(facts(rig))


def test_a_blocked_customer_is_not_enrolled_again(rig: Any, desk: Any) -> None:
    """Nor shown what they have."""
    rig.tell([Customer(id="m-1", name="Anna P.", blocked=True)], reflects=0)
    answer = enrol(desk, "89000000001")

    assert (EnrolState.BLOCKED, None, ()) == (answer.state, answer.customer, answer.balances)
    assert Screen.BLOCKED.value == desk.current.screen
    assert [] == facts(rig)


@pytest.mark.parametrize("phone", ["2900000000018", "12", "no phone"])
def test_what_is_no_phone_is_refused(desk: Any, phone: str) -> None:
    """A card scanned into the field, a slip of the finger."""
    with pytest.raises(CheckoutRefused) as refused:
        enrol(desk, phone)

    assert ("no_phone", "phone") == (refused.value.code, refused.value.field)


def test_a_till_without_the_centres_key_says_so(rig: Any) -> None:
    """Nothing is kept in the clear until there is one."""
    with pytest.raises(CheckoutRefused, match="cannot seal") as refused:
        enrol(rig.desk)

    assert "cannot_seal" == refused.value.code
    assert [] == read_all(rig.desk.store, "newcomer", Newcomer)


def test_both_tenant_keys_find_a_newcomer(rig: Any, desk: Any) -> None:
    """Enrolled while one key follows another: found when only the new one is left."""
    new = b"n" * 32
    desk.keys_changed(tenant_key=desk.knowledge.tenant_key, tenant_key_next=new, sealing_key=desk.sealing_key)
    answer = enrol(desk)
    desk.keys_changed(tenant_key=new, tenant_key_next=b"", sealing_key=desk.sealing_key)

    assert answer.customer_id == desk.identify(contract.IdentifyRequest(code="89000000077")).customer.id


def test_members_are_found_under_either_key(rig: Any, desk: Any) -> None:
    """The centre has told hashes under the old key only, so far."""
    old = desk.knowledge.tenant_key
    desk.keys_changed(tenant_key=b"n" * 32, tenant_key_next=old, sealing_key="")
    assert "m-1" == desk.identify(contract.IdentifyRequest(code="89000000001")).customer.id

    desk.keys_changed(tenant_key=b"n" * 32, tenant_key_next=b"", sealing_key="")
    assert contract.IdentifyState.NOT_FOUND is desk.identify(contract.IdentifyRequest(code="89000000001")).state


def test_the_request_needs_a_consent() -> None:
    """Nobody becomes a customer by being there."""
    body = {"phone": "89000000077", "consents": []}
    with pytest.raises(codec.WireError, match="consents"):
        codec.decode(json.dumps(body), contract.EnrolCustomerRequest)


@pytest.mark.parametrize(("name", "mask"), [("", ""), ("Anna", "Anna"), (" Anna  Maria Petrova ", "Anna M.")])
def test_a_name_is_masked(name: str, mask: str) -> None:
    """The first name and a letter."""
    assert mask == mask_name(name)


def test_the_word_of_the_centre_goes_before_ours(rig: Any, desk: Any) -> None:
    """It knew the phone under another name: from then on that one counts, with what was earned here."""
    answer = enrol(desk, receipt_uid="r-1")
    desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0")), source="api")
    sent = replace(Customer(id="m-9", name="Vera P."), purchases=4)
    alias = keyed_hash(desk.knowledge.tenant_key, Identifier(kind=IdentifierKind.PHONE, value="+79000000077"))
    with ReplicaWriter.open(rig.folder / "replica.db") as writer:
        writer.apply(
            cursor="9",
            reflects=1,
            epoch=1,
            changes=[
                ("customer", "m-9", 7, codec.encode(sent)),
                ("alias", alias, 8, codec.encode("m-9")),
                ("merged", answer.customer_id, 9, codec.encode("m-9")),
            ],
            stored_at=rig.clock.now().isoformat(),
        )
    desk.replica_changed()

    found = desk.identify(contract.IdentifyRequest(code="89000000077"))
    assert "m-9" == found.customer.id
    # The sale is envelope 2, which the page does not reflect yet.
    assert 10 == sum(one.available + one.pending for one in found.balances)
    assert 5 == found.customer.purchases
    assert found.customer == desk.known(answer.customer_id).customer
    assert [] == read_all(desk.store, "newcomer", Newcomer)
