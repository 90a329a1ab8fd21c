"""The served contract under hostile inputs: never a 5xx, never an answer that the document does not name.

Walks every operation of the OpenAPI document, breaks one thing at a time (path, query, headers, body, encoding), and
compares what comes back with what the operation promises: status, media type, schema.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import pytest

from central.openapi import document
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Upload

pytestmark = pytest.mark.net

DOCUMENT = document()
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]
HUGE = 10**40
TEXTS: tuple[Any, ...] = (
    *("", "\0", "a\0b", "x" * 5_000, "\U0001f600", "\u202e", "'; drop table till; --", "%00", "../..", "\udc80"),
    *("null", "true", "NaN", "-0"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2**31, 2**63 - 1, 2**63, 2**64, HUGE, -HUGE, 1.5, 1e308, "", "\0", "x\0", "x" * 500),
    *("0" * 64, [], [[]], {}, {"": None}),
)
FEW: tuple[Any, ...] = (None, True, -1, 2**63, HUGE, 1.5, "", "x\0", "x" * 500, [], {})  # for what is many requests
BODIES = (
    *(b"", b"null", b"[]", b"{}", b'"x"', b"{", b"\xff\xfe", b"\0", b"nan", b"[" * 100_000, b'{"a":' * 50_000),
    *(
        b'{"envelopes":null}',
        b'{"envelopes":[null]}',
        b'{"x":1e999}',
        gzip.compress(b"{}", mtime=0),
        b"\x1f\x8b" + b"x" * 50,
    ),
)
HEADERS = (
    {"tillpoint-queue-depth": "9" * 15},
    {"tillpoint-queue-depth": "-1", "tillpoint-oldest-age-s": "x"},
    {"tillpoint-clock": "0001-01-01T00:00:00+00:00"},
    {"tillpoint-clock": "9999-12-31T23:59:59.999999-23:59"},
    {"tillpoint-clock": "2026-03-02T12:00:00"},
    {"tillpoint-version": "v" * 300},
    {"tillpoint-version": "\u00e9\u00ff".encode("latin-1")},
    {"authorization": "Bearer " + "x" * 3_000},
    {"authorization": "Bearer \u00e9".encode("latin-1")},
    {"accept-encoding": "gzip;q=x, *;;"},
    {"content-encoding": "gzip, gzip"},
    {"content-type": "text/html"},
)
UNDOCUMENTED = {404: "no_such_route", 405: "method_not_allowed"}  # what any address may say


@pytest.fixture
def web(served: Any, centre: Any) -> Iterator[httpx.Client]:
    token = centre.enrol("t1").token
    with httpx.Client(
        base_url=served.url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30
    ) as client:
        yield client


def address(path: str, till: str = "t1") -> str:
    return path.replace("{till}", till).replace("{id}", "x").replace("{number}", "1")


def check(operation: dict[str, Any], answered: httpx.Response, what: str) -> None:
    """What came back is what the operation promises."""
    status = answered.status_code
    assert status < 500, f"{what}: {status} {answered.text[:300]}"
    promised = operation["responses"].get(str(status))
    if promised is None:
        assert answered.json()["code"] == UNDOCUMENTED.get(status), f"{what}: {status} is not in the document"
        return
    if "content" not in promised:
        assert answered.content == b"", what
        return
    assert answered.headers["content-type"].startswith("application/json"), what
    validator(operation["operationId"], status).validate(answered.json())


@cache
def validator(name: str, status: int) -> jsonschema.Draft202012Validator:
    """Of one answer: made once, because making it costs more than a request."""
    operation = next(one for _, _, one in OPERATIONS if one["operationId"] == name)
    schema = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    made = jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    made.check_schema(made.schema)
    return made


def ids(one: tuple[str, str, Any]) -> str:
    return str(one[2]["operationId"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=ids)
def test_hostile_requests_get_documented_answers(web: httpx.Client, operation: tuple[str, str, Any]) -> None:
    """Path, query, headers and whole bodies."""
    path, method, promised = operation
    has_body = "requestBody" in promised
    for text in TEXTS:
        encoded = quote(text.encode("utf-8", "surrogateescape"), safe="")
        check(promised, web.request(method, address(path, encoded or "%20"), content=b"{}"), f"path {text[:20]!r}")
        for name in ("cursor", "wait", "unknown"):
            answered = web.request(method, f"{address(path)}?{name}={encoded}", content=b"{}" if has_body else None)
            check(promised, answered, f"{name}={text[:20]!r}")
    for headers in HEADERS:
        check(promised, web.request(method, address(path), headers=headers, content=b"{}"), f"{headers}")
    for body in BODIES:
        for headers in ({}, {"content-encoding": "gzip"}):
            answered = web.request(method, address(path), content=body, headers=headers)
            check(promised, answered, f"{body[:20]!r} {headers}")


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "requestBody" in one[2]], ids=ids)
def test_hostile_bodies_get_documented_answers(web: httpx.Client, words: Any, operation: tuple[str, str, Any]) -> None:
    """A good body with each field, at any depth, replaced by what nobody expects there, or left out."""
    path, method, promised = operation
    for body in good_bodies(promised["operationId"], words):
        for where, broken in mutations(body):
            data = json.dumps(broken).encode("utf-8", "surrogateescape")
            check(promised, web.request(method, address(path), content=data), where)


@pytest.mark.parametrize("path", list(DOCUMENT["paths"]))
def test_another_method_is_told_which_ones_there_are(web: httpx.Client, path: str) -> None:
    """RFC 9110, 15.5.6: a 405 comes with Allow."""
    for method in ("TRACE", "PUT", "PATCH"):
        answered = web.request(method, address(path))

        assert (405, "method_not_allowed") == (answered.status_code, answered.json()["code"])
        assert {name.upper() for name in DOCUMENT["paths"][path]} <= set(answered.headers["allow"].split(", "))


def test_a_number_that_the_contract_names_can_be_read(web: httpx.Client) -> None:
    """The largest and the smallest part of a snapshot: not there, which is another answer than not understood."""
    path = "/v1/tills/{till}/snapshot/{id}/{number}"
    bounds = next(one["schema"] for one in DOCUMENT["paths"][path]["get"]["parameters"] if one["name"] == "number")
    statuses = {
        number: web.get(f"/v1/tills/t1/snapshot/x/{number}").status_code
        for number in (bounds["minimum"], bounds["maximum"], bounds["maximum"] + 1)
    }

    assert {bounds["minimum"]: 410, bounds["maximum"]: 410, bounds["maximum"] + 1: 400} == statuses


def good_bodies(name: str, words: Any) -> list[Any]:
    pen = words.Pen(epoch=2)
    upload = Upload(envelopes=(pen.write(words.sale("r1", earn=5)), pen.write(words.refund("x1", "r1"))))
    known = {
        "enrol": {"code": "ABCD-EFGH-JKLM", "machine": "m"},
        "upload": json.loads(codec.encode(upload)),
        "hold": {"receipt_uid": "h1", "customer_id": "anna", "unit": "bonus", "points": 1, "ttl_s": 60},
    }
    return [known[name]] if name in known else [{}, from_schema(name)]


def from_schema(name: str) -> Any:
    """Something of the right shape for an operation that has no example here."""
    operation = next(one for _, _, one in OPERATIONS if one["operationId"] == name)
    return shaped(operation["requestBody"]["content"]["application/json"]["schema"])


def shaped(schema: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return shaped(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return shaped(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: shaped(one) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [shaped(schema.get("items", {}))]
    return {"string": "x" * schema.get("minLength", 1), "integer": schema.get("minimum", 1), "boolean": True}.get(kind)


def mutations(body: Any) -> Iterator[tuple[str, Any]]:
    """Every place of a document, with every hostile value."""
    for place in places(body):
        for value in FEW:
            yield f"{'.'.join(map(str, place))} = {str(value)[:30]!r}", replaced(body, place, value)
        yield f"without {'.'.join(map(str, place))}", without(body, place)


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*before, key)
        # The body of an envelope is the till's own affair: its hash would be wrong. Its facts have a test below.
        if key != "body":
            yield from places(child, (*before, key))


def replaced(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    made = json.loads(json.dumps(body))
    at = made
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return made


def without(body: Any, place: tuple[Any, ...]) -> Any:
    made = json.loads(json.dumps(body))
    at = made
    for key in place[:-1]:
        at = at[key]
    del at[place[-1]]
    return made


def test_hostile_facts_never_block_the_queue(web: httpx.Client, words: Any) -> None:
    """An envelope that is whole is always settled, whatever its fact says: refused with a reason, or applied."""
    pen = words.Pen(epoch=2)
    good = [("receipt.confirmed", words.sale("r1", earn=5)), ("receipt.refunded", words.refund("x1", "r1"))]
    envelopes = []
    number = 0
    for kind, fact in good:
        body = json.loads(codec.encode(fact))
        for place in deep_places(body):
            for value in VALUES:
                number += 1
                broken = replaced(body, place, value)
                if place != ("receipt", "uid") and isinstance(broken.get("receipt"), dict):
                    broken["receipt"]["uid"] = f"u{number}"
                envelopes.append(pen.seal(kind, json.dumps(broken).encode()))
    for start in range(0, len(envelopes), 200):
        chunk = tuple(envelopes[start : start + 200])
        answered = web.post("/v1/tills/t1/envelopes", content=codec.encode(Upload(envelopes=chunk)))
        assert 200 == answered.status_code, find(web, chunk)
        assert len(chunk) == len(answered.json()["verdicts"])


def find(web: httpx.Client, envelopes: Any) -> str:
    """Which envelope it is."""
    for envelope in envelopes:
        answered = web.post("/v1/tills/t1/envelopes", content=codec.encode(Upload(envelopes=(envelope,))))
        if answered.status_code != 200:
            return f"{answered.text[:200]} {bytes(envelope.body)[:600]!r}"
    return "none alone"


def deep_places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*before, key)
        yield from deep_places(child, (*before, key))
