"""The parts of the client that each step of the sync uses, so that a step can be tried without a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from drivers.vocabulary.centre import ChangesPage, SnapshotManifest, SnapshotPart, UploadAnswer
from drivers.vocabulary.fleet import ReportTaken, TillReport
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport
from drivers.vocabulary.value_leases import ValueAnswer, ValueReport

if TYPE_CHECKING:
    from offline_queue.envelope import Envelope

__all__ = ["ChangesClient", "LeaseClient", "UploadClient"]


class _Client(Protocol):
    def abort(self) -> None:
        """End the request that is under way on another thread."""
        ...

    def close(self) -> None:
        """Let the connection go."""
        ...


class UploadClient(_Client, Protocol):
    """The part of the client the uploader uses."""

    def upload(self, envelopes: Sequence[Envelope]) -> UploadAnswer:
        """Hand over a contiguous run of envelopes of one epoch."""
        ...


class LeaseClient(UploadClient, Protocol):
    """The part of the client the uploader uses while it has nothing to send."""

    def leases(self, report: LeaseReport) -> LeaseAnswer:
        """Say what the till holds; be given what it may hold."""
        ...

    def values(self, report: ValueReport) -> ValueAnswer:
        """The same of coupons and certificates."""
        ...

    def report(self, report: TillReport) -> ReportTaken:
        """Say how the till is."""
        ...


class ChangesClient(_Client, Protocol):
    """The part of the client the downloader uses."""

    def changes(self, cursor: str, wait_s: int) -> ChangesPage:
        """One page of the feed."""
        ...

    def snapshot(self) -> SnapshotManifest:
        """Which parts there are for a till that begins."""
        ...

    def snapshot_part(self, manifest: SnapshotManifest, number: int) -> SnapshotPart:
        """One of them."""
        ...
