"""A decision carried into a receipt task: cases a cashier could read, and the arithmetic for all others."""

from datetime import UTC

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from drivers.ffd.pieces import pieces_of
from drivers.json_amounts import amount_of, number_of, read_json
from drivers.printers.atol.models import model_named
from drivers.printers.atol.pos_script import card_sale, exact, position, post, sale
from drivers.printers.atol.positions import read_sums
from drivers.printers.atol.receipts import make_receipt
from drivers.printers.atol.register import Register, check_sums
from drivers.printers.atol.rewriting import Difference, rewrite, rewrite_body
from drivers.vocabulary.inside import InsideOffer, InsidePolicy, Untouched
from drivers.vocabulary.money import Quantity, divide_half_up
from drivers.vocabulary.receipt import DocumentKind
from tests.agent.loyalty.soaking import prove

LINES = ("Скидка 5,00", "Начислено 11 баллов")
UNTOUCHED = ("Начислено 12 баллов",)


def offer(**off):
    return InsideOffer(
        quoted="q-1", off={int(number[1:]): minor for number, minor in off.items()}, lines=LINES,
        lines_untouched=UNTOUCHED,
    )  # fmt: skip


def one(amount, quantity=1, *, payments, total=None, price=None, **more):
    price = amount if price is None else price
    task = {"type": "sell", "items": [position("x", price, quantity, amount, **more)], "payments": payments}
    return exact(task if total is None else {**task, "total": total})


def cash(total):
    return [{"type": "cash", "sum": total}]


def card(total):
    return [{"type": "electronically", "sum": total}]


def fiscalised(task):
    """What a register makes of it: (total, paper); it refuses what does not add up."""
    register = Register(model_named("atol-80"))
    result = exact(register.execute(task))
    return result["fiscalParams"]["total"], register.paper


# ── Cases ───────────────────────────────────────────────────────────────────────────────────────


def test_cash_that_lay_on_the_table_stays_and_the_change_grows():
    """200.00 for 121.59, 5.00 off the bread: change of 83.41 instead of 78.41."""
    task = sale()
    outcome = rewrite(task, offer(L1=500), InsidePolicy.CASH_ONLY)

    assert outcome.untouched is None
    assert outcome.differences == (
        Difference("line 1", 9000, 8500), Difference("total", 12_159, 11_659), Difference("change", 7841, 8341),
    )  # fmt: skip
    assert outcome.task["items"][0]["amount"] == 85
    assert outcome.task["items"][0]["price"] * 2 == 85
    assert outcome.task["items"][0]["infoDiscountAmount"] == 6
    assert outcome.task["items"][1:] == task["items"][1:]
    assert (outcome.said.total, outcome.fiscal.total) == (12_159, 11_659)
    assert outcome.believed("RUB").off_minor == 500
    total, paper = fiscalised(outcome.task)
    assert str(total) == "116.59"
    assert list(LINES) == paper[-3:-1]
    assert task == sale()


def test_exact_cash_becomes_what_is_left_to_pay():
    outcome = rewrite(one(100, payments=cash(100), total=100), offer(L1=700), InsidePolicy.CASH_ONLY)

    assert outcome.task["payments"] == [{"type": "cash", "sum": 93}]
    assert outcome.task["total"] == 93


def test_a_task_without_payments_needs_none():
    task = one(100, payments=cash(100))
    del task["payments"]
    outcome = rewrite(task, offer(L1=700), InsidePolicy.CASH_ONLY)

    assert "payments" not in outcome.task
    assert "total" not in outcome.task
    assert str(fiscalised(outcome.task)[0]) == "93"


def test_a_card_is_left_alone_by_cash_only():
    """The card may have been charged already: the sums stay, the lines say so."""
    task = card_sale()
    outcome = rewrite(task, offer(L1=500), InsidePolicy.CASH_ONLY)

    assert outcome.untouched is Untouched.ELECTRONIC
    assert outcome.reason
    assert outcome.believed("RUB") is None
    assert {**outcome.task, "postItems": None} == {**task, "postItems": None}
    assert [row["text"] for row in outcome.task["postItems"]] == list(UNTOUCHED)


def test_always_lowers_the_card():
    outcome = rewrite(card_sale(), offer(L2=1000), InsidePolicy.ALWAYS)

    assert outcome.task["payments"] == [{"type": "electronically", "sum": 129}]
    assert str(fiscalised(outcome.task)[0]) == "129"


def test_cash_beside_a_card_pays_for_the_discount():
    """60 by card and 40 in cash, 30 off: the card stays 60, the cash becomes 10."""
    payments = [*card(60), *cash(40)]
    outcome = rewrite(one(100, payments=payments, total=100), offer(L1=3000), InsidePolicy.CASH_ONLY)

    assert [row["sum"] for row in outcome.task["payments"]] == [60, 10]


