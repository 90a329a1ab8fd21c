"""Which rows of the list of mechanics are covered by which tests, read from the tests' names; runs no test."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from drivers.vocabulary.errors import TillpointError

__all__ = ["Row", "coverage", "read_rows"]

_TEST: Final = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)
_ROW: Final = re.compile(r"(?<![a-z])row_(\d+)")


class Row(NamedTuple):
    """A mechanic of the list that concerns deciding."""

    number: int
    title: str


def read_rows(path: Path) -> tuple[Row, ...]:
    """The rows that concern deciding, from a file of `NUMBER = "title"` under [rows]."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))["rows"]
        return tuple(sorted(Row(int(number), str(title)) for number, title in written.items()))
    except OSError as error:
        said = f"cannot read {path}: {error.strerror or error}; call it in the project's folder or name --tests"
        raise TillpointError(said) from None
    except (ValueError, KeyError, AttributeError) as error:
        raise TillpointError(f'{path}: expected lines such as 47 = "times two" under [rows] ({error})') from None


def coverage(rows: Sequence[Row], tests: Path) -> dict[Row, list[str]]:
    """For each row the tests whose names carry ``row_NN``, as file::test relative to `tests`."""
    found: dict[int, list[str]] = {}
    for path in sorted(tests.rglob("test_*.py")):
        for name in _TEST.findall(path.read_text(encoding="utf-8")):
            for number in _ROW.findall(name):
                found.setdefault(int(number), []).append(f"{path.relative_to(tests).as_posix()}::{name}")
    return {row: found.get(row.number, []) for row in rows}
