"""Tables of the centre itself: a word a row, and the programmes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, Text

from central.schema.columns import Instant, metadata

__all__ = ["meta", "programme"]

#: One row a word: schema_version, currency, tenant_key and the next one (hex), tenant_generation, sealing_key (hex).
meta: Final = Table(
    "meta", metadata, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False)
)

programme: Final = Table(
    "programme",
    metadata,
    Column("version", BigInteger, primary_key=True),
    # As its author wrote it, and the same as JSON for the tills.
    Column("source", LargeBinary, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("set_at", Instant, nullable=False),
)