def test_cash_that_does_not_cover_it_leaves_the_card_alone():
    payments = [*card(60), *cash(40)]
    task = one(100, payments=payments, total=100)

    assert rewrite(task, offer(L1=5000), InsidePolicy.CASH_ONLY).untouched is Untouched.ELECTRONIC
    assert [row["sum"] for row in rewrite(task, offer(L1=5000), InsidePolicy.ALWAYS).task["payments"]] == [50]


def test_an_advance_is_never_lowered():
    payments = [{"type": "prepaid", "sum": 80}, *cash(20)]
    outcome = rewrite(one(100, payments=payments, total=100), offer(L1=3000), InsidePolicy.ALWAYS)

    assert outcome.untouched is Untouched.STORED_VALUE


def test_advise_prints_and_touches_no_sum():
    outcome = rewrite(sale(), offer(L1=500), InsidePolicy.ADVISE, before=["Здравствуйте"])

    assert outcome.untouched is Untouched.POLICY
    assert outcome.task["items"] == sale()["items"]
    assert outcome.task["payments"] == sale()["payments"]
    assert outcome.task["preItems"][0]["text"] == "Здравствуйте"


def test_off_touches_nothing():
    task = sale()

    assert rewrite(task, offer(L1=500), InsidePolicy.OFF).task is task


@pytest.mark.parametrize("kind", ["sellReturn", "buy", "openShift"])
def test_only_sales_are_touched(kind):
    task = {**sale(), "type": kind}

    assert rewrite(task, offer(L1=500), InsidePolicy.ALWAYS).task is task


def test_lines_of_the_till_stay_before_ours():
    task = {**sale(), "postItems": [{"type": "text", "text": "Приходите ещё"}]}
    outcome = rewrite(task, offer(L1=500), InsidePolicy.CASH_ONLY)

    assert [row["text"] for row in outcome.task["postItems"]] == ["Приходите ещё", *LINES]


def test_pieces_that_cannot_share_a_price_are_split():
    """300 for 100.01: 199 at 0.33 and 101 at 0.34, and the discount shown on both makes what was taken off."""
    task = one(102, 300, payments=cash(102), price="0.34")
    outcome = rewrite(task, offer(L1=199), InsidePolicy.CASH_ONLY)
    rows = outcome.task["items"]

    assert [(int(row["quantity"]), str(row["price"])) for row in rows] == [(199, "0.33"), (101, "0.34")]
    assert outcome.off == {1: 199}
    assert str(sum(row["infoDiscountAmount"] for row in rows)) == "1.99"
    assert str(fiscalised(outcome.task)[0]) == "100.01"


def test_marked_goods_are_never_split():
    mark = {"imcParams": {"imc": "MDEw"}}
    outcome = rewrite(one(102, 300, payments=cash(102), price="0.34", **mark), offer(L1=199), InsidePolicy.CASH_ONLY)

    assert len(outcome.task["items"]) == 1
    assert outcome.off == {}
    assert outcome.untouched is Untouched.NOTHING


def test_weighed_goods_get_what_a_whole_price_reaches():
    """12.345 kg at 90.00 with 11.05 off: 89.10 a kilogram would be 6 kopecks too little, 89.11 takes 10.99 off."""
    task = one("1111.05", "12.345", payments=cash(2000), price=90)
    outcome = rewrite(task, offer(L1=1105), InsidePolicy.CASH_ONLY)

    assert outcome.off == {1: 1099}
    assert str(fiscalised(outcome.task)[0]) == "1100.06"


def test_taxes_that_were_worked_out_before_are_left_to_the_device():
    task = {**sale(), "taxes": [{"type": "vat20", "sum": 20}]}
    task["items"][0]["tax"]["sum"] = 15
    outcome = rewrite(task, offer(L1=500), InsidePolicy.CASH_ONLY)

    assert "taxes" not in outcome.task
    assert outcome.task["items"][0]["tax"] == {"type": "vat20"}
    assert task["items"][0]["tax"]["sum"] == 15


@pytest.mark.parametrize(
    ("task", "off", "expected"),
    [
        (sale(), {"L9": 5}, "no line 9"),
        (sale(), {"L1": 9001}, "cannot be taken off"),
        (one(5, payments=cash(5), total=5), {"L1": 500}, "nothing would be left"),
        (one(5, payments=cash(4), total=5), {"L1": 5}, "do not cover"),
        (one(5, payments=cash(9), total=3), {"L1": 5}, "no rounding"),
        (one(5, payments=cash(5), paymentMethod="advance"), {"L1": 5}, "advance"),
        ({"type": "sell", "items": "x"}, {"L1": 5}, "no list"),
    ],
)
def test_what_the_device_would_refuse_is_left_alone(task, off, expected):
    outcome = rewrite(task, offer(**off), InsidePolicy.ALWAYS)

    assert expected in outcome.reason
    assert outcome.untouched in (Untouched.DEVICE, Untouched.STORED_VALUE)
    assert outcome.task.get("items") == task["items"]


