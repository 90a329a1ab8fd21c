"""Secrets with which the machines of one shop enrol themselves: made, counted, bounded, revoked; kept as hashes.

A secret opens the door of one shop to new tills, for a time and a number of them. It reads nothing by itself, and it
takes the place of a till only where its maker allowed that and only of one that has been silent.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from central import schema
from central.errors import CentralStartError, Refusal
from central.scopes import checked_scope
from central.tills import CODE_ALPHABET, Newcomer, check_name, give_identity
from drivers.vocabulary import proof
from drivers.vocabulary.centre import EnrolAnswer
from drivers.vocabulary.store_enrol import StoreEnrolRequest

__all__ = [
    "DAYS_DEFAULT",
    "DAYS_MAX",
    "HOUR_DEFAULT",
    "SILENT",
    "SecretRefused",
    "count_secrets",
    "enrol_with_secret",
    "list_secrets",
    "make_secret",
    "note_refused",
    "revoke_secret",
    "state_of",
    "tills_of",
]

DAYS_DEFAULT: Final = 30
DAYS_MAX: Final = 400  # a season and a year; who forgets it loses the door, not the tills
HOUR_DEFAULT: Final = 600  # a chain's roll-out in a night; a stolen secret is seen before it has made thousands
SILENT: Final = timedelta(minutes=10)  # a till with a line asks each half minute; a living one is not replaced
PREFIX_CHARS_MAX: Final = 60
_ID_CHARS: Final = 6
_BYTES: Final = 32
MADE, REVOKED, ENROLLED, REPLACED = "secret.made", "secret.revoked", "till.enrolled", "till.replaced"


class SecretRefused(Refusal):
    """An enrolment that is refused although the secret is one of ours; whoever catches it notes that (`note_refused`).

    Attributes:
        secret: its id.
    """

    def __init__(self, status: int, code: str, message: str, *, secret: str) -> None:
        super().__init__(status, code, message)
        self.secret = secret


# ── The operator's side ─────────────────────────────────────────────────────────────────────────


def make_secret(
    connection: Connection,
    *,
    shop: str,
    now: datetime,
    days: int = DAYS_DEFAULT,
    tills: int | None = None,
    per_hour: int = HOUR_DEFAULT,
    may_replace: bool = False,
    prefix: str = "",
    scope: str | None = None,
) -> str:
    """A new secret of a shop; it can be read only here and now.

    Args:
        connection: the transaction.
        shop: where its tills stand.
        now: the centre's clock.
        days: how long it opens the door.
        tills: how many enrolments in all; None is no limit.
        per_hour: how many of them within an hour.
        may_replace: it may also take the place of a silent till of this shop.
        prefix: new tills are called prefix + number; "" is the shop's name and a hyphen.
        scope: whose customers its tills are told of; None is everybody's.

    Raises:
        CentralStartError: something of it cannot be.
    """
    check_name("shop", shop)
    prefix = prefix or f"{shop}-"
    check_name("prefix", prefix)
    if len(prefix) > PREFIX_CHARS_MAX:
        raise CentralStartError(f"the prefix {prefix!r} is too long: {PREFIX_CHARS_MAX} characters; say --prefix")
    if not 1 <= days <= DAYS_MAX:
        raise CentralStartError(f"--days {days}: a secret lives 1 to {DAYS_MAX} days")
    if tills is not None and tills < 1:
        raise CentralStartError(f"--tills {tills}: at least one")
    if per_hour < 1:
        raise CentralStartError(f"--per-hour {per_hour}: at least one")
    name = "".join(secrets.choice(CODE_ALPHABET) for _ in range(_ID_CHARS)).lower()
    text = f"tps_{name}_{secrets.token_urlsafe(_BYTES)}"
    row = {
        "id": name,
        "hash": _hash(text),
        "shop": shop,
        "prefix": prefix,
        "scope": None if scope is None else checked_scope(scope),
        "made_at": now,
        "expires_at": now + timedelta(days=days),
        "tills_max": tills,
        "hour_max": per_hour,
        "may_replace": may_replace,
        "used": 0,
        "refused": 0,
    }
    connection.execute(insert(schema.enrol_secret), [row])
    many = "any number of tills" if tills is None else f"{tills} tills"
    _note(connection, MADE, till="", epoch=0, note=f"secret {name} of shop {shop}: {many}, {days} days", now=now)
    return text


def list_secrets(connection: Connection, *, limit: int | None = None) -> list[Row[Any]]:
    """All there ever were, the newest first; or so many of them."""
    table = schema.enrol_secret
    return list(connection.execute(select(table).order_by(table.c.made_at.desc(), table.c.id).limit(limit)))


def count_secrets(connection: Connection) -> int:
    """How many there ever were."""
    return connection.scalar(select(func.count()).select_from(schema.enrol_secret)) or 0


def state_of(row: Row[Any], now: datetime) -> str:
    """Whether a secret still opens the door, in words."""
    if row.revoked_at is not None:
        return f"revoked on {row.revoked_at:%Y-%m-%d}"
    if row.tills_max is not None and row.used >= row.tills_max:
        return "used up"
    if row.expires_at <= now:
        return f"expired on {row.expires_at:%Y-%m-%d}"
    return f"good until {row.expires_at:%Y-%m-%d %H:%M} UTC"


def tills_of(connection: Connection, secret: str) -> list[Row[Any]]:
    """The tills that came with a secret last."""
    table = schema.till
    columns = (table.c.id, table.c.epoch, table.c.machine, table.c.enrolled_at, table.c.seen_at)
    return list(connection.execute(select(*columns).where(table.c.enrolled_by == secret).order_by(table.c.id)))


def revoke_secret(connection: Connection, name: str, *, now: datetime) -> bool:
    """It opens nothing from now on; tills that came with it stay. False when it was revoked already.

    Raises:
        CentralStartError: there is no such secret.
    """
    table = schema.enrol_secret
    row = connection.execute(select(table).where(table.c.id == name).with_for_update()).first()
    if row is None:
        raise CentralStartError(f"no secret {name!r}; `tillpoint central enrol-secret list` shows them")
    if row.revoked_at is not None:
        return False
    connection.execute(update(table).where(table.c.id == name).values(revoked_at=now))
    _note(connection, REVOKED, till="", epoch=0, note=f"secret {name} of shop {row.shop}, {row.used} used", now=now)
    return True


# ── The machines' side ──────────────────────────────────────────────────────────────────────────


def enrol_with_secret(
    connection: Connection, request: StoreEnrolRequest, *, currency: str, now: datetime
) -> EnrolAnswer:
    """Make the machine a till of the secret's shop, or put it into the place of a dead one.

    Raises:
        SecretRefused: 403 `secret_refused`, `replace_refused`; 404 `till_unknown`; 409 `till_taken`, `till_alive`; 429
            `too_many_tills`.
        Refusal: 403 `secret_refused`: nobody made this secret, or the key it names is not shown to be held.
    """
    table = schema.enrol_secret
    secret = connection.execute(select(table).where(table.c.hash == _hash(request.secret)).with_for_update()).first()
    if secret is None:
        raise Refusal(403, "secret_refused", "this store's secret is not known here; ask the centre's operator")
    statement = proof.enrol_statement(machine=request.machine, public=request.public_key)
    if not proof.is_signed(request.public_key, statement, request.proof):
        raise SecretRefused(403, "secret_refused", "the machine did not show that it holds its key", secret=secret.id)
    # One at a time: two machines must not be given one number.
    connection.execute(select(schema.meta).where(schema.meta.c.name == "schema_version").with_for_update())
    common: dict[str, Any] = {
        "machine": request.machine,
        "public_key": request.public_key,
        "currency": currency,
        "now": now,
    }
    again = _asked_before(connection, request, secret)
    if again is not None:  # its answer was lost; it counts once
        who = Newcomer(till=again.id, shop=again.shop, epoch=again.epoch, enrolled_by=secret.id)
        return give_identity(connection, who, again, **common)
    _require_open(connection, secret, now)
    if request.replaces:
        before: Row[Any] | None = _replaced(connection, request.replaces, secret, now)
        name = request.replaces
    else:
        before, name = None, _free_name(connection, request.till, secret)
    epoch = 1 if before is None else before.epoch + 1
    who = Newcomer(till=name, shop=secret.shop, epoch=epoch, scope=secret.scope, enrolled_by=secret.id)
    answer = give_identity(connection, who, before, **common)
    connection.execute(update(table).where(table.c.id == secret.id).values(used=table.c.used + 1))
    action = ENROLLED if before is None else REPLACED
    note = f"secret {secret.id}, machine {request.machine!r}, key {proof.fingerprint(request.public_key)}"
    _note(connection, action, till=name, epoch=epoch, note=note, now=now)
    return answer


def note_refused(connection: Connection, refusal: SecretRefused, now: datetime) -> None:
    """Count it where the operator sees it; in a transaction of its own, as the refused one is undone."""
    table = schema.enrol_secret
    values = {"refused": table.c.refused + 1, "refused_at": now, "refused_why": refusal.problem.message}
    connection.execute(update(table).where(table.c.id == refusal.secret).values(**values))


def _asked_before(connection: Connection, request: StoreEnrolRequest, secret: Row[Any]) -> Row[Any] | None:
    """The till this very key was given and whose token was not used yet.

    Raises:
        SecretRefused: it was used: whoever asks has lost an identity that was at work, and must become another till.
    """
    table = schema.till
    mine = (table.c.public_key == request.public_key) & (table.c.enrolled_by == secret.id)
    row = connection.execute(select(table).where(mine).with_for_update()).first()
    if row is not None and row.token_used:
        words = f"this key is till {row.id} already; a machine that lost its identity makes a new key and enrols again"
        raise SecretRefused(403, "secret_refused", words, secret=secret.id)
    return row


def _require_open(connection: Connection, secret: Row[Any], now: datetime) -> None:
    why = ""
    if secret.revoked_at is not None:
        why = f"was revoked on {secret.revoked_at:%Y-%m-%d}"
    elif secret.expires_at <= now:
        why = f"has expired on {secret.expires_at:%Y-%m-%d}"
    elif secret.tills_max is not None and secret.used >= secret.tills_max:
        why = f"has made its {secret.tills_max} tills"
    if why:
        words = f"the secret {secret.id} {why}; make another: tillpoint central enrol-secret new --shop {secret.shop}"
        raise SecretRefused(403, "secret_refused", words, secret=secret.id)
    done = schema.operator_action
    lately = select(func.count()).where(
        done.c.action.in_((ENROLLED, REPLACED)),
        done.c.at > now - timedelta(hours=1),
        done.c.note.startswith(f"secret {secret.id},"),
    )
    if (connection.scalar(lately) or 0) >= secret.hour_max:
        words = f"the secret {secret.id} has made {secret.hour_max} tills within an hour; the next ones come later"
        raise SecretRefused(429, "too_many_tills", words, secret=secret.id)


def _replaced(connection: Connection, name: str, secret: Row[Any], now: datetime) -> Row[Any]:
    """The till whose place is taken, locked."""
    if not secret.may_replace:
        words = (
            f"the secret {secret.id} makes new tills only; to replace {name} use a one-time code (tillpoint central "
            f"enrol-code --shop {secret.shop} --till {name}) or a secret made with --may-replace"
        )
        raise SecretRefused(403, "replace_refused", words, secret=secret.id)
    table = schema.till
    row = connection.execute(select(table).where(table.c.id == name).with_for_update()).first()
    if row is None or row.shop != secret.shop:
        words = f"there is no till {name!r} in shop {secret.shop}; tillpoint central totals lists them"
        raise SecretRefused(404, "till_unknown", words, secret=secret.id)
    if row.left_at is None and row.seen_at is not None and now - row.seen_at < SILENT:
        ago = int((now - row.seen_at).total_seconds() // 60)
        words = (
            f"till {name} spoke {ago} minutes ago and is not dead; switch it off and wait "
            f"{SILENT.total_seconds() / 60:.0f} minutes, or use a one-time code"
        )
        raise SecretRefused(409, "till_alive", words, secret=secret.id)
    return row


def _free_name(connection: Connection, wanted: str, secret: Row[Any]) -> str:
    """The name it would like, or the shop's next number."""
    table = schema.till
    if wanted:
        try:
            check_name("till", wanted)
        except CentralStartError as error:
            raise SecretRefused(400, "unreadable", str(error), secret=secret.id) from None
        if connection.scalar(select(table.c.id).where(table.c.id == wanted)) is not None:
            words = f"there is a till {wanted} already; a machine in its place: tillpoint setup --replace {wanted}"
            raise SecretRefused(409, "till_taken", words, secret=secret.id)
        return wanted
    taken = set(connection.scalars(select(table.c.id).where(table.c.id.startswith(secret.prefix, autoescape=True))))
    # A code that waits has promised its name to somebody.
    codes = schema.enrol_code
    taken |= set(connection.scalars(select(codes.c.till).where(codes.c.used_at.is_(None))))
    numbered = re.compile(re.escape(secret.prefix) + r"([0-9]{1,6})")
    highest = max((int(match[1]) for name in taken if (match := numbered.fullmatch(name))), default=0)
    return f"{secret.prefix}{highest + 1}"


def _note(connection: Connection, action: str, *, till: str, epoch: int, note: str, now: datetime) -> None:
    row = {"at": now, "action": action, "till": till, "epoch": epoch, "sequence": 0, "note": note}
    connection.execute(insert(schema.operator_action), [row])


def _hash(text: str) -> str:
    """Long and random, so a plain hash cannot be searched backwards."""
    return hashlib.sha256(text.strip().encode("utf-8", "surrogateescape")).hexdigest()
