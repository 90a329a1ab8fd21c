"""The operator's page over HTTP: who may look, what is shown, what may be changed; and the metrics beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from central.cli import main
from central.errors import Fork
from central.ingest import quarantine
from central.operator.keys import METRICS, OPERATOR, SESSION_LIFE_S, Sessions, make_token
from central.operator.routes import HEADERS, TRIES_MAX
from central.restoration import note_trouble
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Upload

pytestmark = pytest.mark.net


@pytest.fixture
def token(centre: Any) -> str:
    with centre.database.write() as connection:
        return make_token(connection, OPERATOR)


@pytest.fixture
def stranger(served: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def operator(stranger: httpx.Client, token: str) -> httpx.Client:
    """Somebody who is logged in."""
    assert 303 == stranger.post("/operator/login", data={"token": token}).status_code
    return stranger


def form_key(page: str) -> str:
    return re.findall(r'name="key" value="([0-9a-f]{64})"', page)[0]


@pytest.mark.parametrize(
    "path", ["", "/refused", "/overspend", "/enrolment", "/search?q=anna", "/customer?id=anna", "/receipt?uid=r1"]
)
def test_nobody_looks_without_a_session(stranger: httpx.Client, token: str, path: str) -> None:
    """Every page sends a stranger to the login, also with a cookie of another key."""
    forged = Sessions(b"x" * 32)
    for cookie in ("", "a.b.c", forged.new(__import__("datetime").datetime.now(__import__("datetime").UTC))):
        answered = stranger.get(f"/operator{path}", headers={"cookie": f"tillpoint_operator={cookie}"})

        assert (303, "/operator/login") == (answered.status_code, answered.headers["location"])


def test_before_there_is_a_token_nobody_gets_in(stranger: httpx.Client) -> None:
    """An empty token is no token."""
    assert 403 == stranger.post("/operator/login", data={"token": ""}).status_code
    assert 403 == stranger.post("/operator/login", data={"token": "guess"}).status_code


def test_a_cookie_is_kept_from_scripts_other_sites_and_the_clear(stranger: httpx.Client, token: str) -> None:
    """HttpOnly and SameSite always; Secure wherever the name is not loopback."""
    here = stranger.post("/operator/login", data={"token": token}).headers["set-cookie"].lower()
    away = stranger.post("/operator/login", data={"token": token}, headers={"host": "centre.example"})
    far = away.headers["set-cookie"].lower()

    assert all(word in here for word in ("httponly", "samesite=strict", "path=/operator"))
    assert ("secure" in here, "secure" in far) == (False, True)
    assert "through https" in stranger.get("/operator/login", headers={"host": "centre.example"}).text


def test_wrong_tokens_are_counted(stranger: httpx.Client, token: str) -> None:
    """The right one too must wait then."""
    for _ in range(TRIES_MAX):
        assert 403 == stranger.post("/operator/login", data={"token": "guess"}).status_code

    assert 429 == stranger.post("/operator/login", data={"token": token}).status_code


def test_a_new_token_ends_the_sessions_of_the_old_one(operator: httpx.Client, centre: Any) -> None:
    """Whoever had the old one is out."""
    assert 200 == operator.get("/operator").status_code
    with centre.database.write() as connection:
        make_token(connection, OPERATOR)

    assert 303 == operator.get("/operator").status_code


def test_a_session_ends(centre: Any) -> None:
    """After a working day, and not before."""
    mine = Sessions(b"k" * 32)
    cookie = mine.new(centre.now)
    life = timedelta(seconds=SESSION_LIFE_S)

    assert mine.is_good(cookie, centre.now + life)
    assert not mine.is_good(cookie, centre.now + life + timedelta(seconds=1))
    assert not mine.is_good(cookie, centre.now - timedelta(hours=1))
    assert not mine.is_good(cookie[:-1] + "x", centre.now)


def test_every_answer_carries_the_headers(operator: httpx.Client) -> None:
    """Errors and redirects too."""
    for path in ("/operator", "/operator/style.css", "/operator/receipt?uid=none", "/operator/login"):
        answered = operator.get(path)

        assert dict(HEADERS) == {name: answered.headers.get(name) for name in HEADERS}
    assert "<script" not in operator.get("/operator").text


def test_the_tills_are_shown_as_they_are(operator: httpx.Client, centre: Any, words: Any) -> None:
    """Last seen, what waits, how wrong the clock is, the version."""
    bearer = centre.enrol("t1").token
    headers = {
        "authorization": f"Bearer {bearer}",
        "tillpoint-version": "9.9",
        "tillpoint-queue-depth": "17",
        "tillpoint-oldest-age-s": "7300",
        "tillpoint-clock": "2020-01-01T00:00:00+00:00",
    }
    operator.get("/v1/tills/t1/changes", headers=headers)
    shown = operator.get("/operator").text
    row = next(line for line in shown.split("<tr>") if line.startswith("<td>t1</td>"))

    assert all(f"<td>{word}</td>" in row for word in ("s1", "17", "2 h", "9.9"))
    assert 'class="bad">−' in row
    assert "never" in shown


def test_a_refused_envelope_is_shown_until_it_is_acknowledged(operator: httpx.Client, centre: Any, words: Any) -> None:
    """With its reason; twice is once."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1", customer="nobody<b>")))
    page = operator.get("/operator/refused").text
    fields = {"key": form_key(page), "till": "t1", "epoch": "1", "sequence": "1"}

    assert "customer nobody&lt;b&gt; is not known here" in page
    assert "nobody<b>" not in page
    assert [303, 303] == [operator.post("/operator/acknowledge", data=fields).status_code for _ in range(2)]
    assert "Nothing waits." in operator.get("/operator/refused").text
    assert 1 == operator.get("/operator").text.count("<td>acknowledged</td>")
    assert 404 == operator.post("/operator/acknowledge", data={**fields, "sequence": "2"}).status_code


