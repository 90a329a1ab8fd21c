"""What `/metrics` says of releases and the fleet: counts by version, ring and kind of trouble; no till by its name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Connection

from central.releases.fleet import TROUBLES, Wanted, fleet
from central.releases.progress import progress_of_all
from central.releases.rings import ReleaseState

__all__ = ["release_numbers"]

VERSIONS_MAX = 20  # each is a series; a fleet with more is counted under "other"


def release_numbers(connection: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Two passes over the tills."""
    view = fleet(connection, now=now, wanted=Wanted(limit=0))
    versions = GaugeMetricFamily("tillpoint_fleet_tills", "Tills, by the version they run.", labels=("version",))
    named = list(view.by_version.items())
    for version, count in named[:VERSIONS_MAX]:
        versions.add_metric((version,), count)
    rest = sum(count for _, count in named[VERSIONS_MAX:])
    if rest:
        versions.add_metric(("other",), rest)
    yield versions
    troubles = GaugeMetricFamily("tillpoint_fleet_trouble", "Tills, by what is wrong with them.", labels=("kind",))
    for kind in TROUBLES:
        troubles.add_metric((kind,), view.by_trouble.get(kind, 0))
    yield troubles
    found = progress_of_all(connection, now=now, states=(ReleaseState.ROLLING, ReleaseState.STOPPED))
    tills = GaugeMetricFamily(
        "tillpoint_release_tills", "Tills, by how far they are with a release.", labels=("version", "ring", "state")
    )
    for one in found:
        for ring in one.rings:
            for state, count in ring.counts.items():
                tills.add_metric((one.version, ring.ring, state), count)
    yield tills
    stopped = sum(one.state == ReleaseState.STOPPED.value for one in found)
    yield GaugeMetricFamily("tillpoint_releases_stopped", "Releases that are stopped.", value=stopped)
