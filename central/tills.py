"""Tills at the centre: one-time codes, enrolment, bearer tokens, when each was seen last."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from central import schema
from central.errors import CentralStartError, Refusal
from central.programme_keys import ring_of
from central.scope_feed import make_scope
from central.scopes import checked_scope
from central.tenant import sealing_key, tenant_keys
from drivers.vocabulary.centre import EnrolAnswer, EnrolRequest

__all__ = [
    "CODE_VALID",
    "Newcomer",
    "Till",
    "Vitals",
    "authenticate",
    "check_name",
    "enrol",
    "give_identity",
    "make_code",
    "note_seen",
    "require_no_fork",
    "take_new_token",
    "vitals_of",
]

CODE_VALID: Final = timedelta(hours=24)  # long enough to drive to the shop, short enough to be forgotten in a drawer
CODE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 characters that nobody mistakes for one another
CODE_CHARS: Final = 12  # 60 random bits: guessing one within its day would need 10^12 requests a second
NAME_CHARS_MAX: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """Who is asking, as its token says."""

    id: str
    shop: str
    epoch: int
    public_key: str = ""
    #: Whose customers it is told of; "" is everybody's.
    scope: str = ""
    #: The token that was shown is the new one: from now on the old one is worth nothing.
    token_is_new: bool = False
    #: The batch before was refused because of its signature.
    signature_was_wrong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What a till says of itself with each request; None is what it did not say or could not be read."""

    version: str = ""
    queue_depth: int | None = None
    oldest_age_s: int | None = None
    clock: datetime | None = None


def make_code(connection: Connection, *, shop: str, till: str, now: datetime, scope: str | None = None) -> str:
    """A new one-time code for a till; kept as a hash, so it can be read only here and now.

    Args:
        connection: the transaction.
        shop: where the till stands.
        till: its name.
        now: the centre's clock.
        scope: whose customers it is told of; None is as before, everybody's for a new till.

    Raises:
        CentralStartError: the name of the shop or the till, or the scope, cannot be used.
    """
    check_name("shop", shop)
    check_name("till", till)
    letters = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS))
    row = {
        "hash": _hash(letters),
        "shop": shop,
        "till": till,
        "made_at": now,
        "expires_at": now + CODE_VALID,
        "used_at": None,
        "epoch": None,
        "scope": None if scope is None else checked_scope(scope),
    }
    connection.execute(insert(schema.enrol_code), [row])
    return "-".join(letters[place : place + 4] for place in range(0, CODE_CHARS, 4))


def check_name(what: str, name: str) -> None:
    """Raise CentralStartError for a name of a shop or a till that cannot be used."""
    if not 1 <= len(name) <= NAME_CHARS_MAX or not all(char.isalnum() or char in "._-" for char in name):
        raise CentralStartError(f"the {what} {name!r} must be 1 to {NAME_CHARS_MAX} letters, digits, '.', '_' or '-'")