def test_a_posted_body_keeps_its_uuid_and_its_other_tasks():
    body = post("u-1", {"type": "reportX"}, sale()).partition(b"\r\n\r\n")[2]
    changed, outcome = rewrite_body(body, offer(L1=500), InsidePolicy.CASH_ONLY)
    value = read_json(changed)

    assert value["uuid"] == "u-1"
    assert [task["type"] for task in value["request"]] == ["reportX", "sell"]
    assert value["request"][1]["total"] == outcome.task["total"]


@pytest.mark.parametrize("tasks", [[{"type": "reportX"}], [sale(), sale()]])
def test_a_body_without_one_sale_stays(tasks):
    body = post("u-1", *tasks).partition(b"\r\n\r\n")[2]

    assert rewrite_body(body, offer(L1=500), InsidePolicy.ALWAYS) == (body, None)
    assert rewrite_body(b"{oops", offer(L1=500), InsidePolicy.ALWAYS) == (b"{oops", None)


# ── Everything else ─────────────────────────────────────────────────────────────────────────────


@prove(st.integers(1, 40_000_000), st.integers(0, 5_000_000), st.booleans())
def test_pieces_always_make_a_legal_position(steps, amount, may_split):
    quantity = Quantity(steps)
    pieces = pieces_of(quantity, amount, may_split=may_split)

    assert sum(piece.quantity.steps for piece in pieces) == steps
    assert sum(piece.amount for piece in pieces) >= amount
    for piece in pieces:
        assert abs(divide_half_up(piece.price * piece.quantity.steps, 1_000_000) - piece.amount) <= 1
    if quantity.is_whole and may_split:
        assert sum(piece.amount for piece in pieces) == amount


lines = st.lists(
    st.tuples(st.integers(1, 90_000), st.one_of(st.integers(1, 30).map(lambda n: n * 10**6), st.integers(1, 20_000_000))),
    min_size=1, max_size=5,
)  # fmt: skip


@prove(lines, st.data(), st.sampled_from(list(InsidePolicy)))
def test_what_is_sent_is_always_taken_by_the_device(rows, data, policy):
    """Any sale, any offer, any policy: the device takes the task, and the sums are as told."""
    items, total = [], 0
    for price, steps in rows:
        amount = divide_half_up(price * steps, 10**6)
        assume(amount > 0)
        total += amount
        items.append(position("x", amount_of(price), number_of(Quantity(steps)), amount_of(amount)))
    rounding = data.draw(st.integers(0, min(99, total - 1)))
    due = total - rounding
    by_card = data.draw(st.integers(0, due))
    by_advance = data.draw(st.integers(0, due - by_card))
    in_cash = due - by_card - by_advance + data.draw(st.sampled_from([0, 0, 500]))
    payments = [{"type": "cash", "sum": amount_of(in_cash)}]
    payments += [{"type": "electronically", "sum": amount_of(by_card)}] if by_card else []
    payments += [{"type": "prepaid", "sum": amount_of(by_advance)}] if by_advance else []
    task = exact({"type": "sell", "items": items, "payments": payments, "total": amount_of(due)})
    amounts = [one.amount for one in read_sums(task).positions]
    off = {number: data.draw(st.integers(0, amount)) for number, amount in enumerate(amounts, start=1)}
    check_sums(read_sums(task))
    outcome = rewrite(task, InsideOffer(quoted="q", off=off, lines=LINES), policy)
    sums = read_sums(exact(outcome.task))
    check_sums(sums)
    make_receipt(
        DocumentKind.SALE, sums, uid="x", task=outcome.task, fiscal={}, currency="RUB", zone=UTC,
    )  # fmt: skip

    assert all(outcome.off.get(number, 0) <= minor for number, minor in off.items())
    if outcome.untouched is None:
        assert sums.total == due - sum(outcome.off.values())
        assert policy in (InsidePolicy.CASH_ONLY, InsidePolicy.ALWAYS)
    else:
        assert sums.total == due
    if policy is InsidePolicy.CASH_ONLY:
        assert by_card == sum(one.minor for one in sums.payments if one.kind.value == "card")
    assert by_advance == sum(one.minor for one in sums.payments if one.kind.value == "prepaid")
