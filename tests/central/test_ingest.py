"""Envelopes in, verdicts out: repeating, gaps, forks, damage."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from central.errors import Fork, Refusal
from central.ingest import quarantine
from central.totals import read_totals
from drivers.vocabulary.centre import VerdictState

DATABASES = ("sqlite", "postgresql")


def states(answer: Any) -> list[str]:
    return [verdict.state.value for verdict in answer.verdicts]


def totals(centre: Any) -> Any:
    with centre.database.read() as connection:
        return read_totals(connection)


def test_a_batch_is_applied_and_echoed(centre: Any, words: Any) -> None:
    """The answer names the till, the epoch, the last sequence and its hash."""
    pen = words.Pen()
    answer = centre.take(pen.write(words.sale("r1", earn=5)), pen.write(words.sale("r2", spend=30)))

    assert ("t1", 1, 2, pen.head) == (answer.till, answer.epoch, answer.through, answer.head)
    assert ["applied", "applied"] == states(answer)
    assert {"bonus": {"opening": 100, "earned": 5, "spent": -30}} == totals(centre).points


def test_a_repeated_batch_is_a_duplicate_and_changes_nothing(centre: Any, words: Any) -> None:
    """A lost answer costs nothing but the question."""
    pen = words.Pen()
    batch = [pen.write(words.sale("r1", earn=5)), pen.write(words.sale("r2", earn=5))]
    centre.take(*batch)
    before = totals(centre).points
    answer = centre.take(*batch)

    assert ["duplicate", "duplicate"] == states(answer)
    assert (2, pen.head) == (answer.through, answer.head)
    assert before == totals(centre).points
    assert 2 == totals(centre).duplicates


def test_an_overlapping_batch_goes_on_where_the_mark_is(centre: Any, words: Any) -> None:
    """Old envelopes are duplicates, new ones are applied, in one answer."""
    pen = words.Pen()
    first = pen.write(words.sale("r1"))
    centre.take(first)
    answer = centre.take(first, pen.write(words.sale("r2")))

    assert ["duplicate", "applied"] == states(answer)


def test_a_gap_names_the_wanted_sequence(centre: Any, words: Any) -> None:
    """Nothing is taken; the till is told where to go on."""
    pen = words.Pen()
    for number in range(3):
        pen.write(words.sale(f"r{number}"))
    centre.take(pen.written[0])
    with pytest.raises(Refusal) as refused:
        centre.take(pen.written[2])

    assert (409, "gap", 2) == (refused.value.status, refused.value.problem.code, refused.value.problem.wanted)
    assert 1 == totals(centre).envelopes


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_another_history_is_a_fork(centre: Any, words: Any, kept: int) -> None:
    """A till restored from a back-up sends other envelopes under old sequences, or goes on from an old head."""
    pen = words.Pen()
    for number in range(2):
        pen.write(words.sale(f"r{number}"))
    centre.take(*pen.written)
    clone = pen.fork(kept)
    clone.write(words.sale("other", earn=1000))
    clone.write(words.sale("more", earn=1000))
    pen.write(words.sale("r2"))
    centre.take(pen.written[-1])
    with pytest.raises(Fork) as fork:
        centre.take(*clone.written[kept:])

    assert "fork" == fork.value.problem.code
    assert 3 == totals(centre).envelopes
    assert "earned" not in totals(centre).points["bonus"]


def test_a_quarantined_epoch_takes_nothing_new_but_still_knows_duplicates(centre: Any, words: Any) -> None:
    """The till whose answer was lost is settled; what is new waits until a person has looked."""
    pen = words.Pen()
    first = pen.write(words.sale("r1"))
    centre.take(first)
    with centre.database.write() as connection:
        quarantine(connection, fork=Fork("two histories", till="t1", epoch=1))

    assert ["duplicate"] == states(centre.take(first))
    with pytest.raises(Refusal, match="two histories"):
        centre.take(pen.write(words.sale("r2")))


def test_a_new_epoch_begins_at_one_and_the_old_one_still_drains(centre: Any, words: Any) -> None:
    """After a re-enrolment both chains are taken."""
    old, new = words.Pen(), words.Pen(epoch=2)
    centre.take(old.write(words.sale("r1")))
    centre.take(new.write(words.sale("r2")))

    assert ["applied"] == states(centre.take(old.write(words.sale("r3"))))


def test_an_epoch_that_was_never_given_is_refused(centre: Any, words: Any) -> None:
    """Only the centre raises epochs."""
    with pytest.raises(Refusal, match="never given"):
        centre.take(words.Pen(epoch=2).write(words.sale("r1")), epoch_max=1)


def test_a_changed_body_does_not_have_its_hash(centre: Any, words: Any) -> None:
    """Tampering on the way is damage, not a fork."""
    pen = words.Pen()
    envelope = pen.write(words.sale("r1", earn=5))
    forged = replace(envelope, body=words.Pen().write(words.sale("r1", earn=500)).body)
    with pytest.raises(Refusal) as refused:
        centre.take(forged)

    assert "damaged" == refused.value.problem.code


def test_a_batch_that_is_no_run_is_refused(centre: Any, words: Any) -> None:
    """Sequences of a batch follow one another."""
    pen = words.Pen()
    for number in range(3):
        pen.write(words.sale(f"r{number}"))
    with pytest.raises(Refusal, match="does not follow"):
        centre.take(pen.written[0], pen.written[2])


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("drawer.opened", b"{}", "kind 'drawer.opened' is not known here"),
        ("receipt.confirmed", b"{}", "the body cannot be read"),
        ("receipt.confirmed", b"[1", "the body cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_and_kept(centre: Any, words: Any, kind: str, body: bytes, reason: str) -> None:
    """A poisoned envelope never blocks the queue, and a repeated question gets the same reason."""
    pen = words.Pen()
    poisoned = pen.seal(kind, body)
    answer = centre.take(poisoned, pen.write(words.sale("r1")))

    assert ["refused", "applied"] == states(answer)
    assert answer.verdicts[0].reason.startswith(reason)
    assert answer.verdicts[0] == centre.take(poisoned).verdicts[0]
    assert (2, 1) == (totals(centre).envelopes, totals(centre).refused)


def test_a_receipt_sealed_again_has_one_effect(centre: Any, words: Any) -> None:
    """The same receipt under another envelope, even of another till, is a duplicate."""
    centre.take(words.Pen().write(words.sale("r1", earn=5)))
    again = centre.take(words.Pen(epoch=2).write(words.sale("r1", earn=5)))
    elsewhere = centre.take(words.Pen(till="t2").write(words.sale("r1", earn=5)), till="t2")

    assert ["duplicate"] == states(again)
    assert ["duplicate"] == states(elsewhere)
    assert 5 == totals(centre).points["bonus"]["earned"]
    assert 1 == totals(centre).receipts


def test_a_known_uid_with_other_content_is_refused(centre: Any, words: Any) -> None:
    """One receipt uid has one effect for ever."""
    pen = words.Pen()
    answer = centre.take(pen.write(words.sale("r1", earn=5)), pen.write(words.sale("r1", earn=50)))

    assert ["applied", "refused"] == states(answer)
    assert "receipt r1 is already known with another content" == answer.verdicts[1].reason


@pytest.mark.parametrize("customer", ["nobody"])
def test_an_unknown_customer_is_refused_and_the_uid_stays_free(centre: Any, words: Any, customer: str) -> None:
    """A refused receipt has had no effect, so the right one may still come."""
    pen = words.Pen()
    answer = centre.take(pen.write(words.sale("r1", customer=customer, earn=5)), pen.write(words.sale("r1", earn=5)))

    assert ["refused", "applied"] == states(answer)
    assert VerdictState.REFUSED is answer.verdicts[0].state
