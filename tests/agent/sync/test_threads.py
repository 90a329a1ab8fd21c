"""The loops, the uploader and the downloader, without a thread, a socket or a wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import Raw

from agent.snapshot import LinkState
from agent.sync import errors
from agent.sync.downloader import POLL_S, Downloader
from agent.sync.lease_turn import LeaseTurn
from agent.sync.link import Link
from agent.sync.loop import FAILED_S, SLOW_S, Done, Loop
from agent.sync.uploader import IDLE_S, Settlement, Uploader
from drivers.vocabulary.centre import Change, ChangesPage, Problem, VerdictState
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport, Place


@dataclass
class Outbox:
    """Envelopes on a list, with the mark the till's thread would move."""

    envelopes: list[Any]
    settled: int = 0
    pruned: int = 0
    settlements: list[Settlement] = field(default_factory=list)
    closed: int = 0
    resealed: list[str] = field(default_factory=list)
    lost: int | None = None

    def batch(self, *, envelopes_max: int, bytes_max: int) -> Sequence[Any]:
        found = self.envelopes[self.settled :][:2]
        is_cut = self.lost is not None and self.settled + 1 < self.lost
        return [one for one in found if not is_cut or one.sequence < (self.lost or 0)]

    def batch_from(self, *, epoch: int, sequence: int, envelopes_max: int, bytes_max: int) -> Sequence[Any]:
        return [] if sequence <= self.pruned else self.envelopes[sequence - 1 :][: min(2, envelopes_max)]

    def settle(self, settlement: Settlement) -> None:
        self.settlements.append(settlement)
        self.settled = max(self.settled, settlement.through)

    def lost_from(self, epoch: int) -> int | None:
        return self.lost

    def lose(self, epoch: int, sequence: int) -> None:
        assert self.lost is None or sequence < self.lost
        self.lost = sequence
        self.settled = min(self.settled, sequence - 1)

    def reseal(self, envelopes: Sequence[Any]) -> None:
        self.resealed += [one.id for one in envelopes]
        self.settled += len(envelopes)

    def close(self) -> None:
        self.closed += 1


@dataclass
class Script:
    """A client that does, call by call, what the test says."""

    acts: list[Any]
    seen: list[Any] = field(default_factory=list)

    def upload(self, envelopes: Sequence[Any]) -> Any:
        return self._next([one.sequence for one in envelopes], list(envelopes))

    def changes(self, cursor: str, wait_s: int) -> Any:
        return self._next((cursor, wait_s), None)

    def snapshot(self) -> Any:
        raise errors.refused(404, Problem(code="no_snapshot", message="none"))

    def _next(self, seen: Any, given: Any) -> Any:
        self.seen.append(seen)
        act = self.acts.pop(0)
        if isinstance(act, Exception):
            raise act
        return act(given) if callable(act) else act

    def abort(self) -> None: ...

    def close(self) -> None: ...


def problem(code: str, wanted: int | None = None) -> Exception:
    return errors.refused(409, Problem(code=code, message=f"{code} words", wanted=wanted))


def plain(script: Script, outbox: Outbox, **more: Any) -> Uploader:
    parts: dict[str, Any] = {"settle": outbox.settle, "epoch": 1, "lose": outbox.lose, "reseal": outbox.reseal}
    return Uploader(connect=lambda: script, open_source=lambda: outbox, **{**parts, **more})


def uploader(outbox: Outbox, acts: list[Any]) -> tuple[Uploader, Script]:
    script = Script(acts)
    made = plain(script, outbox)
    made.open()
    return made, script


