"""What FF0A says of a closed receipt; pure. Whole documents are read by `drivers.ffd`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from drivers.vocabulary.errors import RemoteProtocolError

_SUMMARY_SIZE: Final = 19  # of a receipt: datetime5 FD4 FP4 operation1 sum5


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What FF0A says of a receipt.

    Attributes:
        moment: wall clock, to the minute, without a zone.
        operation: FFD 1054.
        total: kopecks.
    """

    moment: datetime
    document: int
    sign: int
    operation: int
    total: int


def read_summary(data: bytes) -> Summary:
    """The data of FF0A for types 3, 4, 31 and 41; raises RemoteProtocolError."""
    if len(data) < _SUMMARY_SIZE:
        raise RemoteProtocolError(f"the summary of a receipt has {_SUMMARY_SIZE} bytes, not {len(data)}")
    year, month, day, hour, minute = data[:5]
    try:
        moment = datetime(2000 + year, month, day, hour, minute)  # noqa: DTZ001 - a wall clock has no zone
    except ValueError:
        raise RemoteProtocolError(f"not a date and time: {data[:5].hex(' ')}") from None
    return Summary(
        moment=moment,
        document=int.from_bytes(data[5:9], "little"),
        sign=int.from_bytes(data[9:13], "little"),
        operation=data[13],
        total=int.from_bytes(data[14:19], "little"),
    )
