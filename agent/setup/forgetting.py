"""A till is taken out: what was never sent is counted, the centre is told when there is a line, the identity goes.

Nothing of what it sold is deleted: `till.db` stays, for whoever wants to send it after all. The agent must not run.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from agent.sync.client import own_version
from agent.sync.errors import CentreError, NotEnrolled
from agent.sync.identity import FILE_NAME, Identity, load
from agent.sync.line import Line
from agent.sync.pending import FILE_NAME as PENDING
from agent.sync.pending import erase
from drivers.vocabulary import codec, proof
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.leases import Place
from drivers.vocabulary.store_enrol import LeaveAnswer, LeaveRequest
from offline_queue.errors import StoreBusy, StoreError
from offline_queue.files import WriterLock
from offline_queue.reader import OutboxReader

if TYPE_CHECKING:
    import httpx

__all__ = ["Forgotten", "forget"]

DEADLINE_S: Final = 30.0
REPLICA: Final = "replica.db"


class Forgotten(Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        till: which till it was, "" for a machine that was none.
        lost: envelopes that the centre never had; they lie in `till.db`.
        told: the centre knows that the till has left.
        released: leases that are free again.
        detail: why the centre was not told, or what a person must do there.
    """

    till: str = ""
    lost: int = 0
    told: bool = False
    released: int = 0
    detail: str = ""


def forget(
    folder: Path,
    *,
    may_lose: int | None,
    proxy: str = "",
    tls: ssl.SSLContext | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Forgotten:
    """Take the till that this machine is out of its centre.

    Args:
        folder: the state folder.
        may_lose: how many unsent envelopes whoever says so knows of; None for none said.
        proxy: the shop's, "" for none.
        tls: whom to trust and who we are.
        transport: instead of sockets, for tests.

    Raises:
        SettingsError: the agent runs, or unsent receipts would be lost and the number was not said.
    """
    lock = _locked(folder)
    try:
        try:
            identity: Identity | None = load(folder)
        except NotEnrolled:
            identity = None
        last, unsent = _chain(folder)
        if unsent and may_lose != unsent:
            said = "" if may_lose is None else f", not {may_lose}"
            raise SettingsError(
                f"{unsent} envelopes (receipts and what belongs to them){said} were never sent and would not reach the "
                f"centre: start the agent with a line, or say --yes-lose {unsent}; {folder / 'till.db'} keeps them"
            )
        told = Forgotten(lost=unsent)
        if identity is not None:
            told = _leave(identity, last, unsent, proxy=proxy, tls=tls, transport=transport)
        for name in (FILE_NAME, PENDING):
            erase(folder / name)
        # A copy of the centre's data: masks and keyed hashes of its customers.
        for name in (REPLICA, f"{REPLICA}-wal", f"{REPLICA}-shm"):
            (folder / name).unlink(missing_ok=True)
        return told
    finally:
        if lock is not None:
            lock.release()


def _locked(folder: Path) -> WriterLock | None:
    if not (folder / "till.db").exists():
        return None
    try:
        return WriterLock.acquire(folder / "till.db")
    except StoreBusy:
        raise SettingsError(
            f"an agent works in {folder}; stop it first, then what it holds can be given back"
        ) from None


def _chain(folder: Path) -> tuple[Place, int]:
    """How far the chain goes, and how much of it was never sent."""
    if not (folder / "till.db").exists():
        return Place(epoch=1, sequence=0), 0
    try:
        with OutboxReader.open(folder / "till.db") as reader:
            depth, epoch = reader.depth(), reader.epoch()
    except StoreError as error:
        raise SettingsError(f"nobody can say what was never sent: {error}") from None
    return Place(epoch=max(1, epoch), sequence=depth.last_sequence), depth.waiting


def _leave(
    identity: Identity,
    last: Place,
    unsent: int,
    *,
    proxy: str,
    tls: ssl.SSLContext | None,
    transport: httpx.BaseTransport | None,
) -> Forgotten:
    """Tell the centre, as far as it can be told."""
    known = Forgotten(till=identity.till, lost=unsent)
    if last.epoch < identity.epoch:  # enrolled again, and nothing was sold since
        last = Place(epoch=identity.epoch, sequence=0)
    if not identity.till_key:
        return _told(known, "this till never had a key of its own")
    statement = proof.leave_statement(till=identity.till, epoch=last.epoch, last=last.sequence, unsent=unsent)
    request = LeaveRequest(last=last, unsent=unsent, proof=proof.sign(identity.till_key, statement))
    line = Line(identity.url, tls=tls, proxy=proxy, transport=transport)
    headers = {"authorization": f"Bearer {identity.token}", "tillpoint-version": own_version()}
    try:
        path = f"/v1/tills/{identity.till}/leave"
        data = line.ask("POST", path, deadline_s=DEADLINE_S, body=codec.encode(request), headers=headers)
        answer = codec.decode(data, LeaveAnswer)
    except CentreError as error:  # no line, or it said no
        return _told(known, str(error))
    except codec.WireError as error:
        return _told(known, f"its answer cannot be read: {error}")
    finally:
        line.close()
    detail = "" if not answer.missing else f"{answer.missing} envelopes are not at the centre, so leases stay"
    return Forgotten(till=identity.till, lost=unsent, told=True, released=answer.released, detail=detail)


def _told(known: Forgotten, why: str) -> Forgotten:
    step = f"there: tillpoint central leases release {known.till} --i-take-the-risk"
    return Forgotten(till=known.till, lost=known.lost, detail=f"the centre was not told ({why}); {step}")
