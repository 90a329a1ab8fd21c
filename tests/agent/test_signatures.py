"""Signatures of files: what was signed fits, and nothing else does."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from agent.signatures import PROGRAMME, SignatureError, make_keys, sign, verify
from drivers.vocabulary import codec


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A private and a public key."""
    private, public = tmp_path / "centre.key", tmp_path / "centre.pub"
    make_keys(private, public)
    return private, public


def test_what_was_signed_fits(pair: tuple[Path, Path]) -> None:
    """And names its key."""
    made = sign(b"programme", PROGRAMME, pair[0])

    assert made.key == verify(b"programme", PROGRAMME, codec.encode(made), pair[1])


def test_every_changed_byte_is_seen(pair: tuple[Path, Path]) -> None:
    """In the file, in its length, and in what it was signed for."""
    signature = codec.encode(sign(b"programme", PROGRAMME, pair[0]))
    for data, purpose in (
        (b"programmf", PROGRAMME),
        (b"programme\n", PROGRAMME),
        (b"", PROGRAMME),
        (b"programme", b"coupon 1"),
    ):
        with pytest.raises(SignatureError, match="changed after it was signed"):
            verify(data, purpose, signature, pair[1])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"algorithm": "rsa"}, "only ed25519 is known"),
        ({"key": "0" * 16}, "signed with another key"),
        ({"signature": "!"}, "does not fit"),
        ({"signature": "AAAA"}, "does not fit"),
        ({"more": 1}, "not a signature file"),
    ],
)
def test_a_signature_that_is_none(pair: tuple[Path, Path], change: dict[str, object], said: str) -> None:
    """Each is told apart."""
    made = codec.to_builtins(sign(b"programme", PROGRAMME, pair[0]))
    with pytest.raises(SignatureError, match=said):
        verify(b"programme", PROGRAMME, codec.encode({**made, **change}), pair[1])


def test_keys_that_are_none(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """A wrong file is named, and a private key is not taken for a public one."""
    private, public = pair
    other = tmp_path / "other.pem"
    other.write_bytes(b"-----BEGIN NONSENSE-----")
    signature = codec.encode(sign(b"x", PROGRAMME, private))
    for key, said in ((private, "is a private key"), (other, "not a public key"), (tmp_path / "no", "cannot read")):
        with pytest.raises(SignatureError, match=said):
            verify(b"x", PROGRAMME, signature, key)
    for key, said in ((public, "not a private key"), (tmp_path / "no", "cannot read")):
        with pytest.raises(SignatureError, match=said):
            sign(b"x", PROGRAMME, key)


def test_a_key_is_never_overwritten(pair: tuple[Path, Path]) -> None:
    """A second pair under the same name is refused, and the first stays."""
    before = pair[0].read_bytes()
    with pytest.raises(SignatureError, match="never overwritten"):
        make_keys(*pair)

    assert before == pair[0].read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps rights in another way")
def test_the_private_key_is_its_owners(pair: tuple[Path, Path]) -> None:
    """Nobody else may read it."""
    assert 0o600 == stat.S_IMODE(pair[0].stat().st_mode)
