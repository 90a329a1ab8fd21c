"""Statements and signatures: RFC 8032's own vector, and no signature for one thing is one for another."""

from __future__ import annotations

import pytest

from drivers.vocabulary import proof

# RFC 8032 §7.1, test 1.
SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
OF_NOTHING = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)

BATCH = {"till": "t1", "epoch": 1, "first": 3, "last": 9, "head": "ab" * 32}


def test_the_vector_of_the_standard() -> None:
    """Ed25519 and nothing like it."""
    assert PUBLIC == proof.public_key(SEED)
    assert OF_NOTHING == proof.sign(SEED, b"")
    assert proof.is_signed(PUBLIC, b"", OF_NOTHING)


@pytest.mark.parametrize(
    "other", [{"till": "t2"}, {"epoch": 2}, {"first": 2}, {"last": 10}, {"head": "ac" * 32}, {"till": "t1\n1"}]
)
def test_a_signature_is_for_one_batch(other: dict[str, object]) -> None:
    """Another till, another run, another history: another statement."""
    signature = proof.sign(SEED, proof.batch_statement(**BATCH))

    assert proof.is_signed(PUBLIC, proof.batch_statement(**BATCH), signature)
    assert not proof.is_signed(PUBLIC, proof.batch_statement(**{**BATCH, **other}), signature)


def test_a_signature_for_a_batch_is_none_for_a_key() -> None:
    """The purpose is part of the statement."""
    assert proof.batch_statement(**BATCH) != proof.key_statement(till="t1", public=PUBLIC)
    assert not proof.is_signed(
        PUBLIC, proof.key_statement(till="t1", public=PUBLIC), proof.sign(SEED, proof.batch_statement(**BATCH))
    )


@pytest.mark.parametrize(
    ("public", "signature"), [("", ""), ("zz", OF_NOTHING), (PUBLIC, "00"), ("00" * 32, OF_NOTHING)]
)
def test_what_is_no_key_or_no_signature_is_no_proof(public: str, signature: str) -> None:
    """And no crash."""
    assert not proof.is_signed(public, b"", signature)


def test_a_key_has_a_short_name() -> None:
    """For people; none for no key."""
    assert 16 == len(proof.fingerprint(PUBLIC))
    assert "" == proof.fingerprint("")
