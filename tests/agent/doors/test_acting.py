"""The panel's acts and store IT's page over HTTP: who may, what a PIN opens, and what a page may not say."""

from __future__ import annotations

import pytest

from agent import acts
from agent.doors.pins import set_pin

SUPERVISOR, IT = "4829", "730185"


@pytest.fixture
def pinned(doors):
    set_pin(doors.folder, "supervisor", SUPERVISOR, doors.clock)
    set_pin(doors.folder, "it", IT, doors.clock)
    return doors


def acted(doors):
    return [act for name, act in doors.desk.calls if name == "panel_act"]


def test_an_act_reaches_the_till(doors):
    """As a value of its own type."""
    answer = doors.panel("/panel/act", {"do": "spend", "points": 20})

    assert (200, [acts.Spend(points=20)]) == (answer.status_code, acted(doors))
    assert "version" in answer.json()


@pytest.mark.parametrize(
    "body",
    [
        {"do": "buy"},
        {"points": 1},
        {"do": "spend", "points": 0},
        {"do": "spend", "points": "20"},
        {"do": "spend", "supervisor": True},
        {"do": "tick", "purpose": "Loyalty", "given": True},
        {"do": "spend", "pin": "12"},
        [],
    ],
)
def test_what_is_no_act(doors, body):
    """The page cannot say that a supervisor is there; nothing half-read reaches the till."""
    assert (400, []) == (doors.panel("/panel/act", body).status_code, acted(doors))


def test_a_pin_becomes_a_yes_and_goes_no_further(pinned):
    """The till hears of a supervisor and never of a PIN."""
    answer = pinned.panel("/panel/act", {"do": "spend", "pin": SUPERVISOR})

    assert (200, [acts.Spend(supervisor=True)]) == (answer.status_code, acted(pinned))


def test_a_wrong_pin_says_how_many_tries_are_left(pinned):
    """Then for how long there are none; the till is not asked."""
    answers = [pinned.panel("/panel/act", {"do": "spend", "pin": "0000"}) for _ in range(6)]

    assert [403, 403, 403, 403, 429, 429] == [one.status_code for one in answers]
    assert ["4", "3", "2", "1"] == [one.headers["x-tries-left"] for one in answers[:4]]
    assert ("pin_locked", "300", []) == (answers[4].json()["code"], answers[4].headers["retry-after"], acted(pinned))


def test_a_pin_nobody_set(doors):
    """409, and the command that sets it."""
    answer = doors.panel("/panel/act", {"do": "spend", "pin": SUPERVISOR})

    assert (409, "no_pin_set", True) == (
        answer.status_code,
        answer.json()["code"],
        "tillpoint panel --set-pin supervisor" in answer.json()["message"],
    )


def test_joining_is_limited_as_a_look_up_is(doors):
    """It tells who is a member: thirty a minute are enough for a till."""
    answers = [doors.panel("/panel/act", {"do": "join", "phone": "9000000077"}, doors.cookie) for _ in range(2)]
    cookie = doors.cookie
    fast = [doors.panel("/panel/act", {"do": "join", "phone": "9000000077"}, cookie).status_code for _ in range(12)]

    assert [200, 200] == [one.status_code for one in answers]
    assert 429 == fast[-1]


@pytest.mark.parametrize("path", ["/panel/act", "/panel/it"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"cookie": "x=1"}, 401),
        ({"origin": "http://evil.example"}, 403),
        ({"x-tillpoint": "0"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"host": "evil.example:8765"}, 421),
        ({"content-type": "text/plain"}, 415),
    ],
)
def test_foreign_pages_do_nothing(pinned, path, headers, status):
    """The same lock as on every other call of the panel."""
    body = {"do": "refuse"} if path.endswith("act") else {"pin": IT}
    given = {"content-type": "application/json"} | headers
    cookie = given.pop("cookie", "")
    answer = pinned.panel(path, body, cookie, **given)

    assert (status, []) == (answer.status_code, acted(pinned))
    assert "link_detail" not in answer.text


@pytest.mark.parametrize("path", ["/panel/act", "/panel/it"])
def test_nothing_is_done_by_looking(doors, path):
    """GET is refused."""
    assert doors.ask("GET", path, headers={"cookie": doors.cookie}).status_code in (404, 405)


def test_the_page_of_it(pinned):
    """Behind its PIN, for ten minutes, for this session; without anybody's name."""
    cookie = pinned.cookie
    pinned.desk.panel_identify("CARD-17", presented=True, timeout_s=1)
    shut = pinned.panel("/panel/it", {}, cookie)
    wrong = pinned.panel("/panel/it", {"pin": SUPERVISOR}, cookie)
    opened = pinned.panel("/panel/it", {"pin": IT}, cookie)
    again = pinned.panel("/panel/it", {}, cookie)
    other = pinned.panel("/panel/it", {})
    pinned.clock.pass_s(601)
    later = pinned.panel("/panel/it", {}, cookie)

    assert [403, 403, 200, 200, 403, 403] == [one.status_code for one in (shut, wrong, opened, again, other, later)]
    assert ("needs_pin", "online", "Анна" in opened.text) == (shut.json()["code"], opened.json()["link"], False)


def test_no_pin_is_written_into_the_log(pinned, caplog):
    """Nor shown by a repr."""
    caplog.set_level("DEBUG")
    for _ in range(6):
        pinned.panel("/panel/it", {"pin": "111222"})

    assert "111222" not in caplog.text + repr(acts.Spend(pin="111222")) + repr(acts.Join(phone="9000000077"))
    assert "pin.locked role=it" in caplog.text
