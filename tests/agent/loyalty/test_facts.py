"""Facts about a customer: a sale and any partition of its return leave them as they were; limits are never passed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.loyalty import Programme, RefundEffect, SpendAsk, evaluate, load, refund
from agent.loyalty.counters import period_end
from agent.loyalty.days import zone_of
from agent.loyalty.facts import after_return, after_sale, counted_by, granted_lots, undo_counters
from agent.loyalty.lots import settle_sale
from agent.loyalty.parts import Period
from agent.loyalty.refund import MembershipReturned
from drivers.vocabulary import codec
from drivers.vocabulary.customer import CounterFact, CouponFact, Customer, PointsLot
from drivers.vocabulary.decision import (
    Counted,
    CouponIssued,
    CouponUsed,
    Decision,
    LineDiscount,
    MembershipGranted,
    PointsDonated,
    PointsGranted,
)
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, LineFlag, Receipt, Tender, TenderKind
from tests.agent.loyalty.soaking import prove

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DAY_ENDS = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)  # midnight in Moscow
MOST = 5_000  # minor units that the limited rules may take a day

FILE: dict[str, Any] = {
    "version": 1,
    "title": "t",
    "currency": "RUB",
    "zone": "Europe/Moscow",
    "units": {"bonus": {"worth": 1}},
    "coupons": {"once": {"uses": 1}, "later": {}},
    "counters": {
        "staff": {"of": "discount", "period": "day"},
        "grab": {"of": "uses", "period": "ever"},
        "month": {"of": "money", "period": "month"},
        "visits": {"of": "purchases", "period": "week"},
    },
    "groups": {"best": {"mode": "best"}, "sets": {"mode": "best"}, "inner": {"mode": "stack", "inside": "best"}},
    "rules": [
        {
            "id": "a",
            "kind": "percent_discount",
            "percent": 30,
            "group": "best",
            "limit": {"counter": "staff", "most": 50},
            "lines": {"categories": ["food"]},
        },
        {
            "id": "b",
            "kind": "percent_discount",
            "percent": 20,
            "group": "best",
            "limit": {"counter": "staff", "most": 50},
        },
        {
            "id": "c",
            "kind": "amount_discount",
            "amount": 7,
            "group": "inner",
            "limit": {"counter": "staff", "most": 50},
        },
        {
            "id": "two",
            "kind": "n_for_m",
            "take": 2,
            "pay": 1,
            "group": "sets",
            "limit": {"counter": "staff", "most": 50},
        },
        {
            "id": "set",
            "kind": "bundle",
            "amount": 9,
            "members": [{"lines": {"categories": ["food"]}}, {"lines": {}}],
            "group": "sets",
            "limit": {"counter": "staff", "most": 50},
        },
        {
            "id": "whole",
            "kind": "percent_discount",
            "percent": 10,
            "target": "receipt",
            "limit": {"counter": "staff", "most": 50},
        },
        {"id": "held", "kind": "percent_discount", "percent": 7, "target": "receipt", "when": {"coupons": ["once"]}},
        {"id": "grab", "kind": "fixed_points", "unit": "bonus", "points": 10, "limit": {"counter": "grab", "most": 2}},
        {"id": "grab2", "kind": "fixed_points", "unit": "bonus", "points": 5, "limit": {"counter": "grab", "most": 2}},
        {"id": "back", "kind": "earn_points", "unit": "bonus", "percent": 5},
        {"id": "friend", "kind": "referral", "unit": "bonus", "points": 3, "friend_points": 7},
        {"id": "help", "kind": "donate_points", "unit": "bonus", "fund": "Shelter"},
        {"id": "next", "kind": "issue_coupon", "coupon": "later", "expires_after_days": 7},
        {"id": "club", "kind": "membership_sale", "days": 30},
    ],
}


def programme(rules: list[dict[str, Any]] | None = None, **changed: Any) -> Programme:
    """The file of these tests, or another set of rules of it."""
    found = load(json.dumps({**FILE, **changed, "rules": rules or FILE["rules"]}).encode(), name="t.json")

    assert isinstance(found, Programme), [str(problem) for problem in found]
    return found


PROGRAMME = programme()


@st.composite
def customers(draw: st.DrawFn) -> Customer:
    """Somebody with some of everything, counters of periods that run or are over."""
    counters = {}
    ends = {"staff": DAY_ENDS, "grab": None, "month": datetime(2026, 11, 30, 21, tzinfo=UTC)}
    for name, end in ends.items():
        over = NOW - timedelta(days=draw(st.integers(0, 40)))
        until = end if end is None or draw(st.booleans()) else over
        if draw(st.booleans()):
            counters[name] = CounterFact(value=draw(st.integers(1, 3 if name == "grab" else MOST)), until=until)
    member = draw(st.sampled_from([None, NOW - timedelta(days=9), NOW + timedelta(days=9, hours=12)]))
    return Customer(
        id="c",
        referrer=draw(st.sampled_from(["", "anna"])),
        purchases=draw(st.sampled_from([None, 0, 4])),
        membership_until=member,
        counters=counters,
        coupons=(CouponFact(code="77", coupon="once"), CouponFact(code="9", coupon="later")),
        lots=(PointsLot(id="l", unit="bonus", amount=300),),
    )


@st.composite
def sales(draw: st.DrawFn) -> Receipt:
    """Some pieces of food and of other goods, at times a membership among them."""
    lines = []
    for number in range(1, draw(st.integers(min_value=1, max_value=4)) + 1):
        price, pieces = draw(st.integers(min_value=1, max_value=20_000)), draw(st.integers(min_value=1, max_value=4))
        lines.append(
            Line(
                number=number,
                name=f"n{number}",
                quantity=Quantity(pieces * 1_000_000),
                price=Money(price, "RUB"),
                total=Money(price * pieces, "RUB"),
                categories=tuple(draw(st.lists(st.just("food"), max_size=1))),
                flags=frozenset(draw(st.lists(st.just(LineFlag.MEMBERSHIP), max_size=1))),
            )
        )
    total = Money(sum(line.total.minor for line in lines), "RUB")
    coupons = tuple(draw(st.lists(st.just("77"), max_size=1)))
    return Receipt(uid="s1", kind=DocumentKind.SALE, total=total, lines=tuple(lines), coupons=coupons)


def parts_of(sale: Receipt, cuts: list[int]) -> list[Receipt]:
    """The sale in returns of whole pieces: the i-th piece goes to the return that `cuts` says."""
    pieces: dict[int, list[Line]] = {}
    place = 0
    for line in sale.lines:
        count = line.quantity.steps // 1_000_000
        for i in range(count):
            # Kopecks that do not divide go with the first pieces of the line.
            each = line.total.minor // count + (1 if i < line.total.minor % count else 0)
            one = replace(
                line,
                quantity=Quantity.ONE,
                price=Money(each, "RUB"),
                total=Money(each, "RUB"),
                discount=None,
                flags=frozenset(),
            )
            pieces.setdefault(cuts[place % len(cuts)], []).append(one)
            place += 1
    return [
        Receipt(
            uid=f"r{name}",
            kind=DocumentKind.RETURN,
            total=Money(sum(line.total.minor for line in lines), "RUB"),
            lines=tuple(replace(line, number=number) for number, line in enumerate(lines, start=1)),
        )
        for name, lines in pieces.items()
    ]


def closed(sale: Receipt, decision: Decision) -> Receipt:
    """The sale as the till closes it."""
    off = decision.line_discounts()
    lines = tuple(
        replace(
            line,
            discount=Money(off.get(line.number, 0), "RUB"),
            total=Money(line.total.minor - off.get(line.number, 0), "RUB"),
        )
        for line in sale.lines
    )
    return replace(sale, lines=lines, total=sale.total - decision.discount)


def seen(customer: Customer) -> dict[str, Any]:
    """The facts as rules see them: a period that is over holds nothing."""
    return {
        "counters": {name: counted_by(customer, name, NOW) for name in FILE["counters"]},
        "coupons": [(one.code, one.used, one.used_at) for one in customer.coupons],
        "member": customer.membership_until,
        "purchases": customer.purchases,
    }


@prove(customers(), sales(), st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_a_sale_and_any_partition_of_its_return_change_nothing(
    customer: Customer, sale: Receipt, cuts: list[int]
) -> None:
    """Counters, coupons, membership and purchases are what they were; what friends were given is taken back."""
    decision = evaluate(PROGRAMME, sale, customer, NOW, donation=SpendAsk.exactly(20))
    decision = codec.decode(codec.encode(decision), Decision)
    paid = closed(sale, decision)
    after = after_sale(customer, decision, now=NOW)
    before: list[Receipt] = []
    granted = 0
    for part in parts_of(paid, cuts):
        effect = refund(decision, paid, part, before)
        after = after_return(after, effect)
        granted += sum(one.amount for one in effect.granted_taken_back)
        before.append(part)

    assert seen(customer) == seen(after)
    assert sum(lot.amount for _, lot in granted_lots(decision, sale.uid)) == granted


@prove(customers(), st.lists(sales(), min_size=1, max_size=3))
def test_no_limit_is_ever_passed(customer: Customer, receipts: list[Receipt]) -> None:
    """However many receipts of the day there are, and in whatever groups the rules stand."""
    for number, receipt in enumerate(receipts):
        had = counted_by(customer, "staff", NOW), counted_by(customer, "grab", NOW)
        decision = evaluate(PROGRAMME, replace(receipt, uid=f"s{number}"), customer, NOW)
        limited = {"a", "b", "c", "two", "set", "whole"}
        taken = sum(
            one.amount.minor for one in decision.effects if isinstance(one, LineDiscount) and one.rule in limited
        )
        counted = sum(one.amount for one in decision.effects if isinstance(one, Counted) and one.counter == "staff")
        uses = sum(one.rule in ("grab", "grab2") for one in decision.earned)

        assert taken == counted
        assert taken <= max(0, MOST - had[0])
        assert uses <= max(0, 2 - had[1])
        customer = after_sale(customer, decision, now=NOW)


@prove(customers(), sales(), st.randoms(use_true_random=False))
def test_the_order_in_which_tables_are_written_changes_nothing(
    customer: Customer, sale: Receipt, shuffled: Any
) -> None:
    """Counters, groups and coupons are tables: their order says nothing, and neither does that of the facts."""
    tables = {}
    for name in ("counters", "groups", "coupons"):
        entries = list(FILE[name].items())
        shuffled.shuffle(entries)
        tables[name] = dict(entries)
    facts = list(customer.counters.items())
    shuffled.shuffle(facts)
    other = evaluate(programme(**tables), sale, replace(customer, counters=dict(facts)), NOW)
    decision = evaluate(PROGRAMME, sale, customer, NOW)

    assert sorted(map(codec.encode, decision.effects)) == sorted(map(codec.encode, other.effects))
    assert decision.explanations == other.explanations


# ── One at a time ────────────────────────────────────────────────────────────────────────────────


def deciding(*effects: Any) -> Decision:
    """A decision of nothing but these effects."""
    nothing = Money(0, "RUB")
    return Decision(programme_version=1, total=nothing, discount=nothing, payable=nothing, effects=effects)


def test_entries_of_two_periods_may_come_in_any_order() -> None:
    """What belongs to a period that is over has no place in the new one."""
    old, new = Counted(counter="m", amount=5, until=NOW), Counted(counter="m", amount=7, until=DAY_ENDS)
    nobody = Customer(id="c")
    there = after_sale(after_sale(nobody, deciding(old), now=NOW), deciding(new), now=NOW)
    back = after_sale(after_sale(nobody, deciding(new), now=NOW), deciding(old), now=NOW)

    assert there.counters == back.counters == {"m": CounterFact(value=7, until=DAY_ENDS)}


def test_a_return_of_a_period_that_is_over_takes_nothing_from_the_new_one() -> None:
    """The new period counts what was bought in it."""
    counters = {"m": CounterFact(value=7, until=DAY_ENDS)}

    assert undo_counters(counters, (Counted(counter="m", amount=5, until=NOW),)) == counters


def test_a_counter_without_a_period_never_ends() -> None:
    """Its facts add up."""
    ever = Counted(counter="g", amount=1)
    once = after_sale(Customer(id="c"), deciding(ever), now=NOW)
    twice = after_sale(once, deciding(ever), now=NOW + timedelta(days=9_000))

    assert counted_by(twice, "g", NOW + timedelta(days=20_000)) == 2


def test_a_coupon_that_was_issued_is_held_until_the_purchase_is_returned() -> None:
    """One that has been used meanwhile stays as it is."""
    issued = deciding(CouponIssued(code="N", coupon="later", rule="next", valid_until=DAY_ENDS))
    holder = after_sale(Customer(id="c", purchases=1), issued, now=NOW)
    used = after_sale(holder, deciding(CouponUsed(code="N", coupon="later", rules=("x",))), now=NOW)
    back = RefundEffect(coupons_void=("N",), last=True)

    assert (CouponFact(code="N", coupon="later", valid_until=DAY_ENDS),) == holder.coupons
    assert after_return(holder, back).coupons == ()
    assert [one.used for one in after_return(used, back).coupons] == [1]
    assert (holder.purchases, after_return(holder, back).purchases) == (2, 1)


def test_two_memberships_bought_at_two_tills_add_up() -> None:
    """Neither till knew of the other; a return of one leaves the other's days."""
    end = NOW + timedelta(days=30)
    granted = MembershipGranted(rule="club", days=30, until=end)
    first = after_sale(Customer(id="c"), deciding(granted), now=NOW)
    both = after_sale(first, deciding(granted), now=NOW)
    back = RefundEffect(memberships_back=(MembershipReturned(granted=granted, days=30, whole=True),))

    assert first.membership_until == end
    assert both.membership_until == end + timedelta(days=30)
    assert after_return(both, back).membership_until == end
    assert after_return(Customer(id="c"), back).membership_until is None


