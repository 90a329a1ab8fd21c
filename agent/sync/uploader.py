"""Sends what waits in the outbox, oldest first, and settles what the centre took; decides nothing about receipts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from agent.sync.errors import CentreFork, CentreGap, CentreRefused
from agent.sync.lease_turn import LeaseTurn
from agent.sync.loop import Done
from agent.sync.parts import LeaseClient
from agent.sync.report_turn import ReportTurn
from agent.sync.value_turn import ValueTurn
from drivers.vocabulary.centre import ENVELOPES_BATCH_MAX, UPLOAD_BYTES_MAX, Problem, UploadAnswer, VerdictState

if TYPE_CHECKING:
    from offline_queue.envelope import Envelope

__all__ = ["EnvelopeSource", "Settle", "Settlement", "Uploader"]

IDLE_S: Final = 30.0  # between two looks at an empty outbox; a commit wakes it at once
BATCH_BYTES_MAX: Final = UPLOAD_BYTES_MAX * 3 // 4  # of bodies: what is around them is a quarter at most

log = logging.getLogger(__name__)


class EnvelopeSource(Protocol):
    """The outbox, read-only; used by the uploader's thread alone."""

    def batch(self, *, envelopes_max: int, bytes_max: int) -> Sequence[Envelope]:
        """A contiguous run of one epoch right after what is acknowledged, oldest epoch first; empty for none."""
        ...

    def batch_from(self, *, epoch: int, sequence: int, envelopes_max: int, bytes_max: int) -> Sequence[Envelope]:
        """A contiguous run from a given place, acknowledged or not; empty when that place is not on disk."""
        ...

    def lost_from(self, epoch: int) -> int | None:
        """From which envelope on an epoch is to be sealed again, never sent; None for one of which nothing is."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What the centre has: everything of `epoch` through `through`, some of it refused with a reason."""

    epoch: int
    through: int
    refused: Mapping[int, str]


#: Moves the outbox's mark, on the till's thread; returns when it is done, raises when it is not.
Settle = Callable[[Settlement], None]


