"""The document of the local API: valid, the same as in docs, and true for what the doors answer."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from agent.doors.openapi import document, render
from agent.doors.rows import CALLS
from drivers.vocabulary.checkout import Checkout

COPY = Path(__file__).resolve().parents[3] / "docs" / "openapi" / "local.json"


def test_document_is_valid_openapi():
    """An independent validator agrees."""
    validate(json.loads(render()), cls=OpenAPIV31SpecValidator)


def test_copy_in_docs_is_the_same():
    """The copy is remade with TILLPOINT_REMAKE=1."""
    if os.environ.get("TILLPOINT_REMAKE"):
        COPY.write_bytes(render())

    assert render() == COPY.read_bytes()


def test_document_is_served(doors):
    """Under the name every tool looks for."""
    assert render() == doors.ask("GET", "/openapi.json").content


def test_every_call_of_the_contract_is_there():
    """The table and the contract have the same calls."""
    methods = {name for name in vars(Checkout) if not name.startswith("_")}

    assert methods == {call.name for call in CALLS}
    assert {f"/v1/{name}" for name in methods} | {"/v1/status"} == set(document()["paths"])


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_every_path_answers(doors, call):
    """No path of the document is unknown to the doors."""
    assert 401 == doors.ask("POST", call.path, json={}).status_code