def test_a_quarantined_till_is_released(operator: httpx.Client, centre: Any, words: Any) -> None:
    """It goes on from the history that is known; another history is quarantined at once."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1")))
    clone = pen.fork(0)
    clone.write(words.sale("other"))
    with pytest.raises(Fork) as forked:
        centre.take(*clone.written)
    with centre.database.write() as connection:
        quarantine(connection, fork=forked.value)
    page = operator.get("/operator").text
    fields = {"key": form_key(page), "till": "t1", "epoch": "1"}

    assert "it was cloned or restored" in page
    assert 303 == operator.post("/operator/release", data=fields).status_code
    assert "it was cloned or restored" not in operator.get("/operator").text
    assert 2 == centre.take(pen.write(words.sale("r2"))).through
    with pytest.raises(Fork):
        centre.take(*clone.written)
    assert 404 == operator.post("/operator/release", data=fields).status_code


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        ({"origin": "https://evil.example"}, {}),
        ({"sec-fetch-site": "cross-site"}, {}),
        ({}, {"key": "0" * 64}),
        ({}, {"key": ""}),
    ],
)
def test_another_site_changes_nothing(
    operator: httpx.Client, centre: Any, words: Any, headers: dict[str, str], change: dict[str, str]
) -> None:
    """Origin, site and the form's own key are each enough to refuse."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1", customer="nobody")))
    key = form_key(operator.get("/operator").text)
    fields = {"key": key, "till": "t1", "epoch": "1", "sequence": "1", **change}

    assert 403 == operator.post("/operator/acknowledge", data=fields, headers=headers).status_code
    assert "Nothing waits." not in operator.get("/operator/refused").text


@pytest.mark.parametrize("fields", [{"till": "t1"}, {"till": "t1", "epoch": "x"}, {"till": "t\0", "epoch": "9" * 40}])
def test_a_form_that_is_none_is_refused(operator: httpx.Client, fields: dict[str, str]) -> None:
    """In a sentence, never in a trace."""
    key = form_key(operator.get("/operator").text)

    assert 400 == operator.post("/operator/release", data={"key": key, **fields}).status_code
    assert 413 == operator.post("/operator/release", data={"key": key, "till": "t" * 9_000}).status_code


def test_a_customer_and_a_receipt_are_found(operator: httpx.Client, centre: Any, words: Any) -> None:
    """By id, mask, last four of a card, receipt uid and claim code as it is printed; never a full number."""
    from central.members import Member, load_members

    vera = Member(
        id="vera", name="Vera Ivanova", phone="+79000000042", card="77001234", tier="", spent_minor=0, points={}
    )
    load_members(centre.database, [vera], now=centre.now, progress=lambda _: None)
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1", customer="vera", earn=7)))
    for asked in ("vera", "****1234", "1234", "+7900***42"):
        assert "customer?id=vera" in operator.get("/operator/search", params={"q": asked}).text
    for asked in ("r1", "7K4M22", "7k4-m22"):
        assert "receipt?uid=r1" in operator.get("/operator/search", params={"q": asked}).text
    customer = operator.get("/operator/customer", params={"id": "vera"}).text
    receipt = operator.get("/operator/receipt", params={"uid": "r1"}).text

    assert "<td>earned</td><td>bonus</td><td>7</td>" in customer
    assert "<td>earned</td><td>bonus</td><td>7</td>" in receipt
    assert "bread" in receipt
    assert "9000000042" not in customer
    assert "Ivanova" not in customer
    assert "77001234" not in customer
    for path in ("/operator/customer?id=no%00body", "/operator/receipt?uid=none"):
        assert 404 == operator.get(path).status_code


