"""The keys of a till at the centre: whose batch it is, which key follows which, and the token it gets next."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update

from central import schema
from central.changes import publish
from central.errors import CentralStartError, Refusal
from central.tenant import KEYS_NEWS, sealing_key, tenant_keys
from central.tills import Till
from drivers.vocabulary import proof
from drivers.vocabulary.centre import KeysAnswer, KeysRequest, Upload

__all__ = ["TOKEN_DAYS", "BadSignature", "give_keys", "note_signature", "require_signature", "want_new_tokens"]

TOKEN_DAYS: Final = 90  # a token that leaked unseen is worth nothing after a season

_MISSING: Final = (
    "the batch of till {till} is not signed though the till has a key: it comes from another machine or an older "
    "version; update the till, or enrol it again if its disk was replaced"
)
_WRONG: Final = (
    "the batch of till {till} is signed with another key than the one it enrolled with ({key}): find out which machine "
    "sends it; if it is the right one, make a code (tillpoint central enrol-code) and enrol it again"
)


class BadSignature(Refusal):
    """A batch that is not the till's, or that cannot be shown to be; nothing of it is taken."""

    def __init__(self, code: str, message: str, *, till: str) -> None:
        super().__init__(403, code, message)
        self.till = till


def require_signature(till: Till, batch: Upload) -> None:
    """Refuse a batch that the till's key did not sign; a till without a key is believed by its token alone.

    Raises:
        BadSignature: `signature_missing` or `signature_wrong`.
    """
    if not till.public_key:
        return
    if not batch.signature:
        raise BadSignature("signature_missing", _MISSING.format(till=till.id), till=till.id)
    first, last = batch.envelopes[0], batch.envelopes[-1]
    statement = proof.batch_statement(
        till=till.id, epoch=first.epoch, first=first.sequence, last=last.sequence, head=last.hash
    )
    if not proof.is_signed(till.public_key, statement, batch.signature):
        message = _WRONG.format(till=till.id, key=proof.fingerprint(till.public_key))
        raise BadSignature("signature_wrong", message, till=till.id)


def note_signature(connection: Connection, till: str, trouble: str | None) -> None:
    """Keep why the last batch was refused, for whoever looks; None since a good one came."""
    table = schema.till
    connection.execute(update(table).where(table.c.id == till).values(signature_trouble=trouble))


def give_keys(connection: Connection, wanted: KeysRequest, *, till: Till, token_days: int, now: datetime) -> KeysAnswer:
    """Register the till's key if it has none or the old one vouches for it; today's tenant keys, and a token if due.

    Raises:
        Refusal: 403 `key_refused`: no proof, or another key without the word of the one before.
    """
    _register(connection, wanted, till)
    keys = tenant_keys(connection)
    table = schema.till
    row = connection.execute(select(table).where(table.c.id == till.id).with_for_update()).one()
    is_old = row.token_at is None or now - row.token_at >= timedelta(days=token_days)
    token = secrets.token_urlsafe(32) if is_old or row.token_renew else ""
    values: dict[str, object] = {"tenant_generation": min(wanted.tenant_generation, keys.newest_generation)}
    if token:
        # A new one at each asking until one was used: the answer before may have been lost.
        values["token_next_hash"] = hashlib.sha256(token.encode()).hexdigest()
    connection.execute(update(table).where(table.c.id == till.id).values(**values))
    return KeysAnswer(
        tenant_key=keys.current.hex(),
        tenant_key_next="" if keys.following is None else keys.following.hex(),
        tenant_generation=keys.newest_generation,
        centre_key=sealing_key(connection)[1],
        token=token,
    )


def _register(connection: Connection, wanted: KeysRequest, till: Till) -> None:
    statement = proof.key_statement(till=till.id, public=wanted.public_key)
    if not proof.is_signed(wanted.public_key, statement, wanted.proof):
        raise Refusal(403, "key_refused", f"till {till.id} did not show that it holds the key it names")
    if wanted.public_key == till.public_key:
        return
    if till.public_key and not proof.is_signed(till.public_key, statement, wanted.by_old):
        raise Refusal(
            403,
            "key_refused",
            f"till {till.id} has another key ({proof.fingerprint(till.public_key)}), and that one does not vouch for "
            "the new one; enrol the till again (tillpoint central enrol-code)",
        )
    table = schema.till
    connection.execute(update(table).where(table.c.id == till.id).values(public_key=wanted.public_key))


def want_new_tokens(connection: Connection, tills: Sequence[str]) -> list[str]:
    """Let these tills, or all with none named, fetch a new token now; their names.

    Raises:
        CentralStartError: a till is not known.
    """
    table = schema.till
    known = list(connection.scalars(select(table.c.id).order_by(table.c.id)))
    unknown = sorted(set(tills) - set(known))
    if unknown:
        raise CentralStartError(f"no till {unknown[0]!r}; `tillpoint central totals` lists them")
    chosen = list(tills) or known
    connection.execute(update(table).where(table.c.id.in_(chosen)).values(token_renew=True))
    publish(connection, [KEYS_NEWS])
    return chosen
