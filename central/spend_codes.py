"""One-time codes for spending: who may have one, how many, and whether what was read out is it; sends nothing itself.

A code has three tries and three minutes. A customer gets one in half a minute and five in an hour, a till asks for
sixty in an hour; of 10 000 codes a guesser so tries 15 in an hour. Only a keyed digest of a code is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from central import schema
from central.tenant import sealing_key
from drivers.vocabulary.joining import mask_phone
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted

__all__ = [
    "AGAIN_S",
    "CUSTOMER_HOUR_MAX",
    "LIFE_S",
    "TILL_HOUR_MAX",
    "TRIES_MAX",
    "Prepared",
    "check_code",
    "prepare_code",
    "prune_codes",
    "settle_code",
]

TRIES_MAX: Final = 3
LIFE_S: Final = 180  # a message takes seconds; a customer who looks for the phone, a minute
AGAIN_S: Final = 30  # messages cost money, and two codes under way confuse
CUSTOMER_HOUR_MAX: Final = 5
TILL_HOUR_MAX: Final = 60  # more than the busiest till has customers who pay with points and have no card
KEPT: Final = timedelta(days=7)  # for whoever asks why no code came
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A code that is written down and may be sent now, after the transaction."""

    id: str
    phone: str
    code: str
    sent: CodeSent

    def __repr__(self) -> str:
        return f"Prepared(id={self.id!r})"


def prepare_code(
    connection: Connection, wanted: CodeWanted, *, till: str, code: str, now: datetime
) -> Prepared | CodeSent:
    """Write a code down for sending, or answer at once: why there is none, or that it was sent already."""
    table = schema.spend_code
    before = connection.execute(select(table).where(table.c.id == wanted.id)).first()
    if before is not None:
        return _again(before, till, now)
    person = _person(connection, wanted.customer_id)
    if isinstance(person, str):
        return CodeSent(reason=person)
    customer, phone = person
    again_s = _wait_s(connection, till, customer, now)
    if again_s:
        return CodeSent(again_s=again_s, reason="too_often")
    row = {
        "id": wanted.id,
        "till": till,
        "customer": customer,
        "digest": _digest(connection, wanted.id, code),
        "digits": len(code),
        "mask": mask_phone(phone),
        "made_at": now,
        "tries": 0,
        "state": "sending",
    }
    connection.execute(insert(table), [row])
    sent = CodeSent(digits=len(code), mask=mask_phone(phone), expires_s=LIFE_S, again_s=AGAIN_S)
    return Prepared(id=wanted.id, phone=phone, code=code, sent=sent)


def settle_code(connection: Connection, name: str, *, is_sent: bool) -> None:
    """Say what became of the sending; one that was not sent does not count against the customer."""
    table = schema.spend_code
    state = "sent" if is_sent else "failed"
    connection.execute(update(table).where(table.c.id == name, table.c.state == "sending").values(state=state))


def check_code(connection: Connection, tried: CodeTried, *, till: str, now: datetime) -> CodeVerdict:
    """Whether it is the code; each wrong one is counted before it is told."""
    table = schema.spend_code
    row = connection.execute(select(table).where(table.c.id == tried.id).with_for_update()).first()
    if row is None or row.till != till or row.state == "failed":
        return CodeVerdict(reason="unknown")
    person = _person(connection, tried.customer_id)
    if isinstance(person, str) or person[0] != row.customer:
        return CodeVerdict(reason="unknown")
    if now - row.made_at > timedelta(seconds=LIFE_S):
        return CodeVerdict(reason="expired")
    if row.tries >= TRIES_MAX:
        return CodeVerdict(reason="no_tries")
    mine = update(table).where(table.c.id == tried.id)
    if hmac.compare_digest(row.digest, _digest(connection, tried.id, tried.code)):
        connection.execute(mine.values(state="right"))
        return CodeVerdict(is_right=True, tries_left=TRIES_MAX - row.tries)
    connection.execute(mine.values(tries=row.tries + 1))
    left = TRIES_MAX - row.tries - 1
    return CodeVerdict(tries_left=left, reason="wrong" if left else "no_tries")


def prune_codes(connection: Connection, *, now: datetime) -> int:
    """Forget codes that are long over; how many."""
    table = schema.spend_code
    return connection.execute(delete(table).where(table.c.made_at < now - KEPT)).rowcount


def _again(row: Row[Any], till: str, now: datetime) -> CodeSent:
    """The same question once more: the first answer was lost on the way."""
    if row.till != till or row.state == "failed":
        return CodeSent(reason="not_sent")
    age_s = max(0, int((now - row.made_at).total_seconds()))
    return CodeSent(digits=row.digits, mask=row.mask, expires_s=max(0, LIFE_S - age_s), again_s=max(0, AGAIN_S - age_s))


def _person(connection: Connection, name: str) -> tuple[str, str] | str:
    """(the centre's own name, the phone) of a customer, or why no code can be sent to them."""
    merged: str | None = connection.scalar(select(schema.merged.c.customer).where(schema.merged.c.id == name))
    customer = merged or name
    blocked: bool | None = connection.scalar(select(schema.customer.c.blocked).where(schema.customer.c.id == customer))
    if blocked is None:
        return "unknown_customer"
    if blocked:
        return "blocked"
    phone: str = connection.scalar(select(schema.contact.c.phone).where(schema.contact.c.customer == customer)) or ""
    if not phone:
        return "no_phone"
    return (customer, phone) if _takes_messages(phone) else "no_mobile"


def _takes_messages(phone: str) -> bool:
    """False for a number that is known to be a fixed line."""
    import phonenumbers  # 35 ms; only a centre that sends codes pays for it

    try:
        kind = phonenumbers.number_type(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return False
    return kind != phonenumbers.PhoneNumberType.FIXED_LINE


def _wait_s(connection: Connection, till: str, customer: str, now: datetime) -> int:
    """After how many seconds this customer may be sent another code; 0 is now."""
    table = schema.spend_code
    # Two tills that ask for one customer at one moment: the second waits here for the first.
    connection.execute(select(schema.customer.c.id).where(schema.customer.c.id == customer).with_for_update())
    counts = table.c.state != "failed"
    rows = connection.execute(
        select(table.c.made_at)
        .where(table.c.customer == customer, table.c.made_at > now - HOUR, counts)
        .order_by(table.c.made_at.desc())
        .limit(CUSTOMER_HOUR_MAX)
    ).all()
    waits = [0.0]
    if rows:
        waits.append(AGAIN_S - (now - rows[0].made_at).total_seconds())
    if len(rows) == CUSTOMER_HOUR_MAX:
        waits.append((rows[-1].made_at + HOUR - now).total_seconds())
    mine = (table.c.till == till) & (table.c.made_at > now - HOUR)
    asked, oldest = connection.execute(select(func.count(), func.min(table.c.made_at)).where(mine)).one()
    if asked >= TILL_HOUR_MAX:
        waits.append((oldest + HOUR - now).total_seconds())
    return max(0, int(max(waits)))


def _digest(connection: Connection, name: str, code: str) -> str:
    """What is kept of a code: useless without the centre's own key, and for any other question."""
    private, _ = sealing_key(connection)
    return hmac.digest(private, f"spend-code\n{name}\n{code}".encode(), hashlib.sha256).hex()
