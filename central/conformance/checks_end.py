"""The last checks: a cloned till, and what is to be said of all answers of the run together."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from central.conformance.bench import Bench
from central.conformance.goods import new_uid
from central.conformance.outcome import Failed, Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till, nothing
from central.conformance.wire import Answer, pause_s
from drivers.vocabulary import codec
from drivers.vocabulary.centre import WireEnvelope
from drivers.vocabulary.facts import HoldReleased
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport, Place

__all__: list[str] = []


def _expect_fork(answer: Answer) -> None:
    expect((answer.status, answer.code) == (409, "fork"), "409 fork", answer)


@check(
    "fork",
    "G5",
    "another history under the same numbers is a fork: 409, now and from then on, and nothing is held for that till",
    step="compare the hash at or below the mark, and `previous` above it; quarantine the epoch until the till is "
    "enrolled again",
    needs=("token",),
)
def fork(bench: Bench) -> None:
    """A cloned disk; the third till ends in quarantine."""
    if not bench.wanted.allow_fork:
        raise Skipped("a third till would end in quarantine: --allow-fork with a third --code")
    till = _third(bench)
    history = [till.write(nothing()), till.write(nothing())]
    till.believe(till.upload(history), history)
    clone = till.draft(nothing(), sequence=2, previous=history[0].hash)
    _expect_fork(till.upload([clone]))
    till.spoiled = "fork"
    bench.notes["fork"] = (till, history, clone)
    bench.left.append(f"till {till.name} in quarantine: enrol it again before it is used for anything")
    _expect_fork(till.upload([till.draft(nothing())]))
    told = till.upload(history)
    expect(told.status == 200, "200: what was taken before is still a duplicate", told)
    if "newcomer" in bench.people:
        _expect_fork(bench.hold(till, bench.people["newcomer"].customer_id, 1, uid=new_uid()))
    expect(till.get("status").get("quarantined"), "why it is in quarantine, in the status", till.get("status"))


def _third(bench: Bench, code: int = 2) -> Till:
    if len(bench.wanted.codes) < 3:
        raise Skipped("a third till would end in quarantine: --allow-fork with a third --code")
    seed = secrets.token_hex(32)
    return bench.take_identity("c", bench.enrol(bench.wanted.codes[code], seed=seed), seed)


@check(
    "fork-lost",
    "G1 G2",
    "enrolled again, a till tells what was acknowledged in the forked epoch: what is not there is asked for, no more",
    step="compare the `hash` of each place of `earlier` with the envelope that has its number, and answer `send_from` "
    "that place when it is another one or none; the till seals it again in its new epoch",
    needs=("fork", "lease"),
)
def fork_lost(bench: Bench) -> None:
    """As after a restore from a back-up: a copy spoke first, and has the number of what was acknowledged before."""
    if len(bench.wanted.codes) < 4:
        raise Skipped("needs a fourth --code, for the third till again")
    before, history, clone = bench.notes["fork"]
    till = _third(bench, 3)
    if till.name != before.name:
        raise Skipped(f"the fourth --code is of till {till.name}; make it for {before.name}, the third, again")
    expect(till.epoch > before.epoch, f"an epoch after {before.epoch}", till.epoch)
    expect_equal(None, _send_from(till, history[-1]), "nothing to send again, `send_from`")
    asked = _send_from(till, clone)
    expect(
        asked is not None and asked.epoch == before.epoch and 1 <= asked.sequence <= clone.sequence,
        f"`send_from` epoch {before.epoch}, sequence {clone.sequence}",
        asked,
    )
    there = till.upload(history[:1])
    expect(there.status == 200, "200: an envelope of the earlier epoch that is there is a duplicate", there)
    _expect_fork(till.upload([clone]))
    verdict = till.settle(codec.decode(bytes(clone.body), HoldReleased))[-1]
    expect(verdict.get("state") == "applied", "the same fact, sealed again in the new epoch, is applied", verdict)
    bench.reports(till)


def _send_from(till: Till, had: WireEnvelope) -> Place | None:
    """What the server wants again of a till that says that this envelope of its earlier epoch was acknowledged."""
    present = Place(epoch=till.epoch, sequence=till.taken)
    earlier = Place(epoch=had.epoch, sequence=had.sequence, hash=had.hash)
    report = LeaseReport(acknowledged=present, last=present, earlier=(earlier,), stamp=till.stamp)
    answer = till.post("leases", report)
    expect(answer.status == 200, "200 with leases", answer)
    try:
        read = codec.decode(answer.body, LeaseAnswer)
    except codec.WireError as error:
        raise Failed("an answer that tills can read", str(error)) from None
    till.stamp = read.stamp
    return read.send_from


# ── Of the whole run ────────────────────────────────────────────────────────────────────────────


@check(
    "answers",
    "",
    "every answer has the form the contract says; unknown fields are passed over where tills pass over them",
    step="correct the fields that are named; docs/openapi/central.json is the contract",
)
def answers(bench: Bench) -> str:
    """All of this run."""
    if not bench.answers:
        raise Skipped("there were none")
    count = len(set(bench.faults))
    first = "; ".join(f"{where}: {words}" for where, words in list(dict.fromkeys(bench.faults))[:4])
    expect(not count, "answers as the contract says", f"{count} faults: {first}")
    against = "ours and its own" if bench.theirs is not None else "ours"
    return f"{bench.answers} answers held against {against}"


@check(
    "retry-after",
    "G6",
    "a server that is busy says when to come back: 429 and 503 carry Retry-After",
    step="send Retry-After with every 429 and 503; tills come back by it, and not all at once",
    needs=("health",),
)
def retry_after(bench: Bench) -> str:
    """If there were any."""
    if not bench.wire.busy:
        raise Skipped("the server was never busy")
    now = datetime.now(UTC)
    told = [after for after in bench.wire.busy if pause_s(after, now=now) is not None]
    expect_equal(len(bench.wire.busy), len(told), "answers with Retry-After in seconds or as a date:")
    return f"{len(told)} times busy"


@check(
    "clock-forward",
    "G3",
    "the server's clock never goes back",
    step="let NTP slew the clock instead of setting it back; give all processes of the server one clock",
    needs=("token",),
)
def clock_forward(bench: Bench) -> None:
    """Of the answers of requests that did not overlap, give or take a second."""
    moments = [datetime.fromisoformat(one) for one in bench.clock]
    back = [(one, two) for one, two in pairwise(moments) if two < one - timedelta(seconds=1)]
    expect(not back, "moments that grow", f"{back[0][1]} after {back[0][0]}" if back else "")
