"""The last checks: a cloned till, and what is to be said of all answers of the run together."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from central.conformance.bench import Bench
from central.conformance.goods import new_uid
from central.conformance.outcome import Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till, nothing
from central.conformance.wire import Answer, pause_s

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
    bench.left.append(f"till {till.name} in quarantine: enrol it again before it is used for anything")
    _expect_fork(till.upload([till.draft(nothing())]))
    told = till.upload(history)
    expect(told.status == 200, "200: what was taken before is still a duplicate", told)
    if "newcomer" in bench.people:
        _expect_fork(bench.hold(till, bench.people["newcomer"].customer_id, 1, uid=new_uid()))
    expect(till.get("status").get("quarantined"), "why it is in quarantine, in the status", till.get("status"))


def _third(bench: Bench) -> Till:
    if len(bench.wanted.codes) < 3:
        raise Skipped("a third till would end in quarantine: --allow-fork with a third --code")
    seed = secrets.token_hex(32)
    return bench.take_identity("c", bench.enrol(bench.wanted.codes[2], seed=seed), seed)


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