@dataclass(slots=True)
class Uploader:
    """A step of a `Loop`: one batch up, one settlement back.

    Attributes:
        connect: makes the client, on the thread that uses it.
        open_source: opens the outbox, likewise.
        settle: hands the settlement to the till.
        epoch: our present epoch, as enrolment gave it.
        lose: tells the till that the centre has nothing of an older epoch (the first number) from a sequence on (the
            second): from there on it waits again, whatever was acknowledged.
        reseal: hands envelopes of an older epoch to the till, to be sealed again at the end of the present one.
        leases: what is done when there is nothing to send; None for a till that takes no leases.
        values: the same of coupons and certificates, after it.
        reports: what the till says of its own health, after both.
    """

    connect: Callable[[], LeaseClient]
    open_source: Callable[[], EnvelopeSource]
    settle: Settle
    epoch: int
    lose: Callable[[int, int], None]
    reseal: Callable[[Sequence[Envelope]], None]
    leases: LeaseTurn | None = None
    values: ValueTurn | None = None
    reports: ReportTurn | None = None
    name: str = "upload"
    _client: LeaseClient | None = field(default=None, init=False)
    _source: EnvelopeSource | None = field(default=None, init=False)
    #: Where to go on sending again, when the centre lost what it had.
    _again: tuple[int, int] | None = field(default=None, init=False)

    def open(self) -> None:
        """Open the outbox and the line."""
        self._source = self.open_source()
        self._client = self.connect()

    def step(self) -> Done:
        """Send one batch."""
        envelopes = self._next()
        if self._client is None:
            raise RuntimeError("the uploader is not open")
        if not envelopes:
            return self._idle(self._client)
        first = envelopes[0]
        if self._is_lost(first):
            # What an old epoch still holds can never go under its old numbers; under new ones it can.
            log.warning("sync.resealed epoch=%d from=%d count=%d", first.epoch, first.sequence, len(envelopes))
            self.reseal(envelopes)
            return Done(pause_s=0, answered=False)
        try:
            answer = self._client.upload(envelopes)
        except CentreGap as gap:
            self._go_back(first, gap)
            return Done(pause_s=0, answered=True)
        except CentreFork:
            if first.epoch >= self.epoch:
                raise
            # A person enrolled us again after the fork.
            self._find_lost(self._client, envelopes)
            return Done(pause_s=0, answered=True)
        self.settle(_settlement(answer, envelopes))
        log.debug("sync.sent epoch=%d from=%d through=%d", answer.epoch, first.sequence, answer.through)
        if self._again is not None:
            self._again = (answer.epoch, answer.through + 1)
        return Done(pause_s=0, answered=True)

    def _idle(self, client: LeaseClient) -> Done:
        if self.leases is None or not self.leases.is_due():
            return self._values(client)
        answered, wanted = self.leases.take(client)
        if wanted is not None:
            log.warning("sync.again epoch=%d from=%d", wanted.epoch, wanted.sequence)
            self._again = (wanted.epoch, wanted.sequence)
        return Done(pause_s=0, answered=answered)

    def _values(self, client: LeaseClient) -> Done:
        if self.values is None or not self.values.is_due():
            return self._report(client)
        self.values.take(client)
        return Done(pause_s=0, answered=True)

    def _report(self, client: LeaseClient) -> Done:
        if self.reports is None or not self.reports.is_due():
            return Done(pause_s=IDLE_S, answered=False)
        self.reports.take(client)
        return Done(pause_s=IDLE_S, answered=True)

    def abort(self) -> None:
        """End the request that is under way."""
        client = self._client
        if client is not None:
            client.abort()

    def close(self) -> None:
        """Let go of both."""
        source, client, self._source, self._client = self._source, self._client, None, None
        if source is not None:
            source.close()
        if client is not None:
            client.close()

    def _next(self) -> Sequence[Envelope]:
        """What to send: what the centre asked for again, else what waits."""
        if self._source is None:
            raise RuntimeError("the uploader is not open")
        if self._again is not None:
            epoch, sequence = self._again
            found = self._source.batch_from(
                epoch=epoch, sequence=sequence, envelopes_max=ENVELOPES_BATCH_MAX, bytes_max=BATCH_BYTES_MAX
            )
            if found:
                return found
            self._again = None
        return self._source.batch(envelopes_max=ENVELOPES_BATCH_MAX, bytes_max=BATCH_BYTES_MAX)

    def _is_lost(self, envelope: Envelope) -> bool:
        lost = self._source.lost_from(envelope.epoch) if self._source is not None else None
        return lost is not None and lost <= envelope.sequence and envelope.epoch < self.epoch

    def _find_lost(self, client: LeaseClient, run: Sequence[Envelope]) -> None:
        """Find the first envelope of a forked epoch that the centre has not got, and have all from there sealed again.

        It may lie before what we know to be acknowledged: the centre was put back to a back-up, and another machine
        took the numbers since. Hashes are linked, so all before the first difference is there and nothing after it;
        nearly always that is where the run begins.

        Args:
            client: asked with one envelope at a time; what is there is a duplicate.
            run: what met the fork; the last of it is not there.
        """
        epoch, there, lost = run[0].epoch, 0, run[-1].sequence
        probe = run[0].sequence - 1
        while lost - there > 1:
            if probe == 0 or self._is_there(client, epoch, probe):
                there = probe
            else:
                lost = probe
            probe = (there + lost) // 2
        log.warning("sync.lost epoch=%d from=%d", epoch, lost)
        self._again = None
        self.lose(epoch, lost)

    def _is_there(self, client: LeaseClient, epoch: int, sequence: int) -> bool:
        """Whether the centre has this very envelope; what is not on disk any more could not be sealed again anyway."""
        if self._source is None:
            raise RuntimeError("the uploader is not open")
        found = self._source.batch_from(epoch=epoch, sequence=sequence, envelopes_max=1, bytes_max=1)
        if not found:
            return True
        try:
            client.upload(found)
        except (CentreFork, CentreGap):
            return False
        return True

    def _go_back(self, first: Envelope, gap: CentreGap) -> None:
        """Send from where the centre wants, or say that it cannot be had any more.

        Raises:
            CentreRefused: the wanted envelope is not on disk, or the centre wants what lies ahead.
        """
        log.warning("sync.gap epoch=%d sent=%d wanted=%d", first.epoch, first.sequence, gap.wanted)
        self._again = None
        if gap.wanted < first.sequence and self._source is not None:
            found = self._source.batch_from(epoch=first.epoch, sequence=gap.wanted, envelopes_max=1, bytes_max=1)
            if found:
                self._again = (first.epoch, gap.wanted)
                return
        message = (
            f"the centre wants envelope {gap.wanted} of epoch {first.epoch}, which this till does not keep any more; "
            "restore the centre's newest back-up, or enrol this till again"
        )
        raise CentreRefused(gap.status, Problem(code="gap", message=message, wanted=gap.wanted))


def _settlement(answer: UploadAnswer, envelopes: Sequence[Envelope]) -> Settlement:
    """What may be settled by this answer: never more than was sent."""
    refused = {
        verdict.sequence: verdict.reason or "the centre gave no reason"
        for verdict in answer.verdicts
        if verdict.state is VerdictState.REFUSED
    }
    return Settlement(epoch=answer.epoch, through=min(answer.through, envelopes[-1].sequence), refused=refused)
