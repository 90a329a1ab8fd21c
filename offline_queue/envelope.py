"""The envelope and the chain of hashes through it: pure, standard library only, shared by the till and the centre."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "BODY_BYTES_MAX",
    "EPOCH_MAX",
    "GENESIS",
    "SEQUENCE_MAX",
    "Envelope",
    "chain_hash",
    "own_hash",
    "verify_chain",
]

GENESIS = "0" * 64  # what the first envelope of an epoch names as its previous
BODY_BYTES_MAX = 512 * 1024  # half of what one upload may carry, so that any envelope fits into a batch
EPOCH_MAX = (1 << 22) - 1  # epoch and sequence share one 63-bit number on disk; see offline_queue/rows.py
SEQUENCE_MAX = (1 << 40) - 1

_SEPARATOR = "\x1f"  # ASCII unit separator; forbidden inside a field, or two envelopes could share one hash
_HASH = re.compile(r"[0-9a-f]{64}")
_TEXT_CHARS_MAX = {"id": 40, "kind": 60, "occurred_at": 40, "boot_id": 40}  # what the wire accepts


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One fact, sealed: who made it does not matter here, only that it cannot change, vanish or move unnoticed.

    Attributes:
        id: made once, at birth; the same for ever, however often it is sent.
        epoch: given by the centre, raised after each noticed restore; (epoch, sequence) is the permanent key.
        sequence: contiguous from 1 within the epoch.
        previous: hash of the envelope before it (hex), `GENESIS` for sequence 1.
        hash: `chain_hash` of this one (hex).
        kind: what the body is; a word for the domain, opaque here.
        occurred_at: RFC 3339 with zone, by the till's own clock.
        boot_id: which start of the machine or the agent, so that uptimes can be compared.
        uptime_ms: monotonic milliseconds since that boot; orders what a wrong wall clock cannot.
        programme_version: the loyalty programme in force.
        body: sealed bytes, passed on byte for byte because the hash is taken over them.
    """

    id: str
    epoch: int
    sequence: int
    previous: str
    hash: str
    kind: str
    occurred_at: str
    boot_id: str
    uptime_ms: int
    programme_version: int
    body: bytes

    def __post_init__(self) -> None:
        for name, value in (("previous", self.previous), ("hash", self.hash)):
            if _HASH.fullmatch(value) is None:
                raise ValueError(f"{name} must be 64 lower-case hex digits")
        _check_fields(self.id, self.kind, self.occurred_at, self.boot_id)
        if not 1 <= self.epoch <= EPOCH_MAX:
            raise ValueError(f"epoch must be from 1 to {EPOCH_MAX}, not {self.epoch}")
        if not 1 <= self.sequence <= SEQUENCE_MAX:
            raise ValueError(f"sequence must be from 1 to {SEQUENCE_MAX}, not {self.sequence}")
        if self.uptime_ms < 0 or self.programme_version < 0:
            raise ValueError("uptime_ms and programme_version must not be negative")
        if len(self.body) > BODY_BYTES_MAX:
            raise ValueError(f"body of {len(self.body)} bytes is larger than {BODY_BYTES_MAX}")


def chain_hash(
    previous_hex: str,
    *,
    id: str,  # noqa: A002 - the name of the field, here and on the wire
    epoch: int,
    sequence: int,
    kind: str,
    occurred_at: str,
    boot_id: str,
    uptime_ms: int,
    programme_version: int,
    body: bytes,
) -> str:
    """The hash of an envelope that follows `previous_hex`.

    SHA-256 over: the 32 bytes of the previous hash, then id, epoch, sequence, kind, occurred_at, boot_id, uptime_ms
    and programme_version (UTF-8, numbers in decimal) joined by 0x1F, then 0x1F, then the body as it is.

    Returns:
        64 lower-case hex digits.

    Raises:
        ValueError: a field is empty, too long or holds 0x1F, or `previous_hex` is not a hash.
    """
    if _HASH.fullmatch(previous_hex) is None:
        raise ValueError("the previous hash must be 64 lower-case hex digits")
    _check_fields(id, kind, occurred_at, boot_id)
    fields = (id, str(epoch), str(sequence), kind, occurred_at, boot_id, str(uptime_ms), str(programme_version), "")
    digest = hashlib.sha256(bytes.fromhex(previous_hex))
    digest.update(_SEPARATOR.join(fields).encode())
    digest.update(body)
    return digest.hexdigest()


def verify_chain(envelopes: Iterable[Envelope], previous: str) -> int | None:
    """Walk a run of envelopes of one epoch that should follow the hash `previous`.

    Returns:
        The index of the first envelope that was changed, moved or follows a hole; None when the run is whole.
    """
    expected_previous = previous
    before: Envelope | None = None
    for index, envelope in enumerate(envelopes):
        if envelope.previous != expected_previous or not _follows(envelope, before):
            return index
        if own_hash(envelope) != envelope.hash:
            return index
        expected_previous = envelope.hash
        before = envelope
    return None


def own_hash(envelope: Envelope) -> str:
    """The hash an envelope should carry, taken over its own fields."""
    return chain_hash(
        envelope.previous,
        id=envelope.id,
        epoch=envelope.epoch,
        sequence=envelope.sequence,
        kind=envelope.kind,
        occurred_at=envelope.occurred_at,
        boot_id=envelope.boot_id,
        uptime_ms=envelope.uptime_ms,
        programme_version=envelope.programme_version,
        body=envelope.body,
    )


def _follows(envelope: Envelope, before: Envelope | None) -> bool:
    if (envelope.sequence == 1) != (envelope.previous == GENESIS):
        return False  # only the first of an epoch follows nothing, and the first follows nothing else
    return before is None or (envelope.epoch == before.epoch and envelope.sequence == before.sequence + 1)


def _check_fields(id_: str, kind: str, occurred_at: str, boot_id: str) -> None:
    for name, value in (("id", id_), ("kind", kind), ("occurred_at", occurred_at), ("boot_id", boot_id)):
        if not 1 <= len(value) <= _TEXT_CHARS_MAX[name]:
            raise ValueError(f"{name} must have from 1 to {_TEXT_CHARS_MAX[name]} characters, not {len(value)}")
        if _SEPARATOR in value:
            raise ValueError(f"{name} must not hold the separator 0x1F")
