"""G4 at the centre: a sale and its returns, split in any way over any tills in any order, leave everything as before."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import insert, select, update

from central import schema
from central.accounts import imbalances
from central.certificate_desk import make_certificate, show_certificate
from central.certificates import imbalanced_certificates
from central.changes import read_page
from central.coupons import coupon_row
from central.database import open_database
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.decision import (
    CertificateUsed,
    Counted,
    CouponIssued,
    CouponUsed,
    MembershipGranted,
    PointsEarned,
    PointsGranted,
    PointsSpent,
)
from drivers.vocabulary.money import Quantity

DATABASES = ("sqlite",)
TOTAL = 10_000
CODE = "GIFT-0000-0001"

PARTS = st.lists(st.integers(1, TOTAL - 1), max_size=4, unique=True).map(
    lambda cuts: [b - a for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), TOTAL], strict=True)]
)


def sale(words: Any, certificate: str, earn: int, spend: int, *, member: bool) -> Any:
    """A purchase that does all there is."""
    before = words.NOON + timedelta(days=10) if member else None
    until = (before or words.NOON) + timedelta(days=30)
    effects = (
        PointsSpent(unit="bonus", amount=spend, worth=words.rub(spend)),
        PointsEarned(unit="bonus", amount=earn, rule="base"),
        PointsGranted(rule="friend", customer="boris", unit="bonus", amount=earn),
        Counted(counter="money", amount=TOTAL),
        Counted(counter="month", amount=1, until=until),
        CouponUsed(code="H-1", coupon="tea", rules=("tea",), uses=1, back_on_return=True),
        CouponUsed(code="P-1", coupon="cake", rules=("cake",), uses=1, back_on_return=True),
        CouponIssued(code="NEXT", coupon="next", rule="next"),
        MembershipGranted(rule="club", days=30, until=until, before=before),
        CertificateUsed(code=certificate, amount=words.rub(4_000), left=words.rub(0), burned=words.rub(1_000)),
    )
    made = words.sale("r1", minor=TOTAL)
    return replace(made, decision=replace(made.decision, effects=effects))


def part(words: Any, number: int, minor: int) -> Any:
    back = words.refund(f"x{number}", "r1", minor=minor)
    line = replace(back.receipt.lines[0], quantity=Quantity.parse("0.001"), price=words.rub(minor * 1_000))
    return replace(back, receipt=replace(back.receipt, lines=(line,)))


def stands(centre: Any) -> Any:
    """Everything a customer, a friend, a coupon or a certificate has."""
    with centre.database.write() as connection:
        assert [] == imbalances(connection)
        assert [] == imbalanced_certificates(connection)
        page = read_page(connection, till="t1", cursor="", now=centre.now)
        balance = show_certificate(connection, CODE, now=centre.now)[0].balance.minor
        uses = connection.execute(select(schema.coupon.c.serial, schema.coupon.c.used)).all()
    people = [
        codec.decode(change.document, Customer)
        for change in page.changes
        if change.collection == "customer" and change.document is not None
    ]
    counted = {serial: used for serial, used in uses if used}
    sums = {one.id: sum(lot.amount for lot in one.lots) for one in people}
    # The lots themselves may be others (points given back to a lot that was emptied), never their sum.
    bare = sorted((replace(one, lots=()) for one in people), key=lambda one: one.id)
    return bare, sums, balance, counted


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    parts=PARTS,
    earn=st.integers(0, 97),
    spend=st.integers(0, 100),
    tills=st.lists(st.booleans(), min_size=5, max_size=5),
    early=st.integers(0, 5),
    member=st.booleans(),
)
def test_a_sale_and_any_returns_leave_everything_as_before(
    tmp_path_factory: Any,
    sqlite_made: Path,
    words: Any,
    parts: list[int],
    earn: int,
    spend: int,
    tills: list[bool],
    early: int,
    member: bool,
) -> None:
    """Whichever till takes a part back, and however many of the parts come before the sale."""
    path = Path(shutil.copyfile(sqlite_made, tmp_path_factory.mktemp("centre") / "central.db"))
    centre = words.Centre(open_database(f"sqlite:///{path}"))
    try:
        name = prepared(centre, words, member=member)
        before = stands(centre)
        pens = {"t1": words.Pen(till="t1"), "t2": words.Pen(till="t2"), "t3": words.Pen(till="t3")}
        facts = [
            ("t2" if elsewhere else "t3", part(words, number, minor))
            for number, (minor, elsewhere) in enumerate(zip(parts, tills, strict=False))
        ]
        facts.insert(min(early, len(facts)), ("t1", sale(words, name, earn, spend, member=member)))
        for till, fact in facts:
            centre.take(pens[till].write(fact), till=till)
            # With a part of the sale still to come back, or still to come, something is different.
            if till == "t1" and early == 0:
                assert before != stands(centre)

        assert before == stands(centre)
    finally:
        centre.database.close()


def prepared(centre: Any, words: Any, *, member: bool) -> str:
    """Anna with five purchases behind her, a coupon and perhaps a membership; Boris; a certificate: its name."""
    centre.member("anna", bonus=100)
    centre.member("boris")
    for till in ("t1", "t2", "t3"):
        centre.enrol(till)
    with centre.database.write() as connection:
        table = schema.customer
        until = words.NOON + timedelta(days=10) if member else None
        connection.execute(update(table).where(table.c.id == "anna").values(purchases=5, membership_until=until))
        connection.execute(insert(schema.coupon), [coupon_row("H-1", "tea", customer="anna", uses=1)])
        return make_certificate(connection, CODE, words.rub(5_000), now=centre.now, burns=True).id
