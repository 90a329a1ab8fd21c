"""`tillpoint check` says what is in this till's hand, and what becomes of coupons without a line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.checkout.records import ValueKept, write
from agent.cli.check import coupons_bound, in_hand
from drivers.vocabulary.leases import Place
from drivers.vocabulary.value_leases import CertificateTerms, SignedValueLease, ValueKind, ValueLease
from offline_queue.store import TillStore

UNTIL = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


def kept(number: int, *, money: int = 0, used: int = 0, over: Place | None = None) -> ValueKept:
    terms = CertificateTerms(mask="****0001", check="", currency="RUB") if money else None
    lease = ValueLease(
        id=f"value:{number}",
        till="t1",
        kind=ValueKind.CERTIFICATE if money else ValueKind.COUPON,
        thing=f"A-{number}",
        amount=money or 1,
        sequence=1,
        granted_at=UNTIL,
        expires_at=UNTIL,
        terms=terms,
    )
    return ValueKept(signed=SignedValueLease(lease=lease), used=used, over=over)


def test_what_is_in_hand_is_counted(tmp_path: Path) -> None:
    """What was used or given up is not there any more."""
    store = TillStore.open(tmp_path / "till.db", epoch=1)
    documents = (
        kept(1),
        kept(2),
        kept(3, used=1),
        kept(4, over=Place(epoch=1, sequence=1)),
        kept(5, money=5_000, used=1_500),
    )
    before = in_hand(tmp_path)
    with store.transaction() as tx:
        for number, one in enumerate(documents):
            write(tx, "value_lease", str(number), one)
    after = in_hand(tmp_path)
    store.close()

    assert "No coupon and no certificate is in this till's hand" == before
    assert (
        "In this till's hand: coupons of one use: 2, 35.00 RUB of certificates; until 2026-03-09 12:00 UTC at most"
        == after
    )


def test_without_a_file_it_is_not_known(tmp_path: Path) -> None:
    """A till that never ran."""
    assert "What is in this till's hand of coupons and certificates is not known" == in_hand(tmp_path)


@pytest.mark.parametrize(
    ("word", "expected"), [("leased", "only from this till's hand"), ("refuse", "not at all"), ("take", "the risk")]
)
def test_the_bound_is_said(word: str, expected: str) -> None:
    """In one sentence."""
    assert expected in coupons_bound(word)
