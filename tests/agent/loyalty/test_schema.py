"""The published schema is the model's, is a schema, and accepts every programme that is shipped."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent.loyalty import Programme, load, schema
from tests.cases.receipt_case import PROGRAMMES

PUBLISHED = PROGRAMMES.parent / "programme.schema.json"
SHIPPED = sorted(PROGRAMMES.glob("*.toml"), key=lambda path: path.name)


def plain(value: Any) -> Any:
    """TOML's dates as the text that JSON has."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def refusals(written: Any) -> list[str]:
    """What the schema has against it."""
    return [error.message for error in jsonschema.Draft202012Validator(schema()).iter_errors(plain(written))]


def test_the_published_schema_is_the_models() -> None:
    """After a change of the model: tillpoint programme schema > docs/programme.schema.json."""
    assert schema() == json.loads(PUBLISHED.read_text(encoding="utf-8"))


def test_it_is_a_schema_of_2020_12() -> None:
    """A validator of that draft takes it."""
    assert "https://json-schema.org/draft/2020-12/schema" == schema()["$schema"]
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_programmes_fit(path: Path) -> None:
    """What the engine loads, an editor with the schema does not underline."""
    assert [] == refusals(tomllib.loads(path.read_text(encoding="utf-8")))
    assert isinstance(load(path.read_bytes(), name=path.name), Programme)


@pytest.mark.parametrize(
    "change",
    [
        {"titel": "t"},
        {"version": 0},
        {"currency": "rub"},
        {"rules": [{"id": "a", "kind": "percent_discount"}]},
        {"rules": [{"id": "a", "kind": "nothing_known"}]},
        {"units": {"bonus": {"worth": "a lot"}}},
    ],
    ids=str,
)
def test_what_the_schema_refuses_load_refuses(change: dict[str, Any]) -> None:
    """Both say no."""
    written = {"version": 1, "title": "t", "currency": "RUB", "zone": "UTC", **change}

    assert [] != refusals(written)
    assert isinstance(load(json.dumps(written).encode(), name="t.json"), list)
