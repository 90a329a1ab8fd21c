"""The customer's screen: who may open it, what it is told, and what it is never told."""

from __future__ import annotations

import json

import pytest
from msgspec import structs

from agent.checkout.panel.view import HIDDEN_NAME
from agent.doors.customer import CustomerScreen, customer_view
from agent.snapshot import ConsentView
from drivers.vocabulary import codec
from tests.agent.doors.memory_desk import ANNA, MemoryDesk


def display_cookie(doors) -> str:
    """A session of the second screen."""
    address = doors.secrets.customer_url(8765).removeprefix("http://127.0.0.1:8765")
    answer = doors.ask("GET", address)
    assert (303, "/panel/customer") == (answer.status_code, answer.headers["location"])
    assert "Path=/panel/customer" in answer.headers["set-cookie"]
    return answer.headers["set-cookie"].split("; ")[0]


def test_its_session_opens_nothing_else(doors):
    """Whoever gets at the browser of the second screen sees what the customer sees, and can do nothing."""
    cookie = display_cookie(doors)

    assert 200 == doors.ask("GET", "/panel/customer", headers={"cookie": cookie}).status_code
    assert 401 == doors.ask("GET", "/panel", headers={"cookie": cookie}).status_code
    assert 401 == doors.panel("/panel/clear", {}, cookie).status_code
    # Not under the panel's own name either: what was signed says what for.
    forged = cookie.replace("tillpoint_display_", "tillpoint_")
    assert 401 == doors.ask("GET", "/panel", headers={"cookie": forged}).status_code


def test_its_ticket_is_taken_once_and_opens_no_panel(doors):
    """Nor does a ticket of the panel open a session of the screen."""
    address = doors.secrets.customer_url(8765).removeprefix("http://127.0.0.1:8765")
    doors.ask("GET", address)
    again = doors.ask("GET", address)
    panel = doors.ask("GET", address.replace("/panel/customer", "/panel"))
    crossed = doors.ask("GET", f"/panel/customer?ticket={doors.secrets.new_ticket()}")

    assert [False] * 3 == ["set-cookie" in one.headers for one in (again, panel, crossed)]


def test_the_cashiers_browser_may_show_it(doors):
    """A window of the same browser, drawn to the second screen; without any session it is closed."""
    assert 200 == doors.ask("GET", "/panel/customer", headers={"cookie": doors.cookie}).status_code
    assert [401, 401] == [doors.ask("GET", path).status_code for path in ("/panel/customer", "/panel/customer/stream")]


@pytest.mark.parametrize("path", ["/panel/customer", "/panel/customer/stream"])
def test_it_only_reads(doors, path):
    """There is no other method."""
    assert 405 == doors.ask("POST", path, headers={"cookie": doors.cookie}).status_code


def test_what_it_is_told():
    """Name, points and sums; the whole list of fields stands here, so that a new one is a decision."""
    desk = MemoryDesk()
    desk.change(customer=structs.replace(ANNA, name="Анна +7 900 000-00-01"))
    desk.show_quote()
    told = customer_view(desk.snapshot)

    assert [
        "version", "title", "is_member", "name", "balances", "total", "discount", "payable", "earn", "spend", "notes",
        "consents", "last",
    ] == [field.name for field in structs.fields(CustomerScreen)]  # fmt: skip
    assert ("Анна +7900***01", "1240.00 RUB") == (told.name, str(told.payable))


def test_what_it_is_never_told():
    """No phone, no level, no number that was typed, nothing of the till's own troubles."""
    desk = MemoryDesk()
    desk.change(
        customer=structs.replace(ANNA, tier="VIP"),
        mask="+7900***03",
        notice="for the cashier",
        last_receipt={"uid": "r-1", "claim": "7K4M-22", "total": "1.00 RUB"},
        programme_trouble="programme 4 is signed by nobody we know",
    )
    text = codec.encode(customer_view(desk.snapshot)).decode()

    for secret in ("+7900***01", "VIP", "+7900***03", "for the cashier", "7K4M-22", "signed by", "c-anna"):
        assert secret not in text


def test_a_hidden_name_is_no_name():
    """What the cashier's screen hides after a minute is hidden here too."""
    desk = MemoryDesk()
    desk.change(customer=structs.replace(ANNA, name=HIDDEN_NAME))

    assert (True, "") == (customer_view(desk.snapshot).is_member, customer_view(desk.snapshot).name)


def test_what_is_agreed_to_can_be_read():
    """The words the cashier reads out, and what was ticked."""
    desk = MemoryDesk()
    desk.change(consents=(ConsentView(purpose="loyalty", version="v3", text="Agree?", required=True, given=True),))
    told = json.loads(codec.encode(customer_view(desk.snapshot)))

    assert [{"purpose": "loyalty", "text": "Agree?", "required": True, "given": True}] == told["consents"]
