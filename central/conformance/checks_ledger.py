"""Checks of the points: spent, earned and returned once, whatever is repeated and in whichever order it comes."""

from __future__ import annotations

from typing import Any, Final

from central.conformance.bench import Bench
from central.conformance.goods import attached_to, new_uid, returned, sold
from central.conformance.outcome import expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till
from drivers.vocabulary.facts import ReceiptConfirmed

__all__: list[str] = []

START: Final = 100


@check(
    "sale",
    "G1 G2",
    "a sale earns and spends what its decision says, once",
    step="apply the effects `points_earned` and `points_spent` of the decision in the envelope's transaction",
    needs=("changes", "upload"),
)
def one_sale(bench: Bench) -> None:
    """Earn, then spend and earn."""
    customer = bench.customer("buyer")
    before = bench.balance(customer)
    bench.sell(bench.a, customer, earn=START)
    expect_equal(before + START, bench.balance(customer), f"{before} + {START} earned =")
    bench.sell(bench.a, customer, spend=30, earn=5)
    expect_equal(before + START - 25, bench.balance(customer), f"{before + START} - 30 spent + 5 earned =")


@check(
    "sale-again",
    "G2",
    "the envelope of a sale may come three times, and its points move once",
    step="apply an envelope only when the mark passes it, in the same transaction",
    needs=("sale",),
)
def sale_again(bench: Bench) -> None:
    """The same batch, twice more."""
    customer, till = bench.customer("buyer"), bench.a
    before = bench.balance(customer)
    bench.sell(till, customer, earn=9)
    sent = [till.last]
    for _ in range(2):
        till.believe(till.upload(sent), sent)
    expect_equal(before + 9, bench.balance(customer), f"{before} + 9, once =")


@check(
    "receipt-again",
    "G2",
    "one receipt has one effect: the same content in another envelope is a duplicate, from any till",
    step="keep receipt uids for ever, apart from envelopes; a till that was enrolled again seals its old ones anew",
    needs=("sale",),
)
def receipt_again(bench: Bench) -> None:
    """Sealed twice by one till, and once by another."""
    customer = bench.customer("buyer")
    fact = bench.sell(bench.a, customer, earn=11)
    before = bench.balance(customer)
    for till in _tills(bench):
        verdict = till.settle(fact)[-1]
        expect(verdict.get("state") == "duplicate", f"`duplicate` from till {till.name}", verdict)
    expect_equal(before, bench.balance(customer), "points, as before:")


@check(
    "receipt-changed",
    "G2 G5",
    "the same receipt with another content is refused and changes nothing",
    step="compare the content of a known receipt uid, and keep the other one with the verdict `refused`",
    needs=("sale",),
)
def receipt_changed(bench: Bench) -> None:
    """More points under an old name."""
    customer = bench.customer("buyer")
    fact = bench.sell(bench.a, customer, earn=11)
    before = bench.balance(customer)
    currency = bench.a.identity.currency
    other = sold(customer, currency=currency, unit=bench.unit, uid=fact.receipt.uid, earn=12)
    verdict = bench.a.settle(other)[-1]
    expect(verdict.get("state") == "refused", "`refused`", verdict)
    expect_equal(before, bench.balance(customer), "points, as before:")


@check(
    "return",
    "G2",
    "a return in two parts gives back what was spent and takes back what was earned, as the till worked it out",
    step="let all returns of a sale together undo no more than the sale did",
    needs=("sale",),
)
def in_parts(bench: Bench) -> None:
    """Half, and the other half."""
    customer, unit = bench.customer("buyer", points=START), bench.unit
    before = bench.balance(customer)
    fact = bench.sell(bench.a, customer, spend=20, earn=10, lines=2)
    stated = {"points_given_back": {unit: 10}, "points_taken_back": {unit: 5}}
    _settle_return(bench, fact, lines=1, **stated)
    expect_equal(before - 5, bench.balance(customer), "after the first half:")
    _settle_return(bench, fact, lines=1, **stated)
    bench.sales.remove((bench.a, fact))
    expect_equal(before, bench.balance(customer), "after the second half:")


