"""Asks the centre for keys: registers this till's own, takes a fresh token and the tenant's keys of today."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from agent.sync.errors import CentreRefused, CentreUnavailable, IdentityError, SnapshotUnknown, Unauthorised
from agent.sync.identity import Identity
from agent.sync.keeper import IdentityKeeper
from agent.sync.link import Link
from agent.sync.loop import Done, Step
from drivers.vocabulary import codec, proof
from drivers.vocabulary.centre import KeysAnswer, KeysRequest

__all__ = ["KeysClient", "Renewal", "WithKeys", "new_till_key", "request_for"]

EVERY_S: Final = 3_600.0  # a token that is due an hour late is no worse
PART: Final = "keys"
#: Asked again at once while the answer brings something new: the centre learns so that it arrived.
ROUNDS_MAX: Final = 3

log = logging.getLogger(__name__)


class KeysClient(Protocol):
    """The part of the client used here."""

    def keys(self, request: KeysRequest) -> KeysAnswer:
        """The centre's answer."""
        ...

    def close(self) -> None:
        """Let the connection go."""
        ...

    def abort(self) -> None:
        """End the request that is under way."""
        ...


def new_till_key() -> str:
    """The seed of a new Ed25519 key, hex; made here, and it stays here."""
    return secrets.token_bytes(32).hex()


def request_for(identity: Identity) -> KeysRequest:
    """What to ask with: the till's key, or the one that follows it, vouched for by the one before."""
    seed = identity.till_key_next or identity.till_key
    public = proof.public_key(seed)
    statement = proof.key_statement(till=identity.till, public=public)
    return KeysRequest(
        public_key=public,
        proof=proof.sign(seed, statement),
        by_old=proof.sign(identity.till_key, statement) if identity.till_key_next else "",
        tenant_generation=identity.tenant_generation,
    )


def taken(identity: Identity, answer: KeysAnswer) -> dict[str, str | int]:
    """The fields of an identity that an answer to `request_for` sets, checked as the file will be.

    Raises:
        CentreUnavailable: the answer makes no identity.
    """
    fields: dict[str, str | int] = {
        "tenant_key": answer.tenant_key,
        "tenant_key_next": answer.tenant_key_next,
        "tenant_generation": answer.tenant_generation,
        "centre_key": answer.centre_key,
    }
    if answer.token:
        fields["token"] = answer.token
    if identity.till_key_next:
        fields |= {"till_key": identity.till_key_next, "till_key_next": ""}
    try:
        codec.convert({**codec.to_builtins(identity), **fields}, Identity)
    except codec.WireError as error:
        raise CentreUnavailable(f"the centre's keys cannot be used: {error}") from None
    return fields


@dataclass(slots=True)
class Renewal:
    """Asks at the start, every hour, and when the feed says that something is new.

    Attributes:
        keeper: whose identity it is.
        link: told when a person must act.
        changed: told the new identity; may wait for the till.
        monotonic: seconds that never go back.
    """

    keeper: IdentityKeeper
    link: Link
    changed: Callable[[Identity], None]
    monotonic: Callable[[], float] = time.monotonic
    wanted: threading.Event = field(default_factory=threading.Event)
    _next_s: float = field(default=0.0, init=False)
    _asked: bool = field(default=False, init=False)

    def is_due(self) -> bool:
        """Whether it is time."""
        return not self._asked or self.wanted.is_set() or self.monotonic() >= self._next_s

    def ask(self, client: KeysClient) -> None:
        """Ask now; a refusal is a sentence in the link and does not stop the sync.

        Raises:
            CentreUnavailable: tried again by whoever called.
            Unauthorised: likewise.
        """
        self.wanted.clear()
        try:
            self.ask_plainly(client)
        except (CentreUnavailable, Unauthorised):
            self.wanted.set()
            raise
        except SnapshotUnknown as unknown:
            log.info("keys.none reason=%s", unknown)  # a centre that knows no keys: nothing is signed for it
        except (CentreRefused, IdentityError) as error:
            log.error("keys.trouble reason=%s", error)  # noqa: TRY400 - a sentence for a person, not a trace
            self.link.trouble(PART, str(error))
        else:
            self.link.up(PART)
        self._asked = True
        self._next_s = self.monotonic() + EVERY_S

    def ask_plainly(self, client: KeysClient) -> None:
        """Ask until nothing new comes.

        Raises:
            CentreError, IdentityError: it could not be asked, or not be kept.
        """
        for _ in range(ROUNDS_MAX):
            before = self.keeper.current
            # A till that was enrolled before tills had keys gets one now; it is on disk before the centre knows it.
            identity = before if before.till_key else self.keeper.change(till_key=new_till_key())
            fields = taken(identity, client.keys(request_for(identity)))
            after = self.keeper.change(**fields)
            # Told also when nothing is new: whoever was busy the last time hears it now.
            self.changed(after)
            if after == identity:
                return
            log.info("keys.taken generation=%d new_token=%s", after.tenant_generation, "token" in fields)


@dataclass(slots=True)
class WithKeys:
    """A step that asks for keys first, on the same thread and line of its own.

    Attributes:
        inner: the step.
        connect: makes a client, on the thread that uses it.
        renewal: knows when.
    """

    inner: Step
    connect: Callable[[], KeysClient]
    renewal: Renewal
    _client: KeysClient | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """The inner step's."""
        return self.inner.name

    def open(self) -> None:
        """Open both."""
        self.inner.open()

    def step(self) -> Done:
        """Keys if they are due, then the step."""
        if self.renewal.is_due():
            client = self._client = self.connect()
            try:
                self.renewal.ask(client)
            finally:
                self._client = None
                client.close()
        return self.inner.step()

    def abort(self) -> None:
        """End the request that is under way."""
        client = self._client
        if client is not None:
            client.abort()
        self.inner.abort()

    def close(self) -> None:
        """Let go."""
        self.inner.close()