class Life:
    """Runs a loop on this thread; each wait is written down, and the last one stops it."""

    def __init__(self, work: Any, *, waits: int) -> None:
        self.told: list[tuple[str, str]] = []
        self.waits: list[float] = []
        self._left = waits
        self.link = Link(lambda state, detail: self.told.append((state.value, detail)))
        self.loop = Loop(work, self.link, random=lambda: 1.0, waiter=self._wait)
        self.meanwhile: Callable[[], None] = lambda: None

    def run(self) -> Life:
        self.loop.run()
        return self

    def _wait(self, bell: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.meanwhile()
        if len(self.waits) >= self._left:
            self.loop.ask_stop()
        return bell.is_set()


def test_a_backlog_drains_batch_by_batch_without_a_wait(sync: Any) -> None:
    """Only the empty outbox is waited at."""
    outbox = Outbox(sync.chain(5))
    script = Script([sync.answer] * 3)
    life = Life(
        plain(script, outbox),
        waits=1,
    ).run()

    assert [[1, 2], [3, 4], [5]] == script.seen
    assert [IDLE_S] == life.waits
    assert [("online", "")] == life.told
    assert 1 == outbox.closed


def test_refusals_travel_to_the_shelf_with_their_reasons(sync: Any) -> None:
    """A refused envelope is settled like the others."""
    outbox = Outbox(sync.chain(2))
    step, _ = uploader(outbox, [lambda sent: sync.answer(sent, state=VerdictState.REFUSED)])
    step.step()

    assert [
        Settlement(epoch=1, through=2, refused={1: "the centre gave no reason", 2: "the centre gave no reason"})
    ] == (outbox.settlements)


def test_a_lost_answer_is_asked_for_again_with_the_same_envelopes(sync: Any) -> None:
    """The centre calls them duplicates; nothing is settled before."""
    outbox = Outbox(sync.chain(2))
    script = Script([errors.CentreUnavailable("cut"), lambda sent: sync.answer(sent, state=VerdictState.DUPLICATE)])
    life = Life(
        plain(script, outbox),
        waits=2,
    ).run()

    assert [[1, 2], [1, 2]] == script.seen
    assert [("offline", "cut"), ("online", "")] == life.told
    assert [1.0, IDLE_S] == life.waits
    assert 2 == outbox.settled


def test_an_outage_is_told_once_and_backed_off_from(sync: Any) -> None:
    """A storm of 500s is one transition; the waits grow."""
    outbox = Outbox(sync.chain(1))
    script = Script([errors.CentreUnavailable(f"500 no. {n}") for n in range(5)])
    life = Life(
        plain(script, outbox),
        waits=5,
    ).run()

    assert [1.0, 2.0, 4.0, 8.0, 16.0] == life.waits
    assert [("offline", "500 no. 0")] == life.told


def test_the_back_off_starts_anew_after_an_answer(sync: Any) -> None:
    """A second outage is not punished for the first."""
    outbox = Outbox(sync.chain(4))
    away = errors.CentreUnavailable("away")
    script = Script([away, away, sync.answer, away, sync.answer])
    life = Life(
        plain(script, outbox),
        waits=4,
    ).run()

    assert [1.0, 2.0, 1.0, IDLE_S] == life.waits


def test_a_line_that_comes_back_ends_the_back_off_but_a_commit_does_not(sync: Any) -> None:
    """The bell of new work is not the bell of the line; a wish of the centre is kept against both."""
    bells: list[tuple[bool, bool]] = []
    outbox = Outbox(sync.chain(1))
    script = Script([errors.CentreUnavailable("away"), errors.CentreUnavailable("busy", retry_after_s=5), sync.answer])
    life = Life(
        plain(script, outbox),
        waits=3,
    )

    def wait(bell: threading.Event, seconds: float) -> bool:
        life.loop.wake()
        by_work = bell.is_set()
        life.link.down("download", "away")
        life.link.up("download")
        bells.append((by_work, bell.is_set()))
        return life._wait(bell, seconds)

    life.loop._waiter = wait
    life.run()

    assert [(False, True), (False, False), (True, True)] == bells
    assert [1.0, 7.0, IDLE_S] == life.waits


def test_a_gap_is_sent_again_from_where_the_centre_wants(sync: Any) -> None:
    """The centre was restored from a back-up; what it lost is still on the till's disk."""
    outbox = Outbox(sync.chain(7), settled=6)
    step, script = uploader(outbox, [problem("gap", 3), *[sync.answer] * 4])
    for _ in range(5):
        step.step()

    assert [[7], [3, 4], [5, 6], [7]] == script.seen
    assert 7 == outbox.settled
    assert [4, 6, 7] == [one.through for one in outbox.settlements]


@pytest.mark.parametrize("wanted", [2, 9])
def test_a_gap_that_cannot_be_filled_is_a_sentence_and_a_slow_retry(sync: Any, wanted: int) -> None:
    """What was pruned cannot be sent again; a person must decide."""
    outbox = Outbox(sync.chain(7), settled=6, pruned=4)
    script = Script([problem("gap", wanted)])
    life = Life(
        plain(script, outbox),
        waits=1,
    ).run()

    assert [SLOW_S] == life.waits
    assert f"the centre wants envelope {wanted}" in life.told[0][1]
    assert 6 == outbox.settled


def test_after_a_new_enrolment_a_forked_epoch_is_sealed_again(sync: Any) -> None:
    """Nothing waits for ever under numbers the centre will never take."""
    outbox = Outbox(sync.chain(3))
    script = Script([problem("fork"), problem("fork")])  # the two of the first batch, then the first of them alone
    step = plain(script, outbox, epoch=2)
    step.open()
    for _ in range(3):
        step.step()

    assert ["1-1", "1-2", "1-3"] == outbox.resealed


@pytest.mark.parametrize(("code", "words"), [("fork", "fork words"), ("unauthorised", "tillpoint enrol URL CODE")])
def test_a_fork_or_a_bad_token_stops_the_upload_with_a_sentence(sync: Any, code: str, words: str) -> None:
    """Tried again slowly; the answer after it was mended says that all is well."""
    outbox = Outbox(sync.chain(1))
    script = Script([problem(code), problem(code), sync.answer])
    life = Life(
        plain(script, outbox),
        waits=3,
    ).run()

    assert [SLOW_S, SLOW_S, IDLE_S] == life.waits
    assert ["offline", "online"] == [state for state, _ in life.told]
    assert words in life.told[0][1]


def test_a_settlement_that_fails_is_a_state_and_another_try(sync: Any) -> None:
    """The till's disk is full: nothing is settled, the parts are opened again, the same is sent again."""
    outbox = Outbox(sync.chain(1))
    tries: list[int] = []

    def settle(settlement: Settlement) -> None:
        tries.append(settlement.through)
        if len(tries) == 1:
            raise OSError("disk full")
        outbox.settle(settlement)

    script = Script([sync.answer, lambda sent: sync.answer(sent, state=VerdictState.DUPLICATE)])
    life = Life(
        plain(script, outbox, settle=settle),
        waits=2,
    ).run()

    assert [FAILED_S, IDLE_S] == life.waits
    assert [("offline", "the sync (upload) failed: disk full"), ("online", "")] == life.told
    assert 1 == outbox.settled


@dataclass
class Copy:
    """A replica that remembers what it was given."""

    place: str = ""
    pages: list[ChangesPage] = field(default_factory=list)
    resets: int = 0

    def cursor(self) -> str:
        return self.place

    def apply(self, page: ChangesPage) -> None:
        self.pages.append(page)
        self.place = page.cursor

    def reset(self) -> None:
        self.resets += 1
        self.place = ""

    def build_is_begun(self) -> bool:
        return False

    def build(self) -> Any:
        return SimpleNamespace(cursor=lambda: "", place=lambda: None, abandon=lambda: None, close=lambda: None)

    def close(self) -> None: ...


def page(sync: Any, cursor: str, *names: str, more: bool = False) -> ChangesPage:
    changes = tuple(Change(collection="customer", key=name, version=1, body=Raw(b"{}")) for name in names)
    return ChangesPage(cursor=cursor, epoch=1, reflects=0, more=more, server_time=sync.NOON, changes=changes)


def downloader(copy: Copy, script: Script, news: list[int], seconds: list[float]) -> Downloader:
    return Downloader(
        connect=lambda: script,
        open_replica=lambda: copy,
        changed=lambda: news.append(len(copy.pages)),
        loading=lambda done, of: None,
        monotonic=lambda: seconds.pop(0),
    )


def test_the_replica_is_fetched_page_by_page_and_then_waited_for(sync: Any) -> None:
    """The first question does not wait, so that the link is known at once."""
    copy, news = Copy(), []
    acts = [page(sync, "1", "anna", more=True), page(sync, "2", "boris"), page(sync, "2"), page(sync, "2")]
    script = Script(acts)
    life = Life(downloader(copy, script, news, [0.0, 0.0, 0.0, 25.0, 50.0, 50.0]), waits=1).run()

    assert [("", 0), ("1", 25), ("2", 25), ("2", 25)] == script.seen
    assert [0, 1, 2] == news
    assert [POLL_S] == life.waits
    assert [("online", "")] == life.told


def test_an_unknown_cursor_forgets_the_replica(sync: Any) -> None:
    """The centre was restored: everything is fetched again."""
    copy, news = Copy(place="old"), []
    gone = errors.refused(410, Problem(code="cursor_unknown", message="gone"))
    script = Script([gone, page(sync, "1", "anna")])
    work = downloader(copy, script, news, [0.0] * 9)
    work.open()

    assert [Done(pause_s=0, answered=True)] * 3 == [work.step(), work.step(), work.step()]
    assert [("old", 0), ("", 0)] == script.seen
    assert (1, "1", [0, 1]) == (copy.resets, copy.place, news)


def test_a_centre_that_does_not_know_its_own_beginning_is_unavailable(sync: Any) -> None:
    """No hot loop of forgetting."""
    script = Script([errors.refused(410, Problem(code="cursor_unknown", message="gone"))])
    work = downloader(Copy(), script, [], [0.0])
    work.open()
    work.step()

    with pytest.raises(errors.CentreUnavailable):
        work.step()


def test_the_link_is_down_while_any_part_is(sync: Any) -> None:
    """Uploads fail, downloads answer: that is not online, and it is told once."""
    told: list[tuple[str, str]] = []
    woken: list[str] = []
    link = Link(lambda state, detail: told.append((state.value, detail)))
    link.when_up(lambda: woken.append("up"))

    assert LinkState.UNKNOWN is link.state
    link.up("download")
    link.down("upload", "500")
    link.up("download")
    link.down("upload", "502")
    link.up("upload")
    link.trouble("upload", "enrol again")
    link.up("download")
    link.trouble("upload", "a fork")
    link.up("upload")

    assert [
        ("online", ""),
        ("offline", "500"),
        ("online", ""),
        ("offline", "enrol again"),
        ("offline", "a fork"),
        ("online", ""),
    ] == told
    assert ["up"] == woken


@dataclass
class LeasingScript(Script):
    """One that also says from where to send again."""

    send_from: list[Place | None] = field(default_factory=list)

    def leases(self, report: LeaseReport) -> LeaseAnswer:
        noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
        return LeaseAnswer(leases=(), recalled=(), server_time=noon, send_from=self.send_from.pop(0))


def test_what_forks_when_it_is_sent_again_is_sealed_again_once(sync: Any) -> None:
    """The centre was restored and wants the epoch before the present one; it knows another history of it."""
    outbox = Outbox(sync.chain(3), settled=3)
    fork = errors.refused(409, Problem(code="fork", message="two histories"))
    place = Place(epoch=1, sequence=1)
    script = LeasingScript([fork, fork], send_from=[place, None])
    minutes = iter(range(0, 6_000, 60))
    work = plain(
        script,
        outbox,
        epoch=2,
        leases=LeaseTurn(
            report=lambda: LeaseReport(acknowledged=place, last=place),
            keep=lambda answer: None,
            monotonic=lambda: float(next(minutes)),
        ),
    )
    work.open()
    for _ in range(5):
        work.step()

    assert [[1, 2], [1]] == script.seen
    assert ["1-1", "1-2", "1-3"] == outbox.resealed
    assert [] == script.send_from
