"""Signed coupons on a real desk: what is genuine counts once, what is not is named."""

from __future__ import annotations

import base64
import dataclasses
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.checkout.in_hand.coupons import PREFIX, sign_coupon, verify_coupon
from agent.loyalty import Programme, load
from agent.snapshot import LinkState
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.customer import CouponFact

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
KEYS = {"shop": PUBLIC}
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)

PROGRAMME = f"""
version = 4
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
coupon_keys = {{ shop = "{PUBLIC}" }}
coupons.tea = {{ title = "Tea" }}

[[rules]]
id = "tea"
kind = "percent_discount"
percent = 10
when.coupons = ["tea"]
"""


def signed(**more: Any) -> str:
    """A coupon of the test's own shop."""
    return sign_coupon(KEY, **{"key": "shop", "serial": "A-17", "coupon": "tea", **more})


def buy(rig: Any, uid: str, code: str) -> contract.ConfirmAnswer:
    """Quote with the coupon, and close as quoted."""
    receipt = replace(rig.sale(uid, "200.00"), tenders=(), coupons=(code,))
    quoted = rig.desk.quote(contract.QuoteRequest(receipt=receipt))
    off = quoted.decision.discount
    line = replace(receipt.lines[0], total=receipt.total - off, discount=off)
    closed = replace(receipt, lines=(line,), total=receipt.total - off)
    return rig.desk.confirm(contract.ConfirmRequest(receipt=closed), source="api")


def with_programme(rig: Any) -> None:
    found = load(PROGRAMME.encode(), name="p.toml")

    assert isinstance(found, Programme), found
    rig.desk.programme = found


def test_a_signed_code_says_what_was_signed() -> None:
    """And it fits a code of the contract."""
    code = signed(valid_from=MARCH, valid_until=APRIL, uses=2)

    assert len(code) <= 200
    assert CouponFact(code="A-17", coupon="tea", valid_from=MARCH, valid_until=APRIL, uses=2) == verify_coupon(
        code, KEYS
    )


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("TPC1.shop.e30.AAAA", "coupon_forged"),
        ("TPC1.other.e30.AAAA", "coupon_unverified"),
        ("TPC1.shop.e30", "coupon_unreadable"),
        ("TPC1.shop.!.AAAA", "coupon_forged"),
        ("TPC1.shop.e30.!", "coupon_unreadable"),
        ("TPC1.shop.é.AAAA", "coupon_unreadable"),
        ("", "coupon_unreadable"),
    ],
)
def test_what_is_not_genuine_is_named(code: str, refused: str) -> None:
    """A wrong signature, a key nobody gave, and what is no coupon at all."""
    assert refused == verify_coupon(code, KEYS).refused


def test_a_genuine_signature_under_nonsense_is_unreadable() -> None:
    """Signed, but not a coupon."""
    head = f"{PREFIX}shop.e30"
    tail = base64.urlsafe_b64encode(KEY.sign(head.encode())).rstrip(b"=").decode()

    assert "coupon_unreadable" == verify_coupon(f"{head}.{tail}", KEYS).refused


@settings(max_examples=100, deadline=None)
@given(place=st.integers(min_value=0, max_value=10_000), char=st.characters(min_codepoint=33, max_codepoint=126))
def test_no_changed_code_is_believed(place: int, char: str) -> None:
    """Any one character changed: refused, or the very same coupon (base64 has spare bits at its end)."""
    code = signed()
    at = place % len(code)
    changed = code[:at] + char + code[at + 1 :]
    fact = verify_coupon(changed, KEYS)

    assert bool(fact.refused) or verify_coupon(code, KEYS) == fact


def test_without_the_package_no_signed_coupon_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The till says that it cannot check."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)

    assert "coupon_unverified" == verify_coupon(signed(), KEYS).refused


def test_a_signed_coupon_counts_once_on_this_till(rig: Any) -> None:
    """The same code again, after a restart, is used; a repeated confirm is no second use."""
    with_programme(rig)
    first = buy(rig, "c-1", signed())

    assert "20.00 RUB" == str(first.decision.discount)
    assert ["A-17"] == [one.code for one in first.decision.coupons_used]

    rig.desk.close()
    rig.open()
    with_programme(rig)
    second = buy(rig, "c-2", signed())

    assert "0.00 RUB" == str(second.decision.discount)
    assert {"coupons": "coupon_used", "tea": "coupon_used"} == {
        one.rule: one.code for one in second.decision.explanations
    }


def test_a_coupon_of_one_use_waits_for_the_line_where_the_owner_says_so(rig: Any) -> None:
    """Without a line nobody knows whether it was used elsewhere; with the line it is good."""
    with_programme(rig)
    rig.desk.rules = dataclasses.replace(rig.desk.rules, refuses_single_use=True)
    rig.desk.link_changed(LinkState.OFFLINE, "no line")
    first = buy(rig, "c-1", signed())
    rig.desk.link_changed(LinkState.ONLINE, "")
    second = buy(rig, "c-2", signed())

    assert ["0.00 RUB", "20.00 RUB"] == [str(one.decision.discount) for one in (first, second)]
    assert "coupon_offline" in {one.code for one in first.decision.explanations}


def test_a_quote_alone_uses_nothing(rig: Any) -> None:
    """Only a closed sale counts."""
    with_programme(rig)
    receipt = replace(rig.sale("c-1", "200.00"), tenders=(), coupons=(signed(),))
    rig.desk.quote(contract.QuoteRequest(receipt=receipt))

    assert "20.00 RUB" == str(buy(rig, "c-2", signed()).decision.discount)


def test_a_forged_coupon_takes_nothing_off(rig: Any) -> None:
    """Signed by somebody else under the shop's name."""
    with_programme(rig)
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    answer = buy(rig, "c-1", sign_coupon(stranger, key="shop", serial="A-17", coupon="tea"))

    assert "0.00 RUB" == str(answer.decision.discount)
    assert "coupon_forged" == answer.decision.explanations[0].code
