"""The OpenAPI 3.1 document of the local API, made from the types themselves; `docs/openapi/local.json` is its copy."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any, Final

from agent.doors.problems import Problem
from agent.doors.rows import CALLS, Call
from agent.snapshot import Snapshot
from drivers.vocabulary import codec

__all__ = ["document", "render"]

API_VERSION: Final = "1.0.0"  # of the contract, not of the program: it changes when a POS would notice

_PROBLEMS: Final = {
    "400": "The body cannot be read; `field` is the path of the field at fault.",
    "401": "The token is missing or not ours.",
    "403": "A page of another origin tried to call.",
    "409": "The request contradicts what is already so (`code` says what); sending it again will not help.",
    "413": "The body is larger than 1 MiB.",
    "415": "The body is not application/json.",
    "421": "The Host header names another service.",
    "422": "The request is well made and cannot be kept; `code` says why.",
    "503": "The till cannot answer now; the sale goes on, and the same request may be sent again.",
}
_ABOUT: Final = (
    "The checkout contract of Tillpoint, for a POS on the same machine: identify, quote, hold, confirm or cancel, "
    "refund. Everything is keyed by the uid of the receipt; any call may be repeated. Money is text with its "
    'currency ("124.50 RUB"), a quantity is a decimal number as text ("0.351"), points are whole numbers.'
)


def _described(components: dict[str, Any]) -> dict[str, Any]:
    """The same components with each description as running text, without the indentation of the source."""
    for component in components.values():
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
    return components


def _json_content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _answers(schema: dict[str, Any], problem: dict[str, Any], codes: set[str]) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": "The answer.", "content": _json_content(schema)}}
    for code in sorted(codes):
        answers[code] = {"description": _PROBLEMS[code], "content": _json_content(problem)}
    return answers


def _operation(call: Call, wanted: dict[str, Any], answer: dict[str, Any], problem: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "operationId": call.name,
            "summary": call.summary,
            "description": call.description,
            "requestBody": {"required": True, "content": _json_content(wanted)},
            "responses": _answers(answer, problem, set(_PROBLEMS)),
        }
    }


@functools.cache
def document() -> dict[str, Any]:
    """The document, as plain values."""
    types: list[type] = [Problem, Snapshot]
    for call in CALLS:
        types += [call.request, call.answer]
    schemas, components = codec.schema(types, "#/components/schemas/{name}")
    problem, snapshot, *rest = schemas
    paths: dict[str, Any] = {
        call.path: _operation(call, rest[2 * place], rest[2 * place + 1], problem) for place, call in enumerate(CALLS)
    }
    paths["/v1/status"] = {
        "get": {
            "operationId": "status",
            "summary": "What the panel shows now",
            "description": "Link to the centre, queue, devices, the customer at the till (masked), the last quote.",
            "responses": _answers(snapshot, problem, {"401", "403", "421"}),
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tillpoint local API", "version": API_VERSION, "description": _ABOUT},
        "servers": [
            {
                "url": "http://127.0.0.1:{port}",
                "description": "Loopback only; the port is doors.port of the settings.",
                "variables": {"port": {"default": "8765"}},
            }
        ],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": _described(components),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The line in the file api.token of the agent's state folder.",
                }
            },
        },
    }


@functools.cache
def render() -> bytes:
    """The document as it is served and as it lies in docs."""
    return (json.dumps(document(), ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
