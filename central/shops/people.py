"""Who a shop's customer is: by phone, by card, or under the name their cloud has for them; and joining."""

from __future__ import annotations

import re
import secrets
from typing import Final

from sqlalchemy import delete, insert, select

from central import schema
from central.shops.sitting import Sitting
from central.tenant import sealing_key, tenant_keys
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec, facts
from drivers.vocabulary.customer import Customer, Identifier, IdentifierKind, keyed_hash
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.joining import Consent, Contact, contact_context
from drivers.vocabulary.phones import normalise
from drivers.vocabulary.sealing import RANDOM_BYTES, seal

__all__ = ["enrol", "find_customer", "identify", "person_of", "remember_person"]

ID_PREFIX: Final = "n-"  # as at a till: a name that was given where somebody joined
EXTERNAL_MAX: Final = 120  # as wide as its column


def find_customer(sitting: Sitting, code: str) -> str | None:
    """The customer of a phone or a card as typed, or None; a phone goes first."""
    for identifier in _identifiers(sitting, code):
        found = _owner(sitting, identifier)
        if found is not None:
            return found
    return None


def _identifiers(sitting: Sitting, code: str) -> list[Identifier]:
    phone = normalise(code, sitting.shop.region)
    card = re.sub(r"[\s-]", "", code)
    both = ((IdentifierKind.PHONE, phone), (IdentifierKind.CARD, card))
    return [Identifier(kind=kind, value=value) for kind, value in both if value]


def _owner(sitting: Sitting, identifier: Identifier) -> str | None:
    table = schema.alias
    hashes = [keyed_hash(key, identifier) for _, key in tenant_keys(sitting.connection).live]
    found: str | None = sitting.connection.scalar(select(table.c.customer).where(table.c.hash.in_(hashes)))
    return found


def identify(sitting: Sitting, request: contract.IdentifyRequest) -> contract.IdentifyAnswer:
    """Who is it; with a receipt uid the customer is attached to that receipt."""
    found = request.customer_id or find_customer(sitting, request.code)
    customer = sitting.customer(found) if found is not None else None
    identifiers = _identifiers(sitting, request.code) if request.code else []
    mask = identifiers[0].mask if identifiers else (customer.phone if customer is not None else "")
    if customer is None:
        return contract.IdentifyAnswer(state=contract.IdentifyState.NOT_FOUND, mask=mask)
    if customer.blocked:
        return contract.IdentifyAnswer(state=contract.IdentifyState.BLOCKED, mask=mask)
    if request.receipt_uid is not None:
        _attach_to_open(sitting, request.receipt_uid, customer)
    return contract.IdentifyAnswer(
        state=contract.IdentifyState.FOUND,
        mask=mask,
        customer=customer,
        balances=sitting.balances(customer, request.receipt_uid or ""),
        seen_at=sitting.now,
    )


def _attach_to_open(sitting: Sitting, uid: str, customer: Customer) -> None:
    from msgspec.structs import replace

    from central.shops.sitting import Open

    before = sitting.opened(uid)
    if before is None:
        sitting.keep(Open(uid=uid, touched_at=sitting.now, customer_id=customer.id), keeps_until=None)
    elif before.decision is None:
        sitting.keep(replace(before, customer_id=customer.id, touched_at=sitting.now), keeps_until=None)


def enrol(sitting: Sitting, request: contract.EnrolCustomerRequest) -> contract.EnrolCustomerAnswer:
    """Make a customer of a phone; whoever is known already is answered as known, and nothing is written."""
    phone = normalise(request.phone, sitting.shop.region)
    if phone is None:
        raise CheckoutRefused("this is no phone number; send it with its country code", code="no_phone", field="phone")
    identifier = Identifier(kind=IdentifierKind.PHONE, value=phone)
    known = _owner(sitting, identifier)
    before = sitting.customer(known) if known is not None else None
    if before is not None:
        state = contract.EnrolState.BLOCKED if before.blocked else contract.EnrolState.KNOWN
        return contract.EnrolCustomerAnswer(
            state=state,
            customer_id=before.id,
            mask=identifier.mask,
            customer=None if before.blocked else before,
            balances=() if before.blocked else sitting.balances(before),
        )
    name = ID_PREFIX + secrets.token_hex(16)
    sitting.write(_enrolled(sitting, request, name, identifier))
    customer = sitting.customer(name)
    if request.receipt_uid is not None and customer is not None:
        _attach_to_open(sitting, request.receipt_uid, customer)
    return contract.EnrolCustomerAnswer(
        state=contract.EnrolState.ENROLLED, customer_id=name, mask=identifier.mask, customer=customer
    )


def _enrolled(
    sitting: Sitting, request: contract.EnrolCustomerRequest, name: str, identifier: Identifier
) -> facts.CustomerEnrolled:
    """As a till writes it: the contact is sealed also here, so that no envelope ever shows who somebody is."""
    till, now = sitting.shop.till, sitting.now
    alias = keyed_hash(tenant_keys(sitting.connection).current, identifier)
    contact = Contact(phone=identifier.value, name=request.name.strip())
    return facts.CustomerEnrolled(
        customer_id=name,
        alias=alias,
        contact=seal(
            codec.encode(contact),
            public=sealing_key(sitting.connection)[1],
            context=contact_context(till=till, customer_id=name, alias=alias),
            random=secrets.token_bytes(RANDOM_BYTES),
        ),
        consents=tuple(
            Consent(
                purpose=one.purpose,
                text_version=one.text_version,
                channel=one.channel,
                given=one.given,
                at=now,
                till=till,
                cashier=request.cashier,
            )
            for one in request.consents
        ),
        enrolled_at=now,
        phone_mask=identifier.mask,
        cashier=request.cashier,
    )


def person_of(sitting: Sitting, external: str) -> str | None:
    """Whom this shop's cloud means by a name of its own; None when nobody has told."""
    table = schema.shop_person
    mine = (table.c.till == sitting.shop.till) & (table.c.external == external[:EXTERNAL_MAX])
    found: str | None = sitting.connection.scalar(select(table.c.customer).where(mine))
    return found


def remember_person(sitting: Sitting, external: str, customer_id: str) -> None:
    """From now on this name of their cloud's means that customer."""
    if not external or person_of(sitting, external) == customer_id:
        return
    table = schema.shop_person
    mine = (table.c.till == sitting.shop.till) & (table.c.external == external[:EXTERNAL_MAX])
    sitting.connection.execute(delete(table).where(mine))
    row = {"till": sitting.shop.till, "external": external[:EXTERNAL_MAX], "customer": customer_id}
    sitting.connection.execute(insert(table), [row])
