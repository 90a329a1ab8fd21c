"""A release on its way through rings, with real tills' requests: offered, healthy, failed, stopped, gone on with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from central.errors import CentralStartError
from central.releases import arranging, register
from central.releases.gates import pass_gates
from central.releases.progress import progress
from central.releases.trail import acts_of
from drivers.vocabulary import codec
from drivers.vocabulary.release import open_release
from drivers.vocabulary.updates import TryOutcome, UpdateState
from tests.central.releases.desk import BY, CheckingTill, Publisher

pytestmark = pytest.mark.net
Tills = Callable[[str], CheckingTill]


@pytest.fixture
def rolling(publisher: Publisher, clock: Any, till: Tills) -> dict[str, CheckingTill]:
    """1.1.0 started; ring pilot has p1 and p2, ring all has a1; the gate wants one till for an hour and no failure."""
    tills = {name: till(name) for name in ("p1", "p2", "a1")}
    publisher.ring("pilot", healthy_min=1, soak_minutes=60, failures_max=0)
    publisher.ring("all", failures_max=0)
    with publisher.database.write() as connection:
        for name in ("p1", "p2"):
            arranging.put(connection, "till", name, "pilot", by=BY, now=clock())
    publisher.add("1.1.0")
    assert "pilot" == publisher.start("1.1.0")
    return tills


def gates(publisher: Publisher, clock: Any) -> list[str]:
    with publisher.database.write() as connection:
        return pass_gates(connection, now=clock())


def fresh(release_server: Any) -> None:
    """As if the seconds were over for which a process keeps what it read."""
    for route in release_server.app.routes:
        owner = getattr(route.endpoint, "__self__", None)
        if hasattr(owner, "keeper"):
            owner.keeper.forget()


def test_the_first_ring_gets_it_as_it_was_signed_and_the_others_nothing(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any
) -> None:
    """With the address of the archive, its size, and leave to begin at once where nobody said when shops are closed."""
    offer = rolling["p1"].check()

    assert rolling["a1"].check() is None
    assert offer is not None
    assert ("pilot", clock(), None) == (offer.ring, offer.not_before, offer.not_after)
    known = open_release(codec.encode(offer.release), roots=[publisher.desk.root], now=clock())
    payload = known.manifest.platforms["linux-x86_64-cp311"]
    fetched = rolling["p1"].fetch(offer.archive)
    assert (payload.size, payload.size) == (offer.size, len(fetched.content))


def test_the_next_ring_opens_when_the_first_was_well_for_its_time(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any, release_server: Any
) -> None:
    """And not before: not with a till that watches, not too early, not with one that fell silent."""
    one = rolling["p1"]
    one.version, one.state = "1.1.0", UpdateState.TRYING
    one.check()
    clock.forward(minutes=90)
    assert [] == gates(publisher, clock)
    one.state = UpdateState.IDLE
    one.tried("1.1.0", TryOutcome.HEALTHY)
    clock.forward(minutes=59)
    one.check()
    assert [] == gates(publisher, clock)
    clock.forward(minutes=2)
    assert [] == gates(publisher, clock)  # silent since 59 minutes after
    one.check()
    assert ["release 1.1.0 opened for ring all"] == gates(publisher, clock)
    fresh(release_server)
    assert "1.1.0" == rolling["a1"].offered()


def test_a_failure_stops_it_for_everybody_at_once(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any
) -> None:
    """The second till of the ring gets nothing any more; why it stopped is kept, and who did it."""
    assert "1.1.0" == rolling["p2"].offered()

    assert "" == rolling["p1"].tried("1.1.0", TryOutcome.ROLLED_BACK, "the local API did not answer", clock())

    state, reason = publisher.state("1.1.0")
    assert ("stopped", "1 till of ring pilot could not take it or went back; 0 may") == (state, reason)
    assert "" == rolling["p2"].offered()
    with publisher.database.read() as connection:
        first = acts_of(connection, "1.1.0")[0]
    assert ("gate", "stopped", reason) == (first.by, first.action, first.note)


def test_the_same_word_again_is_no_second_failure(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any, release_server: Any
) -> None:
    """A person lets it go on; the till that failed repeats itself for ever and is given nothing; a new failure stops."""
    failed_at = clock()
    rolling["p1"].tried("1.1.0", TryOutcome.ROLLED_BACK, "x", failed_at)
    clock.forward(minutes=1)
    with publisher.database.write() as connection:
        register.resume(connection, "1.1.0", by=BY, now=clock())
    fresh(release_server)
    clock.forward(minutes=1)

    assert "" == rolling["p1"].tried("1.1.0", TryOutcome.ROLLED_BACK, "x", failed_at)
    assert "rolling" == publisher.state("1.1.0")[0]
    assert "1.1.0" == rolling["p2"].offered()
    assert "" == rolling["p2"].tried("1.1.0", TryOutcome.FAILED, "no room", clock())
    assert "stopped" == publisher.state("1.1.0")[0]


def test_a_person_may_have_it_tried_once_more(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any, release_server: Any
) -> None:
    """The old word does not count then; a new one does."""
    one, failed_at = rolling["p1"], clock()
    one.tried("1.1.0", TryOutcome.ROLLED_BACK, "no answer", failed_at)
    clock.forward(minutes=1)
    with publisher.database.write() as connection:
        assert 1 == register.retry(connection, "1.1.0", ["p1"], by=BY, now=clock())
        register.resume(connection, "1.1.0", by=BY, now=clock())
    fresh(release_server)
    clock.forward(minutes=1)

    assert "1.1.0" == one.tried("1.1.0", TryOutcome.ROLLED_BACK, "no answer", failed_at)
    clock.forward(minutes=1)
    assert "" == one.tried("1.1.0", TryOutcome.ROLLED_BACK, "no answer", clock())
    assert "stopped" == publisher.state("1.1.0")[0]


def test_what_merely_failed_is_given_again(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any, release_server: Any
) -> None:
    """A disk that was full counts against the release, and is no reason to leave the till behind for good."""
    one = rolling["p1"]
    one.tried("1.1.0", TryOutcome.FAILED, "no room", clock())
    clock.forward(minutes=1)
    assert "stopped" == publisher.state("1.1.0")[0]
    with publisher.database.write() as connection:
        register.resume(connection, "1.1.0", by=BY, now=clock())
    fresh(release_server)
    clock.forward(minutes=1)

    assert "1.1.0" == one.offered()
    one.tried("1.1.0", TryOutcome.HEALTHY)
    with publisher.database.read() as connection:
        assert () == progress(connection, "1.1.0", now=clock()).failures


def test_a_second_failure_after_a_go_on_stops_it_again(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any, release_server: Any
) -> None:
    """The till was given it once more and failed once more: that is no repetition of its old word."""
    one, failed_at = rolling["p1"], clock()
    one.tried("1.1.0", TryOutcome.FAILED, "no such table", failed_at)
    clock.forward(minutes=1)
    with publisher.database.write() as connection:
        register.resume(connection, "1.1.0", by=BY, now=clock())
    fresh(release_server)
    clock.forward(minutes=1)

    assert "1.1.0" == one.tried("1.1.0", TryOutcome.FAILED, "no such table", failed_at)
    assert "" == one.tried("1.1.0", TryOutcome.FAILED, "no such table", clock())
    assert "stopped" == publisher.state("1.1.0")[0]


def test_of_a_release_that_is_through_no_till_is_looked_at(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any
) -> None:
    """The gates look each minute at all that roll, also at those of last year."""
    from sqlalchemy import event

    rolling["p1"].tried("1.1.0", TryOutcome.HEALTHY)
    said: list[str] = []
    event.listen(publisher.database.writer, "before_cursor_execute", lambda _c, _u, words, *_: said.append(words))

    gates(publisher, clock)
    asked = [words for words in said if "JOIN till" in words]
    with publisher.database.write() as connection:
        register.open_ring(connection, "1.1.0", "all", by=BY, now=clock())
    said.clear()
    gates(publisher, clock)

    assert 1 == len(asked)
    assert [] == [words for words in said if "JOIN till" in words]


def test_stopping_by_hand_holds_what_is_staged(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any
) -> None:
    """The till that asks once more before it switches hears of nothing, at once though a process keeps its plan."""
    one = rolling["p1"]
    assert "1.1.0" == one.offered()
    with publisher.database.write() as connection:
        register.stop(connection, "1.1.0", why="a call from shop 7", by=BY, now=clock())
    one.state = UpdateState.STAGED

    assert "" == one.offered()


def test_what_is_withdrawn_is_not_even_downloaded(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any
) -> None:
    """Nor for a till that is pinned to it; and it does not come back."""
    one = rolling["p1"]
    offer = one.check()
    with publisher.database.write() as connection:
        arranging.hold(connection, "p1", pinned="1.1.0", by=BY, now=clock())
        register.withdraw(connection, "1.1.0", why="wrong sums", by=BY, now=clock())

    assert offer is not None
    assert "" == one.offered()
    gone = one.fetch(offer.archive)
    assert (404, "archive_unknown") == (gone.status_code, gone.json()["code"])
    for act in (register.start, register.resume):
        with pytest.raises(CentralStartError), publisher.database.write() as connection:
            act(connection, "1.1.0", by=BY, now=clock())


def test_a_pinned_till_goes_before_its_turn_and_a_till_that_is_off_never(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any
) -> None:
    """As a person said of single tills."""
    with publisher.database.write() as connection:
        arranging.hold(connection, "a1", pinned="1.1.0", by=BY, now=clock())
        arranging.hold(connection, "p1", is_off=True, by=BY, now=clock())

    assert ("1.1.0", "") == (rolling["a1"].offered(), rolling["p1"].offered())


def test_closed_hours_of_the_shop_travel_with_the_offer(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any
) -> None:
    """Its own before those of every shop."""
    with publisher.database.write() as connection:
        arranging.set_hours(connection, "*", "21:00-08:00", "Europe/Moscow", by=BY, now=clock())
        arranging.set_hours(connection, "s1", "23:00-06:00", "Europe/Moscow", by=BY, now=clock())

    offer = rolling["p1"].check()

    assert offer is not None
    assert offer.not_after is not None
    assert (20, timedelta(hours=7)) == (offer.not_before.hour, offer.not_after - offer.not_before)


def test_a_ring_may_be_opened_by_hand(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any, release_server: Any
) -> None:
    """Before its gate would; once is enough."""
    with publisher.database.write() as connection:
        assert register.open_ring(connection, "1.1.0", "all", by=BY, now=clock())
        assert not register.open_ring(connection, "1.1.0", "all", by=BY, now=clock())
    fresh(release_server)

    assert "1.1.0" == rolling["a1"].offered()


def test_a_check_without_news_writes_nothing(
    rolling: dict[str, CheckingTill], publisher: Publisher, clock: Any
) -> None:
    """Thousands of tills in one minute: a few reads by key each, and the first of them reads the plan."""
    from sqlalchemy import event

    one = rolling["a1"]
    one.check()
    said: list[str] = []
    for engine in (publisher.database.writer, publisher.database.reader):
        event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: said.append(statement))

    one.check()
    one.check()

    others = ("BEGIN", "FROM change", "FROM scope", "FROM shop_inbox")  # of the centre's own threads
    ours = [words for words in said if not any(one in words for one in others)]
    assert all(words.startswith("SELECT") for words in ours)
    assert 8 == len(ours)


def test_tills_do_not_come_back_in_one_moment(rolling: dict[str, CheckingTill]) -> None:
    """Each is told its own time."""
    for one in rolling.values():
        one.check()

    assert len({one.after_s for one in rolling.values()}) > 1
    assert all(900 <= one.after_s <= 2_300 for one in rolling.values())
