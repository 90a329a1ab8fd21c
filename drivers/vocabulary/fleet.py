"""What a till says of its own health, for whoever looks after many: numbers, codes and states; no customer, no receipt.

Unknown fields are left aside on both sides, so a newer till may say more to an older centre.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.receipt import AwareTime

__all__ = [
    "DEVICES_MAX",
    "WARNINGS_MAX",
    "DeviceFact",
    "ReportTaken",
    "Severity",
    "TillReport",
    "TillWarning",
]

WARNINGS_MAX: Final = 40  # of one till at once; more kinds of trouble the doctor does not know
DEVICES_MAX: Final = 40

Bytes = Annotated[int, Meta(ge=0, le=1 << 60)]


class Severity(Enum):
    """WARNING works and will not for long; FAILED does not work."""

    WARNING = "warning"
    FAILED = "failed"


class TillWarning(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong with a till.

    Attributes:
        code: a stable word, as the doctor has them (`disk_low`, `clock_off` …).
        words: one sentence for store IT, without personal data.
    """

    code: Annotated[str, Meta(min_length=1, max_length=60)]
    severity: Severity = Severity.WARNING
    words: Annotated[str, Meta(max_length=300)] = ""


class DeviceFact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One device of a till and how it is.

    Attributes:
        state: "ready", or another word of its driver; "" is not known.
        words: what is wrong, in words, "" when nothing is.
    """

    name: Annotated[str, Meta(max_length=80)]
    driver: Annotated[str, Meta(max_length=40)] = ""
    state: Annotated[str, Meta(max_length=40)] = ""
    words: Annotated[str, Meta(max_length=300)] = ""
    is_well: bool = True


class TillReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``POST /v1/tills/{till}/report``: each five minutes, and soon after something changed.

    How much waits, how old it is and the till's clock come with every request already, in its headers.

    Attributes:
        platform: as a release names it (`linux-x86_64-cp311`, `win-amd64`).
        system: the operating system, in words.
        started_at: when the agent began, by its own clock.
        shelved: envelopes the centre refused, still on the till.
        programme_version: the one in force.
        disk_free_bytes: on the disk of the state folder; None is not known.
        memory_bytes: of the agent.
    """

    version: Annotated[str, Meta(max_length=40)]
    platform: Annotated[str, Meta(max_length=60)] = ""
    system: Annotated[str, Meta(max_length=80)] = ""
    started_at: AwareTime | None = None
    shelved: Annotated[int, Meta(ge=0)] = 0
    programme_version: Annotated[int, Meta(ge=0)] = 0
    disk_free_bytes: Bytes | None = None
    disk_total_bytes: Bytes | None = None
    memory_bytes: Bytes | None = None
    warnings: Annotated[tuple[TillWarning, ...], Meta(max_length=WARNINGS_MAX)] = ()
    devices: Annotated[tuple[DeviceFact, ...], Meta(max_length=DEVICES_MAX)] = ()


class ReportTaken(Struct, frozen=True, kw_only=True):
    """It was taken; `after_s` is when the next one is wanted unless something changes before."""

    server_time: AwareTime
    after_s: Annotated[int, Meta(ge=1, le=86_400)] = 300
