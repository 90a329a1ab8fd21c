"""Signed codes of an app: what is read, who is believed, and for how long; with the vector that the documents show."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.vocabulary.card_qr import SKEW_S, VALID_S_MAX, QrState, card_qr_text, qr_state, read_card_qr
from drivers.vocabulary.customer import IdentifierKind

SEED = bytes(range(32))
KEY = base64.b64encode(Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()).decode()
OTHER = base64.b64encode(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()).decode()
CARD = {
    "kind": IdentifierKind.CARD,
    "value": "2000000000015",
    "since_s": 1_772_442_000,
    "until_s": 1_772_442_060,
    "once": "Zk3jQ9xT",
}


def _text(**more):
    return card_qr_text(**{**CARD, "seed": SEED, **more})


def test_what_was_signed_is_read():
    """Encode then decode is identity, for cards and for phones."""
    for kind, value in ((IdentifierKind.CARD, "CARD-17"), (IdentifierKind.PHONE, "+79000000001")):
        code = read_card_qr(_text(kind=kind, value=value))

        assert (kind, value, "Zk3jQ9xT") == (code.kind, code.value, code.once)
        assert QrState.GOOD is qr_state(code, CARD["since_s"], [OTHER, KEY])
        assert value not in repr(code)


@pytest.mark.parametrize(
    ("now_s", "state"),
    [
        (CARD["since_s"] - SKEW_S - 1, QrState.EARLY),
        (CARD["since_s"] - SKEW_S, QrState.GOOD),
        (CARD["until_s"] + SKEW_S, QrState.GOOD),
        (CARD["until_s"] + SKEW_S + 1, QrState.EXPIRED),
    ],
)
def test_it_is_good_for_its_time(now_s, state):
    """Give or take two minutes between the clocks."""
    assert state is qr_state(read_card_qr(_text()), now_s, [KEY])


def test_who_is_not_trusted_is_foreign():
    """Another key, no key, a changed number, a changed time, another purpose."""
    now_s = CARD["since_s"]
    text = _text()
    head, _, signature = text.rpartition(":")
    forged = [text.replace("2000000000015", "2900000000018"), text.replace("1772442060", "1772442069")]
    bare = base64.urlsafe_b64encode(Ed25519PrivateKey.from_private_bytes(SEED).sign(head.encode())).decode().rstrip("=")

    assert QrState.FOREIGN is qr_state(read_card_qr(text), now_s, [OTHER])
    assert QrState.FOREIGN is qr_state(read_card_qr(text), now_s, [])
    assert QrState.FOREIGN is qr_state(read_card_qr(text), now_s, ["no key"])
    assert [QrState.FOREIGN] * 3 == [qr_state(read_card_qr(one), now_s, [KEY]) for one in (*forged, f"{head}:{bare}")]
    assert signature != bare


def test_a_code_that_is_good_for_longer_than_a_day_proves_nothing():
    """Nor one that ends before it begins."""
    for until_s in (CARD["since_s"] + VALID_S_MAX + 1, CARD["since_s"], CARD["since_s"] - 5):
        assert QrState.FOREIGN is qr_state(read_card_qr(_text(until_s=until_s)), CARD["since_s"], [KEY])


@pytest.mark.parametrize("more", [{"value": "4" * 41}, {"value": "ЖЖЖЖ"}, {"once": "short"}, {"once": "with space"}])
def test_what_could_not_be_read_is_not_signed(more):
    """The issuer is told."""
    with pytest.raises(ValueError, match=r"card has 4 to 40|ascii"):
        _text(**more)


def test_the_vector_in_the_documents_is_right(project):
    """Who writes an issuer in another language checks it against this."""
    page = (project / "docs" / "protocols" / "scanners.md").read_text("utf-8")
    shown = re.search(r"TP2:c2000000000015:\S+", page)

    assert shown is not None
    assert _text() == shown.group()
    assert KEY in page
    assert SEED.hex() in page


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(0, 200))
def test_no_text_makes_it_fail(noise, place):
    """A damaged code is none, or foreign."""
    text = _text()
    damaged = text[:place] + noise + text[place + len(noise) :]
    code = read_card_qr(damaged)
    if code is not None and damaged != text:
        assert QrState.FOREIGN is qr_state(code, CARD["since_s"], [KEY])
