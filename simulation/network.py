"""The line between a till and the centre: cut, lossy, doubling, late; what is asked goes to the centre's real code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from agent.sync.errors import CentreUnavailable, refused
from agent.sync.wire import check_answer, to_wire
from central.errors import Refusal
from drivers.vocabulary import codec
from drivers.vocabulary.centre import (
    ChangesPage,
    HoldGrant,
    HoldWanted,
    Problem,
    SnapshotManifest,
    SnapshotPart,
    Upload,
    UploadAnswer,
)
from drivers.vocabulary.fleet import ReportTaken, TillReport
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport
from drivers.vocabulary.value_leases import ValueAnswer, ValueReport
from offline_queue.envelope import Envelope
from simulation.centre import Centre
from simulation.world import World

__all__ = ["Crashed", "Network", "SimulatedLine"]

T = TypeVar("T")

LATE_S: Final = (1.0, 120.0)  # what a proxy or a modem holds back
VERY_LATE_S: Final = 2_400.0  # longer than a hold lives


class Crashed(Exception):  # noqa: N818 - what happened
    """The till's programme died while it waited for the answer; what it asked for was done."""


class Fate(Enum):
    """What becomes of one request."""

    ANSWERED = "answered"
    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"
    DOUBLED = "doubled"
    LATE = "late"
    CRASH = "crash"


#: Share of requests that meet each fate, and the rest is answered.
_FATES: Final = (
    (Fate.REQUEST_LOST, 0.012),
    (Fate.ANSWER_LOST, 0.012),
    (Fate.DOUBLED, 0.012),
    (Fate.LATE, 0.006),
    (Fate.CRASH, 0.002),
)


@dataclass(slots=True)
class Network:
    """Which lines are cut until when.

    Attributes:
        is_kind: nothing is lost any more: everybody may come to an end.
    """

    world: World
    down_until_s: float = 0.0
    is_kind: bool = False

    def fate(self) -> Fate:
        """Of the next request."""
        if self.is_kind:
            return Fate.ANSWERED
        drawn = self.world.random.random()
        for fate, share in _FATES:
            drawn -= share
            if drawn < 0:
                return fate
        return Fate.ANSWERED


@dataclass(slots=True)
class SimulatedLine:
    """What the uploader, the downloader and a quote ask of the centre, over one till's line.

    Attributes:
        label: who asks, for the story.
        till, token: who asks, for the centre.
        cut_until_s: nothing passes before.
    """

    world: World
    network: Network
    centre: Centre
    label: str
    till: str
    token: str
    cut_until_s: float = 0.0

    @property
    def is_cut(self) -> bool:
        """Whether nothing passes now."""
        return self.world.now_s < max(self.cut_until_s, self.network.down_until_s)

    def upload(self, envelopes: Sequence[Envelope]) -> UploadAnswer:
        """Hand over a run of envelopes."""
        data = codec.encode(Upload(envelopes=tuple(to_wire(one) for one in envelopes)))

        def call() -> UploadAnswer:
            return self.centre.upload(self.till, self.token, codec.decode(data, Upload))

        return check_answer(
            self._ask(f"upload {envelopes[0].sequence}-{envelopes[-1].sequence}", call), envelopes, self.till
        )

    def leases(self, report: LeaseReport) -> LeaseAnswer:
        """Say what is held, be given what may be held."""
        data = codec.encode(report)
        return self._ask("leases", lambda: self.centre.leases(self.till, self.token, codec.decode(data, LeaseReport)))

    def values(self, report: ValueReport) -> ValueAnswer:
        """The same of coupons and certificates; the programme of this world has none."""
        return self._ask("values", lambda: self.centre.values(self.till, self.token, report))

    def report(self, report: TillReport) -> ReportTaken:
        """How the till is; this world asks nobody."""
        del report
        raise refused(404, Problem(code="no_such_route", message="nobody looks after these tills"))

    def hold(self, wanted: HoldWanted) -> HoldGrant:
        """Keep points for a receipt."""
        return self._ask(
            f"hold {wanted.receipt_uid} {wanted.points}", lambda: self.centre.hold(self.till, self.token, wanted)
        )

    def changes(self, cursor: str, wait_s: int) -> ChangesPage:
        """What changed; nobody waits in a world where time is invented."""
        del wait_s
        return self._ask("changes", lambda: self.centre.changes(self.till, self.token, cursor))

    def snapshot(self) -> SnapshotManifest:
        """Which parts there are."""
        return self._ask("snapshot", lambda: self.centre.snapshot(self.till, self.token))

    def snapshot_part(self, manifest: SnapshotManifest, number: int) -> SnapshotPart:
        """One of them."""
        return self._ask("part", lambda: self.centre.snapshot_part(manifest.id, number))

    def abort(self) -> None:
        """There is nobody to do so."""

    def close(self) -> None:
        """There is nothing to close."""

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        if self.is_cut:
            raise CentreUnavailable("no line")
        fate = self.network.fate()
        if fate is not Fate.ANSWERED:
            self.world.tell(self.label, fate.value, what)
        if fate is Fate.REQUEST_LOST:
            raise CentreUnavailable("the request was lost")
        if fate is Fate.LATE:
            self.world.after(self._late_s(), lambda: self._arrives_late(what, call))
            raise CentreUnavailable("no answer in time")
        try:
            answer = call()
            if fate is Fate.DOUBLED:
                answer = call()
        except Refusal as refusal:
            self._after(fate)
            raise refused(refusal.status, refusal.problem) from None
        self._after(fate)
        return answer

    @staticmethod
    def _after(fate: Fate) -> None:
        """What may still happen once the centre has done what it was asked for, or has refused it."""
        if fate is Fate.ANSWER_LOST:
            raise CentreUnavailable("the answer was lost")
        if fate is Fate.CRASH:
            raise Crashed

    def _late_s(self) -> float:
        if self.world.happens(0.3):
            return self.world.random.uniform(LATE_S[1], VERY_LATE_S)
        return self.world.random.uniform(*LATE_S)

    def _arrives_late(self, what: str, call: Callable[[], object]) -> None:
        """Nobody waits for the answer any more."""
        try:
            call()
        except Refusal as refusal:
            self.world.tell(self.label, "late and refused", f"{what}: {refusal.problem.code}")
        else:
            self.world.tell(self.label, "arrived late", what)