def test_what_was_overspent_is_shown(operator: httpx.Client, centre: Any, words: Any) -> None:
    """A deficit, until it is paid back."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1", spend=130)))
    owed = operator.get("/operator/overspend").text
    centre.take(pen.write(words.sale("r2", earn=30)))
    paid = operator.get("/operator/overspend").text

    assert "<td>30 bonus</td>" in owed
    assert "customer?id=anna" in owed
    assert "Nobody owes points." in paid


# ── Metrics ─────────────────────────────────────────────────────────────────────────────────────


def test_metrics_need_their_token(stranger: httpx.Client, centre: Any, token: str) -> None:
    """Either token opens them; the metrics token opens nothing else."""
    with centre.database.write() as connection:
        metrics = make_token(connection, METRICS)
    statuses = [
        stranger.get("/metrics", headers={"authorization": given}).status_code
        for given in ("", "Bearer wrong", f"Basic {metrics}", f"Bearer {metrics}", f"bearer {token}")
    ]

    assert [401, 401, 401, 200, 200] == statuses
    assert 403 == stranger.post("/operator/login", data={"token": metrics}).status_code


def test_metrics_count_what_happened(stranger: httpx.Client, centre: Any, words: Any, token: str) -> None:
    """Requests by route, envelopes by verdict, holds by outcome; tills as quantiles, never by name."""
    bearer = {"authorization": f"Bearer {centre.enrol('t1').token}", "tillpoint-oldest-age-s": "90"}
    pen = words.Pen(epoch=2)
    batch = codec.encode(
        Upload(envelopes=(pen.write(words.sale("r1")), pen.write(words.sale("r2", customer="nobody"))))
    )
    for _ in range(2):
        stranger.post("/v1/tills/t1/envelopes", content=batch, headers=bearer)
    for points in (60, 600):
        wanted = f'{{"receipt_uid":"h{points}","customer_id":"anna","unit":"bonus","points":{points}}}'
        stranger.post("/v1/tills/t1/holds", content=wanted, headers=bearer)
    stranger.get("/no/such/route/of/a/till/t1")
    page = stranger.get("/metrics", headers={"authorization": f"Bearer {token}"}).text
    lines = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in page.splitlines() if line[:1] != "#"}

    assert "2.0" == lines['tillpoint_requests_total{method="POST",route="/v1/tills/{till}/envelopes",status="200"}']
    assert "1.0" == lines['tillpoint_requests_total{method="other",route="other",status="404"}']
    assert ("1.0", "1.0", "2.0") == tuple(
        lines[f'tillpoint_envelopes_total{{verdict="{one}"}}'] for one in ("applied", "duplicate", "refused")
    )
    assert ("1.0", "1.0") == tuple(lines[f'tillpoint_holds_total{{outcome="{one}"}}'] for one in ("granted", "balance"))
    assert ("1.0", "1.0", "2.0", "1.0") == tuple(
        lines[f"tillpoint_{one}"] for one in ("refused_open", "holds_open", "tills", "tills_silent")
    )
    assert "90.0" == lines['tillpoint_till_lag_seconds{quantile="1.0"}']
    assert 0 < float(lines["tillpoint_feed_cursor"])
    assert 't1"' not in page


def test_a_number_is_a_metric_that_is_documented(stranger: httpx.Client, token: str, project: Any) -> None:
    """docs/guides/central.md names each of them."""
    page = stranger.get("/metrics", headers={"authorization": f"Bearer {token}"}).text
    names = set(re.findall(r"^# TYPE (tillpoint_\w+) (?:counter|gauge|histogram)", page, re.MULTILINE))
    guide = (project / "docs" / "guides" / "central.md").read_text(encoding="utf-8")
    names = {name for name in names if not name.endswith("_created")}

    assert len(names) > 12
    assert [] == sorted(name for name in names if f"`{name}`" not in guide)


def test_a_till_that_claims_what_it_cannot_show_is_named(
    operator: httpx.Client, centre: Any, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the till on its page, in the totals and in the list of leases."""
    words = "shows a lease that this centre has not signed (x)"
    with centre.database.write() as connection:
        note_trouble(connection, "t1", words, centre.now)
    page = operator.get("/operator").text
    main(["totals", "--database", database_url])
    main(["leases", "list", "--database", database_url])
    told = capsys.readouterr().out

    assert words in page
    assert f"  leases: {words}" in told
    assert f"t1 {words}" in told
