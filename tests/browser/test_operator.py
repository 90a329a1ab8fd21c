"""The operator's page in a real browser: the way in, what is shown, what is done; on a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from central.app import build
from central.database import Database, open_database
from central.ingest import ingest, quarantine
from central.members import Member, load_members
from central.operator.keys import OPERATOR, make_token
from central.serve import listening_socket, make_server
from central.tills import enrol, make_code
from drivers.vocabulary.centre import EnrolRequest
from tests.central.conftest import Pen, sale

pytestmark = [pytest.mark.browser, pytest.mark.net]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'central.db'}")
    yield opened
    opened.close()


@pytest.fixture
def address(database: Database) -> Iterator[str]:
    """A server with a till, a refused envelope, a quarantined epoch and a customer who owes points."""
    from central.errors import Fork

    now = datetime.now(UTC)
    anna = Member(id="anna", name="Anna", phone="+79000000001", card="77001234", tier="", spent_minor=0, points={})
    load_members(database, [anna], now=now, progress=lambda _: None)
    pen = Pen()
    envelopes = [pen.write(sale("r1", spend=30)), pen.write(sale("r2", customer="<b>nobody</b>"))]
    with database.write() as connection:
        code = make_code(connection, shop="s1", till="t1", now=now)
        enrol(connection, EnrolRequest(code=code), currency="RUB", now=now)
        ingest(connection, envelopes, till="t1", epoch_max=1, currency="RUB", now=now)
        quarantine(connection, fork=Fork("two histories of t1", till="t1", epoch=1))
    socket = listening_socket("127.0.0.1:0")
    ready = threading.Event()
    server = make_server(build(database), ready=ready.set)
    thread = threading.Thread(target=lambda: server.run(sockets=[socket]))
    thread.start()
    assert ready.wait(10)
    yield f"http://127.0.0.1:{socket.getsockname()[1]}/operator"
    server.should_exit = True
    thread.join(10)
    socket.close()


@pytest.fixture
def page(chromium: Any, address: str, database: Database) -> Iterator[Any]:
    """Somebody who logged in by hand; what the console said must be nothing."""
    with database.write() as connection:
        token = make_token(connection, OPERATOR)
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    opened.set_default_timeout(5000)
    errors: list[str] = []
    opened.on("console", lambda said: errors.append(said.text) if said.type in {"error", "warning"} else None)
    opened.goto(address)
    opened.fill('input[name="token"]', token)
    opened.click("text=Log in")
    opened.wait_for_selector("h1:text('Tills')")
    yield opened
    context.close()
    assert [] == errors


def test_the_tills_and_the_way_out(page: Any) -> None:
    """Styled, without a script; after leaving, every address ends at the login."""
    assert "s1" in page.inner_text("table")
    assert "system-ui" in page.evaluate("getComputedStyle(document.body).fontFamily")
    assert 0 == page.evaluate("document.scripts.length")
    assert "" == page.evaluate("document.cookie")
    page.click("text=Log out")
    page.wait_for_selector('input[name="token"]')
    page.goto(page.url.removesuffix("/login"))

    assert page.url.endswith("/operator/login")


def test_a_quarantine_is_released(page: Any) -> None:
    """One click, and what was done is written down."""
    assert "two histories of t1" in page.inner_text("main")
    page.click("button:text('Release')")
    page.wait_for_selector("td:text('released')")

    assert "two histories of t1" not in page.inner_text("main")


def test_a_refused_envelope_is_acknowledged(page: Any) -> None:
    """Its reason is text, whatever is in it."""
    page.click("nav >> text=Refused")
    page.wait_for_selector("h1:text('Refused')")
    assert "<b>nobody</b>" in page.inner_text("table")
    page.click("text=Acknowledge")
    page.wait_for_selector("text=Nothing waits.")


def test_overspend_and_search(page: Any) -> None:
    """From what somebody owes to the customer, the receipt and back by the claim code."""
    page.click("nav >> text=Overspend")
    page.wait_for_selector("td:text('30 bonus')")
    page.click("td >> text=anna")
    page.wait_for_selector("h1:text('Customer anna')")
    page.click("td >> text=r1")
    page.wait_for_selector("h1:text('Receipt r1')")
    assert "bread" in page.inner_text("pre")
    page.fill('input[name="q"]', "7k4-m22")
    page.press('input[name="q"]', "Enter")
    page.wait_for_selector("h1:text('Search')")
    assert "r1" in page.inner_text("main")
    page.fill('input[name="q"]', "1234")
    page.click("text=Find")
    page.wait_for_selector("td >> text=anna")
    assert "9000000001" not in page.content()
