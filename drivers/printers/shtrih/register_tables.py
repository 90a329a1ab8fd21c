"""The twin's settings tables: what was written is read back, a field never written is one zero byte."""

from __future__ import annotations

from typing import Final

FIELDS_MAX: Final = 10_000  # a till that writes at random must not fill memory


class Tables:
    """Fields by (table, row, field)."""

    def __init__(self) -> None:
        self._fields: dict[tuple[int, int, int], bytes] = {}

    def read(self, table: int, row: int, field: int) -> bytes:
        """The bytes of a field."""
        return self._fields.get((table, row, field), b"\0")

    def write(self, table: int, row: int, field: int, value: bytes) -> None:
        """Keep a field; beyond the limit nothing new is kept."""
        if len(self._fields) < FIELDS_MAX or (table, row, field) in self._fields:
            self._fields[table, row, field] = value
