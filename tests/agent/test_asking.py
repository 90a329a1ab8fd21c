"""Asking the centre for whom the till does not know: never on the till thread, never for the wrong receipt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec import Raw

from agent import asking
from agent.checkout.customers.guests import GUESTS_MAX, KEPT, keep_guest
from agent.checkout.records import Guest, read_all
from agent.snapshot import LinkState, Screen
from agent.till import Till
from agent.till_loop import LinkChanged
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Change, LookupAnswer, LookupWanted
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.events import CodeScanned
from offline_queue.replica import ReplicaWriter
from tests.agent.test_till import WAIT_S, Watch, first

CARD = "2900000000032"  # nobody's here
OTHER = "2900000000049"
GUEST = Customer(id="m-9", name="Guest G.", lots=(PointsLot(id="a", unit="bonus", amount=70),))


def told(wanted: LookupWanted, rig: Any, *, customer: Customer = GUEST, reflects: int = 0) -> LookupAnswer:
    changes = [
        Change(collection=collection, key=key, version=9, body=Raw(codec.encode(body)))
        for collection, key, body in (
            *(("alias", name, customer.id) for name in wanted.aliases),
            ("customer", customer.id, customer),
        )
    ]
    return LookupAnswer(epoch=1, reflects=reflects, server_time=rig.clock.now(), changes=tuple(changes))


@dataclass
class Line:
    """The centre at the other end; `answer` may wait, fail, or know nobody."""

    rig: Any
    answer: Callable[[LookupWanted], LookupAnswer | None] = lambda wanted: None
    asked: list[LookupWanted] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def __call__(self, wanted: LookupWanted) -> LookupAnswer | None:
        self.asked.append(wanted)
        self.threads.add(threading.current_thread().name)
        return self.answer(wanted)


@dataclass
class Held:
    """A question that waits for the test."""

    begun: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


def hold_up(line: Line, answer: Callable[[LookupWanted], LookupAnswer | None]) -> Held:
    """The centre thinks until it is released."""
    held = Held()

    def slow(wanted: LookupWanted) -> LookupAnswer | None:
        held.begun.set()
        assert held.release.wait(WAIT_S)
        return answer(wanted)

    line.answer = slow
    return held


def wait_for_guest(till: Till) -> None:
    """Until the till thread has taken the centre's answer."""
    pause = threading.Event()
    while not till.run_on_till(lambda desk: bool(read_all(desk.store, "guest", Guest)), timeout_s=WAIT_S):
        pause.wait(0.005)


@pytest.fixture
def line(rig: Any) -> Line:
    return Line(rig)


@pytest.fixture
def till(rig: Any, line: Line) -> Iterator[Till]:
    """A running till with a line."""
    rig.desk.close()
    till = Till(rig.open, ask_hold=lambda _: None, ask_lookup=line, first=first())
    assert "" == till.start(WAIT_S)
    till.emit(LinkChanged(LinkState.ONLINE))
    till.run_on_till(lambda desk: None, timeout_s=WAIT_S)
    yield till
    till.stop(WAIT_S)
    rig.open()


def scanned(code: str) -> CodeScanned:
    return CodeScanned(device="scanner", code=code, symbology="]E0")


def test_whom_the_till_does_not_know_the_centre_names(till: Till, line: Line, rig: Any) -> None:
    """Found with balance; asked once; the second time it is known here, also without a line."""
    line.answer = lambda wanted: told(wanted, rig)
    answer = till.identify(contract.IdentifyRequest(code=CARD, presented=True), timeout_s=WAIT_S)
    till.emit(LinkChanged(LinkState.OFFLINE))
    again = till.panel_identify(CARD, presented=True, timeout_s=WAIT_S)

    assert contract.IdentifyState.FOUND is answer.state
    assert [70] == [one.available for one in answer.balances]
    assert (Screen.FOUND, "m-9") == (again.screen, again.customer.id if again.customer else "")
    assert 1 == len(line.asked)
    assert "till" not in line.threads


@pytest.mark.parametrize("code", ["2900000000018", "4600000000015", "hello"])
def test_nobody_is_asked_for_who_is_known_or_no_customer(till: Till, line: Line, code: str) -> None:
    """A member, goods, and nonsense."""
    till.panel_identify(code, presented=True, timeout_s=WAIT_S)

    assert [] == line.asked


def test_without_a_line_nobody_is_asked(till: Till, line: Line) -> None:
    """As it always was."""
    till.emit(LinkChanged(LinkState.OFFLINE))
    shown = till.panel_identify(CARD, presented=True, timeout_s=WAIT_S)

    assert (Screen.NOT_FOUND, []) == (shown.screen, line.asked)


def test_a_scan_asks_beside_the_till_thread(till: Till, line: Line, rig: Any) -> None:
    """While the centre thinks the till obeys; NOT_FOUND is not shown before it has spoken; slowness is told."""
    answered = hold_up(line, lambda wanted: told(wanted, rig))
    watch = Watch(till)
    till.emit(scanned(CARD))
    assert answered.begun.wait(WAIT_S)
    waiting = watch.until(lambda one: one.notice == "Asking the centre about the card")
    assert [] == till.run_on_till(lambda desk: [], timeout_s=WAIT_S)
    answered.release.set()
    shown = watch.until(lambda one: one.screen is Screen.FOUND)

    assert Screen.IDLE is waiting.screen
    assert ("m-9", "") == (shown.customer.id if shown.customer else "", shown.notice)
    assert Screen.NOT_FOUND not in {one.screen for one in watch.seen}
    assert {"lookup"} == line.threads


