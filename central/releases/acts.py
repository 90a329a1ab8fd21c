"""What people do with a release, by its name: for a page, and for the operator's own programs."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from central.errors import CentralStartError
from central.releases import register

__all__ = ["ACTS", "carry_out"]

ACTS: Final = ("start", "stop", "resume", "withdraw", "open")


def carry_out(
    connection: Connection, act: str, version: str, *, by: str, now: datetime, ring: str = "", why: str = ""
) -> None:
    """Do one of ACTS.

    Args:
        connection: the transaction.
        act: which.
        version: of the release.
        by: who does it.
        now: the centre's clock.
        ring: to open it for.
        why: wanted for a stop and a withdrawal.

    Raises:
        CentralStartError: it cannot be done, or there is no such act.
    """
    if act in {"stop", "withdraw"} and not why:
        raise CentralStartError(f"say why release {version[:40]} is to {act}")
    if act == "start":
        register.start(connection, version, by=by, now=now)
    elif act == "stop":
        register.stop(connection, version, why=why, by=by, now=now)
    elif act == "resume":
        register.resume(connection, version, why=why, by=by, now=now)
    elif act == "withdraw":
        register.withdraw(connection, version, why=why, by=by, now=now)
    elif act == "open":
        register.open_ring(connection, version, ring, why=why or "by hand", by=by, now=now)
    else:
        raise CentralStartError(f"no act {act[:20]!r}; there are {', '.join(ACTS)}")
