"""Releases in the database: added whole and verified, started, stopped, gone on with, withdrawn; each act has a row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from central import schema
from central.errors import CentralStartError
from central.releases.folder import ArchiveFolder
from central.releases.rings import FAILURES, ReleaseState
from central.releases.trail import GATE, note
from central.releases.trust import trusted
from drivers.vocabulary.release import Manifest, ReleaseRefused, Verified, open_release, version_order

__all__ = [
    "RETRY",
    "add",
    "digests_in_use",
    "digests_of",
    "find",
    "open_ring",
    "releases",
    "resume",
    "retry",
    "start",
    "stop",
    "verified",
    "withdraw",
]

RETRY: Final = "retry"  # of a try: a person wants it made once more
_LIVE: Final = (ReleaseState.WAITING.value, ReleaseState.ROLLING.value, ReleaseState.STOPPED.value)


def verified(connection: Connection, signed: bytes, *, now: datetime) -> Verified:
    """A signed release that counts for this centre.

    Raises:
        CentralStartError: it does not, and why.
    """
    keys = trusted(connection)
    if not keys.roots:
        raise CentralStartError("no root key is trusted here yet; say which: tillpoint central release trust FILE.pub")
    try:
        return open_release(signed, roots=keys.roots, now=now, revoked=keys.revoked)
    except ReleaseRefused as refused:
        raise CentralStartError(f"the release is not taken ({refused.code}): {refused}") from None


def add(connection: Connection, signed: bytes, *, folder: ArchiveFolder, by: str, now: datetime) -> Manifest:
    """Note a release whose archives are all here; nobody gets it before it is started.

    Adding the same once more changes nothing.

    Raises:
        CentralStartError: it does not count, an archive is missing, or this version is here with other contents.
    """
    manifest = verified(connection, signed, now=now).manifest
    missing = sorted(name for name, one in manifest.platforms.items() if folder.find(one.sha256) is None)
    if missing:
        raise CentralStartError(f"release {manifest.version} lacks its archive for {missing[0]}; give that file too")
    known = _row(connection, manifest.version)
    if known is not None:
        if known.signed != signed:
            raise CentralStartError(
                f"release {manifest.version} is here already, and is another one; a version is never used twice"
            )
        return manifest
    row = {
        "version": manifest.version,
        "channel": manifest.channel,
        "signed": signed,
        "oldest_from": manifest.oldest_from,
        "notes": manifest.notes,
        "created_at": manifest.created,
        "added_at": now,
        "state": ReleaseState.WAITING.value,
        "reason": "",
        "changed_at": now,
        "forgiven_at": None,
    }
    connection.execute(insert(schema.release), [row])
    archives = [
        {
            "version": manifest.version,
            "platform": platform,
            "sha256": one.sha256,
            "size": one.size,
            "till_schema": one.schema,
            "readable_from": one.readable_from,
        }
        for platform, one in manifest.platforms.items()
    ]
    if archives:
        connection.execute(insert(schema.release_archive), archives)
    note(connection, "added", by=by, version=manifest.version, now=now)
    return manifest


def releases(connection: Connection) -> Sequence[Row[Any]]:
    """All of them, the newest version first."""
    rows = connection.execute(select(schema.release)).all()
    return sorted(rows, key=lambda row: version_order(row.version), reverse=True)


def find(connection: Connection, version: str) -> Row[Any]:
    """One of them.

    Raises:
        CentralStartError: it is not known.
    """
    row = _row(connection, version)
    if row is None:
        raise CentralStartError(f"no release {version[:40]!r}; `tillpoint central release list` shows them")
    return row


def start(connection: Connection, version: str, *, by: str, now: datetime) -> str:
    """Give a waiting release to the first ring; the ring's name.

    Raises:
        CentralStartError: it is not waiting, or there are no rings.
    """
    _require(connection, version, ReleaseState.WAITING, "is not waiting to be started")
    first: str | None = connection.scalar(select(schema.ring.c.name).order_by(schema.ring.c.place).limit(1))
    if first is None:
        raise CentralStartError(
            "there are no rings; make them: tillpoint central rings set pilot --healthy 2 --hours 24"
        )
    _change(connection, version, ReleaseState.ROLLING, "", now)
    note(connection, "started", by=by, version=version, now=now)
    _open(connection, version, first, by=by, why="", now=now)
    return first


def stop(connection: Connection, version: str, *, why: str, by: str, now: datetime) -> None:
    """Nobody new gets it; who has it keeps it.

    Raises:
        CentralStartError: it is not rolling.
    """
    _require(connection, version, ReleaseState.ROLLING, "is not rolling")
    _change(connection, version, ReleaseState.STOPPED, why, now)
    note(connection, "stopped", by=by, version=version, why=why, now=now)


def resume(connection: Connection, version: str, *, by: str, now: datetime, why: str = "") -> None:
    """Go on: the failures so far were looked at, and only new ones count from here.

    Raises:
        CentralStartError: it is not stopped.
    """
    _require(connection, version, ReleaseState.STOPPED, "is not stopped")
    _change(connection, version, ReleaseState.ROLLING, "", now)
    connection.execute(update(schema.release).where(schema.release.c.version == version).values(forgiven_at=now))
    note(connection, "resumed", by=by, version=version, why=why, now=now)


def withdraw(connection: Connection, version: str, *, why: str, by: str, now: datetime) -> None:
    """Nobody gets it any more, in any way, and its archives are not given out; who runs it goes on with it.

    Raises:
        CentralStartError: it is withdrawn already.
    """
    if find(connection, version).state == ReleaseState.WITHDRAWN.value:
        raise CentralStartError(f"release {version} is withdrawn already")
    _change(connection, version, ReleaseState.WITHDRAWN, why, now)
    note(connection, "withdrawn", by=by, version=version, why=why, now=now)


def open_ring(connection: Connection, version: str, ring: str, *, by: str, now: datetime, why: str = "") -> bool:
    """Open a release for a ring before its gate would, and for all before it; False when it was open.

    Raises:
        CentralStartError: the release is not rolling, or there is no such ring.
    """
    _require(connection, version, ReleaseState.ROLLING, "is not rolling")
    names = list(connection.scalars(select(schema.ring.c.name).order_by(schema.ring.c.place)))
    if ring not in names:
        raise CentralStartError(f"no ring {ring[:40]!r}; `tillpoint central rings list` shows them")
    opened = [_open(connection, version, name, by=by, why=why, now=now) for name in names[: names.index(ring) + 1]]
    return any(opened)


def retry(connection: Connection, version: str, tills: Collection[str], *, by: str, now: datetime) -> int:
    """Let tills that tried it in vain try once more; all of them with none named. How many.

    Raises:
        CentralStartError: the release is not known.
    """
    find(connection, version)
    table = schema.release_try
    failed = (table.c.version == version) & table.c.outcome.in_(FAILURES)
    if tills:
        failed &= table.c.till.in_(tills)
    # Not deleted: the till goes on saying what became of its last try until it has made another.
    again = connection.execute(update(table).where(failed).values(outcome=RETRY, at=now)).rowcount
    note(connection, "retried", by=by, version=version, why=", ".join(sorted(tills)) or "all that failed", now=now)
    return again


def digests_in_use(connection: Connection) -> set[str]:
    """Archives of releases that are not withdrawn."""
    archive, release = schema.release_archive, schema.release
    wanted = (
        select(archive.c.sha256).join(release, release.c.version == archive.c.version).where(release.c.state.in_(_LIVE))
    )
    return set(connection.scalars(wanted))


def digests_of(connection: Connection, version: str) -> set[str]:
    """Archives of one release."""
    archive = schema.release_archive
    return set(connection.scalars(select(archive.c.sha256).where(archive.c.version == version)))


def _open(connection: Connection, version: str, ring: str, *, by: str, why: str, now: datetime) -> bool:
    table = schema.release_ring
    if connection.scalar(select(table.c.ring).where(table.c.version == version, table.c.ring == ring)) is not None:
        return False
    connection.execute(insert(table).values(version=version, ring=ring, opened_at=now))
    words = why or ("its gate is satisfied" if by == GATE else "")
    note(connection, "opened", by=by, version=version, target=ring, why=words, now=now)
    return True


def _row(connection: Connection, version: str) -> Row[Any] | None:
    table = schema.release
    return connection.execute(select(table).where(table.c.version == version)).first()


def _require(connection: Connection, version: str, state: ReleaseState, words: str) -> None:
    # Locked, so that a person and a gate do not both decide from the same state.
    connection.execute(select(schema.release.c.state).where(schema.release.c.version == version).with_for_update())
    row = find(connection, version)
    if row.state != state.value:
        raise CentralStartError(f"release {version} {words}: it is {row.state}")


def _change(connection: Connection, version: str, state: ReleaseState, reason: str, now: datetime) -> None:
    table = schema.release
    values = {"state": state.value, "reason": reason, "changed_at": now}
    connection.execute(update(table).where(table.c.version == version).values(**values))
