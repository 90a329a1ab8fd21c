"""Checks of the feed: in order, from any cursor, in time, and never ahead of or behind what it says it reflects."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any, Final

from central.conformance.bench import Bench
from central.conformance.feed import Feed
from central.conformance.goods import sold
from central.conformance.outcome import Failed, Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.wire import Answer, NoAnswer
from drivers.vocabulary.customer import Identifier, IdentifierKind, keyed_hash

__all__: list[str] = []

EARLY_S: Final = 8.0  # a change is told long before the wait is over
LONG_WAIT_S: Final = 20
SHORT_WAIT_S: Final = 2
QUIET_TRIES: Final = 3  # on a server where other tills sell, a wait may end early without any fault
BUSY_SALES: Final = 8
PARTS_MAX: Final = 3


@check(
    "changes",
    "G1",
    "a till can read everything there is, from the beginning or from a snapshot's cursor, to an end",
    step="answer GET …/changes with pages whose `more` is false at the end; a new cursor goes on from there",
    needs=("token",),
)
def changes(bench: Bench) -> str:
    """Both tills, up to now."""
    if bench.wanted.customer:
        bench.watched.add(bench.wanted.customer)
    if bench.wanted.member:
        kind, _, value = bench.wanted.member.partition(":")
        who = Identifier(kind=IdentifierKind(kind), value=value)
        bench.notes["alias"] = keyed_hash(bytes.fromhex(bench.a.identity.tenant_key), who)
        bench.watched.add(bench.notes["alias"])
    began = time.monotonic()
    for name in ("a", "b"):
        if name in bench.tills:
            bench.feed(name)
    return f"in {time.monotonic() - began:.1f} s"


@check(
    "snapshot",
    "G1",
    "a snapshot's parts are what their manifest says: SHA-256, size and number of documents",
    step="take the SHA-256 and the size over the uncompressed body of each part",
    needs=("token",),
)
def snapshot(bench: Bench) -> str:
    """Some of the parts, and one there is not."""
    manifest = bench.a.get("snapshot")
    if (manifest.status, manifest.code) == (404, "no_snapshot"):
        raise Skipped("the server has no snapshot; tills begin with /changes")
    expect(manifest.status == 200, "200 with a manifest, or 404 no_snapshot", manifest)
    parts = manifest.get("parts")
    documents = sum(one["documents"] for one in parts)
    expect_equal(manifest.get("documents"), documents, "documents of all parts together")
    last = len(parts) - 1
    for number in sorted({*range(min(last, PARTS_MAX)), max(0, last)}) if parts else ():
        part, said = _part(bench, manifest, number), parts[number]
        expect(part.status == 200, f"200 with part {number}", part)
        got = (hashlib.sha256(part.body).hexdigest(), len(part.body), len(part.get("changes", ())))
        expect_equal((said["sha256"], said["size"], said["documents"]), got, f"part {number}")
    beyond = _part(bench, manifest, len(parts))
    expect((beyond.status, beyond.code) == (410, "snapshot_gone"), "410 snapshot_gone beyond the last part", beyond)
    return f"{len(parts)} parts, {documents} documents"


def _part(bench: Bench, manifest: Answer, number: int) -> Answer:
    names = {"till": bench.a.name, "id": str(manifest.get("id")), "number": str(number)}
    path = "/v1/tills/{till}/snapshot/{id}/{number}"
    return bench.wire.ask("GET", path, names=names, headers=bench.a.authorization)


@check(
    "changes-order",
    "G4",
    "documents come in the order in which they changed last, and each version is above the one before",
    step="give cursors to changes in the order in which their transactions become visible",
    needs=("changes", "upload"),
)
def order(bench: Bench) -> None:
    """Two customers, one after the other, then the first again."""
    first, second = bench.customer("newcomer"), bench.invented("second")
    feed = bench.feed("a")
    feed.catch_up()
    start = len(feed.seen)
    for customer in (first, second, first):
        bench.sell(bench.a, customer, earn=1)
        feed.catch_up()
    came = [(key, version) for kind, key, version in feed.seen[start:] if kind == "customer"]
    expect_equal([first, second, first], [key for key, _ in came], "customers")
    versions = [version for _, version in came]
    expect(versions == sorted(set(versions)), "versions that grow", versions)


@check(
    "changes-resume",
    "G1",
    "an old cursor brings what came after it again; the newest brings nothing old",
    step="make a page from the cursor alone; keep nothing of what a till was sent",
    needs=("changes", "upload"),
)
def resume(bench: Bench) -> None:
    """A till whose page was lost asks again."""
    customer = bench.customer("newcomer")
    feed = bench.feed("a")
    feed.catch_up()
    old = feed.cursor
    bench.sell(bench.a, customer, earn=1)
    told = []
    for _ in range(2):
        feed.cursor, start = old, len(feed.seen)
        feed.catch_up()
        told.append(feed.seen[start:])
    expect(told[0], f"customer/{customer} after the cursor", "nothing")
    expect_equal(told[0], told[1], "the same documents again:")
    start = len(feed.seen)
    feed.catch_up()
    expect_equal([], feed.seen[start:], "documents of this run after the newest cursor:")


@check(
    "changes-reflects",
    "G2",
    "each page contains the till's envelopes through `reflects`, no fewer and no more",
    step="read mark and documents in one transaction, and publish a customer in the transaction that changes them",
    needs=("changes", "upload"),
)
def reflects(bench: Bench) -> str:
    """Read while the same till sends: at every moment the balance is that of `reflects`."""
    till, customer = bench.a, bench.customer("newcomer")
    feed = bench.feed("a")
    till.require_whole()
    expected = {till.sequence: bench.balance(customer)}
    trouble: list[BaseException] = []
    sales = []
    for _ in range(BUSY_SALES):
        sale = sold(customer, currency=till.identity.currency, unit=bench.unit, earn=3)
        expected[till.sequence + 1] = expected[till.sequence] + 3
        sales.append((till.write(sale), sale))

    def send() -> None:
        try:
            for envelope, sale in sales:
                till.believe(till.upload([envelope]), [envelope])
                bench.sales.append((till, sale))
        except (Failed, NoAnswer) as error:
            trouble.append(error)

    sending = threading.Thread(target=send)
    sending.start()
    pages = 0
    try:
        while sending.is_alive():
            feed.catch_up()
            pages += 1
            _expect_as_reflected(feed, customer, bench.unit, expected)
    finally:
        sending.join()
    if trouble:
        raise trouble[0]
    feed.catch_up()
    _expect_as_reflected(feed, customer, bench.unit, expected)
    expect_equal((till.epoch, till.sequence), feed.reflects, "reflects, when everything was taken:")
    return f"{pages} pages while {BUSY_SALES} sales were sent"


def _expect_as_reflected(feed: Feed, customer: str, unit: str, expected: dict[int, int]) -> None:
    ahead = [words for words in feed.strange if words.startswith("reflects")]
    expect(not ahead, "never ahead of what was sent", "; ".join(ahead[:2]))
    wanted = expected.get(feed.reflects[1])
    got = feed.balance(customer, unit)
    expect(wanted == got, f"{wanted} points in a page that reflects {feed.reflects}", f"{got} points")


@check(
    "changes-cursor",
    "G1",
    "a cursor that is not of this feed is told so: 410 cursor_unknown",
    step="answer 410 `cursor_unknown`: the till forgets its replica and begins again",
    needs=("token",),
)
def unknown_cursor(bench: Bench) -> None:
    """A till of before a restore."""
    answer = bench.a.get("changes", cursor="conformance.17")
    expect((answer.status, answer.code) == (410, "cursor_unknown"), "410 cursor_unknown", answer)


@check(
    "changes-wait-word",
    "G6",
    "a wait that is no whole number is refused: 400 unreadable",
    step="answer 400 `unreadable`",
    needs=("token",),
)
def wait_word(bench: Bench) -> None:
    """No 500."""
    answer = bench.a.get("changes", wait="soon")
    expect((answer.status, answer.code) == (400, "unreadable"), "400 unreadable", answer)


@check(
    "changes-wait-early",
    "G6",
    "a till that waits for changes hears of one as soon as it is there",
    step="wake the waiting requests when a transaction that published something is committed; mind buffering proxies",
    needs=("changes", "upload", "enrol-second"),
)
def wait_early(bench: Bench) -> str:
    """One till waits, the other sells."""
    customer, feed = bench.customer("newcomer"), bench.feed("b")
    feed.catch_up()
    start = len(feed.seen)
    came: list[float] = []
    trouble: list[BaseException] = []

    def wait() -> None:
        try:
            # Other tills' changes end a wait too: go on until ours is there.
            until = time.monotonic() + LONG_WAIT_S
            while len(feed.seen) == start and time.monotonic() < until:
                feed.read(wait_s=LONG_WAIT_S)
            came.append(time.monotonic())
        except (Failed, NoAnswer) as error:
            trouble.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    bench.progress("waiting for a change")
    waiting.join(0.5)  # so that the request lies at the server before anything changes
    try:
        bench.sell(bench.a, customer, earn=1)
        told = time.monotonic()
    finally:
        waiting.join()
    if trouble:
        raise trouble[0]
    expect(len(feed.seen) > start, f"customer/{customer} in the page", "not in it")
    expect(came[0] - told < EARLY_S, f"the page within {EARLY_S:.0f} s of the change", f"{came[0] - told:.1f} s")
    return f"{max(0.0, came[0] - told):.2f} s after the change"


@check(
    "changes-wait-late",
    "G6",
    "a till that waits when nothing changes is answered when the wait is over, not before and not much later",
    step="hold the request for `wait` seconds; an answer at once makes every till ask without a pause",
    needs=("changes",),
)
def wait_late(bench: Bench) -> str:
    """Two seconds of nothing."""
    feed, till = bench.feed("a"), bench.a
    bench.progress("waiting for nothing")
    for _ in range(QUIET_TRIES):
        feed.catch_up()
        answer = till.get("changes", cursor=feed.cursor, wait=str(SHORT_WAIT_S))
        expect(answer.status == 200, "200 with a page", answer)
        if _is_empty(answer.value):
            well = SHORT_WAIT_S * 0.7 <= answer.seconds <= SHORT_WAIT_S + EARLY_S
            expect(well, f"an empty page after {SHORT_WAIT_S} s", f"after {answer.seconds:.2f} s")
            return f"after {answer.seconds:.1f} s"
    raise Skipped("other tills change something all the time")


def _is_empty(page: Any) -> bool:
    return isinstance(page, dict) and not page.get("changes")
