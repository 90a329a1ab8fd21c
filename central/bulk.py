"""Many rows at once; knows no table.

SQLite is told row by row, which costs it nothing. PostgreSQL gets COPY: measured beside the driver's own `executemany`
in one run, 20 rows take 0.6 of the time and half of the processor, 400 rows half of both. (One statement with an array
for each column was slower than either.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert
from sqlalchemy.exc import DBAPIError

__all__ = ["insert_many"]


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns; nothing happens when there are none.

    Raises:
        DBAPIError: as `connection.execute` would.
    """
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), rows)
        return
    names = list(rows[0])
    processors = [
        table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect) for name in names
    ]
    columns = ", ".join(f'"{name}"' for name in names)
    statement = f'COPY "{table.name}" ({columns}) FROM STDIN'
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(
                    [
                        row[name] if process is None else process(row[name])
                        for name, process in zip(names, processors, strict=True)
                    ],
                )
    except connection.dialect.loaded_dbapi.Error as error:
        # The driver's own exception, in the wrapping that everybody here expects.
        base = connection.dialect.loaded_dbapi.Error
        raise DBAPIError.instance(statement, None, error, base, dialect=connection.dialect) from error
