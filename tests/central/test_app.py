"""The HTTP face: who may ask, what is refused and how, the contract as a document."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from msgspec.structs import replace
from openapi_spec_validator import validate

from central.app import build
from central.certificate_desk import make_certificate
from central.openapi import OPERATIONS, document
from central.operator.keys import OPERATOR, make_token
from central.web import REQUEST_BYTES_MAX
from drivers.vocabulary import codec
from drivers.vocabulary.centre import ChangesPage, HoldGrant, Upload, UploadAnswer
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.customer import Customer, Identifier, IdentifierKind, keyed_hash
from drivers.vocabulary.leases import LeaseReport, Place

pytestmark = pytest.mark.net


@pytest.fixture
def web(served: Any, centre: Any) -> Iterator[httpx.Client]:
    """A client with the token of till t1, enrolled anew (epoch 2)."""
    token = centre.enrol("t1").token
    with httpx.Client(
        base_url=served.url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30
    ) as client:
        yield client


def post(web: httpx.Client, path: str, value: Any, **more: Any) -> httpx.Response:
    data = value if isinstance(value, bytes) else codec.encode(value)
    return web.post(path, content=data, **more)


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_an_upload_comes_back_in_the_changes(web: httpx.Client, words: Any) -> None:
    """The page reflects the till's own envelope and holds the customer it changed."""
    pen = words.Pen(epoch=2)
    upload = Upload(envelopes=(pen.write(words.sale("r1", earn=5)),))
    first = codec.decode(web.get("/v1/tills/t1/changes").content, ChangesPage)
    taken = codec.decode(
        post(
            web, "/v1/tills/t1/envelopes", gzip.compress(codec.encode(upload)), headers={"content-encoding": "gzip"}
        ).content,
        UploadAnswer,
    )
    page = codec.decode(web.get("/v1/tills/t1/changes", params={"cursor": first.cursor}).content, ChangesPage)
    anna = codec.decode(bytes(page.changes[0].body), Customer)

    assert ("t1", 2, 1) == (taken.till, taken.epoch, taken.through)
    assert ((2, 0), (2, 1)) == ((first.epoch, first.reflects), (page.epoch, page.reflects))
    assert 105 == sum(lot.amount for lot in anna.lots)
    assert not page.more


def test_a_long_poll_ends_when_something_changes(web: httpx.Client, centre: Any, words: Any) -> None:
    """Nobody waits the whole time for news that is there."""
    cursor = codec.decode(web.get("/v1/tills/t1/changes").content, ChangesPage).cursor
    pages: list[ChangesPage] = []

    def ask() -> None:
        answered = web.get("/v1/tills/t1/changes", params={"cursor": cursor, "wait": 20}, timeout=30)
        pages.append(codec.decode(answered.content, ChangesPage))

    asking = threading.Thread(target=ask)
    began = time.monotonic()
    asking.start()
    centre.member("boris")
    asking.join(15)

    assert ["boris"] == [change.key for change in pages[0].changes]
    assert time.monotonic() - began < 10


