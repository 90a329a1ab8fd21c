"""The panel over HTTP: the way in, its files, its actions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agent.doors.keys import DoorSecrets
from agent.doors.view import mask_phones
from agent.doors.words import languages, load_words
from drivers.vocabulary.errors import SettingsError
from tests.agent.doors.memory_desk import TestClock

PANEL = Path(__file__).resolve().parents[3] / "agent" / "doors" / "panel"
FILES = [
    "customer.css",
    "customer.js",
    "icon.svg",
    "it.js",
    "keys.js",
    "panel.css",
    "panel.js",
    "screens.js",
    "steps.js",
    "sum.js",
    "text.js",
    "words.json",
]


def open_panel(doors, ticket):
    return doors.ask("GET", f"/panel?ticket={ticket}")


def test_ticket_becomes_a_session(doors):
    """One address with a ticket, a redirect without it, a cookie that scripts and other sites cannot use."""
    answer = doors.ask("GET", doors.secrets.panel_url(8765).removeprefix("http://127.0.0.1:8765"))
    cookie = answer.headers["set-cookie"]

    assert (303, "/panel") == (answer.status_code, answer.headers["location"])
    assert ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=strict"] == sorted(cookie.split("; ")[1:])
    assert 200 == doors.ask("GET", "/panel", headers={"cookie": cookie.split("; ")[0]}).status_code


def test_ticket_is_taken_once(doors):
    """The second use of an address gives no session, and the page says where to open the panel."""
    ticket = doors.secrets.new_ticket()
    first, second = open_panel(doors, ticket), open_panel(doors, ticket)
    closed = doors.ask("GET", "/panel")

    assert (True, False) == ("set-cookie" in first.headers, "set-cookie" in second.headers)
    assert 401 == closed.status_code
    assert load_words("ru")["no_session"] in closed.text


def test_restart_keeps_the_cashier_in(doors):
    """The same files on disk, another process: the old cookie is still good."""
    cookie = doors.cookie
    doors.secrets = DoorSecrets.load_or_create(doors.folder, TestClock())
    doors.build()

    assert 200 == doors.panel("/panel/clear", {}, cookie).status_code


def test_old_session_is_renewed_by_opening_the_page(doors):
    """A panel that is used each day never ends."""
    cookie = doors.cookie
    fresh = doors.ask("GET", "/panel", headers={"cookie": cookie})
    doors.clock.pass_s(25 * 3600)
    later = doors.ask("GET", "/panel", headers={"cookie": cookie})

    assert (False, True) == ("set-cookie" in fresh.headers, "set-cookie" in later.headers)


@pytest.mark.parametrize("path", ["/panel/stream", "/panel/identify", "/panel/clear", "/panel/reprint"])
def test_live_parts_ask_for_the_session(doors, path):
    """No cookie, no customer."""
    method = "GET" if path.endswith("stream") else "POST"
    headers = {"origin": "http://127.0.0.1:8765", "x-tillpoint": "1"}

    assert 401 == doors.ask(method, path, json={} if method == "POST" else None, headers=headers).status_code


@pytest.mark.parametrize("name", FILES)
def test_files_are_asked_for_again_cheaply(doors, name):
    """With an ETag the second load costs headers only."""
    first = doors.ask("GET", f"/panel/{name}")
    second = doors.ask("GET", f"/panel/{name}", headers={"if-none-match": first.headers["etag"]})

    assert (200, 304, b"", "no-cache") == (
        first.status_code,
        second.status_code,
        second.content,
        first.headers["cache-control"],
    )


@pytest.mark.parametrize(
    "path",
    [
        "/panel/../keys.py",
        "/panel/%2e%2e/keys.py",
        "/panel/words/ru.json",
        "/panel/index.html",
        "/panel/",
        "/panel/C:%5C",
    ],
)
def test_no_path_reaches_the_disk(doors, path):
    """Only the listed names are served."""
    assert 404 == doors.ask("GET", path).status_code


def test_first_load_is_small(doors):
    """What goes over the wire is under 60 kB in all, the main script under 25 kB before it is packed."""
    answers = {name: doors.ask("GET", f"/panel/{name}", headers={"accept-encoding": "gzip"}) for name in FILES}
    page = doors.ask("GET", "/panel", headers={"cookie": doors.cookie})
    sent = sum(int(one.headers["content-length"]) for one in answers.values())

    assert len(answers["panel.js"].content) <= 25_000
    assert sent + len(page.content) <= 60_000


def test_who_cannot_unpack_gets_the_files_as_they_are(doors):
    """The same bytes, and caches are told that there are two forms."""
    packed = doors.ask("GET", "/panel/panel.js", headers={"accept-encoding": "gzip"})
    plain = doors.ask("GET", "/panel/panel.js", headers={"accept-encoding": "identity"})

    assert packed.content == plain.content
    assert ("gzip", None) == (packed.headers.get("content-encoding"), plain.headers.get("content-encoding"))
    assert "accept-encoding" == packed.headers["vary"] == plain.headers["vary"]


@pytest.mark.parametrize("language", languages())
def test_page_speaks_its_language(doors, language):
    """The lang attribute, the title and no hole in the template."""
    doors.build(language=language)
    text = doors.ask("GET", "/panel", headers={"cookie": doors.cookie}).text

    assert f'<html lang="{language}"' in text
    assert load_words(language)["title"] in text
    assert ("{{" in text, "<script>" in text, " style=" in text, " onclick=" in text) == (False, False, False, False)


def test_unknown_language_names_the_setting(doors):
    """A typing error in the settings is told with what there is."""
    with pytest.raises(SettingsError, match=r"panel.language: no words for 'xx'; choose one of en, ru, th"):
        doors.build(language="xx")


@pytest.mark.parametrize("language", languages())
def test_languages_have_the_same_words(language):
    """Every catalogue has every word with the same blanks to fill in."""

    def blanks(name):
        words = json.loads((PANEL / "words" / f"{name}.json").read_text(encoding="utf-8"))
        return {key: sorted(set(re.findall(r"\{\w+\}", text))) for key, text in words.items()}

    assert blanks("en") == blanks(language)


def test_every_word_is_used_and_every_used_word_is_there():
    """The page, the scripts and the catalogue agree."""
    text = "".join(
        (PANEL / name).read_text(encoding="utf-8")
        for name in (
            "index.html",
            "closed.html",
            "customer.html",
            "customer.js",
            "it.js",
            "panel.js",
            "screens.js",
            "steps.js",
            "sum.js",
            "text.js",
            "training.js",
        )
    )
    words = {key for key in load_words("en") if not key.startswith("_")}  # those are how a language counts
    in_page = set(re.findall(r"\{\{(\w+)\}\}", text)) - {"language", "region", "mark"}
    in_script = {key for key in words if f'"{key}"' in text or key == "locale"}
    # What the doctor says is compared with what it knows in test_examining.py.
    prefixes = (
        "care_",
        "code_",
        "consent_",
        "count_",
        "limit_",
        "device_",
        "doctor_",
        "hop_",
        "link_",
        "no_",
        "say_",
        "who_",
    )
    families = {key for key in words if key.startswith(prefixes)}
    screens = {"not_found", "blocked", "product", "offline", "joined", "already_member", "refusal_noted"}
    screens |= {"card_given", "card_taken", "card_unfit", "needs_supervisor", "duplicate_noted"}

    assert words == in_page | in_script | families | screens


@pytest.mark.parametrize("language", languages())
def test_bar_sentences_are_short(language):
    """What stands on the bar is read at a glance: 45 characters and a number, Thai marks not counted."""
    words = load_words(language)
    bar = [
        "not_enrolled",
        "offline",
        "offline_long",
        "offline_none",
        "offline_since",
        "restarting",
        "timeout",
        "product",
        "not_found",
    ]
    shown = {
        key: re.sub("[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]", "", re.sub(r"\{\w\}", "1 240", words[key])) for key in bar
    }

    assert {} == {key: text for key, text in shown.items() if len(text) > 48}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+79000000001", "+7900***01"),
        ("8 900 000-00-01 звоните", "8900***01 звоните"),
        ("+7 (900) 000 00 01", "+7900***01"),
        ("+7900***01", "+7900***01"),
        ("Анна П.", "Анна П."),
        ("чек 1234567", "чек 1234567"),
        ("****0017", "****0017"),
    ],
)
def test_phones_are_masked_on_the_way_out(text, masked):
    """Only a full number is touched."""
    assert masked == mask_phones(text)


def test_scripts_use_nothing_newer_than_the_oldest_browser():
    """No API or syntax that Chrome 109 or Firefox 115 lacks, and no way to put markup in."""
    text = "".join(path.read_text(encoding="utf-8") for path in PANEL.glob("*.js"))
    newer = [
        "?.",
        "??",
        "innerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "popover",
        "toSorted",
        "canParse",
        "replaceAll",
        ".at(",
        "localStorage",
        "sessionStorage",
    ]

    assert [] == [word for word in newer if word in text]
    assert ":has(" not in (PANEL / "panel.css").read_text(encoding="utf-8")


#: What Chrome 109 or Firefox 115, the last on Windows 7, do not have.
TOO_NEW = {
    "js": r"\.(toSorted|toReversed|toSpliced|with|findLast)\(|URL\.canParse|structuredClone|popover|Promise\.withResolvers|\.groupBy\(|wakeLock",
    "css": r":has\(|@scope|@starting-style|text-wrap|color-mix|[{;]\s*&",
    "html": r"popover|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=",
}


@pytest.mark.parametrize("kind", sorted(TOO_NEW))
def test_nothing_is_too_new_for_an_old_till(kind):
    """A list of names, no proof; and no script or style inside the page, which its policy would stop."""
    files = sorted(PANEL.glob(f"*.{kind}"))
    found = {file.name: re.findall(TOO_NEW[kind], file.read_text(encoding="utf-8")) for file in files}

    assert files
    assert {} == {name: names for name, names in found.items() if names}
