"""The contract with the tills as OpenAPI 3.1, made from the types the server reads and writes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from central.answers import Health
from central.totals import TillTotals
from drivers.vocabulary import codec
from drivers.vocabulary.centre import (
    ChangesPage,
    EnrolAnswer,
    EnrolRequest,
    HoldGrant,
    HoldWanted,
    KeysAnswer,
    KeysRequest,
    LookupAnswer,
    LookupWanted,
    Problem,
    SnapshotManifest,
    SnapshotPart,
    Upload,
    UploadAnswer,
)
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.fleet import ReportTaken, TillReport
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted
from drivers.vocabulary.store_enrol import LeaveAnswer, LeaveRequest, StoreEnrolRequest
from drivers.vocabulary.updates import AFTER_HEADER, UpdateCheck, UpdateOffer
from drivers.vocabulary.value_leases import CouponsGrant, CouponsWanted, ValueAnswer, ValueReport

__all__ = ["OPERATIONS", "Operation", "document"]

_TEMPLATE: Final = "#/components/schemas/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the contract: a route, what goes in, what comes out, and which refusals to expect."""

    method: str
    path: str
    name: str
    summary: str
    answer: type
    #: What 204 means, when there may be nothing to say.
    nothing: str = ""
    body: type | None = None
    query: tuple[dict[str, Any], ...] = ()
    is_open: bool = False
    is_optional: bool = False
    refusals: dict[int, str] = field(default_factory=dict)


_QUERY: Final = (
    {
        "name": "cursor",
        "in": "query",
        "description": "The cursor of the page before; leave it out to begin with everything. Opaque.",
        "schema": {"type": "string", "maxLength": 64},
    },
    {
        "name": "wait",
        "in": "query",
        "description": "How many seconds to wait for a change when there is none; at most 25.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 25, "default": 0},
    },
)

_RANGES: Final = (
    {"name": "Range", "in": "header", "description": "bytes=N- or bytes=N-M.", "schema": {"type": "string"}},
    {"name": "If-Range", "in": "header", "description": "The ETag of the first part.", "schema": {"type": "string"}},
)

_BODY_REFUSALS: Final = {
    400: "`unreadable`: not gzip, not JSON, or a field is wrong; the message gives its path.",
    413: "`too_large`: more than 4 MiB, decompressed.",
    415: "`encoding_unknown`: only gzip or no content-encoding.",
}

_WORK_REFUSALS: Final = {**_BODY_REFUSALS, 409: "`fork`: the till is quarantined."}