def test_a_stopping_server_answers_its_long_polls(web: httpx.Client, served: Any) -> None:
    """A restart does not hang for 25 seconds."""
    cursor = codec.decode(web.get("/v1/tills/t1/changes").content, ChangesPage).cursor
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(web.get("/v1/tills/t1/changes", params={"cursor": cursor, "wait": 25}, timeout=30).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    while not served.server.server_state.tasks:
        pass
    began = time.monotonic()
    served.stop()
    asking.join(10)

    assert [200] == statuses
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic abc", "Bearer"])
@pytest.mark.parametrize("till", ["t1", "nobody"])
def test_every_request_needs_the_tills_own_token(served: Any, header: str, till: str) -> None:
    """An unknown till and a wrong token get the same words."""
    answered = httpx.get(
        f"{served.url}/v1/tills/{till}/changes", headers={"authorization": header}, trust_env=False, timeout=30
    )

    assert (401, "unauthorised") == code_of(answered)
    assert "Bearer" == answered.headers["www-authenticate"]


def test_a_token_opens_its_own_till_only(web: httpx.Client) -> None:
    """t1's token is nothing at t2."""
    assert (401, "unauthorised") == code_of(web.get("/v1/tills/t2/changes"))


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"{}", {}, (400, "unreadable")),
        (b"not json", {}, (400, "unreadable")),
        (b"not gzip", {"content-encoding": "gzip"}, (400, "unreadable")),
        (gzip.compress(b"{}", mtime=0)[:-4], {"content-encoding": "gzip"}, (400, "unreadable")),
        (gzip.compress(b"{}", mtime=0) * 2, {"content-encoding": "gzip"}, (400, "unreadable")),
        (gzip.compress(b" " * (REQUEST_BYTES_MAX + 1), mtime=0), {"content-encoding": "gzip"}, (413, "too_large")),
        (b" " * (REQUEST_BYTES_MAX + 1), {}, (413, "too_large")),
        (b"{}", {"content-encoding": "br"}, (415, "encoding_unknown")),
        (b'{"envelopes":[]}', {}, (400, "unreadable")),
    ],
)
def test_a_bad_body_is_refused_by_name(
    web: httpx.Client, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    """Bounded, decompressed size included."""
    assert expected == code_of(post(web, "/v1/tills/t1/envelopes", body, headers=headers))


def test_a_fork_is_refused_and_stays_quarantined(web: httpx.Client, words: Any) -> None:
    """Nothing is overwritten, the till takes nothing new, and holds nothing."""
    pen = words.Pen(epoch=2)
    post(web, "/v1/tills/t1/envelopes", Upload(envelopes=(pen.write(words.sale("r1")),)))
    clone = pen.fork(0)
    clone.write(words.sale("other"))
    forked = post(web, "/v1/tills/t1/envelopes", Upload(envelopes=tuple(clone.written)))
    honest = post(web, "/v1/tills/t1/envelopes", Upload(envelopes=(pen.write(words.sale("r2")),)))
    held = post(web, "/v1/tills/t1/holds", b'{"receipt_uid":"r9","customer_id":"anna","unit":"bonus","points":1}')

    assert [(409, "fork")] * 3 == [code_of(forked), code_of(honest), code_of(held)]
    assert "cloned" in web.get("/v1/tills/t1/status").json()["quarantined"]


def test_a_report_of_another_history_is_a_fork(web: httpx.Client, words: Any) -> None:
    """It is written down, as one that comes with an upload."""
    pen = words.Pen(epoch=2)
    pen.write(words.sale("r1"))
    clone = pen.fork(0)
    clone.write(words.sale("r2"))
    post(web, "/v1/tills/t1/envelopes", Upload(envelopes=tuple(clone.written)))
    place = Place(epoch=2, sequence=1, hash=pen.written[0].hash)
    told = post(web, "/v1/tills/t1/leases", LeaseReport(acknowledged=place, last=place))
    after = post(web, "/v1/tills/t1/envelopes", Upload(envelopes=(clone.write(words.sale("r3")),)))

    assert [(409, "fork")] * 2 == [code_of(told), code_of(after)]
    assert "cloned" in web.get("/v1/tills/t1/status").json()["quarantined"]


def test_a_gap_tells_what_is_wanted(web: httpx.Client, words: Any) -> None:
    """The till goes back without a person."""
    pen = words.Pen(epoch=2)
    pen.write(words.sale("r1"))
    answered = post(web, "/v1/tills/t1/envelopes", Upload(envelopes=(pen.write(words.sale("r2")),)))

    assert (409, "gap") == code_of(answered)
    assert 1 == answered.json()["wanted"]


def test_a_gap_makes_every_till_begin_anew(web: httpx.Client, words: Any) -> None:
    """It says that the database was restored; a cursor of before is not to be believed any more."""
    place = Place(epoch=2, sequence=0)
    post(web, "/v1/tills/t1/leases", LeaseReport(acknowledged=place, last=place, held=()))
    before = web.get("/v1/tills/t1/changes").json()["cursor"].partition(".")[0]
    pen = words.Pen(epoch=2)
    pen.write(words.sale("r1"))
    post(web, "/v1/tills/t1/envelopes", Upload(envelopes=(pen.write(words.sale("r2")),)))
    after = web.get("/v1/tills/t1/changes").json()["cursor"].partition(".")[0]

    assert before != after


def test_a_cursor_ahead_of_the_feed_makes_every_till_begin_anew(web: httpx.Client) -> None:
    """This feed has told it, and has forgotten: the database was restored. Asking again with it changes nothing more."""
    before = web.get("/v1/tills/t1/changes").json()["cursor"].partition(".")[0]
    answered = [web.get("/v1/tills/t1/changes", params={"cursor": f"{before}.999999"}) for _ in range(2)]
    after = web.get("/v1/tills/t1/changes").json()["cursor"].partition(".")[0]

    assert [(410, "cursor_unknown")] * 2 == [code_of(one) for one in answered]
    assert before != after


def test_a_hold_over_http(web: httpx.Client) -> None:
    """All or none."""
    wanted = b'{"receipt_uid":"r9","customer_id":"anna","unit":"bonus","points":60}'
    grant = codec.decode(post(web, "/v1/tills/t1/holds", wanted).content, HoldGrant)

    assert 60 == grant.points
    assert (404, "customer_unknown") == code_of(post(web, "/v1/tills/t1/holds", wanted.replace(b"anna", b"nobody")))


@pytest.mark.parametrize("cursor", ["x", "x.1", "0.0", "zz.99999999", "ffffffffffffffff.-1"])
def test_a_cursor_of_another_feed_is_gone(web: httpx.Client, cursor: str) -> None:
    """410: the till begins again."""
    assert (410, "cursor_unknown") == code_of(web.get("/v1/tills/t1/changes", params={"cursor": cursor}))


def test_a_wait_that_is_no_number_is_refused(web: httpx.Client) -> None:
    """A mistake of the client is named."""
    assert (400, "unreadable") == code_of(web.get("/v1/tills/t1/changes", params={"wait": "long"}))


def test_unknown_routes_and_methods_are_problems_too(web: httpx.Client) -> None:
    """A client reads one shape of error."""
    assert (404, "no_such_route") == code_of(web.get("/v2/health"))
    assert (405, "method_not_allowed") == code_of(web.delete("/v1/health"))


def test_what_a_till_says_of_itself_is_remembered(web: httpx.Client) -> None:
    """Version, queue and clock come with each request; nonsense is left out."""
    headers = {
        "tillpoint-version": "9.9",
        "tillpoint-queue-depth": "7",
        "tillpoint-oldest-age-s": "-1",
        "tillpoint-clock": "2020-01-01T00:00:00+00:00",
    }
    status = web.get("/v1/tills/t1/status", headers=headers).json()

    assert ("9.9", 7, None) == (status["version"], status["queue_depth"], status["oldest_age_s"])
    assert status["clock_offset_s"] < -100_000_000


def test_no_full_phone_number_ever_reaches_a_till(web: httpx.Client, centre: Any) -> None:
    """A till finds a customer by a keyed hash and sees a mask."""
    from central.members import Member, load_members

    member = Member(
        id="vera", name="Vera Ivanova", phone="+79000000042", card="77001", tier="", spent_minor=0, points={}
    )
    load_members(centre.database, [member], now=centre.now, progress=lambda _: None)
    shown = web.get("/v1/tills/t1/changes").text
    phone = keyed_hash(centre.database.tenant_key, Identifier(kind=IdentifierKind.PHONE, value="+79000000042"))

    assert "9000000042" not in shown
    assert "Ivanova" not in shown
    assert phone in shown
    assert "+7900***42" in shown


def test_the_published_contract_is_the_generated_one(served: Any, project: Path) -> None:
    """docs/openapi/central.json is what the server serves; an independent validator accepts it."""
    shown = httpx.get(f"{served.url}/openapi.json", trust_env=False, timeout=30).json()
    validate(shown)

    assert shown == json.loads((project / "docs" / "openapi" / "central.json").read_text(encoding="utf-8"))


def test_every_route_is_documented_and_every_document_is_routed(database: Any) -> None:
    """The contract cannot forget a route; the operator's page, its metrics and the clouds' own protocols are not the tills'."""
    routes = {
        (method.lower(), route.path.replace(":int}", "}"))
        for route in build(database).routes
        for method in route.methods
        if method != "HEAD" and not route.path.startswith(("/openapi.json", "/metrics", "/operator", "/shops"))
    }

    assert routes == {(operation.method, operation.path) for operation in OPERATIONS}


def test_real_answers_obey_the_schemas(web: httpx.Client, words: Any) -> None:
    """What is served is what is promised."""
    schemas = {"components": document()["components"]}

    def check(name: str, value: Any) -> None:
        jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", **schemas})

    pen = words.Pen(epoch=2)
    upload = Upload(envelopes=(pen.write(words.sale("r1", earn=5)),))
    check("Upload", json.loads(codec.encode(upload)))
    check("UploadAnswer", post(web, "/v1/tills/t1/envelopes", upload).json())
    check("ChangesPage", web.get("/v1/tills/t1/changes").json())
    check("Health", web.get("/v1/health").json())
    check("TillTotals", web.get("/v1/tills/t1/status").json())
    check("Problem", web.get("/v1/tills/t2/status").json())


def test_a_certificate_is_asked_for_over_http(web: httpx.Client, centre: Any, words: Any) -> None:
    """A hold while the receipt is open; an unknown code is an answer and no error."""
    with centre.database.write() as connection:
        make_certificate(connection, "GIFT-0000-0001", words.rub(5_000), now=centre.now)
    wanted = CertificateWanted(code="gift-0000-0001", receipt_uid="r9")
    grant = codec.decode(post(web, "/v1/tills/t1/certificates", wanted).content, CertificateGrant)
    unknown = post(web, "/v1/tills/t1/certificates", replace(wanted, code="GIFT-0000-0002"))

    assert grant.certificate is not None
    assert ("5000", True) == (str(grant.certificate.balance.minor), bool(grant.hold))
    assert "certificate_unknown" == codec.decode(unknown.content, CertificateGrant).reason


def test_the_operators_programs_look_after_certificates(served: Any, centre: Any) -> None:
    """With the operator's token and no other; what cannot be done is one sentence."""
    with centre.database.write() as connection:
        token = make_token(connection, OPERATOR)
    path, code = "/operator/api/certificates", "GIFT-0000-0001"
    with httpx.Client(base_url=served.url, trust_env=False, timeout=30) as client:
        stranger = client.get(path, headers={"authorization": "Bearer nonsense"})
        client.headers["authorization"] = f"Bearer {token}"
        made = client.post(path, json={"code": code, "amount": "10.00 RUB", "pin": "4321"})
        again = client.post(path, json={"code": code, "amount": "10.00 RUB"})
        client.post(f"{path}/top-up", json={"code": code, "amount": "2.50 RUB"})
        blocked = client.post(f"{path}/block", json={"code": code}).json()
        free = client.post(f"{path}/unblock", json={"code": code}).json()
        shown = client.post(f"{path}/show", json={"code": code}).json()
        listed = client.get(path)

    assert [401, 200, 422] == [one.status_code for one in (stranger, made, again)]
    assert (True, False, "12.50 RUB") == (blocked["blocked"], free["blocked"], free["balance"])
    assert ["opening", "top_up"] == [one["reason"] for one in shown["moves"]]
    assert "GIFT" not in made.text + listed.text