@check(
    "return-again",
    "G2",
    "a sale that was returned whole cannot be returned once more: no points move",
    step="keep what was undone of each sale, over all its returns",
    needs=("return",),
)
def once_too_often(bench: Bench) -> None:
    """Another receipt for the same goods; never of a member somebody named."""
    customer = bench.invented("returner")
    bench.sell(bench.a, customer, earn=START)
    fact = bench.sell(bench.a, customer, spend=20, earn=10)
    bench.a.settle(returned(fact))
    bench.sales.remove((bench.a, fact))
    expect_equal(START, bench.balance(customer), "after the return:")
    bench.a.settle(returned(fact))
    expect_equal(START, bench.balance(customer), "after a second return:")


@check(
    "return-by-centre",
    "G2",
    "a return the till could not settle is settled by the centre, also when it comes before its sale",
    step="keep a return whose sale is not there, and give it its effect when the sale arrives",
    needs=("sale",),
)
def before_sale(bench: Bench) -> None:
    """The other till's return is faster."""
    customer = bench.customer("buyer", points=START)
    before = bench.balance(customer)
    currency = bench.a.identity.currency
    fact = sold(customer, currency=currency, unit=bench.unit, uid=new_uid(), spend=20, earn=10)
    early = _tills(bench)[-1]
    verdict = early.settle(returned(fact))[-1]
    expect(verdict.get("state") == "applied", "the early return is applied", verdict)
    expect_equal(before, bench.balance(customer), "points, while the return waits:")
    verdict = bench.a.settle(fact)[-1]
    expect(verdict.get("state") == "applied", "the late sale is applied", verdict)
    expect_equal(before, bench.balance(customer), "points, when the sale is there too:")


@check(
    "attached",
    "G1 G2",
    "a sale of nobody that becomes somebody's earns late and once, and its return takes that back",
    step="apply `receipt.attached` to a sale without a customer only; from then on its decision is the sale's",
    needs=("sale",),
)
def attached(bench: Bench) -> None:
    """Sold to nobody, given to somebody, and given away again."""
    customer, other = bench.customer("buyer"), bench.invented("late")
    before = bench.balance(customer)
    sale = bench.sell(bench.a, None)
    verdict = bench.a.settle(attached_to(sale, customer, unit=bench.unit, earn=12))[-1]
    expect(verdict.get("state") == "applied", "the receipt becomes the customer's", verdict)
    expect_equal(before + 12, bench.balance(customer), f"{before} + 12 earned late =")
    verdict = bench.a.settle(attached_to(sale, other, unit=bench.unit, earn=12))[-1]
    expect(verdict.get("state") == "refused", "it is a customer's already", verdict)
    _settle_return(bench, sale)
    expect_equal(before, bench.balance(customer), "points, after the goods came back:")


@check(
    "overspend",
    "G3 G6",
    "points that were spent and are not there are owed: the sale is not undone, and the next points pay",
    step="carry what is missing as a deficit of the customer document, and let earned points pay it first",
    needs=("sale",),
)
def overspend(bench: Bench) -> None:
    """Two tills without a line; never a member somebody named."""
    customer = bench.invented("debtor")
    before = bench.balance(customer)
    bench.sell(bench.a, customer, spend=before + 15)
    expect_equal(-15, bench.balance(customer), "points, the owed ones below zero:")
    bench.sell(bench.a, customer, earn=40)
    expect_equal(25, bench.balance(customer), "points, when the debt is paid:")


def _settle_return(bench: Bench, fact: ReceiptConfirmed, **more: Any) -> None:
    verdict = bench.a.settle(returned(fact, **more))[-1]
    expect(verdict.get("state") == "applied", "the return is applied", verdict)


def _tills(bench: Bench) -> list[Till]:
    """The suite's tills that go on."""
    return [bench.tills[name] for name in ("a", "b") if name in bench.tills and not bench.tills[name].spoiled]
