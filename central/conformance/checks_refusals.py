"""Checks of what must be refused: bodies that cannot be read, and chains that are not the till's own history.

These come last: a server that takes what it must refuse has lost the till's chain, and nothing after it means much.
"""

from __future__ import annotations

import gzip
import json
import secrets
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from central.conformance.bench import Bench
from central.conformance.outcome import Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till, nothing
from central.conformance.wire import Answer, squeeze
from drivers.vocabulary import codec
from drivers.vocabulary.centre import WireEnvelope

__all__: list[str] = []

BODY_BYTES_MAX = 4_194_304  # of a request, decompressed, as the contract says
GZIPPED = {"Content-Encoding": "gzip"}


def _expect_refused(answer: Answer, status: int, code: str) -> None:
    expect((answer.status, answer.code) == (status, code), f"{status} {code}", answer)


@check(
    "undone",
    "G2",
    "when everything is given back and returned, every balance is what it was before",
    step="see which of the sales of this run still counts: `receipts` and the ledger hold what every step did",
    needs=("sale",),
)
def undone(bench: Bench) -> str:
    """All sales of this run, whole."""
    count = len(bench.sales)
    bench.undo()
    for customer, before in bench.began_with.items():
        expect_equal(before, bench.balance(customer), f"points of {customer}:")
    return f"{count} sales returned"


# ── Bodies ──────────────────────────────────────────────────────────────────────────────────────


@check(
    "body-too-large",
    "G6",
    "a body above 4 MiB is refused: 413 too_large",
    step="answer 413 `too_large` once the limit is passed, and mind the limit of a proxy in front",
    needs=("token",),
)
def too_large(bench: Bench) -> None:
    """One byte more."""
    _expect_refused(bench.a.post_raw("envelopes", b" " * (BODY_BYTES_MAX + 1), {}), 413, "too_large")


@check(
    "body-bomb",
    "G6",
    "a small body that unpacks to more than 4 MiB is refused: 413 too_large",
    step="unpack with a limit, never to the end first",
    needs=("token",),
)
def bomb(bench: Bench) -> None:
    """A few kilobytes of blanks."""
    body = gzip.compress(b" " * (BODY_BYTES_MAX + 1), mtime=0)
    _expect_refused(bench.a.post_raw("envelopes", body, GZIPPED), 413, "too_large")


@check(
    "body-encoding",
    "G6",
    "an encoding nobody agreed on is refused: 415 encoding_unknown",
    step="answer 415 `encoding_unknown` to anything but gzip and identity",
    needs=("token",),
)
def encoding(bench: Bench) -> None:
    """Brotli."""
    answer = bench.a.post_raw("envelopes", b"{}", {"Content-Encoding": "br"})
    _expect_refused(answer, 415, "encoding_unknown")


@check(
    "body-broken",
    "G6",
    "a body that is no JSON, no gzip, or gzip that was cut is refused: 400 unreadable",
    step="answer 400 `unreadable`; take nothing of it",
    needs=("token",),
)
def broken(bench: Bench) -> None:
    """Three of them."""
    whole = squeeze(codec.encode(bench.a.signed([bench.a.draft(nothing())])))
    for body, headers in ((b"{", {}), (b"no gzip", GZIPPED), (whole[:-4], GZIPPED)):
        _expect_refused(bench.a.post_raw("envelopes", body, headers), 400, "unreadable")


@check(
    "body-field",
    "G6",
    "a field that is wrong is refused by its path: 400 unreadable",
    step="name the field in `message`, as in $.envelopes[0].sequence",
    needs=("token",),
)
def field(bench: Bench) -> None:
    """A number that is a word."""
    value: Any = json.loads(codec.encode(bench.a.signed([bench.a.draft(nothing())])))
    value["envelopes"][0]["sequence"] = "one"
    answer = bench.a.post("envelopes", value)
    _expect_refused(answer, 400, "unreadable")
    words = str(answer.get("message"))
    expect("envelopes" in words and "sequence" in words, "a message with the field's path", answer)


# ── Chains ──────────────────────────────────────────────────────────────────────────────────────