def enrol(connection: Connection, request: EnrolRequest, *, currency: str, now: datetime) -> EnrolAnswer:
    """Turn a code into an identity.

    The answer may be lost on its way, so the same code works again from the same machine until the token it gave has
    been used once. A till that is enrolled again gets the next epoch, and its old token is worth nothing.

    Raises:
        Refusal: 403 `code_refused`.
    """
    table = schema.enrol_code
    letters = request.code.upper().replace("-", "").replace(" ", "")
    code = connection.execute(select(table).where(table.c.hash == _hash(letters)).with_for_update()).first()
    if code is None or code.expires_at <= now:
        raise Refusal(403, "code_refused", "this code is not known or too old; make a new one at the centre")
    before = connection.execute(select(schema.till).where(schema.till.c.id == code.till).with_for_update()).first()
    if code.used_at is not None and not _answer_was_lost(before, code, request):
        raise Refusal(403, "code_refused", "this code was used already; make a new one at the centre")
    # A code that is used again gives its own epoch again.
    epoch = code.epoch or (1 if before is None else before.epoch + 1)
    who = Newcomer(till=code.till, shop=code.shop, scope=code.scope, epoch=epoch)
    answer = give_identity(
        connection, who, before, machine=request.machine, public_key=request.public_key, currency=currency, now=now
    )
    connection.execute(update(table).where(table.c.hash == code.hash).values(used_at=now, epoch=epoch))
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Which till a machine becomes.

    Attributes:
        scope: None leaves it as it is.
        enrolled_by: id of the store's secret it came with, "" for a one-time code.
    """

    till: str
    shop: str
    epoch: int
    scope: str | None = None
    enrolled_by: str = ""


def give_identity(
    connection: Connection,
    who: Newcomer,
    before: Row[Any] | None,
    *,
    machine: str,
    public_key: str,
    currency: str,
    now: datetime,
) -> EnrolAnswer:
    """Write a till down as enrolled now, with a new token; `before` is its locked row, None for a new till.

    Whatever was told to the machine before it ends: its token, its key, its troubles (docs/decisions/012).
    """
    token = secrets.token_urlsafe(32)
    row = {
        "id": who.till,
        "shop": who.shop,
        "epoch": who.epoch,
        "token_hash": _hash(token),
        "token_used": False,
        "token_next_hash": None,
        "token_at": now,
        "token_renew": False,
        "public_key": public_key,
        "tenant_generation": None,
        "signature_trouble": None,
        "lease_trouble": None,
        "surprised_at": None,
        "lacks": None,
        "machine": machine,
        "enrolled_at": now,
        "enrolled_by": who.enrolled_by,
        "left_at": None,
        # Its first request is noted whenever it comes: from then on the code that made it is used up.
        "seen_at": None,
    }
    if who.scope is not None:
        row["scope"] = who.scope
        if who.scope:
            make_scope(connection, who.scope)
    if before is None:
        connection.execute(insert(schema.till), [row])
    else:
        # Only a machine that has spoken has something to be told when it comes back.
        if who.epoch > before.epoch and before.token_used:
            row |= {"token_ended_hash": before.token_hash, "machine_before": before.machine}
        connection.execute(update(schema.till).where(schema.till.c.id == who.till).values(**row))
    keys = tenant_keys(connection)
    return EnrolAnswer(
        till=who.till,
        shop=who.shop,
        epoch=who.epoch,
        token=token,
        tenant_key=keys.current.hex(),
        tenant_key_next="" if keys.following is None else keys.following.hex(),
        tenant_generation=keys.newest_generation,
        centre_key=sealing_key(connection)[1],
        currency=currency,
        programme_keys=ring_of(connection),
    )


def _answer_was_lost(till: Row[Any] | None, code: Row[Any], request: EnrolRequest) -> bool:
    same = till is not None and till.epoch == code.epoch and till.machine == request.machine
    return same and till is not None and not till.token_used


def authenticate(connection: Connection, *, till: str, authorization: str) -> Till:
    """Who is asking.

    Raises:
        Refusal: 401 `unauthorised`; the same words for an unknown till and a wrong token.
    """
    scheme, _, token = authorization.partition(" ")
    row = connection.execute(select(schema.till).where(schema.till.c.id == till)).first()
    nothing = "0" * 64
    shown = _hash(token.strip())
    present = hmac.compare_digest(row.token_hash if row is not None else nothing, shown)
    following = hmac.compare_digest((row.token_next_hash if row is not None else None) or nothing, shown)
    if scheme.lower() != "bearer" or row is None or not (present or following):
        raise Refusal(401, "unauthorised", _why_not(row, shown, till))
    return Till(
        id=row.id,
        shop=row.shop,
        epoch=row.epoch,
        public_key=row.public_key,
        scope=row.scope,
        token_is_new=following,
        signature_was_wrong=row.signature_trouble is not None,
    )


def _why_not(row: Row[Any] | None, shown: str, till: str) -> str:
    """Only whoever shows a token that was good once hears more than that it is not valid."""
    if row is not None and hmac.compare_digest(row.token_ended_hash or "0" * 64, shown):
        if row.left_at is not None:
            return f"till {till} has left this centre on {row.left_at:%Y-%m-%d %H:%M} UTC; enrol it to come back"
        machine = f"the machine {row.machine!r}" if row.machine else "another machine"
        return (
            f"{machine} has taken the place of this one as till {till} on {row.enrolled_at:%Y-%m-%d %H:%M} UTC; what "
            "was not sent yet stays here (tillpoint queue export); enrol this machine as another till to use it again"
        )
    return f"the token of till {till} is not valid; enrol the till again"


def require_no_fork(connection: Connection, till: Till) -> None:
    """A quarantined till reserves nothing: it may be the thief's.

    Raises:
        Refusal: 409 `fork`, with the sentence of the quarantine.
    """
    table = schema.till_cursor
    fork = connection.scalar(select(table.c.fork).where(table.c.till == till.id, table.c.epoch == till.epoch))
    if fork is not None:
        raise Refusal(409, "fork", fork)


def take_new_token(connection: Connection, till: str, now: datetime) -> None:
    """The new token was used: it is the till's token from now on, and the old one is worth nothing."""
    table = schema.till
    connection.execute(
        update(table)
        .where(table.c.id == till, table.c.token_next_hash.is_not(None))
        .values(token_hash=table.c.token_next_hash, token_next_hash=None, token_at=now, token_renew=False),
    )


def note_seen(connection: Connection, till: str, vitals: Vitals, now: datetime) -> None:
    """Remember that a till spoke, and what it said of itself."""
    offset = None if vitals.clock is None else int((vitals.clock - now).total_seconds())
    connection.execute(
        update(schema.till)
        .where(schema.till.c.id == till)
        .values(
            seen_at=now,
            token_used=True,
            version=vitals.version,
            queue_depth=vitals.queue_depth,
            oldest_age_s=vitals.oldest_age_s,
            clock_offset_s=offset,
        ),
    )


def vitals_of(headers: Mapping[str, str]) -> Vitals:
    """Read the headers every request carries; what makes no sense is left out, never an error."""
    return Vitals(
        version=headers.get("tillpoint-version", "")[:40],
        queue_depth=_count(headers.get("tillpoint-queue-depth", "")),
        oldest_age_s=_count(headers.get("tillpoint-oldest-age-s", "")),
        clock=_moment(headers.get("tillpoint-clock", "")),
    )


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _moment(text: str) -> datetime | None:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    return told if told.tzinfo is not None else None


def _hash(secret: str) -> str:
    """Codes and tokens are long and random, so a plain hash cannot be searched backwards."""
    return hashlib.sha256(secret.encode()).hexdigest()
