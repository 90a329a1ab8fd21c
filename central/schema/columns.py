"""What every table shares: the list they are in, instants, and numbers that count themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Dialect, Integer, MetaData, String, TypeDecorator

__all__ = ["Instant", "Number", "metadata"]

#: SQLite numbers rows by itself only for a column of type INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware moment, kept as ``2026-11-21T10:00:00.000000Z``: the order of the text is the order of time."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """To text in UTC."""
        del dialect
        if value is None:
            return None
        # strftime("%Y") does not pad years below 1000 on every platform; isoformat does.
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return utc.isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """To an aware datetime in UTC."""
        del dialect
        return None if value is None else datetime.fromisoformat(value)


metadata: Final = MetaData()
