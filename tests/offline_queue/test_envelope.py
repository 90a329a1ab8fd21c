"""The envelope and its chain: the exact bytes under the hash, and every way a chain can be broken."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline_queue.envelope import BODY_BYTES_MAX, GENESIS, Envelope, chain_hash, own_hash, verify_chain

FIELDS = {
    "id": "018f-1",
    "epoch": 2,
    "sequence": 1,
    "kind": "receipt.confirmed",
    "occurred_at": "2026-03-01T12:00:00+03:00",
    "boot_id": "boot-1",
    "uptime_ms": 1500,
    "programme_version": 7,
    "body": b'{"total":100}',
}


def chain(length: int, epoch: int = 1) -> list[Envelope]:
    envelopes: list[Envelope] = []
    previous = GENESIS
    for sequence in range(1, length + 1):
        fields = FIELDS | {"id": f"id-{sequence}", "epoch": epoch, "sequence": sequence, "body": b"%d" % sequence}
        envelope = Envelope(previous=previous, hash=chain_hash(previous, **fields), **fields)
        envelopes.append(envelope)
        previous = envelope.hash
    return envelopes


def test_the_hash_is_taken_over_exactly_these_bytes() -> None:
    """Previous hash, eight fields and the body, each ended by 0x1F: written out by hand, as the centre may do."""
    by_hand = hashlib.sha256(
        bytes(32)
        + b"018f-1\x1f2\x1f1\x1freceipt.confirmed\x1f2026-03-01T12:00:00+03:00\x1fboot-1\x1f1500\x1f7\x1f"
        + b'{"total":100}'
    ).hexdigest()

    assert by_hand == chain_hash(GENESIS, **FIELDS)


def test_the_hash_never_changes() -> None:
    """A published value: whoever changes the recipe breaks every chain in the field."""
    assert "c8a31f0ec88b858ccbc0af55166ffd40948bd8da401da3d163d697d78d061286" == chain_hash(GENESIS, **FIELDS)


def test_a_whole_chain_is_whole() -> None:
    """No error, no index."""
    assert verify_chain(chain(5), GENESIS) is None
    assert verify_chain([], GENESIS) is None


def test_a_chain_can_be_followed_from_the_middle() -> None:
    """What was pruned leaves its last hash as the anchor."""
    envelopes = chain(5)

    assert verify_chain(envelopes[2:], envelopes[1].hash) is None
    assert 0 == verify_chain(envelopes[2:], GENESIS)


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in ("epoch", "sequence")])
def test_a_changed_field_is_found(field: str) -> None:
    """Each field is under the hash."""
    envelopes = chain(4)
    value = {"body": b"other", "uptime_ms": 9, "programme_version": 9}.get(field, "other")
    envelopes[2] = dataclasses.replace(envelopes[2], **{field: value})

    assert 2 == verify_chain(envelopes, GENESIS)


def test_a_removed_or_moved_envelope_is_found() -> None:
    """A hole, a swap, a foreign epoch and a repeated one: the index of the first that does not follow."""
    envelopes = chain(5)
    swapped = [envelopes[0], envelopes[2], envelopes[1], *envelopes[3:]]

    assert 2 == verify_chain([*envelopes[:2], *envelopes[3:]], GENESIS)
    assert 1 == verify_chain(swapped, GENESIS)
    assert 2 == verify_chain([*envelopes[:2], *chain(5, epoch=2)[2:]], GENESIS)
    assert 1 == verify_chain([envelopes[0], envelopes[0]], GENESIS)
    assert 0 == verify_chain(envelopes[1:], GENESIS)


def test_a_forged_beginning_is_found() -> None:
    """Only sequence 1 may follow nothing, even when its hash is right for what it claims."""
    fields = FIELDS | {"sequence": 5}
    forged = Envelope(previous=GENESIS, hash=chain_hash(GENESIS, **fields), **fields)

    assert forged.hash == own_hash(forged)
    assert 0 == verify_chain([forged], GENESIS)


@given(position=st.integers(0, 5), bit=st.integers(0, 7), data=st.data())
@settings(max_examples=60)
def test_any_flipped_bit_of_a_body_is_found(position: int, bit: int, data: st.DataObject) -> None:
    """One bit of one body, anywhere in the chain."""
    envelopes = chain(6)
    body = bytearray(envelopes[position].body)
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << bit
    envelopes[position] = dataclasses.replace(envelopes[position], body=bytes(body))

    assert position == verify_chain(envelopes, GENESIS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "x" * 41),
        ("kind", "a\x1fb"),
        ("boot_id", ""),
        ("epoch", 0),
        ("epoch", 1 << 22),
        ("sequence", 0),
        ("sequence", 1 << 40),
        ("uptime_ms", -1),
        ("programme_version", -1),
        ("previous", "0" * 63),
        ("hash", "G" * 64),
        ("hash", "A" * 64),
        ("body", bytes(BODY_BYTES_MAX + 1)),
    ],
)
def test_an_illegal_envelope_cannot_exist(field: str, value: object) -> None:
    """A value that exists is legal."""
    with pytest.raises(ValueError, match=field):
        Envelope(**(FIELDS | {"previous": GENESIS, "hash": "a" * 64, field: value}))


def test_the_module_needs_the_standard_library_only() -> None:
    """The centre imports it on machines where nothing of the till's is installed."""
    root = Path(__file__).resolve().parents[2]
    code = "import sys; import offline_queue.envelope; print(sorted({'apsw', 'sqlite3', 'sqlite_utils', 'msgspec'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)

    assert "[]" == answer.stdout.strip()
