"""How each sample of a till system is read: through the room's own door, book or writer; by its path below `tills`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Final
from xml.etree import ElementTree as ET

from drivers.json_amounts import read_json
from drivers.printers.kkm_server.commands import Result
from drivers.printers.kkm_server.receipts import read_receipt
from drivers.tills.contract import HttpRequest
from drivers.tills.loads import LoadCard, LoadPlan, LoadTier
from drivers.tills.moysklad import wire as moysklad
from drivers.tills.priority.wire import signature
from drivers.vocabulary.money import Percent
from tests.drivers.tills.golden_rig import KEY, MOSCOW, Listener, ask, documents, plain, system_of

Reader = Callable[[bytes], Any]
#: A door says these of what it does not understand or take; what a listener refuses it says otherwise.
UNREAD: Final = {400, 401, 403, 404, 500}
#: How the document ends that the report of 2016 breaks off in: fifty given, change, closed with a card.
FRONTOL_ENDS: Final = (
    ("21", "40", {9: "1", 10: "0", 11: "50", 12: "50"}),
    ("22", "40", {9: "1", 10: "0", 11: "-16,49", 12: "-16,49"}),
    ("23", "55", {8: "2900000000018", 12: "33,51"}),
)
#: (method, path) of each example that is a request; the others are answers.
MOYSKLAD_PEOPLE: Final = {0: "/counterparty", 2: "/counterparty/detail", 5: "/counterparty/verify"}
MOYSKLAD_SALES: Final = {0: "/retaildemand/recalc", 2: "/retaildemand/verify", 4: "/retaildemand"}


def post(name: str, path: str, body: bytes, *, customer: str | None = None, **more: Any) -> dict[str, Any]:
    """What a door asks of the checkout for a request."""
    listener = Listener() if customer is None else Listener(customer=customer)
    request = HttpRequest(
        method="POST", path=path, body=body, headers=more.pop("headers", {}), query=more.pop("query", {})
    )
    reply = ask(name, request, listener, **more)
    assert reply.status not in UNREAD, reply.body
    told = {"request": path, "asked": listener.asked}
    return told | ({"code_to": reply.code_to} if reply.code_to else {})


# ── Requests ────────────────────────────────────────────────────────────────────────────────────


def priority(data: bytes) -> list[Any]:
    """Each example whole: its own fields over those of the first, as the sample has them; the return has its own uid."""
    examples = json.loads(data)
    first = examples[0]["request"]
    told = []
    for one in examples:
        extra = dict(one.get("request") or one.get("request_extra") or {})
        if one.get("path") != "POST {base}/document":
            continue
        added = extra.pop("positions_add", {})
        if extra.get("type") == "refundReceipt":
            extra |= {"referenceUid": first["uid"], "uid": "{5A188DE4-49B8-4CB4-800E-EB6B52024380}"}
        positions = [{**position, **added} for position in first["positions"]]
        body = json.dumps({**first, **extra, "positions": positions}).encode()
        signed = {"authorization": signature(KEY, body)}
        told.append(
            post("frontol", "/document", body, headers=signed) | {"request": f"{extra['action']} {extra['type']}"}
        )
    return told


def kilbil(data: bytes) -> list[Any]:
    """The sale's goods are those of the question before it."""
    examples = json.loads(data)
    goods = examples[0]["body"]["goods_data"]
    told = []
    for one in examples:
        body = one["body"] | ({"goods_data": goods} if "goods_data" in one["body"] else {})
        path = f"/load/{one['fn']}"
        told.append(
            post("kilbil", path, json.dumps(body).encode(), query={"h": KEY}, consent_purpose="loyalty")
        )  # fmt: skip
    return told


def moysklad_examples(data: bytes, routes: dict[int, str]) -> list[Any]:
    """Requests through the door; of answers the names of their fields."""
    told: list[Any] = []
    for number, one in enumerate(filter(str.strip, re.split(r"(?m)^// --- example \d+$", data.decode("utf-8")))):
        if number not in routes:
            told.append({"answer": fields(json.loads(one))})
            continue
        headers = {moysklad.AUTH_HEADER: KEY}
        nobody = "" if routes[number] == "/counterparty" else None
        told.append(
            post(
                "moysklad",
                routes[number],
                one.strip().encode(),
                headers=headers,
                customer=nobody,
                consent_purpose="loyalty",
            )
        )
    return told


def fields(value: Any) -> Any:
    """The names of the fields, values left out."""
    if isinstance(value, dict):
        return {key: fields(one) for key, one in sorted(value.items())}
    return [fields(one) for one in value[:1]] if isinstance(value, list) else ""


def evotor(data: bytes) -> Any:
    return post("evotor", "/api/v2/receipts", data, headers={"authorization": f"Bearer {KEY}"})


def onec(data: bytes) -> Any:
    signed = {"authorization": f"Bearer {KEY}"}
    return post("onec", "/process_check", data, headers=signed, query={"document": "d-1"})


def kkm_server(data: bytes) -> Any:
    """With a result as the server gives one to a command it has done."""
    done = Result(status=0, error="", answer={"Status": 0, "CheckNumber": 12, "SessionNumber": 3})
    command: Any = read_json(data)
    document = read_receipt(command, done, currency="RUB", zone=MOSCOW, columns=48)
    assert () == document.problems
    return {"codes": list(document.codes), "receipt": plain(document.receipt)}