def test_a_donation_is_final_and_leaves_the_balance() -> None:
    """Nothing of it is in a return."""
    sale = Receipt(
        uid="s1",
        kind=DocumentKind.SALE,
        total=Money(100, "RUB"),
        lines=(Line(number=1, name="x", quantity=Quantity.ONE, price=Money(100, "RUB"), total=Money(100, "RUB")),),
    )
    decision = deciding(PointsDonated(rule="help", unit="bonus", amount=5, fund="Shelter"))
    effect = refund(decision, sale, replace(sale, uid="r1", kind=DocumentKind.RETURN))

    assert effect == RefundEffect(complete=True, last=True)


def test_what_is_donated_leaves_the_lots_and_is_none_of_what_comes_back() -> None:
    """The parts that a return wants are those that were spent."""
    donated = PointsDonated(rule="help", unit="bonus", amount=5, fund="Shelter")
    lots, owed, taken = settle_sale((PointsLot(id="l", unit="bonus", amount=8),), {}, deciding(donated), "s1", NOW)

    assert (lots, owed, taken) == ((PointsLot(id="l", unit="bonus", amount=3),), {}, ())


def test_what_is_granted_has_the_name_of_the_receipt() -> None:
    """Till and centre make the same lot of it."""
    granted = PointsGranted(rule="friend", customer="anna", unit="bonus", amount=7, expires_at=DAY_ENDS)

    assert granted_lots(deciding(granted), "s1") == (
        ("anna", PointsLot(id="s1:friend", unit="bonus", amount=7, expires_at=DAY_ENDS)),
    )


