"""The gate: what a browser or another program on this machine may send, one row per way in."""

from __future__ import annotations

import pytest

from agent.doors.gate import SECURITY_HEADERS

PATHS = [
    "/",
    "/panel",
    "/panel/panel.css",
    "/panel/stream",
    "/panel/words.json",
    "/healthz",
    "/openapi.json",
    "/v1/status",
    "/nowhere",
]
POSTS = ["/panel/identify", "/panel/clear", "/v1/identify", "/v1/confirm"]
BAD_HOSTS = [
    "evil.example",
    "evil.example:8765",
    "127.0.0.1",
    "127.0.0.1:80",
    "localhost",
    "0.0.0.0:8765",
    "127.0.0.1:8765.evil.example",
    "",
]
GOOD_HOSTS = ["127.0.0.1:8765", "localhost:8765", "LOCALHOST:8765", "[::1]:8765"]
PANEL = {"origin": "http://127.0.0.1:8765", "x-tillpoint": "1", "content-type": "application/json"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", BAD_HOSTS)
def test_foreign_host_is_misdirected_everywhere(doors, path, host):
    """DNS rebinding ends at the Host header, on every path, with no data."""
    answer = doors.ask("GET", path, headers={"host": host, "cookie": doors.cookie})

    assert (421, "wrong_host") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("path", POSTS)
def test_foreign_host_has_no_effect(doors, path):
    """A rebound page cannot act either."""
    token = {"authorization": f"Bearer {doors.secrets.api_token}", "cookie": doors.cookie}
    answer = doors.ask(
        "POST", path, content=b'{"code":"CARD-17"}', headers=PANEL | token | {"host": "evil.example:8765"}
    )

    assert (421, []) == (answer.status_code, doors.desk.calls)


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_loopback_names_are_ours(doors, host):
    """The three names of loopback, in any case."""
    assert 200 == doors.ask("GET", "/healthz", headers={"host": host}).status_code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"origin": "http://evil.example"}, "foreign_origin"),
        ({"origin": "null"}, "foreign_origin"),
        ({"origin": "http://127.0.0.1:9999"}, "foreign_origin"),
        ({"origin": "https://127.0.0.1:8765"}, "foreign_origin"),
        ({"origin": "http://127.0.0.1:8765.evil.example"}, "foreign_origin"),
        ({"origin": None}, "no_origin"),
        ({"sec-fetch-site": "cross-site"}, "foreign_site"),
        ({"sec-fetch-site": "same-site"}, "foreign_site"),
        ({"sec-fetch-site": "none"}, "foreign_site"),
        ({"x-tillpoint": None}, "no_panel_header"),
        ({"x-tillpoint": "yes"}, "no_panel_header"),
        ({"cookie": None}, "no_session"),
        ({"cookie": "tillpoint_8765=0.0.0"}, "no_session"),
        ({"content-type": "text/plain"}, "wrong_content_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, "wrong_content_type"),
        ({"content-type": "application/json; charset=utf-16"}, "wrong_content_type"),
        ({"content-type": None}, "wrong_content_type"),
    ],
)
@pytest.mark.parametrize("path", ["/panel/identify", "/panel/clear", "/panel/reprint"])
def test_panel_call_lacks_something(doors, path, change, code):
    """Take one thing away from a good call of the panel and nothing happens at the till."""
    headers = PANEL | {"cookie": doors.cookie, "sec-fetch-site": "same-origin"} | change
    body = b'{"code":"CARD-17"}' if path.endswith("identify") else b"{}"
    answer = doors.ask("POST", path, content=body, headers={name: value for name, value in headers.items() if value})

    assert (code, []) == (answer.json()["code"], doors.desk.calls)


def test_panel_call_as_the_panel_makes_it(doors):
    """The same call whole is answered."""
    answer = doors.panel("/panel/identify", {"code": "CARD-17", "presented": True})

    assert (200, "found") == (answer.status_code, answer.json()["screen"])


def test_pos_needs_no_origin(doors):
    """A POS is no browser: its token is enough."""
    assert 200 == doors.pos("/v1/identify", {"code": "CARD-17"}).status_code


@pytest.mark.parametrize(
    "extra", [{"origin": "https://pos.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_pos_token_does_not_open_the_door_for_pages(doors, extra):
    """A foreign page that has learned the token is still a foreign page."""
    answer = doors.pos("/v1/identify", {"code": "CARD-17"}, **extra)

    assert (403, []) == (answer.status_code, doors.desk.calls)


@pytest.mark.parametrize("path", [*PATHS, "/v1/identify"])
def test_foreign_page_reads_nothing_by_get(doors, path):
    """An image, a script or a frame of another site gets no answer to measure."""
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "cookie": doors.cookie}

    assert 403 == doors.ask("GET", path, headers=headers).status_code


def test_address_bar_opens_the_panel(doors):
    """A person who types the address or uses a bookmark is let in."""
    headers = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "cookie": doors.cookie}

    assert 200 == doors.ask("GET", "/panel", headers=headers).status_code


@pytest.mark.parametrize(
    "path", ["/panel/identify?code=CARD-17", "/panel/clear", "/v1/identify?code=CARD-17", "/v1/confirm"]
)
def test_get_has_no_side_effects(doors, path):
    """What changes something is never a GET."""
    headers = {"cookie": doors.cookie, "authorization": f"Bearer {doors.secrets.api_token}"}
    answer = doors.ask("GET", path, headers=headers)

    assert (True, []) == (answer.status_code in {404, 405}, doors.desk.calls)


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused_in_json(doors, method):
    """No preflight is ever answered with permission."""
    answer = doors.ask(method, "/v1/identify", headers={"access-control-request-method": "POST"})

    assert (405, "wrong_method", "POST") == (answer.status_code, answer.json()["code"], answer.headers["allow"])
    assert [] == [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", PATHS[:3] + PATHS[4:])
def test_every_answer_carries_the_headers(doors, path):
    """Framing, sniffing, referrers and foreign embedding are shut on data, pages and errors alike."""
    answer = doors.ask("GET", path, headers={"cookie": doors.cookie})

    assert dict(SECURITY_HEADERS) == {name: answer.headers.get(name) for name in SECURITY_HEADERS}
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/panel", "/v1/status", "/healthz", "/nowhere"])
def test_data_is_not_stored(doors, path):
    """No cache keeps a customer."""
    headers = {"cookie": doors.cookie, "authorization": f"Bearer {doors.secrets.api_token}"}

    assert "no-store" == doors.ask("GET", path, headers=headers).headers["cache-control"]


def test_unforeseen_error_is_logged_once_and_told_without_a_trace(doors, caplog):
    """The POS reads a sentence, store IT reads the log."""
    doors.desk.breaks_with = ZeroDivisionError("secret inside")
    answer = doors.pos("/v1/cancel", {"receipt_uid": "r-1"})

    assert (500, "internal") == (answer.status_code, answer.json()["code"])
    assert "secret" not in answer.text
    assert 1 == len([record for record in caplog.records if record.message.startswith("door.failed")])
