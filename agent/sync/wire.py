"""Envelopes to an upload's bytes, and an answer held against what was sent; pure."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

from msgspec import Raw

from agent.sync.errors import CentreUnavailable
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Upload, UploadAnswer, WireEnvelope
from offline_queue.envelope import Envelope

__all__ = ["check_answer", "squeeze", "to_wire", "upload_bytes"]

GZIP_LEVEL = 6  # 286 bytes a receipt in batches of 20; higher levels cost a till's processor more than they save


def to_wire(envelope: Envelope) -> WireEnvelope:
    """An envelope as it travels; the body byte for byte."""
    return WireEnvelope(
        id=envelope.id,
        epoch=envelope.epoch,
        sequence=envelope.sequence,
        previous=envelope.previous,
        hash=envelope.hash,
        kind=envelope.kind,
        occurred_at=envelope.occurred_at,
        boot_id=envelope.boot_id,
        uptime_ms=envelope.uptime_ms,
        programme_version=envelope.programme_version,
        body=Raw(envelope.body),
    )


def upload_bytes(envelopes: Sequence[Envelope], *, signature: str = "") -> bytes:
    """The compressed body of an upload."""
    wire = tuple(to_wire(envelope) for envelope in envelopes)
    return squeeze(codec.encode(Upload(envelopes=wire, signature=signature)))


def squeeze(data: bytes) -> bytes:
    """gzip; the same bytes for the same data."""
    return gzip.compress(data, compresslevel=GZIP_LEVEL, mtime=0)


def check_answer(answer: UploadAnswer, envelopes: Sequence[Envelope], till: str) -> UploadAnswer:
    """The same answer, when it is about what was sent.

    A body that was cut without a length looks complete, and a proxy may repeat an old answer. So an answer is believed
    only when it names the till, the epoch, each envelope it settles by id, and the hash of the last one.

    Raises:
        CentreUnavailable: it is not; nothing may be settled by it.
    """
    first, last = envelopes[0], envelopes[-1]
    if (answer.till, answer.epoch) != (till, first.epoch):
        raise CentreUnavailable(f"the answer is about till {answer.till}, epoch {answer.epoch}, not about us")
    if answer.through < first.sequence:
        raise CentreUnavailable(f"the centre took nothing of {first.sequence} to {last.sequence}")
    settled = [envelope for envelope in envelopes if envelope.sequence <= answer.through]
    named = [(verdict.sequence, verdict.id) for verdict in answer.verdicts]
    if named != [(envelope.sequence, envelope.id) for envelope in settled]:
        raise CentreUnavailable("the answer does not name the envelopes that were sent")
    # Beyond our batch (we sent again what it had) the head is of an envelope that is not at hand.
    if answer.through <= last.sequence and answer.head != settled[-1].hash:
        raise CentreUnavailable("the answer's hash is not that of the last envelope")
    return answer
