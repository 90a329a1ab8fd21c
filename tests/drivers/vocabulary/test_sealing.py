"""Sealed boxes: only the centre opens them, only where they belong; vectors hold the format still."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drivers.vocabulary import codec
from drivers.vocabulary.sealing import Sealed, SealError, open_sealed, seal, sealing_public_key

CENTRE = bytes(range(32))
RANDOM = bytes(range(32, 64))
PUBLIC = "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f"

#: The box of the phone below; made once with this code, and opened by it ever since.
VECTOR = "c4ef06c63678406e6e8afd3b054faea2fc351d9d2dd9a2140e407027"


def boxed(data: bytes = b"+79000000001", context: bytes = b"here") -> Sealed:
    return seal(data, public=PUBLIC, context=context, random=RANDOM)


def test_the_public_key_is_that_of_x25519() -> None:
    """Of the seed 00 01 … 1f, as other implementations say."""
    assert PUBLIC == sealing_public_key(CENTRE)


@given(st.binary(max_size=2_000), st.binary(max_size=100))
def test_the_centre_opens_what_was_sealed_to_it(data: bytes, context: bytes) -> None:
    """Over the wire too."""
    sent = codec.decode(codec.encode(boxed(data, context)), Sealed)

    assert data == open_sealed(sent, private=CENTRE, context=context)


def test_version_1_stays_what_it_is() -> None:
    """A box of today opens in ten years."""
    box = boxed()

    assert (1, "eedd883da0a94515", VECTOR) == (box.version, box.key, box.box.hex())
    assert b"+79000000001" == open_sealed(box, private=CENTRE, context=b"here")


def test_whoever_sealed_it_cannot_read_it_back() -> None:
    """What stays on the till is the public key and the box: no private key among them opens it."""
    box = boxed()
    with pytest.raises(SealError):
        open_sealed(box, private=RANDOM, context=b"here")

    assert b"9000000001" not in codec.encode(box)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"box": b"\0" * 28},
        {"ephemeral": "09" + "00" * 31},
        {"ephemeral": "00" * 32},
        {"version": 2},
        {"key": "0" * 16},
    ],
)
def test_a_changed_box_does_not_open(spoilt: dict[str, object]) -> None:
    """Each with a sentence, none with a crash."""
    with pytest.raises(SealError):
        open_sealed(replace(boxed(), **spoilt), private=CENTRE, context=b"here")


def test_a_box_opens_only_where_it_belongs() -> None:
    """Nobody gives one person's contact to another customer."""
    with pytest.raises(SealError, match="another envelope"):
        open_sealed(boxed(), private=CENTRE, context=b"there")


def test_a_useless_public_key_is_refused_when_sealing() -> None:
    """A point of small order would make the secret known to everybody (RFC 7748 §6.1)."""
    with pytest.raises(SealError):
        seal(b"x", public="00" * 32, context=b"", random=RANDOM)
