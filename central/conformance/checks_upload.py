"""Checks of the upload: taken once, whole, in order; repeated, cut and unreadable envelopes block nothing."""

from __future__ import annotations

import secrets

from central.conformance.bench import Bench
from central.conformance.goods import sold
from central.conformance.outcome import Failed, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till, nothing
from central.conformance.wire import squeeze
from drivers.vocabulary import codec
from drivers.vocabulary.centre import ENVELOPES_BATCH_MAX

__all__: list[str] = []


def _states(verdicts: list[dict[str, object]]) -> list[object]:
    return [one.get("state") for one in verdicts]


@check(
    "upload",
    "G1 G4",
    "a batch is taken whole and in order; the answer names till, epoch, mark, head and every envelope",
    step="take a batch in one transaction, and echo what was taken: a cut answer must not look like a whole one",
    needs=("token",),
)
def upload(bench: Bench) -> None:
    """Three that do nothing."""
    expect_equal(["applied"] * 3, _states(bench.a.settle(nothing(), nothing(), nothing())), "verdicts")


@check(
    "upload-again",
    "G2",
    "the same batch again is a duplicate, never an error, and moves nothing",
    step="at or below the mark compare the stored hash: the same is `duplicate`; a till whose answer was lost would "
    "otherwise be blocked for ever",
    needs=("upload",),
)
def again(bench: Bench) -> None:
    """Twice more."""
    till = bench.a
    till.require_whole()
    sent = [till.write(nothing()), till.write(nothing())]
    till.believe(till.upload(sent), sent)
    for _ in range(2):
        expect_equal(["duplicate"] * 2, _states(till.believe(till.upload(sent), sent)), "verdicts")
    marked = till.get("status")
    expect_equal(till.sequence, marked.get("last_sequence"), "last_sequence in the status")


@check(
    "upload-half",
    "G2",
    "a batch of which the server has a part already: the known are duplicates, the new are applied",
    step="judge each envelope of a batch by the mark, not the batch as a whole",
    needs=("upload",),
)
def half(bench: Bench) -> None:
    """Two old, two new."""
    till = bench.a
    till.require_whole()
    old = [till.write(nothing()), till.write(nothing())]
    till.believe(till.upload(old), old)
    both = [*old, till.write(nothing()), till.write(nothing())]
    wanted = ["duplicate", "duplicate", "applied", "applied"]
    expect_equal(wanted, _states(till.believe(till.upload(both), both)), "verdicts")


@check(
    "upload-answer-lost",
    "G1 G2",
    "a till that left before the answer sends the batch again, and it counts once",
    step="a batch is either taken whole or not at all, whether or not anybody waits for the answer",
    needs=("upload",),
)
def answer_lost(bench: Bench) -> None:
    """The line goes when everything was sent."""
    till = bench.a
    till.require_whole()
    sent = [till.write(nothing()), till.write(nothing())]
    _leave(till, sent_share=1.0)
    states = _states(till.believe(till.upload(sent), sent))
    expect(states in (["applied"] * 2, ["duplicate"] * 2), "both applied or both duplicate", states)


@check(
    "upload-cut",
    "G1 G2",
    "a request that was cut in its middle takes nothing, and the next one goes on",
    step="take nothing of a body that did not arrive whole",
    needs=("upload",),
)
def cut(bench: Bench) -> None:
    """The line goes when half was sent."""
    till = bench.a
    till.require_whole()
    sent = [till.write(nothing()), till.write(nothing())]
    _leave(till, sent_share=0.5)
    expect_equal(["applied"] * 2, _states(till.believe(till.upload(sent), sent)), "verdicts")


def _leave(till: Till, *, sent_share: float) -> None:
    body = squeeze(codec.encode(till.signed(till.pending)))
    headers = {**till.authorization, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    till.wire.leave(
        "/v1/tills/{till}/envelopes", names={"till": till.name}, headers=headers, body=body, share=sent_share
    )


@check(
    "upload-plain",
    "G6",
    "a batch that is not compressed is as good",
    step="read a body without Content-Encoding as it is",
    needs=("upload",),
)
def plain(bench: Bench) -> None:
    """No gzip."""
    till = bench.a
    till.require_whole()
    sent = [till.write(nothing())]
    answer = till.post_raw("envelopes", codec.encode(till.signed(sent)), {})
    expect_equal(["applied"], _states(till.believe(answer, sent)), "verdicts")


@check(
    "upload-full",
    "G1 G4",
    f"a batch of {ENVELOPES_BATCH_MAX} envelopes is taken",
    step=f"a till sends up to {ENVELOPES_BATCH_MAX} envelopes or 1 MiB at once: let them through, a proxy too",
    needs=("upload",),
)
def full(bench: Bench) -> str:
    """As many as a batch may have."""
    till = bench.a
    till.require_whole()
    sent = [till.write(nothing()) for _ in range(ENVELOPES_BATCH_MAX)]
    answer = till.upload(sent)
    expect_equal({"applied"}, set(_states(till.believe(answer, sent))), "verdicts")
    return f"in {answer.seconds:.1f} s"


@check(
    "kind-unknown",
    "G6",
    "an envelope of an unknown kind is refused with a reason, told again when asked again, and blocks nothing",
    step="shelve what you do not know with the verdict `refused`, and take what comes after it",
    needs=("upload",),
)
def unknown_kind(bench: Bench) -> None:
    """A newer till than the server."""
    till = bench.a
    till.require_whole()
    sent = [till.write(b"{}", kind="conformance.unknown"), till.write(nothing())]
    for last in ("applied", "duplicate"):
        verdicts = till.believe(till.upload(sent), sent)
        expect_equal(["refused", last], _states(verdicts), "verdicts")
        expect(verdicts[0].get("reason"), "a reason with `refused`", verdicts[0])


@check(
    "body-unreadable",
    "G6",
    "a fact that cannot be read, of an unknown customer or in another currency is refused with a reason, and blocks "
    "nothing",
    step="give `refused` as the verdict on that envelope; an error for the batch would stop the till's queue for ever",
    needs=("upload",),
)
def unreadable(bench: Bench) -> None:
    """Three that make no sense, then one that does."""
    till = bench.a
    till.require_whole()
    foreign = "XTS" if till.identity.currency != "XTS" else "XXX"  # ISO 4217: for tests, and for no currency
    sent = [
        till.write(b'{"receipt":17}', kind="receipt.confirmed"),
        till.write(sold(f"nobody-{secrets.token_hex(8)}", currency=till.identity.currency)),
        till.write(sold(None, currency=foreign)),
        till.write(nothing()),
    ]
    verdicts = till.believe(till.upload(sent), sent)
    expect_equal(["refused", "refused", "refused", "applied"], _states(verdicts), "verdicts")
    if not all(one.get("reason") for one in verdicts[:3]):
        raise Failed("a reason with each `refused`", str(verdicts)[:300])