def test_an_answer_that_comes_too_late_attaches_nobody(till: Till, line: Line, rig: Any) -> None:
    """Meanwhile the next customer's card was shown; whom the centre named is known the next time."""
    answered = hold_up(line, lambda wanted: told(wanted, rig))
    till.emit(scanned(CARD))
    assert answered.begun.wait(WAIT_S)
    till.panel_identify("2900000000018", presented=True, timeout_s=WAIT_S)
    answered.release.set()
    wait_for_guest(till)

    assert "m-1" == till.run_on_till(lambda desk: desk.current.customer_id, timeout_s=WAIT_S)
    assert 1 == len(line.asked)
    assert contract.IdentifyState.FOUND is till.identify(contract.IdentifyRequest(code=CARD), timeout_s=WAIT_S).state


def test_a_receipt_that_was_closed_meanwhile_is_nobodys(till: Till, line: Line, rig: Any) -> None:
    """The card of the one before must not earn on the next one's receipt."""
    answered = hold_up(line, lambda wanted: told(wanted, rig))
    till.emit(scanned(CARD))
    assert answered.begun.wait(WAIT_S)
    till.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "10", "0")), timeout_s=WAIT_S)
    answered.release.set()
    wait_for_guest(till)

    assert till.run_on_till(lambda desk: desk.current is None or desk.current.customer_id is None, timeout_s=WAIT_S)


def test_too_many_at_once_are_not_found_as_without_a_line(till: Till, line: Line) -> None:
    """The queue of questions has an end, and the till thread waits for none of them."""
    answered = hold_up(line, lambda wanted: None)
    watch = Watch(till)
    till.emit(scanned(CARD))
    assert answered.begun.wait(WAIT_S)
    for number in range(asking.WAITING_MAX + 1):
        till.emit(scanned(f"TP1:CARD-{number:02}"))
    shown = watch.until(lambda one: one.screen is Screen.NOT_FOUND)
    answered.release.set()

    assert shown.mask


def test_a_centre_that_breaks_is_a_centre_that_knows_nobody(till: Till, line: Line) -> None:
    """A fault on the asking thread ends in an answer."""

    def broken(wanted: LookupWanted) -> LookupAnswer | None:
        raise ZeroDivisionError

    line.answer = broken
    watch = Watch(till)
    till.emit(scanned(CARD))

    assert watch.until(lambda one: one.screen is Screen.NOT_FOUND).mask


# ── Guests ──────────────────────────────────────────────────────────────────────────────────────


def online(rig: Any) -> Any:
    rig.desk.link_changed(LinkState.ONLINE, "")
    return rig.desk


def meet(rig: Any, code: str = CARD, **more: Any) -> contract.IdentifyAnswer | None:
    asked = online(rig).identify_or_want(contract.IdentifyRequest(code=code, presented=True))
    return rig.desk.identify_asked(asked, told(asked.wanted, rig, **more), is_awaited=True)


def test_what_a_guest_bought_here_counts_until_the_centre_tells_it(rig: Any) -> None:
    """Points earned on this till are there at once; an answer that contains them does not add them twice."""
    meet(rig)
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0")), source="api")
    earned = rig.desk.known("m-9").balances(rig.clock.now())[0].available
    more = Customer(id="m-9", lots=(PointsLot(id="a", unit="bonus", amount=80),))
    keep_guest(rig.desk, told(LookupWanted(aliases=("ab" * 16,)), rig, customer=more, reflects=1))

    assert 80 == earned
    assert 80 == rig.desk.known("m-9").balances(rig.clock.now())[0].available


def test_the_replicas_word_goes_before_and_ends_the_guest(rig: Any) -> None:
    """As soon as the feed has brought the documents."""
    meet(rig)
    newer = Customer(id="m-9", name="From the feed")
    name = read_all(rig.desk.store, "guest", Guest)[0][1].aliases[0]
    with ReplicaWriter.open(rig.folder / "replica.db") as writer:
        writer.apply(
            cursor="9",
            reflects=0,
            epoch=1,
            changes=[("customer", "m-9", 9, codec.encode(newer)), ("alias", name, 9, codec.encode("m-9"))],
            stored_at=rig.clock.now().isoformat(),
        )
    before = rig.desk.known("m-9").customer.name
    rig.desk.replica_changed()

    assert "From the feed" == before
    assert [] == read_all(rig.desk.store, "guest", Guest)
    assert rig.desk.store.get("guest_alias", name) is None
    assert contract.IdentifyState.FOUND is rig.desk.identify(contract.IdentifyRequest(code=CARD)).state


def test_a_guest_survives_a_restart_and_is_forgotten_in_time(rig: Any) -> None:
    """It is on disk; after a week without the feed's word it is gone."""
    meet(rig)
    rig.desk.close()
    rig.open()
    kept = rig.desk.identify(contract.IdentifyRequest(code=CARD)).state
    rig.clock.forward(seconds=KEPT.total_seconds() + 1)
    rig.desk.tick()
    gone = rig.desk.identify(contract.IdentifyRequest(code=CARD)).state

    assert (contract.IdentifyState.FOUND, contract.IdentifyState.NOT_FOUND) == (kept, gone)


def test_guests_have_an_end(rig: Any) -> None:
    """The oldest goes."""
    for number in range(GUESTS_MAX + 2):
        rig.clock.forward(seconds=1)
        wanted = LookupWanted(aliases=(f"{number:032x}",))
        keep_guest(rig.desk, told(wanted, rig, customer=Customer(id=f"g-{number}")))
    rig.desk.replica_changed()
    left = {key for key, _ in read_all(rig.desk.store, "guest", Guest)}

    assert GUESTS_MAX == len(left)
    assert not {"g-0", "g-1"} & left
