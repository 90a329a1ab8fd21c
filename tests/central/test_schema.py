"""The tables: old files become new ones, and nothing is peculiar to one database."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from central import schema
from central.database import open_database

DATABASES = ("sqlite", "postgresql")


@pytest.mark.parametrize("table", schema.metadata.sorted_tables, ids=str)
def test_every_table_can_be_made_on_postgresql(table: object) -> None:
    """Types and constraints exist there."""
    made = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[arg-type,no-untyped-call]

    assert made.strip().startswith("CREATE TABLE")


def test_only_one_module_knows_which_database_it_is(project: Path) -> None:
    """PRAGMA and sqlite3 are said in central/database.py alone."""
    found = {
        path.name
        for path in (project / "central").glob("*.py")
        if re.search(r"PRAGMA|import sqlite3|INSERT OR|AUTOINCREMENT", path.read_text(encoding="utf-8"))
    }

    assert {"database.py"} == found


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_database_of_each_version_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    """The dump of each version before today's is kept beside this test; after the steps it has today's columns."""
    path = tmp_path / "central.db"
    dump = Path(__file__).with_name(f"version_{version}.sql").read_text(encoding="utf-8")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump)
    open_database(f"sqlite:///{path}").close()
    engine = create_engine(f"sqlite:///{path}")
    columns = {
        name: {one["name"] for one in inspect(engine).get_columns(name)} for name in inspect(engine).get_table_names()
    }
    engine.dispose()
    columns.pop("sqlite_sequence", None)

    assert {name: set(table.c.keys()) for name, table in schema.metadata.tables.items()} == columns