def _must_refuse(
    till: Till, batch: Sequence[WireEnvelope], status: int, code: str, *, check_id: str, seed: str | None = None
) -> Answer:
    """Send what must be refused; when it is taken, till and server have come apart."""
    till.settle()
    answer = till.upload(batch, seed=seed)
    if answer.status == 200:
        till.spoiled = check_id
    _expect_refused(answer, status, code)
    return answer


@check(
    "gap",
    "G1 G4",
    "a batch that leaves something out is refused, and told where to go on: 409 gap with `wanted`",
    step="above the mark take only what goes on exactly there; answer 409 `gap` with `wanted`, the mark plus one",
    needs=("upload", "enrol-second"),
)
def gap(bench: Bench) -> None:
    """The second without the first; of the till that never reported leases.

    From one that did, a gap may tell a server that it has lost what it acknowledged: it was restored from a back-up,
    promises nothing any more, and lets every till begin anew.
    """
    till = bench.b
    if till.epoch > 1 and not bench.wanted.tills_are_ours:
        raise Skipped(
            f"till {till.name} was enrolled before and may have reported leases: what it leaves out could tell the "
            "server that it was restored from a back-up; give the code of a new till"
        )
    till.settle()
    first = till.draft(nothing())
    answer = _must_refuse(till, [till.draft(nothing(), after=first)], 409, "gap", check_id="gap")
    expect_equal(till.sequence + 1, answer.get("wanted"), "wanted")


@check(
    "damaged",
    "G5",
    "an envelope that does not have the hash it claims is refused: 400 damaged",
    step="work the hash out anew over every envelope (offline_queue/envelope.py says how)",
    needs=("upload",),
)
def damaged(bench: Bench) -> None:
    """Its kind was changed after it was sealed."""
    till = bench.a
    till.settle()
    changed = replace(till.draft(nothing()), kind="hold.taken")
    _must_refuse(till, [changed], 400, "damaged", check_id="damaged")


@check(
    "signature-wrong",
    "G5",
    "a batch that another key signed is refused: 403 signature_wrong",
    step="check the signature over till, epoch, first, last and head with the key of enrolment",
    needs=("upload",),
)
def signature_wrong(bench: Bench) -> None:
    """A stolen token."""
    till = bench.a
    till.settle()
    batch, other = [till.draft(nothing())], secrets.token_hex(32)
    _must_refuse(till, batch, 403, "signature_wrong", check_id="signature-wrong", seed=other)


@check(
    "signature-missing",
    "G5",
    "a batch that a till with a key did not sign is refused: 403 signature_missing",
    step="a till that once had a key signs every batch",
    needs=("upload",),
)
def signature_missing(bench: Bench) -> None:
    """No signature at all."""
    till = bench.a
    till.settle()
    _must_refuse(till, [till.draft(nothing())], 403, "signature_missing", check_id="signature-missing", seed="")


@check(
    "not-a-run",
    "G4",
    "a batch whose envelopes do not follow one another is refused: 400 not_a_run",
    step="check that all envelopes of a batch are of one epoch with growing numbers, before anything is taken",
    needs=("upload",),
)
def not_a_run(bench: Bench) -> None:
    """One left out in the middle."""
    till = bench.a
    till.settle()
    first = till.draft(nothing())
    third = till.draft(nothing(), after=till.draft(nothing(), after=first))
    _must_refuse(till, [first, third], 400, "not_a_run", check_id="not-a-run")


@check(
    "epoch-unknown",
    "G5",
    "an epoch that was never given to the till is refused: 409 epoch_unknown",
    step="keep the till's present epoch, and refuse what is above it",
    needs=("upload",),
)
def epoch_unknown(bench: Bench) -> None:
    """The next but one."""
    till = bench.a
    till.settle()
    batch = [till.draft(nothing(), epoch=till.epoch + 2, sequence=1, previous="0" * 64)]
    _must_refuse(till, batch, 409, "epoch_unknown", check_id="epoch-unknown")


@check(
    "chain-goes-on",
    "G1 G6",
    "after all these refusals the till's next envelope is taken as if nothing had been",
    step="a refusal takes nothing and moves no mark",
    needs=("upload",),
)
def goes_on(bench: Bench) -> None:
    """One more."""
    expect_equal(["applied"], [one.get("state") for one in bench.a.settle(nothing())], "verdicts")
