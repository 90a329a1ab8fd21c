"""The local API of a POS: the happy path of each call, and every way a request can be wrong."""

from __future__ import annotations

import threading

import pytest

from drivers.vocabulary.errors import CheckoutRefused

RECEIPT = {
    "uid": "17-2-1001",
    "kind": "sale",
    "total": "124.50 RUB",
    "lines": [{"number": 1, "name": "Хлеб", "quantity": "1", "price": "124.50 RUB", "total": "124.50 RUB"}],
}


def test_a_sale_from_identify_to_refund(doors):
    """One sale through all the calls."""
    found = doors.pos("/v1/identify", {"code": "CARD-17", "presented": True, "receipt_uid": "17-2-1001"}).json()
    quoted = doors.pos("/v1/quote", {"receipt": RECEIPT, "customer_id": "c-anna"}).json()
    held = doors.pos(
        "/v1/hold", {"receipt_uid": "17-2-1001", "customer_id": "c-anna", "unit": "bonus", "points": 100}
    ).json()
    closed = doors.pos("/v1/confirm", {"receipt": RECEIPT, "customer_id": "c-anna"}).json()
    again = doors.pos("/v1/confirm", {"receipt": RECEIPT, "customer_id": "c-anna"}).json()
    back = RECEIPT | {"uid": "17-2-1002", "kind": "return", "base_uid": "17-2-1001"}
    returned = doors.pos("/v1/refund", {"receipt": back}).json()

    assert ("found", "c-anna") == (found["state"], found["customer"]["id"])
    assert ("124.50 RUB", 6) == (quoted["payable"], quoted["decision"]["effects"][0]["amount"])
    assert 100 == held["points"]
    assert ("7K4M-22", False) == (closed["claim_code"], closed.get("duplicate", False))
    assert ("7K4M-22", True) == (again["claim_code"], again["duplicate"])
    assert {"bonus": 5} == returned["points_taken_back"]


def test_cancel(doors):
    """Cancelling what is unknown is an answer, not an error."""
    answer = doors.pos("/v1/cancel", {"receipt_uid": "17-2-9"})

    assert (200, {"cancelled": False, "receipt_uid": "17-2-9"}) == (answer.status_code, answer.json())


def test_status_shows_the_snapshot(doors):
    """What the panel shows, for the POS."""
    answer = doors.ask("GET", "/v1/status", headers={"authorization": f"Bearer {doors.secrets.api_token}"})

    assert (200, "idle", "2") == (answer.status_code, answer.json()["screen"], answer.json()["till"])


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/identify", {}, ""),
        ("/v1/identify", {"code": 17}, "code"),
        ("/v1/identify", {"code": "x", "cod": "y"}, "cod"),
        ("/v1/hold", {"receipt_uid": "r", "customer_id": "c", "unit": "bonus", "points": 0}, "points"),
        ("/v1/quote", {"receipt": RECEIPT | {"uid": "a b"}}, "receipt.uid"),
        (
            "/v1/quote",
            {"receipt": {name: value for name, value in RECEIPT.items() if name != "total"}},
            "receipt.total",
        ),
        ("/v1/quote", {"receipt": RECEIPT | {"total": 124.5}}, "receipt.total"),
        (
            "/v1/quote",
            {"receipt": RECEIPT | {"lines": [RECEIPT["lines"][0] | {"price": "1,5 RUB"}]}},
            "receipt.lines[0].price",
        ),
        ("/v1/confirm", {"receipt": RECEIPT | {"total": "100.00 RUB"}}, "receipt"),
        ("/v1/confirm", [], ""),
    ],
)
def test_wrong_field_is_named(doors, path, body, field):
    """The path of the field at fault, and a sentence."""
    answer = doors.pos(path, body)

    assert (400, "invalid_request", field) == (answer.status_code, answer.json()["code"], answer.json()["field"])
    assert answer.json()["message"][0].islower()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"code": "x"} trailing'])