# ── Reports ─────────────────────────────────────────────────────────────────────────────────────


def frontol(data: bytes) -> Any:
    def row(number: str, kind: str, own: dict[int, str]) -> str:
        known = {1: number, 2: "11.02.2016", 3: "10:26:01", 4: kind, 5: "1", 6: "4", 7: "1", 13: "0", 14: "1"} | own
        return "".join(f"{known.get(place, '')};" for place in range(1, 37)) + "\r\n"

    return documents("frontol", data + "".join(row(*one) for one in FRONTOL_ENDS).encode())


# ── Load files: read back into the plan that our writers write ──────────────────────────────────


def kassir_plan(data: bytes) -> dict[str, Any]:
    """Schemes, their percents, and the cards that have them; goods and prices are none of ours."""
    rows = [(line[0], line[1:].split(";")) for line in data.decode().split("\n") if line.strip()]
    percents = {row[0]: row[5] for kind, row in rows if kind == "@"}
    return {
        "tiers": [{"code": row[0], "percent": percents[row[0]]} for kind, row in rows if kind == "!"],
        "cards": [{"number": row[0], "tier": row[4]} for kind, row in rows if kind == "%"],
    }


def set_plan(data: bytes) -> dict[str, Any]:
    root = ET.fromstring(data)
    return {
        "tiers": [
            {"code": one.get("guid"), "percent": one.get("percentage-discount")}
            for one in root.iterfind("internal-card-type")
        ],
        "cards": [
            {"number": one.get("number"), "tier": one.get("card-type-guid")} for one in root.iterfind("internal-card")
        ],
    }


def written_again(name: str, read: Callable[[bytes], dict[str, Any]]) -> Reader:
    """The plan of a file; what our writer makes of that plan is read as the same."""

    def reader(data: bytes) -> Any:
        told, loads = read(data), system_of(name).loads
        tiers: Iterable[dict[str, str]] = told["tiers"]
        plan = LoadPlan(
            tiers=tuple(
                LoadTier(
                    name=one["code"], title=one["code"], code=int(one["code"]), percent=Percent.parse(one["percent"])
                )
                for one in tiers
            ),
            cards=lambda: [LoadCard(number=one["number"], tier=one["tier"]) for one in told["cards"]],
            day=date(2026, 3, 2),
        )
        assert loads is not None
        assert read(b"".join(loads.write(plan)).replace(b"\r\n", b"\n")) == told
        return told

    return reader


def set_query(data: bytes) -> Any:
    """What is asked, and for which day; ours for that day is the same."""
    told = dict(line.split(": ") for line in data.decode().splitlines())
    reports = system_of("set_retail").reports
    assert reports is not None
    assert data.split() == reports.request.replace(b"{date}", told["date"].encode()).split()
    return told


# ── Own fixtures ────────────────────────────────────────────────────────────────────────────────


def receipt_of(told: dict[str, Any]) -> Any:
    """The one receipt that was closed."""
    (closed,) = [one for one in told["asked"] if one["call"] in {"confirm", "refund"}]
    return closed["receipt"]


def kilbil_capture(data: bytes) -> Any:
    sale = json.dumps(json.loads(data, parse_float=Decimal)["sale"], default=float).encode()
    return receipt_of(post("kilbil", "/load/processsale", sale, query={"h": KEY}))


#: Our own captures whose receipts need nothing but their room; those of the centre's rooms are tested at the centre.
OWN: Final[dict[str, Reader]] = {
    "onec/captures/new.xml": lambda data: receipt_of(onec(data)),
    "onec/captures/old.xml": lambda data: receipt_of(onec(data)),
    "kilbil/captures/sale.json": kilbil_capture,
}
SAMPLES: Final[dict[str, Reader]] = {
    "priority/examples.json": priority,
    "kilbil/requests.json": kilbil,
    "moysklad/loyalty_api_counterparty.examples.json": lambda data: moysklad_examples(data, MOYSKLAD_PEOPLE),
    "moysklad/loyalty_api_retaildemand.examples.json": lambda data: moysklad_examples(data, MOYSKLAD_SALES),
    "evotor/receipt_webhook_shape.json": evotor,
    "onec/CheckPackage_sale.xml": onec,
    "onec/CheckPackage_v2_old.xml": onec,
    "kkmserver/register_check_made_from_spec.json": kkm_server,
    "frontol/frontol5_report.txt": frontol,
    "shtrihm/kassir_report_made_from_spec.txt": lambda data: documents("shtrih_kassir", data),
    "setretail/purchases_with_card_made_from_spec.xml": lambda data: documents("set_retail", data),
    "shtrihm/kassir_load_made_from_spec.txt": written_again("shtrih_kassir", kassir_plan),
    "setretail/cards-catalog_made_from_spec.xml": written_again("set_retail", set_plan),
    "setretail/query_file_made_from_spec.txt": set_query,
}
#: Names only; that ours are among them says `tests/house/test_samples.py`.
LISTS_OF_NAMES: Final = {
    "frontol/load_command_names.txt",
    "frontol/script_api_names.txt",
    "evotor/receipt_v2_schema_excerpt.yaml",
}
