"""The operator's two tokens and the sessions of the page.

The operator's token opens the page, the metrics token opens `/metrics` and nothing else. Both are kept as hashes, so
each is shown once, when it is made; making it again ends the one before it. A session is a signed cookie: every process
on the same database knows it, and none remembers it. Its key comes of the operator's token, so a new one ends them all.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from central import schema
from central.errors import Refusal

__all__ = [
    "METRICS",
    "OPERATOR",
    "SESSION_LIFE_S",
    "Sessions",
    "is_token",
    "make_token",
    "require_metrics_token",
    "require_operator_token",
    "sessions",
]

OPERATOR: Final = "operator_token"
METRICS: Final = "metrics_token"
SESSION_LIFE_S: Final = 12 * 3600  # a working day; the page shows names and masks of customers
TOKEN_BYTES: Final = 32
_NONCE_BYTES: Final = 16
_COOKIE_CHARS_MAX: Final = 200  # ours have about 110
_CLOCK_SLACK_S: Final = 60  # two processes may not agree on the second


def make_token(connection: Connection, name: str) -> str:
    """A new token, OPERATOR or METRICS; the one before it is worth nothing from now on."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    table = schema.meta
    connection.execute(delete(table).where(table.c.name == name))
    connection.execute(insert(table).values(name=name, value=_hash(token)))
    return token


def is_token(connection: Connection, name: str, given: str) -> bool:
    """Compare in constant time; False when there is no such token yet."""
    known = _stored(connection, name) or "0" * 64
    return hmac.compare_digest(known, _hash(given))


def require_metrics_token(connection: Connection, authorization: str) -> None:
    """Let a monitoring system in, by either token.

    Raises:
        Refusal: 401 `unauthorised`.
    """
    scheme, _, token = authorization.partition(" ")
    right = [is_token(connection, name, token.strip()) for name in (METRICS, OPERATOR)]
    if scheme.lower() != "bearer" or not any(right):
        words = "send the metrics token as a bearer; make one: tillpoint central operator-token --metrics"
        raise Refusal(401, "unauthorised", words)


def require_operator_token(connection: Connection, authorization: str) -> None:
    """Let a program of the operator's in.

    Raises:
        Refusal: 401 `unauthorised`.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not is_token(connection, OPERATOR, token.strip()):
        words = "send the operator's token as a bearer; make one: tillpoint central operator-token"
        raise Refusal(401, "unauthorised", words)


def sessions(connection: Connection) -> Sessions | None:
    """How cookies are signed and read now; None when there is no operator's token yet."""
    stored = _stored(connection, OPERATOR)
    return None if stored is None else Sessions(bytes.fromhex(stored))


class Sessions:
    """Makes and reads the session cookies of one operator's token."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def new(self, now: datetime) -> str:
        """The value of a cookie."""
        made, nonce = f"{int(now.timestamp()):x}", secrets.token_hex(_NONCE_BYTES)
        return f"{made}.{nonce}.{self._mac('session', f'{made}.{nonce}')}"

    def is_good(self, cookie: str, now: datetime) -> bool:
        """True for one of ours that has not ended."""
        parts = cookie.split(".")
        if len(cookie) > _COOKIE_CHARS_MAX or len(parts) != 3 or not cookie.isascii():
            return False
        made, nonce, mac = parts
        if not hmac.compare_digest(mac, self._mac("session", f"{made}.{nonce}")):
            return False
        age_s = now.timestamp() - int(made, 16)
        return -_CLOCK_SLACK_S <= age_s <= SESSION_LIFE_S

    def form_key(self, cookie: str) -> str:
        """What a form of this session must carry; another site cannot know it."""
        return self._mac("form", cookie)

    def is_form_key(self, cookie: str, given: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.form_key(cookie).encode(), given.encode("utf-8", "surrogateescape"))

    def _mac(self, kind: str, text: str) -> str:
        return hmac.new(self._key, f"{kind}|{text}".encode(), hashlib.sha256).hexdigest()


def _stored(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == name))


def _hash(token: str) -> str:
    """A token is long and random, so a plain hash cannot be searched backwards."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
