"""A confirm that stands alone and names somebody only the centre knows: theirs at once, or when the line is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from agent.checkout.customers import naming_later
from agent.checkout.records import Closed, Unnamed, read, read_all, write
from agent.snapshot import LinkState
from agent.till import Till
from agent.till_loop import LinkChanged
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.centre import LookupAnswer
from offline_queue.envelope import Envelope
from tests.agent.test_asking import CARD, OTHER, Line, hold_up, line, till, told
from tests.agent.test_till import WAIT_S

__all__ = ["line", "till"]

KNOWN = "2900000000018"


def confirm(till: Till, rig: Any, uid: str, code: str = CARD, timeout_s: float = WAIT_S) -> contract.ConfirmAnswer:
    return till.confirm(contract.ConfirmRequest(receipt=rig.paid(uid, "10", "0"), code=code), timeout_s=timeout_s)


def of(till: Till, what: Callable[[Any], Any]) -> Any:
    return till.run_on_till(what, timeout_s=WAIT_S)


def waiting(till: Till) -> list[str]:
    return of(till, lambda desk: [uid for uid, _ in read_all(desk.store, "unnamed", Unnamed)])


def owner(till: Till, uid: str) -> str | None:
    closed = of(till, lambda desk: read(desk.store, "closed", uid, Closed))
    assert closed is not None
    customer: str | None = closed.customer_id
    return customer


def kinds(till: Till, uid: str) -> list[str]:
    found: list[Envelope] = of(till, lambda desk: desk.store.by_mark(f"receipt:{uid}"))
    return [one.kind for one in reversed(found)]


def until(is_so: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < ends_s
        time.sleep(0.005)


def test_the_centre_is_asked_before_the_receipt_closes(till: Till, line: Line, rig: Any) -> None:
    """It earns for them in the same answer, and a repetition asks nobody."""
    line.answer = lambda wanted: told(wanted, rig)
    answers = [confirm(till, rig, "r-1") for _ in range(3)]

    assert ["m-9"] * 3 == [one.customer_id for one in answers]
    assert [False, True, True] == [one.duplicate for one in answers]
    assert 1 == len(line.asked)
    assert ["receipt.confirmed"] == kinds(till, "r-1")
    assert [] == waiting(till)


def test_nobody_is_asked_for_who_is_known_here_or_named_by_id(till: Till, line: Line, rig: Any) -> None:
    known = confirm(till, rig, "r-1", KNOWN)
    goods = confirm(till, rig, "r-2", "4600000000015")
    named = contract.ConfirmRequest(receipt=rig.paid("r-3", "10", "0"), customer_id="m-1", code=CARD)

    assert "m-1" == known.customer_id
    assert goods.customer_id is None
    assert "m-1" == till.confirm(named, timeout_s=WAIT_S).customer_id
    assert ([], []) == (line.asked, waiting(till))


def test_whom_the_centre_does_not_know_either_is_nobody_for_good(till: Till, line: Line, rig: Any) -> None:
    line.answer = lambda wanted: LookupAnswer(epoch=1, reflects=0, server_time=rig.clock.now())

    assert confirm(till, rig, "r-1").customer_id is None
    assert [] == waiting(till)


def test_a_centre_that_is_slow_costs_half_of_the_time_at_most(
    till: Till, line: Line, rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receipt is nobody's in the answer, in time, and theirs a moment later, however busy the till is."""
    monkeypatch.setattr("agent.till_loop.TICK_LATE_S", 0.1)
    held = hold_up(line, lambda wanted: told(wanted, rig))
    began_s = time.monotonic()
    answer = confirm(till, rig, "r-1", timeout_s=1.0)
    took_s = time.monotonic() - began_s
    held.release.set()
    until(lambda: owner(till, "r-1") == "m-9")

    assert answer.customer_id is None
    assert took_s < 1.0
    assert ["receipt.confirmed", "receipt.attached"] == kinds(till, "r-1")
    assert [] == waiting(till)


def test_what_was_closed_without_a_line_is_theirs_when_it_is_back(till: Till, line: Line, rig: Any) -> None:
    """Two receipts of one, one of a stranger; the line fails once more on the way."""
    till.emit(LinkChanged(LinkState.OFFLINE))
    for uid, code in (("r-1", CARD), ("r-2", OTHER), ("r-3", CARD)):
        assert confirm(till, rig, uid, code).customer_id is None
        rig.clock.forward(seconds=1)
    hashes = {
        name for uid, one in of(till, lambda desk: read_all(desk.store, "unnamed", Unnamed)) for name in one.aliases
    }
    nobody = LookupAnswer(epoch=1, reflects=0, server_time=rig.clock.now())
    card = of(till, lambda desk: read(desk.store, "unnamed", "r-1", Unnamed)).aliases
    line.answer = lambda wanted: told(wanted, rig) if wanted.aliases == card else nobody
    assert ["r-1", "r-2", "r-3"] == waiting(till)
    till.emit(LinkChanged(LinkState.ONLINE))
    until(lambda: waiting(till) == [])

    assert ["m-9", None, "m-9"] == [owner(till, uid) for uid in ("r-1", "r-2", "r-3")]
    assert ["receipt.confirmed", "receipt.attached"] == kinds(till, "r-1")
    assert ["receipt.confirmed"] == kinds(till, "r-2")
    assert CARD not in str(hashes)
    assert len(line.asked) == 3


def test_a_line_that_breaks_again_is_asked_again_after_a_while(till: Till, line: Line, rig: Any) -> None:
    till.emit(LinkChanged(LinkState.OFFLINE))
    confirm(till, rig, "r-1")
    till.emit(LinkChanged(LinkState.ONLINE))
    until(lambda: len(line.asked) == 1)
    till.emit(LinkChanged(LinkState.ONLINE))
    assert ["r-1"] == waiting(till)
    assert 1 == len(line.asked), "not at once"
    line.answer = lambda wanted: told(wanted, rig)
    rig.clock.forward(seconds=10)
    till.emit(LinkChanged(LinkState.ONLINE))
    until(lambda: waiting(till) == [])

    assert "m-9" == owner(till, "r-1")


def test_a_receipt_that_somebody_else_has_meanwhile_stays_theirs(till: Till, line: Line, rig: Any) -> None:
    """The customer came back with the receipt and another card."""
    till.emit(LinkChanged(LinkState.OFFLINE))
    confirm(till, rig, "r-1")
    till.attach(contract.AttachRequest(receipt="r-1", customer_id="m-1"), timeout_s=WAIT_S)
    line.answer = lambda wanted: told(wanted, rig)
    till.emit(LinkChanged(LinkState.ONLINE))
    until(lambda: waiting(till) == [])

    assert "m-1" == owner(till, "r-1")


def test_what_is_kept_has_an_end(rig: Any) -> None:
    """Of five hundred and one the oldest is nobody's for good, and so is what is older than a receipt may be given."""

    desk = rig.desk
    desk.link = LinkState.ONLINE
    with desk.store.transaction() as tx:
        for number in range(naming_later.KEPT_MAX + 1):
            write(tx, "unnamed", f"r-{number:04}", Unnamed(aliases=("ab" * 32,), at=rig.clock.now()))
            rig.clock.forward(seconds=0.001)
    first = desk.want_late()
    assert first is not None
    kept = [uid for uid, _ in read_all(desk.store, "unnamed", Unnamed)]
    rig.clock.forward(seconds=desk.rules.attach_within.total_seconds() + 60)

    assert ("r-0001", naming_later.KEPT_MAX) == (first.receipt_uid, len(kept))
    assert desk.want_late() is None
    assert [] == read_all(desk.store, "unnamed", Unnamed)