OPERATIONS: Final = (
    Operation(
        method="get",
        path="/v1/health",
        name="health",
        summary="Whether the server and its database answer.",
        answer=Health,
        is_open=True,
    ),
    Operation(
        method="post",
        path="/v1/enrol",
        name="enrol",
        summary="Turn a one-time code into an identity. The same machine may repeat it until the token was used once.",
        answer=EnrolAnswer,
        body=EnrolRequest,
        is_open=True,
        refusals={**_BODY_REFUSALS, 403: "`code_refused`: unknown, too old, or used already."},
    ),
    Operation(
        method="post",
        path="/v1/enrol/store",
        name="enrolStore",
        summary="Turn a store's secret into an identity of the machine's own. Optional. The same key may repeat it "
        "until the token was used once; a till that is replaced gets its next epoch, its old token and key end.",
        answer=EnrolAnswer,
        body=StoreEnrolRequest,
        is_open=True,
        is_optional=True,
        refusals={
            **_BODY_REFUSALS,
            403: "`secret_refused`: unknown, expired, revoked, used up, or the key is not shown to be held. "
            "`replace_refused`: this secret makes new tills only.",
            404: "`till_unknown`: the till to replace is not there. Any 404 from a server that offers none of this.",
            409: "`till_taken`: there is a till of the wished name. `till_alive`: the till to replace spoke lately.",
            429: "`too_many_tills`, `too_many_tries`: come back when Retry-After says.",
        },
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/envelopes",
        name="upload",
        summary="Hand over a contiguous run of envelopes of one epoch; repeating it is harmless.",
        answer=UploadAnswer,
        body=Upload,
        refusals={
            **_BODY_REFUSALS,
            400: _BODY_REFUSALS[400] + " `not_a_run`: not contiguous. `damaged`: a hash is not its envelope's.",
            403: "`signature_missing`, `signature_wrong`: the till has a key, and it did not sign this batch.",
            409: "`gap`: send from `wanted`. `fork`: another history of this epoch is known, the till is quarantined. "
            "`epoch_unknown`: the centre never gave this epoch.",
        },
    ),
    Operation(
        method="get",
        path="/v1/tills/{till}/changes",
        name="changes",
        summary="The documents that changed after a cursor, in order, and the till's last envelope they contain.",
        answer=ChangesPage,
        query=_QUERY,
        refusals={
            400: "`unreadable`: wait is not a whole number.",
            410: "`cursor_unknown`: the feed has begun anew; forget the replica and begin without a cursor.",
        },
    ),
    Operation(
        method="get",
        path="/v1/tills/{till}/snapshot",
        name="snapshot",
        summary="The parts of everything there is, made beforehand, for a till that begins; then the changes after it.",
        answer=SnapshotManifest,
        refusals={404: "`no_snapshot`: there is none; read /changes from the beginning."},
    ),
    Operation(
        method="get",
        path="/v1/tills/{till}/snapshot/{id}/{number}",
        name="snapshotPart",
        summary="One part of a snapshot, counted from 0.",
        answer=SnapshotPart,
        refusals={
            400: "`unreadable`: the number is not a whole number.",
            410: "`snapshot_gone`: this snapshot is not kept any more; ask for the newest.",
        },
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/holds",
        name="hold",
        summary="Reserve points for a receipt, all or none; the till and the receipt uid name the hold.",
        answer=HoldGrant,
        body=HoldWanted,
        refusals={
            **_BODY_REFUSALS,
            404: "`customer_unknown`.",
            409: "`already_closed`: the receipt is confirmed. `fork`: the till is quarantined.",
        },
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/lookup",
        name="lookup",
        summary="The documents of a customer whom the till does not know, by keyed hash; no changes is nobody.",
        answer=LookupAnswer,
        body=LookupWanted,
        refusals={
            **_BODY_REFUSALS,
            409: "`fork`: the till is quarantined.",
            429: "`too_many_lookups`: 30 at once, then one every 10 s; Retry-After says when.",
        },
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/certificates",
        name="certificate",
        summary="What a gift certificate pays; with a receipt uid all that is free of it is kept for that receipt.",
        answer=CertificateGrant,
        body=CertificateWanted,
        refusals={
            **_BODY_REFUSALS,
            409: "`already_closed`: the receipt is confirmed. `fork`: the till is quarantined.",
        },
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/keys",
        name="keys",
        summary="Show the till's public key, take a new token if one is due, and the tenant's keys of today.",
        answer=KeysAnswer,
        body=KeysRequest,
        refusals={
            **_BODY_REFUSALS,
            403: "`key_refused`: no proof that the key is held, or another key without the word of the one before.",
            409: "`fork`: the till is quarantined.",
        },
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/leases",
        name="leases",
        summary="Say which leases and holds the till has and how far it is; be given leases on customers' points.",
        answer=LeaseAnswer,
        body=LeaseReport,
        refusals={
            **_BODY_REFUSALS,
            409: "`fork`: the till is quarantined, or now is: another envelope has the number of `acknowledged`.",
        },
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/values",
        name="values",
        summary="Say which coupons and certificates the till holds; be given leases on those of its customers.",
        answer=ValueAnswer,
        body=ValueReport,
        refusals=_WORK_REFUSALS,
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/coupons",
        name="coupons",
        summary="Lease coupons of one use to the till at once, because a customer waits there.",
        answer=CouponsGrant,
        body=CouponsWanted,
        refusals=_WORK_REFUSALS,
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/codes",
        name="sendCode",
        summary="Send a customer a one-time code that proves whose points are spent; a centre need not be able to.",
        answer=CodeSent,
        body=CodeWanted,
        refusals=_WORK_REFUSALS,
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/codes/check",
        name="checkCode",
        summary="Whether what the customer read out is the code: three tries, three minutes.",
        answer=CodeVerdict,
        body=CodeTried,
        refusals=_WORK_REFUSALS,
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/leave",
        name="leave",
        summary="The till will not come back. Optional. Its token and key end; with nothing missing its leases go.",
        answer=LeaveAnswer,
        body=LeaveRequest,
        is_optional=True,
        refusals={**_BODY_REFUSALS, 403: "`key_refused`: the till's key did not sign it."},
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/updates/check",
        name="checkForUpdate",
        summary="Say what the till runs and tried; be offered a release or nothing. A centre need not know updates.",
        answer=UpdateOffer,
        nothing=f"Nothing for this till: what it has staged is not to be tried. {AFTER_HEADER} says when to ask again.",
        body=UpdateCheck,
        is_optional=True,
        refusals=_BODY_REFUSALS,
    ),
    Operation(
        method="get",
        path="/v1/tills/{till}/updates/archives/{sha256}",
        name="releaseArchive",
        summary="The archive of a release, whole or one range of it; ETag is its SHA-256 in quotes.",
        answer=bytes,
        query=_RANGES,
        is_optional=True,
        refusals={
            404: "`archive_unknown`: not given out, or not any more; check again.",
            503: "`busy_downloads`: too many download at once; Retry-After says when to come back.",
        },
    ),
    Operation(
        method="post",
        path="/v1/tills/{till}/report",
        name="report",
        summary="How the till is: version, disk, warnings, devices in trouble; each five minutes and after a change.",
        answer=ReportTaken,
        body=TillReport,
        is_optional=True,
        refusals=_BODY_REFUSALS,
    ),
    Operation(
        method="get",
        path="/v1/tills/{till}/status",
        name="status",
        summary="What the centre knows of the till that asks.",
        answer=TillTotals,
    ),
)

