"""The doctor on store IT's page over HTTP: behind its PIN, on a thread of its own, in the panel's language."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.doctor import centre, devices, examine, local
from agent.doctor.report import advice
from agent.doors import examining
from agent.doors.pins import set_pin
from agent.doors.words import languages, load_words
from tests.agent.doors.memory_doctor import FOUND, MemoryDoctor

IT = "730185"
PATIENCE_S = 10.0
DOCTOR, BUNDLE = "/panel/it/doctor", "/panel/it/bundle"


@pytest.fixture
def doctor() -> MemoryDoctor:
    return MemoryDoctor()


@pytest.fixture
def examined(doors, doctor):
    """Doors with a doctor and a PIN."""
    set_pin(doors.folder, "it", IT, doors.clock)
    doors.build(doctor=doctor)
    return doors


@pytest.fixture
def cookie(examined) -> str:
    """A session for which the PIN was typed."""
    one = examined.cookie
    assert 200 == examined.panel("/panel/it", {"pin": IT}, one).status_code
    return one


@pytest.mark.parametrize("path", [DOCTOR, BUNDLE])
def test_only_behind_the_pin(examined, doctor, path):
    """Without it nothing is examined; ten minutes later it is asked for again; GET is refused."""
    cookie = examined.cookie
    shut = examined.panel(path, {}, cookie)
    examined.panel("/panel/it", {"pin": IT}, cookie)
    other = examined.panel(path, {})
    opened = examined.panel(path, {}, cookie)
    examined.clock.pass_s(601)
    later = examined.panel(path, {}, cookie)

    assert [403, 403, 200, 403] == [one.status_code for one in (shut, other, opened, later)]
    assert "needs_pin" == shut.json()["code"]
    assert 1 == len(doctor.asked)
    assert examined.ask("GET", path, headers={"cookie": cookie}).status_code in (404, 405)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"x-tillpoint": "0"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"host": "evil.example:8765"}, 421),
        ({"content-type": "text/plain"}, 415),
    ],
)
@pytest.mark.parametrize("path", [DOCTOR, BUNDLE])
def test_foreign_pages_examine_nothing(examined, doctor, cookie, path, headers, status):
    """The same lock as on every other call of the panel."""
    answer = examined.panel(path, {}, cookie, **({"content-type": "application/json"} | headers))

    assert (status, []) == (answer.status_code, doctor.asked)


def test_every_hop_with_its_next_step(examined, cookie):
    """In the doctor's order; whoever reads it knows whom to tell what."""
    answer = examined.panel(DOCTOR, {}, cookie).json()

    assert [one.hop for one in FOUND] == [one["hop"] for one in answer["findings"]]
    assert [one.state.value for one in FOUND] == [one["state"] for one in answer["findings"]]
    assert advice()["device_unplugged"].say == answer["findings"][4]["say"]


def test_the_bundle_is_a_file(examined, cookie):
    """Named for shop, till and time, so that two of them do not meet."""
    answer = examined.panel(BUNDLE, {}, cookie)

    assert ("application/zip", b"PK\x03\x04") == (answer.headers["content-type"], answer.content)
    name = re.search(r'filename="([^"]+)"', answer.headers["content-disposition"])
    assert name is not None
    assert re.fullmatch(r"tillpoint-17-2-\d{8}-\d{4}\.zip", name[1]), name[1]


@pytest.mark.net
def test_the_till_goes_on_meanwhile(examined, doctor, serve):
    """While a hop does not answer, look-ups are answered, and a second examination waits its turn."""
    import httpx

    server = serve(doctor=doctor)
    base = f"http://127.0.0.1:{server.port}"
    headers = {"cookie": examined.cookie.replace("8765", str(server.port)), "origin": base, "x-tillpoint": "1"}
    with httpx.Client(base_url=base, headers=headers, timeout=PATIENCE_S) as browser, ThreadPoolExecutor(2) as others:
        assert 200 == browser.post("/panel/it", json={"pin": IT}).status_code
        doctor.may_end.clear()
        both = [others.submit(browser.post, path, json={}) for path in (DOCTOR, BUNDLE)]
        assert doctor.began.wait(PATIENCE_S)
        found = browser.post("/panel/identify", json={"code": "CARD-17"}).json()
        doctor_asked = len(doctor.asked)
        doctor.may_end.set()
        ends = [one.result(PATIENCE_S).status_code for one in both]

    assert "found" == found["screen"]
    assert (1, [200, 200], 2) == (doctor_asked, ends, len(doctor.asked))
    assert not {"MainThread", "doors"} & set(doctor.asked)


def test_a_doctor_who_does_not_end(examined, doctor, cookie, monkeypatch):
    """Is given up in time; the sentence names the command that waits longer."""
    monkeypatch.setattr(examining, "EXAMINE_S_MAX", 0.05)
    doctor.may_end.clear()
    answer = examined.panel(DOCTOR, {}, cookie)
    doctor.may_end.set()

    assert (503, "timeout") == (answer.status_code, answer.json()["code"])
    assert "tillpoint doctor" in answer.json()["message"]


def test_where_nobody_examines(doors):
    """It is said, with the command."""
    set_pin(doors.folder, "it", IT, doors.clock)
    cookie = doors.cookie
    doors.panel("/panel/it", {"pin": IT}, cookie)
    answer = doors.panel(DOCTOR, {}, cookie)

    assert (503, "no_doctor") == (answer.status_code, answer.json()["code"])


# ── Words ───────────────────────────────────────────────────────────────────────────────────────


def _key(kind: str, word: str) -> str:
    """As the page makes it."""
    return f"{kind}_" + re.sub(r"\W+", "_", word.lower())


@pytest.mark.parametrize("language", languages())
def test_the_doctor_speaks_the_panels_language(language):
    """Every kind of trouble, everybody who is to be told, every hop; English is the doctor's own."""
    words = load_words(language)
    source = "".join(Path(str(one.__file__)).read_text("utf-8") for one in (centre, devices, examine, local))
    hops = set(re.findall(r'\b(?:fine|failed|warning|skipped)\(\s*"(\w+)"', source)) | set(centre.HOPS) | {"device"}
    wanted = {
        *(_key("say", code) for code in advice()),
        *(_key("who", one.who) for one in advice().values()),
        *(_key("hop", hop) for hop in hops),
    }

    assert wanted == {key for key in words if key.startswith(("say_", "who_", "hop_"))}
    if language == "en":
        assert {code: one.say for code, one in advice().items()} == {
            code: words[_key("say", code)] for code in advice()
        }