def test_money_that_points_and_certificates_paid_is_not_counted_on_a_closed_receipt() -> None:
    """As its tenders say."""
    hundred = Money(10_000, "RUB")
    sale = Receipt(
        uid="s1",
        kind=DocumentKind.SALE,
        total=hundred,
        lines=(Line(number=1, name="x", quantity=Quantity.ONE, price=hundred, total=hundred),),
        tenders=(
            Tender(kind=TenderKind.CERTIFICATE, amount=Money(2_500, "RUB")),
            Tender(kind=TenderKind.CASH, amount=Money(7_500, "RUB")),
        ),
    )
    decision = evaluate(PROGRAMME, sale, Customer(id="c"), NOW, closed=True)

    assert [7_500] == [one.amount for one in decision.effects if isinstance(one, Counted) and one.counter == "month"]


@pytest.mark.parametrize(
    ("day", "period", "end"),
    [
        ("2026-03-28", Period.DAY, "2026-03-28T23:00:00+00:00"),
        ("2026-03-29", Period.DAY, "2026-03-29T22:00:00+00:00"),  # 23 hours
        ("2026-10-25", Period.DAY, "2026-10-25T23:00:00+00:00"),  # 25 hours
        ("2026-03-29", Period.WEEK, "2026-03-29T22:00:00+00:00"),  # a Sunday
        ("2026-03-30", Period.WEEK, "2026-04-05T22:00:00+00:00"),  # a Monday
        ("2026-03-01", Period.MONTH, "2026-03-31T22:00:00+00:00"),
        ("2026-02-28", Period.MONTH, "2026-02-28T23:00:00+00:00"),
        ("2026-12-31", Period.MONTH, "2026-12-31T23:00:00+00:00"),
        ("2026-06-15", Period.YEAR, "2026-12-31T23:00:00+00:00"),
        ("2026-06-15", Period.EVER, None),
        ("9999-12-31", Period.DAY, None),
        ("9999-12-31", Period.MONTH, None),
        ("9999-12-31", Period.YEAR, None),
    ],
)
def test_a_period_ends_at_a_midnight_of_the_store(day: str, period: Period, end: str | None) -> None:
    """Where the clock changes too; what would end after the calendar does not end."""
    found = period_end(datetime.fromisoformat(day).date(), period, zone_of("Europe/Berlin"))

    assert end == (found.isoformat() if found is not None else None)