_HEADERS: Final = (
    ("Tillpoint-Version", "The agent's version.", {"type": "string", "maxLength": 40}),
    ("Tillpoint-Queue-Depth", "Envelopes that wait at the till.", {"type": "integer", "minimum": 0}),
    ("Tillpoint-Oldest-Age-S", "Age of the oldest of them, seconds.", {"type": "integer", "minimum": 0}),
    ("Tillpoint-Clock", "The till's clock, RFC 3339.", {"type": "string", "format": "date-time"}),
)

_EVERYWHERE: Final = {
    400: "`unreadable`: a name or a number that no database can keep.",
    503: "`busy`: the database is away; nothing was taken. `Retry-After` says when to come back.",
}


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document; the same for every server of this version."""
    types = list(dict.fromkeys([Problem, *_types()]))
    _, components = codec.schema(types, _TEMPLATE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tillpoint central server",
            "version": _version(),
            "description": "What a till and the central server say to one another.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"till": {"type": "http", "scheme": "bearer"}},
        },
    }


def _types() -> list[type]:
    found: list[type] = []
    for operation in OPERATIONS:
        found += [one for one in (operation.body, operation.answer) if one not in {None, bytes}]
    return found


def _operation(operation: Operation) -> dict[str, Any]:
    refusals = {**_EVERYWHERE, **operation.refusals}
    if not operation.is_open:
        refusals[401] = "`unauthorised`: the till or its token is not known; enrol it again."
    responses = {"200": _response("The answer.", operation.answer)}
    responses |= {str(status): _response(words, Problem) for status, words in sorted(refusals.items())}
    if operation.nothing:
        responses["204"] = {"description": operation.nothing}
    if operation.answer is bytes:
        responses["206"] = _response("The range.", bytes)
        responses["304"] = {"description": "If-None-Match names this archive."}
        responses["416"] = {"description": "The range begins behind the end; Content-Range has the size."}
    made: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": responses,
        "security": [] if operation.is_open else [{"till": []}],
    }
    if operation.is_optional:
        made["x-tillpoint-optional"] = True  # a server may leave it out and answer 404
    parameters = _parameters(operation)
    if parameters:
        made["parameters"] = parameters
    if operation.body is not None:
        made["requestBody"] = {"required": True, "content": _content(operation.body)}
    return made


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in re.findall(r"{(\w+)}", operation.path):
        whole = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
        schema = whole if name == "number" else {"type": "string"}
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    if not operation.is_open:
        parameters += [
            {"name": name, "in": "header", "description": words, "schema": schema} for name, words, schema in _HEADERS
        ]
    if operation.body is not None:
        encoding = {"type": "string", "enum": ["gzip", "identity"]}
        parameters.append({"name": "Content-Encoding", "in": "header", "schema": encoding})
    return [*parameters, *operation.query]


def _response(words: str, wanted: type) -> dict[str, Any]:
    return {"description": words, "content": _content(wanted)}


def _content(wanted: type) -> dict[str, Any]:
    if wanted is bytes:
        return {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": {"$ref": _TEMPLATE.format(name=wanted.__name__)}}}


def _version() -> str:
    try:
        return version("tillpoint")
    except PackageNotFoundError:
        return "0"
