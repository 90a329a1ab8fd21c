"""An identity, a chain of envelopes, a scripted centre behind httpx.MockTransport, a waiter that never waits."""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.sync.client import CentreClient
from agent.sync.identity import Identity
from agent.sync.line import Line
from drivers.vocabulary import codec
from drivers.vocabulary.centre import UploadAnswer, Verdict, VerdictState
from offline_queue.envelope import GENESIS, Envelope, chain_hash

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

IDENTITY = Identity(
    url="https://centre.example",
    till="t1",
    shop="s1",
    epoch=1,
    token="secret-token",
    tenant_key="ab" * 32,
    currency="RUB",
)


def chain(count: int, *, epoch: int = 1) -> list[Envelope]:
    made: list[Envelope] = []
    head = GENESIS
    for sequence in range(1, count + 1):
        values: dict[str, Any] = {
            "id": f"{epoch}-{sequence}",
            "epoch": epoch,
            "sequence": sequence,
            "kind": "hold.released",
            "occurred_at": NOON.isoformat(),
            "boot_id": "boot",
            "uptime_ms": sequence,
            "programme_version": 0,
            "body": b'{"hold":"h","receipt_uid":"r%d"}' % sequence,
        }
        digest = chain_hash(head, **values)
        made.append(Envelope(previous=head, hash=digest, **values))
        head = digest
    return made


def answer(envelopes: list[Envelope], *, state: VerdictState = VerdictState.APPLIED, **other: Any) -> UploadAnswer:
    values: dict[str, Any] = {
        "till": "t1",
        "epoch": envelopes[0].epoch,
        "through": envelopes[-1].sequence,
        "head": envelopes[-1].hash,
        "server_time": NOON,
        "verdicts": tuple(Verdict(sequence=one.sequence, id=one.id, state=state) for one in envelopes),
    }
    return UploadAnswer(**{**values, **other})


def client(handler: Callable[[Any], Any], **more: Any) -> CentreClient:
    import httpx

    line = Line("https://centre.example", transport=httpx.MockTransport(handler), now=lambda: NOON)
    return CentreClient(line, IDENTITY, version="1.2.3", now=lambda: NOON, **more)


def reply(status: int, value: Any = b"", **headers: str) -> Any:
    """A response whose body is streamed, as a real one is."""
    import httpx

    data = value if isinstance(value, bytes) else codec.encode(value)
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.Response(status, headers=named, stream=httpx.ByteStream(data))


@pytest.fixture
def sync() -> Any:
    """The helpers above, for test modules that cannot import a conftest."""
    names = ("NOON", "IDENTITY", "chain", "answer", "client", "reply")
    return types.SimpleNamespace(**{name: globals()[name] for name in names})