def test_broken_json(doors, body):
    """Rubbish is refused by name, never with a traceback."""
    headers = {"authorization": f"Bearer {doors.secrets.api_token}", "content-type": "application/json"}
    answer = doors.ask("POST", "/v1/identify", content=body, headers=headers)

    assert (400, "invalid_request", []) == (answer.status_code, answer.json()["code"], doors.desk.calls)


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer wrong", "Basic dXNlcjp4", "Bearer tp_\xe9"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/status"), ("POST", "/v1/identify")])
def test_token_is_asked_for(doors, method, path, value):
    """Without the token there is no answer, and the answer says where the token is."""
    headers = {"authorization": value.encode("latin-1")} if value else {}
    answer = doors.ask(method, path, json={"code": "CARD-17"}, headers=headers)

    assert (401, "no_token", "Bearer") == (
        answer.status_code,
        answer.json()["code"],
        answer.headers["www-authenticate"],
    )
    assert [] == doors.desk.calls


def test_panel_session_is_no_token(doors):
    """The browser's cookie does not open the POS's door."""
    assert 401 == doors.ask("GET", "/v1/status", headers={"cookie": doors.cookie}).status_code


@pytest.mark.parametrize("chunked", [False, True])
def test_large_body(doors, chunked):
    """A body over 1 MiB is cut off, whether its length was said or not."""
    data = b" " * 1_048_577

    async def pieces():
        for start in range(0, len(data), 65_536):
            yield data[start : start + 65_536]

    headers = {"authorization": f"Bearer {doors.secrets.api_token}", "content-type": "application/json"}
    answer = doors.ask("POST", "/v1/confirm", content=pieces() if chunked else data, headers=headers)

    assert (413, "body_too_large", []) == (answer.status_code, answer.json()["code"], doors.desk.calls)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("timeout", 503), ("busy", 503), ("no_store", 503), ("not_recorded", 503),
        ("different_body", 409), ("already_closed", 409), ("more_than_sold", 409),
        ("wrong_money", 422), ("unknown_customer", 422), ("anything_else", 422),
    ],
)  # fmt: skip
def test_refusals_of_the_till(doors, code, status):
    """Not now, contradiction, or simply no: the status tells which, the code says why."""
    doors.desk.breaks_with = CheckoutRefused("because of this", code=code, field="receipt.uid")
    answer = doors.pos("/v1/cancel", {"receipt_uid": "r-1"})

    assert (status, {"code": code, "message": "because of this", "field": "receipt.uid"}) == (
        answer.status_code,
        answer.json(),
    )
    assert (status == 503) == ("retry-after" in answer.headers)


def test_same_uid_other_body(doors):
    """A receipt confirmed differently before is a contradiction."""
    doors.pos("/v1/confirm", {"receipt": RECEIPT})
    answer = doors.pos("/v1/confirm", {"receipt": RECEIPT, "customer_id": "c-anna"})

    assert (409, "different_body", "receipt") == (answer.status_code, answer.json()["code"], answer.json()["field"])


def test_till_that_does_not_answer_in_time(doors):
    """The POS hears within the time-out that the sale goes on."""
    doors.build(answer_timeout_s=0.05)
    doors.desk.free.clear()
    answer = doors.pos("/v1/cancel", {"receipt_uid": "r-1"})

    assert (503, "timeout") == (answer.status_code, answer.json()["code"])
    assert "the sale may go on" in answer.json()["message"]


def test_till_that_breaks_its_own_deadline(doors):
    """Even a till that hangs does not make the POS wait, and its threads stay bounded."""
    doors.build(answer_timeout_s=0.05)
    doors.desk.ignores_deadline = True
    doors.desk.free.clear()
    answers = [doors.pos("/v1/cancel", {"receipt_uid": f"r-{place}"}) for place in range(6)]
    threads = [thread for thread in threading.enumerate() if "worker" in thread.name.lower() and thread.is_alive()]
    doors.desk.free.set()

    assert [(503, "timeout")] * 6 == [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert "the sale goes on" in answers[-1].json()["message"]
    assert 4 == len(doors.desk.calls)
    assert 4 >= len(threads)


def test_unknown_path_is_json(doors):
    """A mistyped path reads like every other error."""
    answer = doors.pos("/v1/identifi", {})

    assert (404, "no_such_path") == (answer.status_code, answer.json()["code"])


def test_full_phone_in_a_notice_is_masked(doors):
    """The second lock: a number that the till let through does not leave the agent."""
    doors.desk.change(notice="звоните +7 900 000-00-01", mask="89000000001")
    answer = doors.ask("GET", "/v1/status", headers={"authorization": f"Bearer {doors.secrets.api_token}"})

    assert ("звоните +7900***01", "8900***01") == (answer.json()["notice"], answer.json()["mask"])
