"""A person becomes a customer at the till: sealed and written down in one commit, and known here from that moment on.

The till keeps a mask and keyed hashes. The phone and the name go into a box that only the centre opens. When the centre
says who it is, its word replaces what is kept here: the same name, or another one for somebody it knew already.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from agent.checkout import writing
from agent.checkout.records import Newcomer, read_all, write
from agent.checkout.state import DeskState
from agent.clock import uuid7
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec, facts
from drivers.vocabulary.customer import Customer, Identifier, IdentifierKind, keyed_hash
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.joining import Consent, Contact, contact_context, mask_name
from drivers.vocabulary.sealing import RANDOM_BYTES, seal

__all__ = ["enrol", "settle_newcomers"]

ID_PREFIX: Final = "n-"  # so that a person who reads a journal sees that a till gave this name


def enrol(desk: DeskState, request: contract.EnrolCustomerRequest) -> contract.EnrolCustomerAnswer:
    """Make a customer of a phone; whoever is known already is answered as known, and nothing is written.

    Raises:
        CheckoutRefused: `no_phone`, or `cannot_seal` on a till that has no keys of the centre yet.
    """
    now = desk.clock.now()
    identifier = _phone(desk, request.phone)
    before = desk.knowledge.find(identifier)
    known = None if before is None else desk.known(before)
    if known is not None:
        state = contract.EnrolState.BLOCKED if known.customer.blocked else contract.EnrolState.KNOWN
        shown, balances = (None, ()) if known.customer.blocked else (known.customer, known.balances(now))
        return contract.EnrolCustomerAnswer(
            state=state,
            customer_id=known.customer.id,
            mask=identifier.mask,
            customer=shown,
            balances=balances,
        )
    customer = _write(desk, identifier, request, now)
    return contract.EnrolCustomerAnswer(
        state=contract.EnrolState.ENROLLED, customer_id=customer.id, mask=identifier.mask, customer=customer
    )


def _phone(desk: DeskState, text: str) -> Identifier:
    identifier = desk.recogniser.recognise(text, presented=False).identifier
    if identifier is None or identifier.kind is not IdentifierKind.PHONE:
        raise CheckoutRefused("this is no phone number; type it with its country code", code="no_phone", field="phone")
    return identifier


def _write(desk: DeskState, identifier: Identifier, request: contract.EnrolCustomerRequest, now: datetime) -> Customer:
    keys = desk.knowledge.tenant_keys
    if not keys or not desk.sealing_key:
        raise CheckoutRefused(
            "this till cannot seal a phone yet: it was never enrolled, or has not met the centre since its last update",
            code="cannot_seal",
        )
    customer_id = ID_PREFIX + uuid7(now, desk.clock.random_bytes(10))
    aliases = tuple(keyed_hash(key, identifier) for key in keys)
    contact = Contact(phone=identifier.value, name=request.name.strip())
    fact = facts.CustomerEnrolled(
        customer_id=customer_id,
        alias=aliases[0],
        contact=seal(
            codec.encode(contact),
            public=desk.sealing_key,
            context=contact_context(till=desk.name.till, customer_id=customer_id, alias=aliases[0]),
            random=desk.clock.random_bytes(RANDOM_BYTES),
        ),
        consents=tuple(
            Consent(
                purpose=one.purpose,
                text_version=one.text_version,
                channel=one.channel,
                given=one.given,
                at=now,
                till=desk.name.till,
                cashier=request.cashier,
            )
            for one in request.consents
        ),
        enrolled_at=now,
        phone_mask=identifier.mask,
        cashier=request.cashier,
    )
    customer = Customer(id=customer_id, name=mask_name(contact.name), phone=identifier.mask, purchases=0)
    with desk.store.transaction() as tx:
        writing.append(desk, tx, fact, [f"customer:{customer_id}"])
        write(tx, "newcomer", customer_id, Newcomer(customer=customer, aliases=aliases, enrolled_at=now))
        for alias in aliases:
            tx.put("newcomer_alias", alias, customer_id.encode())
    return customer


def settle_newcomers(desk: DeskState) -> None:
    """Let go of the newcomers whom the centre has told us of; what it told is in the replica."""
    for name, newcomer in read_all(desk.store, "newcomer", Newcomer):
        told = desk.knowledge.resolve(name)
        if told == name and desk.knowledge.replica.get("customer", name) is None:
            continue
        with desk.store.transaction() as tx:
            if told != name:
                # Receipts of ours carry the old name; what they did counts for the customer it turned out to be.
                tx.put("other_name", f"{told}/{name}", b"")
                for key, lease in desk.store.scan("lease", f"{name}/"):
                    tx.put("lease", told + key.removeprefix(name), lease)
                    tx.delete("lease", key)
            tx.delete("newcomer", name)
            for alias in newcomer.aliases:
                tx.delete("newcomer_alias", alias)
