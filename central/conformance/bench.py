"""What the checks of one run share: the server, the suite's tills and people, and what must be undone at the end."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from central.conformance.contract import Contract
from central.conformance.feed import Feed
from central.conformance.goods import Person, new_person, returned, sold
from central.conformance.outcome import Failed, Skipped, expect
from central.conformance.till import MACHINE, Till
from central.conformance.wanted import Wanted
from central.conformance.wire import Answer, NoAnswer, Wire
from drivers.vocabulary import codec, proof
from drivers.vocabulary.centre import EnrolAnswer, EnrolRequest, HoldWanted
from drivers.vocabulary.facts import HoldReleased, LeasesClosed, ReceiptConfirmed

__all__ = ["Bench"]

HOLD_TTL_S: Final = 600
PHONES_TRIED: Final = 3


@dataclass(slots=True, kw_only=True)
class Bench:
    """One run.

    Attributes:
        ours: the contract as this Tillpoint knows it.
        theirs: the contract as the server publishes it, or None.
        progress: told what is being done inside a check that takes long.
        faults: answers that are not what a contract says: (where, words).
        clock: every moment the server told, in the order of the answers.
        sales: what has had an effect and was not undone, with the till that told it.
        holds: receipts for which something may still be held.
        left: what stays on the server, in words.
    """

    wire: Wire
    wanted: Wanted
    ours: Contract
    theirs: Contract | None = None
    progress: Callable[[str], None] = lambda words: None  # noqa: ARG005 - named for the reader
    tills: dict[str, Till] = field(default_factory=dict)
    feeds: dict[str, Feed] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    began_with: dict[str, int] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)
    answers: int = 0
    clock: list[str] = field(default_factory=list)
    sales: list[tuple[Till, ReceiptConfirmed]] = field(default_factory=list)
    holds: list[tuple[Till, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    watched: set[str] = field(default_factory=set)
    private: list[str] = field(default_factory=list)

    def watch(self, method: str, path: str, answer: Answer) -> None:
        """Judge an answer by its form, whatever the check that asked makes of it."""
        promised = self.ours.statuses(method, path)
        # A route that is not there is for the check that needs it to judge.
        if promised is not None and (answer.status != 404 or "404" in promised):
            self.answers += 1
            for name, contract in (("the contract", self.ours), ("its own /openapi.json", self.theirs)):
                found = contract.faults(method, path, answer.status, answer.value) if contract is not None else []
                self.faults += [(f"{method} {path} answered {answer.status}", f"{fault} ({name})") for fault in found]
        moment = answer.get("server_time")
        if isinstance(moment, str):
            self.clock.append(moment)

    # ── Tills ───────────────────────────────────────────────────────────────────────────────────

    @property
    def a(self) -> Till:
        """The till that does most of the work."""
        return self.till("a")

    @property
    def b(self) -> Till:
        """The till beside it."""
        return self.till("b")

    def till(self, name: str) -> Till:
        """One of the suite's tills.

        Raises:
            Skipped: it has no code, or could not be enrolled.
        """
        if name not in self.tills:
            place = "abc".index(name)
            if place >= len(self.wanted.codes):
                raise Skipped(f"needs {place + 1} tills: give --code {place + 1} times, or --database")
            raise Skipped(f"till {place + 1} could not be enrolled")
        return self.tills[name]

    def enrol(self, code: str, *, seed: str, machine: str = MACHINE) -> Answer:
        """Ask for an identity."""
        request = EnrolRequest(code=code, machine=machine, public_key=proof.public_key(seed))
        headers = {"Content-Type": "application/json"}
        return self.wire.ask("POST", "/v1/enrol", body=codec.encode(request), headers=headers)

    def take_identity(self, name: str, answer: Answer, seed: str) -> Till:
        """Make a till of an answer to `enrol`.

        Raises:
            Failed: a till could not use this identity.
        """
        expect(answer.status == 200, "200 with an identity", answer)
        try:
            identity = codec.decode(answer.body, EnrolAnswer)
        except codec.WireError as error:
            raise Failed("an identity that tills can read", str(error)) from None
        till = Till(wire=self.wire, identity=identity, seed=seed, token=identity.token)
        self.tills[name] = till
        return till

    def feed(self, name: str) -> Feed:
        """What a till hears, from the beginning of this run on."""
        if name not in self.feeds:
            feed = Feed(till=self.till(name), watched=self.watched, private=self.private)
            feed.begin(lambda pages: self.progress(f"reading the changes, page {pages + 1}"))
            self.feeds[name] = feed
        return self.feeds[name]

    # ── People ──────────────────────────────────────────────────────────────────────────────────

    @property
    def unit(self) -> str:
        """The points the checks move."""
        return self.wanted.unit

    def customer(self, purpose: str, *, points: int = 0) -> str:
        """A customer for some checks, with so many points more: the named one, or somebody who does not exist.

        Raises:
            Skipped: there can be none.
        """
        name = self._named() or self.invented(purpose)
        feed = self.feed("a")
        feed.catch_up()
        if name not in self.began_with:
            self.left.append(f"receipts of customer {name}, all of them returned")
        self.began_with.setdefault(name, feed.balance(name, self.unit))
        if points:
            self.sell(self.a, name, earn=points)
            feed.catch_up()
        return name

    def _named(self) -> str:
        if self.wanted.customer:
            return self.wanted.customer
        if self.wanted.member:
            owner = self.feed("a").documents.get(("alias", self.notes["alias"]))
            if not isinstance(owner, str):
                raise Skipped("no customer of this server has the phone or card of --member")
            if owner not in self.watched:
                self.watched.add(owner)
                self.feeds.clear()  # what was said of this customer before went by unheard: read all again
            return owner
        return ""

    def invented(self, purpose: str) -> str:
        """Somebody who does not exist, made a customer at the first till; the same for the same purpose."""
        if purpose not in self.people:
            self.people[purpose] = self._joined()
            self.began_with[self.people[purpose].customer_id] = 0
        return self.people[purpose].customer_id

    def _joined(self) -> Person:
        """Somebody new, whose phone is nobody's.

        Raises:
            Skipped: the server takes no newcomers, or every invented phone belongs to somebody.
        """
        till, feed = self.a, self.feed("a")
        if not till.identity.centre_key:
            raise Skipped("the server takes no newcomers (centre_key is empty): name a member with --customer")
        for _ in range(PHONES_TRIED):
            person = new_person(self.wanted.phone_like)
            self.expect_of(person)
            verdict = till.settle(person.enrolled(till))[-1]
            expect(verdict.get("state") == "applied", "a newcomer is applied", verdict)
            feed.catch_up()
            owner = feed.owner(person.customer_id)
            if owner == person.customer_id:
                return person
            self.left.append(
                f"customer {owner} was named {person.customer_id} too, and one consent: the phone is theirs"
            )
        raise Skipped("every phone that was invented belongs to somebody: give another --phone-like")

    def reports(self, till: Till) -> None:
        """Remember that this till reported leases: a server that is restored later waits for such tills."""
        self.left.append(
            f"till {till.name} has reported leases: if this server is ever restored from a back-up, let go of the till "
            f"(with ours: tillpoint central leases release {till.name} --i-take-the-risk)"
        )

    def expect_of(self, person: Person) -> None:
        """Listen for what becomes of a person, and for what nobody may be told."""
        self.watched |= {person.customer_id, person.alias(self.a)}
        self.private += [person.phone.removeprefix("+"), person.surname]

    # ── What checks do often ────────────────────────────────────────────────────────────────────

    def sell(self, till: Till, customer: str | None, **more: Any) -> ReceiptConfirmed:
        """A sale that is told and taken; it is undone at the end of the run.

        Raises:
            Failed: the server did not apply it.
        """
        sale = sold(customer, currency=till.identity.currency, unit=self.unit, **more)
        self.tell(till, sale)
        return sale

    def tell(self, till: Till, sale: ReceiptConfirmed) -> None:
        """Send one sale, expect that it is applied, and remember to undo it."""
        verdict = till.settle(sale)[-1]
        expect(verdict.get("state") == "applied", "the sale is applied", verdict)
        self.sales.append((till, sale))

    def balance(self, customer: str, *, of: str = "a") -> int:
        """What a till that has read everything believes."""
        feed = self.feed(of)
        feed.catch_up()
        return feed.balance(customer, self.unit)

    def hold(self, till: Till, customer: str, points: int, *, uid: str, ttl_s: int = HOLD_TTL_S) -> Answer:
        """Ask for a hold.

        Raises:
            Skipped: the server promises nothing now.
        """
        wanted = HoldWanted(receipt_uid=uid, customer_id=customer, unit=self.unit, points=points, ttl_s=ttl_s)
        self.holds.append((till, uid))
        answer = till.post("holds", wanted)
        if answer.get("reason") == "restoring":
            raise Skipped("the server was restored from a back-up, and promises nothing until its tills have reported")
        return answer

    def may_hold(self, till: Till, customer: str, points: int) -> bool:
        """Whether so many points are free for a till; what is granted is given back at once."""
        uid = f"conformance-{secrets.token_hex(8)}"
        grant = self.hold(till, customer, points, uid=uid)
        expect(grant.status == 200, "200 with a grant", grant)
        granted = grant.get("points")
        expect(granted in {0, points}, f"all {points} points or none", grant)
        if granted:
            till.settle(HoldReleased(receipt_uid=uid, hold=str(grant.get("id"))))
        return bool(granted)

    def expect_free(self, till: Till, customer: str, points: int, why: Mapping[str, int]) -> None:
        """Fail unless just so many points are free for a till."""
        sums = ", ".join(f"{name} {amount}" for name, amount in why.items())
        if points > 0:
            expect(self.may_hold(till, customer, points), f"{points} points free for till {till.name} ({sums})", "less")
        expect(
            not self.may_hold(till, customer, points + 1), f"{points} points free for till {till.name} ({sums})", "more"
        )

    def undo(self) -> None:
        """Give back what is held and return what was sold, each at the till that told it; not where a till is spoiled.

        Raises:
            Failed: the server does not take it.
        """
        self.progress("giving back and returning")
        for till in self.tills.values():
            facts: list[Any] = [HoldReleased(receipt_uid=uid, hold="") for owner, uid in self.holds if owner is till]
            if till is self.tills.get("a") and self.notes.get("lease left"):
                facts.append(LeasesClosed(leases=(self.notes["lease"][1].lease.id,)))
            if facts and not till.spoiled:
                till.settle(*facts)
        self.holds.clear()
        # The last sale first: each return then finds the lots as its sale left them, and puts back just those.
        for till, run in groupby(reversed(self.sales), key=lambda one: one[0]):
            sales = [sale for _, sale in run]
            if not till.spoiled:
                till.settle(*(returned(sale) for sale in sales))
                self.sales = [one for one in self.sales if one[1] not in sales]

    def clean_up(self) -> list[str]:
        """Undo what a run that ended early, or failed, has left; what stays all the same, in words."""
        try:
            self.undo()
        except (Failed, Skipped, NoAnswer) as error:
            self.left.append(f"what could not be undone: {error}")
        if self.people:
            words = ", ".join(f"{one.customer_id} ({one.phone})" for one in self.people.values())
            self.left.append(f"{len(self.people)} customers nobody is, with phones nobody has: {words}")
        taken = sum(till.taken for till in self.tills.values())
        if taken:
            self.left.append(
                f"{taken} envelopes of these tills; each sale among them was returned, but for those named here"
            )
        if self.sales:
            words = ", ".join(f"{sale.receipt.uid} (till {till.name})" for till, sale in self.sales)
            self.left.append(f"sales that were not returned: {words}")
        return self.left
