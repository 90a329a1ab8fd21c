"""Coupons at the centre: one use is one use, whoever sells; what is one too many is seen by everybody."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from central.changes import read_page
from central.coupons import overspent_coupons
from central.errors import CentralStartError
from central.loading import load_coupons, load_offers
from drivers.vocabulary import codec
from drivers.vocabulary.centre import VerdictState
from drivers.vocabulary.customer import CouponFact, Customer
from drivers.vocabulary.decision import CouponIssued, CouponUsed
from drivers.vocabulary.money import Quantity


def with_effects(words: Any, uid: str, *effects: Any, customer: str | None = None) -> Any:
    """A sale that does just this."""
    sale = words.sale(uid, customer=customer)
    return replace(sale, decision=replace(sale.decision, effects=effects))


def part(words: Any, uid: str, minor: int) -> Any:
    """A return of a part of r1: a tenth of a piece, whatever it cost."""
    back = words.refund(uid, "r1", minor=minor)
    line = replace(back.receipt.lines[0], quantity=Quantity.parse("0.1"), price=words.rub(minor * 10))
    return replace(back, receipt=replace(back.receipt, lines=(line,)))


def documents(centre: Any, till: str = "t1") -> dict[tuple[str, str], bytes | None]:
    """What a till that begins is told."""
    with centre.database.read() as connection:
        page = read_page(connection, till=till, cursor="", now=centre.now)
    return {(change.collection, change.key): change.document for change in page.changes}


def coupon(centre: Any, key: str) -> CouponFact | None:
    found = documents(centre).get(("coupon", key))
    return None if found is None else codec.decode(found, CouponFact)


def anna(centre: Any) -> Customer:
    found = documents(centre)["customer", "anna"]
    assert found is not None
    return codec.decode(found, Customer)


TEA = CouponUsed(code="A-17", coupon="tea", rules=("tea",), uses=1)


def test_a_second_use_by_another_till_counts_and_is_seen(centre: Any, words: Any) -> None:
    """The receipt is not blocked, the operator sees it, and the tills hear that the coupon is used up."""
    first, second = words.Pen(till="t1"), words.Pen(till="t2")
    before = centre.take(first.write(with_effects(words, "r1", TEA)), till="t1")
    after = centre.take(second.write(with_effects(words, "r2", TEA)), till="t2")
    with centre.database.read() as connection:
        seen = overspent_coupons(connection)

    assert [VerdictState.APPLIED, VerdictState.APPLIED] == [one.verdicts[0].state for one in (before, after)]
    assert ("", "coupon A-17 was used once too often") == (before.verdicts[0].reason, after.verdicts[0].reason)
    assert [("A-17", "r2", "t2")] == [(one.serial, one.receipt_uid, one.till) for one in seen]

    told = coupon(centre, "A-17")

    assert told is not None
    assert (1, 2) == (told.uses, told.used)


def test_sending_again_is_no_second_use(centre: Any, words: Any) -> None:
    """The same envelope, and the same receipt in another one."""
    pen, sale = words.Pen(), with_effects(words, "r1", TEA)
    envelope = pen.write(sale)
    centre.take(envelope)
    centre.take(envelope)
    centre.take(pen.write(sale))
    told = coupon(centre, "A-17")

    assert told is not None
    assert told.used == 1


def test_a_public_coupon_without_a_limit_is_not_told(centre: Any, words: Any) -> None:
    """Everybody may use it: its count is of no use to a till."""
    pen = words.Pen()
    centre.take(pen.write(with_effects(words, "r1", CouponUsed(code="SUMMER", coupon="summer", rules=("a",)))))

    assert coupon(centre, "SUMMER") is None


def test_a_return_restores_what_it_says(centre: Any, words: Any) -> None:
    """The coupon that comes back on a return is good again; an issued one is good no more."""
    back = replace(TEA, back_on_return=True)
    kept = CouponUsed(code="B-1", coupon="cake", rules=("cake",), uses=1, back_on_return=False)
    issued = CouponIssued(code="NEXT-1", coupon="next", rule="next")
    pen = words.Pen()
    centre.take(pen.write(with_effects(words, "r1", back, kept, issued)))
    good = coupon(centre, "NEXT-1")
    centre.take(pen.write(part(words, "x1", 4_000)))
    half = coupon(centre, "A-17")
    centre.take(pen.write(part(words, "x2", 6_000)))
    told = {key: coupon(centre, key) for key in ("A-17", "B-1", "NEXT-1")}

    assert good is not None
    assert half is not None
    assert ("", 1) == (good.refused, half.used)
    assert {"A-17": (0, ""), "B-1": (1, ""), "NEXT-1": (0, "coupon_withdrawn")} == {
        key: (one.used, one.refused) for key, one in told.items() if one is not None
    }


def test_held_coupons_travel_with_their_holder(centre: Any, words: Any) -> None:
    """Loaded from a file, issued by a sale, used by another one."""
    text = "serial,coupon,customer,uses\nH-1,tea,anna,2\n"
    with centre.database.write() as connection:
        assert (1, 0) == load_coupons(connection, io.StringIO(text), name="coupons.csv")
    with centre.database.write() as connection:
        assert (0, 1) == load_coupons(connection, io.StringIO(text), name="coupons.csv")
    pen = words.Pen()
    issued = CouponIssued(code="NEXT-1", coupon="next", rule="next", valid_until=words.NOON + timedelta(days=9))
    centre.take(pen.write(with_effects(words, "r1", issued, customer="anna")))
    used = CouponUsed(code="H-1", coupon="tea", rules=("tea",), uses=2)
    centre.take(pen.write(with_effects(words, "r2", used, customer="anna")))
    held = {one.code: (one.used, one.uses) for one in anna(centre).coupons}

    assert {"H-1": (1, 2), "NEXT-1": (0, None)} == held
    assert ("coupon", "H-1") not in documents(centre)


def test_coupons_long_over_are_told_no_more(centre: Any, words: Any) -> None:
    """A customer's document does not grow for ever."""
    pen = words.Pen()
    old = CouponIssued(code="OLD", coupon="next", rule="next", valid_until=words.NOON + timedelta(days=1))
    centre.take(pen.write(with_effects(words, "r1", old, customer="anna")))
    centre.now += timedelta(days=60)
    new = CouponIssued(code="NEW", coupon="next", rule="next")
    centre.take(pen.write(with_effects(words, "r2", new, customer="anna")))

    assert ["NEW"] == [one.code for one in anna(centre).coupons]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("serial,coupon\nA,b\n", "coupons.csv: there is no column 'customer'"),
        ("serial,coupon,customer,colour\n", "coupons.csv: unknown column 'colour'"),
        ("serial,coupon,customer\nA,,anna\n", "coupons.csv, line 2: coupon is empty"),
        ("serial,coupon,customer\nA,tea,nobody\n", "coupons.csv, line 2: no member 'nobody'"),
        ("serial,coupon,customer,uses\nA,tea,anna,0\n", "coupons.csv, line 2: uses must be a whole number from 1 on"),
        ("serial,coupon,customer,valid_until\nA,tea,anna,tomorrow\n", "line 2: valid_until must be a moment"),
        (
            "serial,coupon,customer\nA,tea,anna\nA,cake,anna\n",
            "coupons.csv, line 3: there is a coupon with the serial A",
        ),
    ],
)
def test_a_file_that_cannot_be_read_names_the_line(centre: Any, text: str, why: str) -> None:
    """And nothing of it is loaded."""
    with pytest.raises(CentralStartError) as refused, centre.database.write() as connection:
        load_coupons(connection, io.StringIO(text), name="coupons.csv")

    assert why in str(refused.value)
    assert () == anna(centre).coupons


def test_offers_are_replaced_by_what_a_file_says(centre: Any) -> None:
    """The second file wins, for the customers it names."""
    first = (
        "customer,offer,title,products,priority\nanna,weekly,Tea,4600000000017 4600000000024,5\nanna,weekly,Cake,,\n"
    )
    with centre.database.write() as connection:
        assert (2, 1) == load_offers(connection, io.StringIO(first), name="offers.csv")

    offers = anna(centre).offers

    assert [("Tea", 2, 5), ("Cake", 0, 0)] == [(one.title, len(one.products), one.priority) for one in offers]

    with centre.database.write() as connection:
        load_offers(connection, io.StringIO("customer,offer\nanna,daily\n"), name="offers.csv")

    assert ["daily"] == [one.offer for one in anna(centre).offers]
