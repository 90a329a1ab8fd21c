"""Checks of people who join at a till: one person is one customer, and no till is told who it is."""

from __future__ import annotations

import secrets

from central.conformance.bench import Bench
from central.conformance.goods import Person, new_person
from central.conformance.outcome import Skipped, expect, expect_equal
from central.conformance.suite import check
from drivers.vocabulary.centre import LookupWanted

__all__: list[str] = []


@check(
    "newcomer",
    "G1 G7",
    "a person who joined at one till is a customer at the other: found by the keyed hash of the phone",
    step="open the sealed contact of `customer.enrolled`; publish the documents customer/ID and alias/HASH",
    needs=("changes",),
)
def newcomer(bench: Bench) -> None:
    """Nobody's phone, two tills."""
    person = _person(bench, "newcomer")
    feed = bench.feed("b" if "b" in bench.tills else "a")
    feed.catch_up()
    expect_equal(person.customer_id, feed.documents.get(("alias", person.alias(bench.a))), "the alias document")
    shown = feed.customer(person.customer_id)
    expect_equal(person.customer_id, shown.id, "the customer document's id")
    expect(not shown.blocked, "a customer who is not blocked", "blocked")


@check(
    "newcomer-again",
    "G2",
    "the same phone at another till is the same customer: the second name stands for the first",
    step="look the opened phone up before a customer is made; publish merged/SECOND with the first name",
    needs=("newcomer", "enrol-second"),
)
def joined_again(bench: Bench) -> None:
    """Points of a sale under the second name come to the one account."""
    first = _person(bench, "newcomer")
    again = Person(customer_id=new_person().customer_id, phone=first.phone, surname=first.surname)
    bench.watched.add(again.customer_id)
    before = bench.balance(first.customer_id)
    verdicts = bench.b.settle(again.enrolled(bench.b))
    expect(verdicts[-1].get("state") == "applied", "the second one is applied", verdicts[-1])
    feed = bench.feed("a")
    feed.catch_up()
    merged = feed.documents.get(("merged", again.customer_id))
    expect_equal(first.customer_id, merged, f"the document merged/{again.customer_id}")
    bench.sell(bench.b, again.customer_id, earn=7)
    expect_equal(before + 7, bench.balance(first.customer_id), "points of the first name")


@check(
    "newcomer-sealed",
    "G5 G7",
    "a contact that was sealed for another customer does not open: refused, and it blocks nothing",
    step="open the box with the context of till, customer and alias (drivers/vocabulary/joining.py)",
    needs=("newcomer",),
)
def moved_box(bench: Bench) -> None:
    """A box moved into another envelope."""
    person = new_person(bench.wanted.phone_like)
    bench.expect_of(person)
    verdict = bench.a.settle(person.enrolled(bench.a, sealed_for="somebody-else"))[-1]
    expect(verdict.get("state") == "refused", "`refused`", verdict)


@check(
    "newcomer-private",
    "G7",
    "no till is told a phone number or a surname",
    step="put masks into the customer document: the first name with one letter, five and two digits of the phone",
    needs=("newcomer",),
)
def private(bench: Bench) -> None:
    """Of all pages so far."""
    words = [words for feed in bench.feeds.values() for words in feed.strange if "holds" in words]
    expect(not words, "pages without them", "; ".join(words[:3]))


@check(
    "lookup",
    "G2 G7",
    "whom a till does not know it finds by the keyed hash, as in the changes; for nobody there are no documents",
    step="answer POST …/lookup with the documents alias/HASH and customer/ID, and with `reflects` of the same moment",
    needs=("newcomer",),
)
def lookup(bench: Bench) -> None:
    """Somebody, and nobody."""
    person, till = _person(bench, "newcomer"), bench.tills.get("b", bench.a)
    alias = person.alias(till)
    answer = till.post("lookup", LookupWanted(aliases=(alias,)))
    if answer.status == 404:
        raise Skipped("the server knows no look-up: its tills hold everybody")
    expect(answer.status == 200, "200 with documents", answer)
    found = {(one["collection"], one["key"]): one["body"] for one in answer.get("changes", [])}
    expect_equal(person.customer_id, found.get(("alias", alias)), "the alias document")
    expect(("customer", person.customer_id) in found, f"the document customer/{person.customer_id}", sorted(found))
    feed = bench.feed("b" if "b" in bench.tills else "a")
    feed.catch_up()
    expect_equal(
        feed.documents[("customer", person.customer_id)], found["customer", person.customer_id], "as in the feed:"
    )
    expect_equal((till.epoch, till.taken), (answer.get("epoch"), answer.get("reflects")), "epoch and reflects")
    stranger = till.post("lookup", LookupWanted(aliases=(secrets.token_hex(16),)))
    expect(stranger.status == 200, "200 for nobody", stranger)
    expect(not stranger.get("changes", []), "no changes for nobody", stranger)


def _person(bench: Bench, purpose: str) -> Person:
    """A person of this run, made now if need be, also when the operator named a member for the rest."""
    if purpose not in bench.people:
        bench.invented(purpose)
    return bench.people[purpose]
