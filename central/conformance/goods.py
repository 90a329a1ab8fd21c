"""The facts the suite tells: small sales of one shop, their returns, and people nobody is."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from central.conformance.till import Till
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Identifier, IdentifierKind, keyed_hash
from drivers.vocabulary.decision import CertificateUsed, Decision, PointsEarned, PointsSpent
from drivers.vocabulary.facts import CustomerEnrolled, ReceiptAttached, ReceiptConfirmed, ReceiptRefunded
from drivers.vocabulary.joining import Consent, ConsentChannel, Contact, contact_context, mask_phone
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from drivers.vocabulary.sealing import RANDOM_BYTES, seal

__all__ = ["PHONE_LIKE", "Person", "attached_to", "new_person", "new_uid", "receipt_of", "returned", "sold"]

#: Each X becomes a digit. ITU-T E.164 gives country code 999 to nobody: no person has such a number.
PHONE_LIKE: Final = "+999XXXXXXXXXXXX"
LINE_MINOR: Final = 10_000
CLAIM_CODE: Final = "CHECK0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who does not exist."""

    customer_id: str
    phone: str
    surname: str

    @property
    def identifier(self) -> Identifier:
        """How a till would look them up."""
        return Identifier(kind=IdentifierKind.PHONE, value=self.phone)

    def alias(self, till: Till) -> str:
        """The keyed hash of the phone."""
        return keyed_hash(bytes.fromhex(till.identity.tenant_key), self.identifier)

    def enrolled(self, till: Till, *, sealed_for: str = "") -> CustomerEnrolled:
        """The fact that this person became a customer at a till; `sealed_for` seals for another customer."""
        alias = self.alias(till)
        context = contact_context(till=till.name, customer_id=sealed_for or self.customer_id, alias=alias)
        contact = Contact(phone=self.phone, name=f"Check {self.surname}")
        now = datetime.now(UTC)
        return CustomerEnrolled(
            customer_id=self.customer_id,
            alias=alias,
            contact=seal(
                codec.encode(contact),
                public=till.identity.centre_key,
                context=context,
                random=secrets.token_bytes(RANDOM_BYTES),
            ),
            consents=(
                Consent(
                    purpose="loyalty",
                    text_version="conformance-check",
                    channel=ConsentChannel.CASHIER,
                    at=now,
                    till=till.name,
                ),
            ),
            enrolled_at=now,
            phone_mask=mask_phone(self.phone),
        )


def new_person(like: str = PHONE_LIKE) -> Person:
    """A person with an invented phone, or with one that is known already."""
    return Person(
        customer_id=f"check-{secrets.token_hex(8)}",
        phone="".join(secrets.choice("0123456789") if char == "X" else char for char in like),
        surname=f"Nobody{secrets.token_hex(4)}",
    )


def new_uid() -> str:
    """A receipt's permanent name."""
    return f"conformance-{secrets.token_hex(8)}"


def receipt_of(
    uid: str, *, currency: str, lines: int = 1, kind: DocumentKind = DocumentKind.SALE, base: str = ""
) -> Receipt:
    """A receipt of so many lines at 100.00."""
    price = Money(LINE_MINOR, currency)
    return Receipt(
        uid=uid,
        kind=kind,
        total=Money(LINE_MINOR * lines, currency),
        lines=tuple(
            Line(number=number, name="conformance check", quantity=Quantity.ONE, price=price, total=price)
            for number in range(1, lines + 1)
        ),
        cashier="conformance check",
        base_uid=base or None,
        closed_at=datetime.now(UTC),
    )


def sold(
    customer: str | None,
    *,
    currency: str,
    unit: str = "bonus",
    uid: str = "",
    spend: int = 0,
    earn: int = 0,
    lines: int = 1,
    certificate: tuple[str, Money, Money] | None = None,
    **more: Any,
) -> ReceiptConfirmed:
    """A sale; `certificate` is its name, what it pays and what is left on it."""
    receipt = receipt_of(uid or new_uid(), currency=currency, lines=lines)
    zero = Money(0, currency)
    effects: list[Any] = []
    if spend:
        effects.append(PointsSpent(unit=unit, amount=spend, worth=Money(spend, currency)))
    if earn:
        effects.append(PointsEarned(unit=unit, amount=earn, rule="check"))
    paid = spend
    if certificate is not None:
        name, amount, left = certificate
        effects.append(CertificateUsed(code=name, amount=amount, left=left, burned=zero))
        paid += amount.minor
    decision = Decision(
        programme_version=0,
        total=receipt.total,
        discount=zero,
        payable=Money(receipt.total.minor - paid, currency),
        effects=tuple(effects),
    )
    return ReceiptConfirmed(
        receipt=receipt, decision=decision, claim_code=CLAIM_CODE, source="api", customer_id=customer, **more
    )


def attached_to(sale: ReceiptConfirmed, customer: str, *, unit: str, earn: int) -> ReceiptAttached:
    """A sale of nobody becomes a customer's and earns."""
    effects = (*sale.decision.effects, PointsEarned(unit=unit, amount=earn, rule="check"))
    return ReceiptAttached(
        receipt=sale.receipt,
        decision=replace(sale.decision, effects=effects),
        claim_code=sale.claim_code,
        source=sale.source,
        customer_id=customer,
    )


def returned(sale: ReceiptConfirmed, *, lines: int = 0, **stated: Any) -> ReceiptRefunded:
    """A return of a sale, or of so many of its lines; without stated points the centre works them out."""
    receipt = receipt_of(
        new_uid(),
        currency=sale.receipt.currency,
        lines=lines or len(sale.receipt.lines),
        kind=DocumentKind.RETURN,
        base=sale.receipt.uid,
    )
    return ReceiptRefunded(
        receipt=receipt,
        claim_code=CLAIM_CODE,
        source="api",
        customer_id=sale.customer_id,
        base_uid=sale.receipt.uid,
        settled_by_centre=not stated,
        **stated,
    )
