"""A till of the suite's own: identity, key, chain of envelopes; honest, unless a check asks for a lie."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Raw

from central.conformance.outcome import Failed, Skipped
from central.conformance.wire import Answer, Wire, squeeze
from drivers.vocabulary import codec, proof
from drivers.vocabulary.centre import EnrolAnswer, Upload, WireEnvelope
from drivers.vocabulary.facts import FACTS, HoldReleased
from offline_queue.envelope import GENESIS, chain_hash

__all__ = ["MACHINE", "Till", "nothing"]

MACHINE: Final = "conformance-check"
_KINDS: Final = {fact: kind for kind, fact in FACTS.items()}


def nothing() -> HoldReleased:
    """A fact without any effect: a hold is given back that nobody ever had."""
    return HoldReleased(receipt_uid=f"conformance-{secrets.token_hex(8)}", hold="")


@dataclass(slots=True, kw_only=True)
class Till:
    """One enrolled till.

    Attributes:
        seed: its private Ed25519 key, hex.
        head: hash of the last envelope written.
        sequence: number of the last envelope written.
        taken: number of the last envelope the server acknowledged.
        pending: written and not acknowledged.
        stamp: of the last answer to a lease report.
        spoiled: the check after which server and till no longer agree, or "".
    """

    wire: Wire
    identity: EnrolAnswer
    seed: str
    token: str
    head: str = GENESIS
    sequence: int = 0
    taken: int = 0
    pending: list[WireEnvelope] = field(default_factory=list)
    stamp: str = ""
    spoiled: str = ""
    written: WireEnvelope | None = None

    @property
    def last(self) -> WireEnvelope:
        """The last envelope written.

        Raises:
            Skipped: there is none.
        """
        if self.written is None:
            raise Skipped(f"till {self.name} has written nothing")
        return self.written

    @property
    def name(self) -> str:
        """As the server named it."""
        return self.identity.till

    @property
    def epoch(self) -> int:
        """As the server gave it."""
        return self.identity.epoch

    @property
    def authorization(self) -> dict[str, str]:
        """The header with its token."""
        return {"Authorization": f"Bearer {self.token}"}

    # ── Requests ────────────────────────────────────────────────────────────────────────────────

    def get(self, route: str, *, deadline_s: float = 60.0, **query: str) -> Answer:
        """GET /v1/tills/{till}/`route`."""
        return self.wire.ask(
            "GET",
            f"/v1/tills/{{till}}/{route}",
            names={"till": self.name},
            query=query,
            headers=self.authorization,
            deadline_s=deadline_s,
        )

    def post(self, route: str, value: Any) -> Answer:
        """POST a value of the vocabulary, gzipped as tills do."""
        return self.post_raw(route, squeeze(codec.encode(value)), {"Content-Encoding": "gzip"})

    def post_raw(self, route: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST bytes as they are."""
        return self.wire.ask(
            "POST",
            f"/v1/tills/{{till}}/{route}",
            names={"till": self.name},
            headers={**self.authorization, "Content-Type": "application/json", **headers},
            body=body,
        )

    # ── The chain ───────────────────────────────────────────────────────────────────────────────

    def draft(
        self,
        fact: Any,
        *,
        kind: str = "",
        after: WireEnvelope | None = None,
        epoch: int | None = None,
        previous: str | None = None,
        sequence: int | None = None,
    ) -> WireEnvelope:
        """An envelope that would come next, or after another draft; the till does not remember it.

        Args:
            fact: a fact, or the bytes of a body.
            kind: needed with bytes.
            after: the draft before it.
            epoch: another one than the till's.
            previous: another hash than that of the one before.
            sequence: another number than the next.
        """
        body = fact if isinstance(fact, bytes) else codec.encode(fact)
        number = sequence or (after.sequence if after is not None else self.sequence) + 1
        before = previous or (after.hash if after is not None else self.head)
        values: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "epoch": epoch or self.epoch,
            "sequence": number,
            "kind": kind or _KINDS[type(fact)],
            "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "boot_id": "conformance",
            "uptime_ms": number,
            "programme_version": 0,
        }
        digest = chain_hash(before, **values, body=body)
        return WireEnvelope(previous=before, hash=digest, body=Raw(body), **values)

    def write(self, fact: Any, *, kind: str = "") -> WireEnvelope:
        """Write an envelope into the chain; it waits to be sent."""
        envelope = self.draft(fact, kind=kind)
        self.sequence, self.head = envelope.sequence, envelope.hash
        self.pending.append(envelope)
        self.written = envelope
        return envelope

    def signed(self, envelopes: Sequence[WireEnvelope], *, seed: str | None = None) -> Upload:
        """A batch with the till's signature, or another key's; "" signs nothing."""
        first, last = envelopes[0], envelopes[-1]
        statement = proof.batch_statement(
            till=self.name, epoch=first.epoch, first=first.sequence, last=last.sequence, head=last.hash
        )
        key = self.seed if seed is None else seed
        return Upload(envelopes=tuple(envelopes), signature=proof.sign(key, statement) if key else "")

    def upload(self, envelopes: Sequence[WireEnvelope], *, seed: str | None = None) -> Answer:
        """Send envelopes, honest or not; the till draws no conclusion from the answer."""
        return self.post("envelopes", self.signed(envelopes, seed=seed))

    def settle(self, *facts: Any) -> list[dict[str, Any]]:
        """Write these facts, send all that waits, and believe the answer as a real till would.

        Returns:
            The verdicts on what was sent.

        Raises:
            Failed: the answer is not one a till may believe.
            Skipped: server and till have come apart in a check before.
        """
        self.require_whole()
        for fact in facts:
            self.write(fact)
        sent = list(self.pending)
        if not sent:
            return []
        return self.believe(self.upload(sent), sent)

    def believe(self, answer: Answer, sent: Sequence[WireEnvelope]) -> list[dict[str, Any]]:
        """Take an answer about these envelopes for what it is worth; see `settle`."""
        last = sent[-1]
        if answer.status != 200:
            raise Failed(f"200 for envelopes {sent[0].sequence} to {last.sequence} of epoch {last.epoch}", str(answer))
        verdicts = answer.get("verdicts")
        verdicts = verdicts if isinstance(verdicts, list) else []
        about = {name: answer.get(name) for name in ("till", "epoch", "through", "head")}
        through = max(last.sequence, self.taken)
        wanted = {"till": self.name, "epoch": last.epoch, "through": through, "head": last.hash}
        if through > last.sequence:
            about["head"] = wanted["head"]  # of an envelope that was not sent again
        if about != wanted:
            raise Failed(f"an answer about what was sent: {wanted}", str(about))
        named = [(one.get("sequence"), one.get("id")) for one in verdicts if isinstance(one, dict)]
        if named != [(one.sequence, one.id) for one in sent]:
            raise Failed("a verdict on each envelope with its id, in order", str(named)[:300])
        self.taken = through
        self.pending = [one for one in self.pending if one.sequence > through]
        return verdicts

    def require_whole(self) -> None:
        """Skip what cannot be judged any more.

        Raises:
            Skipped: server and till have come apart.
        """
        if self.spoiled:
            raise Skipped(f"after {self.spoiled} the server and till {self.name} do not agree how far its chain is")
