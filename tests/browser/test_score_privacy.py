"""Rows of the scorecard about what is known of a customer: nothing stays, nothing leaks, nobody frames the page."""

from __future__ import annotations

import http.server
import json
import re
import threading

import pytest

from tests.browser.figures import note
from tests.browser.states import CARD

pytestmark = [pytest.mark.browser, pytest.mark.net]

PERSONAL = ("Анна", "+7900***01", "9000000001", CARD)
KEPT = """async () => JSON.stringify([
  {...localStorage}, {...sessionStorage}, document.cookie,
  (await indexedDB.databases()).map((one) => one.name), await caches.keys().catch(() => []), history.state, name,
])"""


def left(panel) -> list[str]:
    """What of Anna is still in the page or in the browser's stores."""
    values = panel.page.evaluate("Array.from(document.querySelectorAll('input')).map((one) => one.value).join(' ')")
    text = panel.page.content() + values + panel.page.evaluate(KEPT)
    return [one for one in PERSONAL if one in text]


def test_nothing_is_left_after_the_sale(real_panel, real):
    """Row 30: the receipt is closed, and the page knows nobody."""
    real_panel.type_slowly("9000000001")
    real_panel.wait("found")
    real.quote()
    real_panel.page.wait_for_selector("#quote .big")
    real.confirm("r-1", "1240", "62")
    real_panel.wait("idle")

    assert [] == left(real_panel)


def test_nothing_is_left_after_a_minute(real_panel, real):
    """Row 30: without use the name and the number leave the page; who it is still counts."""
    real_panel.type_slowly("9000000001")
    real_panel.wait("found")
    real.clock.forward(seconds=61)
    real.till.run_on_till(lambda desk: desk.tick(), timeout_s=10)
    real_panel.page.wait_for_selector("#who-name:text-is('***')")

    assert [] == left(real_panel)


def test_no_full_number_anywhere(real_panel, real, caplog):
    """Row 31: not in the page, an address, the live stream, an answer or the log, in a whole visit."""
    said: list[str] = []
    real_panel.page.on("response", lambda answer: said.append(answer.url))
    wire = real_panel.page.context.new_cdp_session(real_panel.page)
    wire.send("Network.enable")
    wire.on("Network.eventSourceMessageReceived", lambda one: said.append(json.dumps(one)))
    with caplog.at_level("DEBUG"):
        real_panel.type_slowly("9000000077")
        real_panel.wait("not_found")
        said.append(real_panel.page.content())
        real_panel.press("F4")
        real_panel.wait("enrol")
        said.append(real_panel.page.content())
        real_panel.press("F2")
        real_panel.page.wait_for_selector("#consents [aria-checked='true']")
        real_panel.press("Enter")
        real_panel.wait("found")
        said += [real_panel.page.content(), *real_panel.requests]
    own = [record.getMessage() for record in caplog.records if record.name.startswith(("agent", "drivers", "offline"))]
    found = [one for one in [*said, *own] if re.search(r"9\d\d\D{0,2}000\D?00\D?77", one)]
    note(31, f"0 in {len(said)} captures and {len(own)} lines of the log" if not found else str(len(found)))

    assert [] == found


def test_the_panel_cannot_be_framed(chromium, till):
    """Row 35: another page that frames the panel gets nothing to show."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f'<!doctype html><title>x</title><iframe src="{till.url}/panel"></iframe>'.encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is told."""

    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=other.serve_forever)
    thread.start()
    context = chromium.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text))
    page.goto(till.secrets.panel_url(till.server.port))
    page.goto(f"http://127.0.0.1:{other.server_port}/")
    page.wait_for_timeout(0)
    framed = page.frames[1]
    framed.wait_for_load_state()
    address, text = framed.url, framed.evaluate("document.documentElement.textContent")
    context.close()
    other.shutdown()
    thread.join()
    other.server_close()

    assert "chrome-error:" in address
    assert "Tillpoint" not in text


def test_no_policy_is_broken_by_the_panel_itself(real_panel):
    """Row 35: the browser reports nothing against the page's own policy, and no script stands inside it."""
    inline = real_panel.page.evaluate(
        "Array.from(document.scripts).filter((one) => !one.src).length + document.querySelectorAll('[style], [onclick]').length"
    )

    assert ([], 0) == ([one for one in real_panel.errors if "Content Security" in one], inline)
