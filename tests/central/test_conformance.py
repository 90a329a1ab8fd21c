"""The conformance suite: our own server passes, and servers that are wrong on purpose each fail the right check."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette

import central.lease_reports
from central import schema
from central.accounts import Accounts, Cause, Reason
from central.app import build
from central.changes import publish
from central.cli import main
from central.conformance.bench import Bench
from central.conformance.contract import Contract
from central.conformance.everything import chosen
from central.conformance.suite import CHECKS, Outcome, Result, run
from central.conformance.wanted import Wanted
from central.conformance.wire import Answer, NoAnswer, pause_s, wire_to
from central.database import Database
from central.enrol_secrets import make_secret
from central.leases import LeaseRules
from central.members import Member, load_members, show_member
from central.openapi import document
from central.serve import ServerTls, listening_socket, make_server
from central.snapshots import build_snapshot
from central.tills import make_code
from drivers.vocabulary.customer import PointsLot
from tests.agent.sync.test_tls import Authority

DATABASES = ("sqlite",)
pytestmark = pytest.mark.net


@dataclass
class Exchange:
    """A request and its answer, on their way through a wrong server."""

    method: str
    path: str
    body: dict[str, Any]
    status: int
    answer: Any
    headers: dict[str, str] = field(default_factory=dict)


#: Changes the exchange as it likes.
Spoil = Callable[[Exchange], None]


@dataclass
class Wrong:
    """Our server behind somebody who spoils its answers (ASGI)."""

    app: Starlette
    spoil: Spoil
    query: Callable[[bytes], bytes] = lambda query: query

    @property
    def state(self) -> Any:
        return self.app.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        data = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            data += message["body"]
            if not message.get("more_body"):
                break
        headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        zipped = (b"content-encoding", b"gzip") in headers
        started: dict[str, Any] = {}
        body = bytearray()

        async def replay() -> dict[str, Any]:
            return {"type": "http.request", "body": data, "more_body": False}

        async def catch(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                body.extend(message.get("body", b""))

        wanted = {**scope, "headers": headers, "query_string": self.query(scope["query_string"])}
        await self.app(wanted, replay, catch)
        exchange = Exchange(
            scope["method"], scope["path"], _json(data, zipped), started["status"], json.loads(bytes(body))
        )
        self.spoil(exchange)
        told = json.dumps(exchange.answer).encode()
        more = [(name.encode(), value.encode()) for name, value in exchange.headers.items()]
        kept = [pair for pair in started["headers"] if pair[0] != b"content-length"]
        length = (b"content-length", str(len(told)).encode())
        await send({"type": "http.response.start", "status": exchange.status, "headers": [*kept, length, *more]})
        await send({"type": "http.response.body", "body": told})


def _json(data: bytes, zipped: bool) -> dict[str, Any]:
    try:
        return json.loads(gzip.decompress(data) if zipped else data)
    except (ValueError, OSError, EOFError):
        return {}


@contextmanager
def serving(app: Any, *, tls: ServerTls | None = None) -> Iterator[str]:
    """The address of an application on a real loopback socket."""
    bound = listening_socket("127.0.0.1:0")
    ready = threading.Event()
    server = make_server(app, ready=ready.set, tls=tls)
    thread = threading.Thread(target=lambda: server.run(sockets=[bound]))
    thread.start()
    try:
        assert ready.wait(10)
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()


def checked(database: Database, url: str, only: tuple[str, ...], **wanted: Any) -> dict[str, Outcome]:
    """The outcomes of some checks and of those they need."""
    now = datetime.now(UTC)
    with database.write() as connection:
        codes = [make_code(connection, shop="s9", till=f"check-{name}", now=now) for name in "abcc"]
        secret = make_secret(connection, shop="s9", now=now)
    wire = wire_to(url)
    bench = Bench(wire=wire, wanted=Wanted(codes=codes, **{"secret": secret, **wanted}), ours=Contract(document()))
    wire.watch = bench.watch
    outcomes = {one.id: one for one in run(bench, chosen(only))}
    bench.clean_up()
    return outcomes


def failed(outcomes: dict[str, Outcome]) -> list[str]:
    return [f"{one.id}: {one.expected} | {one.got}" for one in outcomes.values() if one.result is Result.FAILED]


def failed_ids(outcomes: dict[str, Outcome]) -> list[str]:
    return [one.id for one in outcomes.values() if one.result is Result.FAILED]


# ── Our own server ──────────────────────────────────────────────────────────────────────────────


def test_our_own_server_passes_everything(
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over the command line; every customer ends with no points, and what is left behind is said."""
    with serving(build(database)) as url:
        code = main(["check", url, "--database", database_url, "--allow-fork", "--json"])
    told = json.loads(capsys.readouterr().out)
    results = {one["id"]: one["result"] for one in told["checks"]}
    skipped = {name for name, result in results.items() if result == "skipped"}

    assert [] == [one for one in told["checks"] if one["result"] == "failed"]
    # Updates have a release of their own in `releases/test_conformance_updates.py`.
    updates = {"updates-signature", "updates-token", "updates-range", "updates-resume"}
    assert {"snapshot", "lease-ends", "retry-after", *updates} == skipped
    assert CHECKS.keys() == results.keys()
    assert 0 == code
    with database.read() as connection:
        assert 0 == sum(connection.scalars(select(schema.lot.c.amount)))
        assert [True] == list(connection.scalars(select(schema.certificate.c.blocked)))
    left = "\n".join(told["left_behind"])
    assert all(f"till conformance-{number}" in left for number in (1, 2, 3))
    assert "customers nobody is" in left


def test_a_snapshot_is_held_against_its_manifest(centre: Any) -> None:
    """One that is there."""
    build_snapshot(centre.database, now=lambda: datetime.now(UTC))
    with serving(build(centre.database)) as url:
        outcomes = checked(centre.database, url, ("snapshot", "changes"))

    assert [] == failed(outcomes)
    assert Result.PASSED is outcomes["snapshot"].result


def test_a_token_that_is_due_is_changed(database: Database) -> None:
    """The old one is good until the new one was used, and never again."""
    with serving(build(database, token_days=0)) as url:
        outcomes = checked(database, url, ("keys", "keys-no-proof", "status"))

    assert [] == failed(outcomes)
    assert "a new token was given and taken" == outcomes["keys"].note


def test_the_end_of_a_lease_is_waited_for_where_it_is_near(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease of two seconds: it ends, and frees nothing."""
    monkeypatch.setattr(central.lease_reports, "lease_rules", lambda connection: LeaseRules(days=2 / 86_400, share=50))
    with serving(build(database)) as url:
        outcomes = checked(database, url, ("lease-ends",))

    assert [] == failed(outcomes)
    assert Result.PASSED is outcomes["lease-ends"].result


@pytest.mark.parametrize("named", [{"customer": "anna"}, {"member": "phone:+79000000001"}])
def test_a_named_member_ends_as_they_began(database: Database, named: dict[str, str]) -> None:
    """Points, their lots and their expiry, the money spent."""
    anna = Member(
        id="anna", name="Anna P.", phone="+79000000001", card="", tier="", spent_minor=500, points={"bonus": 100}
    )
    load_members(database, [anna], now=datetime.now(UTC), progress=lambda _: None)
    before = _document(database)
    only = ("return", "hold-release", "lease-closed", "changes-reflects", "undone")
    with serving(build(database)) as url:
        outcomes = checked(database, url, only, **named)

    assert [] == failed(outcomes)
    assert before == _document(database)
    assert Result.PASSED is outcomes["undone"].result


def _document(database: Database) -> Any:
    shown = database.reading(lambda connection: show_member(connection, "anna"))
    told = shown.get("customer", shown)
    return {name: told[name] for name in ("lots", "spent", "deficits") if name in told}


def test_without_codes_only_the_door_is_checked(database: Database) -> None:
    """The rest is skipped with what is needed for it, and nobody is enrolled."""
    with serving(build(database)) as url:
        wire = wire_to(url)
        outcomes = {one.id: one for one in run(Bench(wire=wire, wanted=Wanted(), ours=Contract(document())), chosen())}

    assert [] == failed(outcomes)
    assert "--code" in outcomes["enrol"].note
    assert "needs enrol" == outcomes["token"].note
    assert Result.PASSED is outcomes["enrol-wrong-code"].result


# ── Servers that are wrong ──────────────────────────────────────────────────────────────────────


@dataclass
class Behind:
    """What a wrong server does behind its own back."""

    database: Database
    seen: int = 0

    def doubles_envelopes(self, one: Exchange) -> None:
        """An envelope that comes again counts again."""
        self.double(one, lambda verdict: not verdict.get("reason"))

    def doubles_receipts(self, one: Exchange) -> None:
        """A receipt in another envelope is another receipt."""
        self.double(one, lambda verdict: bool(verdict.get("reason")))

    def double(self, one: Exchange, which: Callable[[dict[str, Any]], bool]) -> None:
        if not one.path.endswith("/envelopes") or one.status != 200:
            return
        repeated = [verdict for verdict in one.answer["verdicts"] if verdict["state"] == "duplicate"]
        again = {verdict["sequence"] for verdict in repeated if which(verdict)}
        for envelope in one.body["envelopes"]:
            if envelope["sequence"] in again and envelope["kind"] == "receipt.confirmed":
                self.earn(envelope["body"])

    def earn(self, fact: dict[str, Any]) -> None:
        cause = Cause(reason=Reason.EARNED, at=datetime.now(UTC))
        with self.database.write() as connection:
            accounts = Accounts(connection)
            account = accounts.get(fact["customer_id"])
            assert account is not None
            lots = [
                PointsLot(id=f"again-{number}", unit=effect["unit"], amount=effect["amount"])
                for number, effect in enumerate(fact["decision"]["effects"])
                if effect["effect"] == "points_earned"
            ]
            account.move((*account.lots, *lots), account.deficits, cause)
            publish(connection, accounts.save())

    def forgets_the_mark(self, one: Exchange) -> None:
        """A batch that was taken before is an error."""
        if one.status == 200 and one.path.endswith("/envelopes"):
            states = {verdict["state"] for verdict in one.answer["verdicts"]}
            if states == {"duplicate"}:
                wanted = one.answer["through"] + 1
                one.status, one.answer = 409, {"code": "gap", "message": "not the next", "wanted": wanted}

    def pretend(self, one: Exchange) -> None:
        envelopes = one.body["envelopes"]
        last = envelopes[-1]
        verdicts = [{"sequence": each["sequence"], "id": each["id"], "state": "applied"} for each in envelopes]
        one.status = 200
        one.answer = {
            "till": one.path.split("/")[3],
            "epoch": last["epoch"],
            "through": last["sequence"],
            "head": last["hash"],
            "server_time": datetime.now(UTC).isoformat(),
            "verdicts": verdicts,
        }

    def frees_leases(self, one: Exchange) -> None:
        """What was leased is free for everybody else."""
        if one.path.endswith("/leases"):
            self.release(schema.lease.c.state == "open")

    def frees_ended_leases(self, one: Exchange) -> None:
        """As if a till that is silent had spent nothing."""
        if one.path.endswith("/changes"):
            self.release(schema.lease.c.expires_at <= datetime.now(UTC))

    def release(self, which: Any) -> None:
        with self.database.write() as connection:
            connection.execute(update(schema.lease).where(which).values(state="released"))

    def forgets_holds(self, one: Exchange) -> None:
        """A hold is a promise to nobody."""
        if one.path.endswith("/holds"):
            with self.database.write() as connection:
                connection.execute(update(schema.hold).values(expires_at=datetime.now(UTC) - timedelta(days=1)))

    def frees_coupons(self, one: Exchange) -> None:
        """What one till was given another one may have."""
        if one.path.endswith("/coupons"):
            with self.database.write() as connection:
                connection.execute(update(schema.value_lease).values(state="released"))

    def forgets_uses(self, one: Exchange) -> None:
        """A coupon that was used is good."""
        if one.path.endswith("/envelopes"):
            with self.database.write() as connection:
                connection.execute(update(schema.coupon).values(used=0))

    def ends_holds_by_any_report(self, one: Exchange) -> None:
        """However old the report is."""
        if one.path.endswith("/leases") and not one.body["holds"]:
            over = schema.hold.c.expires_at <= datetime.now(UTC)
            with self.database.write() as connection:
                connection.execute(update(schema.hold).where(over).values(state="released"))

    def believes_any_digest(self, one: Exchange) -> None:
        """The till will know what it holds."""
        if one.path.endswith("/leases") and one.status == 200:
            one.answer["again"] = False

    def holds_a_part(self, one: Exchange) -> None:
        """Better some than none."""
        if one.path.endswith("/holds") and one.answer.get("reason") == "balance":
            moment = datetime.now(UTC).isoformat()
            one.answer = {"id": "part", "points": one.body["points"] - 1, "expires_at": moment}

    def is_ahead(self, one: Exchange) -> None:
        """Reflects what it has not seen."""
        if one.path.endswith("/changes") and one.status == 200:
            one.answer["reflects"] += 1

    def tells_phones(self, one: Exchange) -> None:
        """The cashier might want to call."""
        if one.path.endswith("/changes") and one.status == 200:
            with self.database.read() as connection:
                phones = {row.customer: row.phone for row in connection.execute(select(schema.contact))}
            for change in one.answer["changes"]:
                if change["collection"] == "customer" and change["key"] in phones:
                    change["body"]["phone"] = phones[change["key"]]

    def leaves_out_a_field(self, one: Exchange) -> None:
        """A field of the contract is not there."""
        if one.path.endswith("/envelopes") and one.status == 200:
            del one.answer["server_time"]

    def knows_no_lookup(self, one: Exchange) -> None:
        """An older server."""
        if one.path.endswith("/lookup"):
            one.status, one.answer = 404, {"code": "no_such_route", "message": "not found"}

    def adds_fields(self, one: Exchange) -> None:
        """A newer server than we are."""
        if one.path.endswith(("/envelopes", "/holds", "/enrol", "/keys", "/status")):
            one.answer["invented_later"] = {"more": 1}

    def is_busy(self, one: Exchange) -> None:
        """Once, and says when to come back."""
        self.seen += 1
        if one.path.endswith("/status") and self.seen > 3:
            self.seen = -1_000
            one.status, one.answer = 503, {"code": "busy", "message": "come back"}
            one.headers["retry-after"] = "0"

    def is_busy_in_silence(self, one: Exchange) -> None:
        """Once, and says nothing."""
        self.is_busy(one)
        one.headers.clear()

    def takes_any_secret(self, one: Exchange) -> None:
        """Whoever knocks is let in."""
        if one.path == "/v1/enrol/store" and one.status == 403:
            one.status, one.answer = 200, {}

    def counts_lost_answers(self, one: Exchange) -> None:
        """Each asking is another till."""
        if one.path == "/v1/enrol/store" and one.status == 200:
            self.seen += 1
            one.answer["till"] += f"-{self.seen}"

    def knows_no_secrets(self, one: Exchange) -> None:
        """One-time codes alone."""
        if one.path == "/v1/enrol/store":
            one.status, one.answer = 404, {"code": "no_such_route", "message": "not found"}

    def lets_nobody_leave(self, one: Exchange) -> None:
        """The token of a till that left goes on."""
        if one.path.endswith("/leave"):
            self.seen = 1
        if one.path.endswith("/status") and self.seen and one.status == 401:
            one.status, one.answer = 200, {}

    def blocks_the_queue(self, one: Exchange) -> None:
        """An unknown kind stops everything."""
        if any(each["kind"].startswith("conformance") for each in one.body.get("envelopes", ())):
            one.status, one.answer = 400, {"code": "unreadable", "message": "no such kind"}


ALL_ARE_WELL = ("upload-half", "kind-unknown", "hold-nobody", "answers")


@pytest.mark.parametrize(
    ("wrong", "only", "expected"),
    [
        ("doubles_envelopes", ("sale-again", "receipt-again"), ["sale-again"]),
        ("doubles_receipts", ("sale-again", "receipt-again"), ["receipt-again"]),
        ("forgets_the_mark", ("upload-again", "gap", "chain-goes-on"), ["upload-again"]),
        ("frees_leases", ("lease", "lease-invariant", "lease-closed"), ["lease-invariant"]),
        ("frees_coupons", ("value-lease", "value-closed"), ["value-lease"]),
        ("forgets_uses", ("value-lease", "value-closed"), ["value-closed"]),
        ("forgets_holds", ("hold", "hold-closed"), ["hold"]),
        ("ends_holds_by_any_report", ("hold-late-report",), ["hold-late-report"]),
        ("believes_any_digest", ("lease-digest", "lease-closed"), ["lease-digest"]),
        ("holds_a_part", ("hold", "sale-again"), ["hold"]),
        ("is_ahead", ("changes-reflects", "changes-resume"), ["changes-reflects"]),
        ("tells_phones", ("newcomer", "newcomer-private"), ["newcomer-private"]),
        ("leaves_out_a_field", ALL_ARE_WELL, ["answers"]),
        ("adds_fields", (*ALL_ARE_WELL, "keys", "status"), []),
        ("knows_no_lookup", ("lookup", "answers"), []),
        ("is_busy", ("token", "status", "retry-after"), []),
        ("is_busy_in_silence", ("token", "status", "retry-after"), ["retry-after"]),
        ("blocks_the_queue", ("kind-unknown",), ["kind-unknown"]),
        ("takes_any_secret", ("store-secret-wrong",), ["store-secret-wrong"]),
        ("counts_lost_answers", ("store-secret", "leave"), ["store-secret"]),
        ("knows_no_secrets", ("store-secret", "leave"), []),
        ("lets_nobody_leave", ("leave",), ["leave"]),
    ],
)
def test_a_wrong_server_fails_the_right_check(
    database: Database, wrong: str, only: tuple[str, ...], expected: list[str]
) -> None:
    """And no other of those that were made."""
    with serving(Wrong(build(database), getattr(Behind(database), wrong))) as url:
        outcomes = checked(database, url, only)

    assert expected == failed_ids(outcomes), failed(outcomes)
    assert all(one.expected and one.got and one.next_step for one in outcomes.values() if one.id in expected)


CHAINS = ("gap", "damaged", "signature-wrong", "signature-missing", "not-a-run", "epoch-unknown", "fork")


@pytest.mark.parametrize("name", CHAINS)
def test_a_server_that_takes_what_is_not_the_tills_history_fails(database: Database, name: str) -> None:
    """It answers 200 as if nothing were wrong; what cannot be judged after that is skipped, not failed."""

    def believe(one: Exchange) -> None:
        if one.path.endswith("/envelopes") and one.answer.get("code") == name.replace("-", "_"):
            Behind(database).pretend(one)

    with serving(Wrong(build(database), believe)) as url:
        outcomes = checked(database, url, (*CHAINS, "chain-goes-on"), allow_fork=True)

    assert [name] == failed_ids(outcomes), failed(outcomes)
    assert "200" in outcomes[name].got


def test_a_server_that_frees_ended_leases_fails(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time frees nothing."""
    monkeypatch.setattr(central.lease_reports, "lease_rules", lambda connection: LeaseRules(days=2 / 86_400, share=50))
    with serving(Wrong(build(database), Behind(database).frees_ended_leases)) as url:
        outcomes = checked(database, url, ("lease-ends",))

    assert ["lease-ends"] == failed_ids(outcomes), failed(outcomes)


def test_a_server_that_does_not_wait_fails(database: Database) -> None:
    """Tills would ask without a pause."""
    at_once = Wrong(build(database), lambda one: None, query=lambda query: query.replace(b"wait=2", b"wait=0"))
    with serving(at_once) as url:
        outcomes = checked(database, url, ("changes-wait-late",))

    assert ["changes-wait-late"] == failed_ids(outcomes)


def test_rubbish_is_a_finding_and_no_crash(database: Database) -> None:
    """A server that answers a list of nothing to all but the first question."""

    def rubbish(one: Exchange) -> None:
        if one.path != "/v1/health":
            one.status, one.answer = 200, [None]

    with serving(Wrong(build(database), rubbish)) as url:
        outcomes = checked(database, url, ())

    assert ["enrol-wrong-code", "enrol", "store-secret-wrong", "answers"] == failed_ids(outcomes)


def test_a_server_whose_pages_are_rubbish_is_gone_through(database: Database) -> None:
    """Enrolled, and then nothing makes sense: every check ends."""

    def rubbish(one: Exchange) -> None:
        if one.path.startswith("/v1/tills/"):
            one.status, one.answer = 200, {"changes": [{"key": 7}], "leases": "none", "parts": [None]}

    with serving(Wrong(build(database), rubbish)) as url:
        outcomes = checked(database, url, ())

    assert {"token", "answers"} <= set(failed_ids(outcomes))
    assert CHECKS.keys() == outcomes.keys()


@pytest.mark.parametrize("asks_for", [None, {"epoch": 1, "sequence": 2}])
def test_a_server_that_does_not_look_at_hashes_loses_what_a_copy_replaced(
    database: Database, asks_for: dict[str, int] | None
) -> None:
    """Whether it never asks for it again, or asks for everything for ever."""

    def spoil(one: Exchange) -> None:
        if one.path.endswith("/leases") and one.status == 200 and one.body["earlier"]:
            one.answer["send_from"] = asks_for

    with serving(Wrong(build(database), spoil)) as url:
        outcomes = checked(database, url, ("fork", "fork-lost"), allow_fork=True)

    assert ["fork-lost"] == failed_ids(outcomes)
    assert Result.PASSED is outcomes["fork"].result


# ── The parts ───────────────────────────────────────────────────────────────────────────────────


def test_nobody_there_is_said_in_words(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; everything else is skipped."""
    with listening_socket("127.0.0.1:0") as bound:
        port = bound.getsockname()[1]
    code = main(["check", f"http://127.0.0.1:{port}"])
    told = capsys.readouterr().out

    assert 1 == code
    assert "FAILED  health" in told
    assert f"127.0.0.1:{port}" in told
    assert "0 passed" in told


@pytest.mark.parametrize("url", ["centre.example", "ftp://centre.example", "http://", "http://h:x", "http://h/?a=b"])
def test_an_address_that_is_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence, and no stack."""
    assert 1 == main(["check", url])
    assert "not the address of a server" in capsys.readouterr().err


def test_wrong_words_on_the_command_line(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown check, and two ways of getting codes at once."""
    unknown = main(["check", "http://127.0.0.1:1", "--only", "everything"])
    both = main(["check", "http://127.0.0.1:1", "--database", database_url, "--code", "ABCD-EFGH-JKLM"])
    told = capsys.readouterr().err

    assert (1, 1) == (unknown, both)
    assert "no check 'everything'" in told
    assert "leave out --code" in told


def test_a_file_of_tls_that_cannot_be_used(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before anything is asked."""
    assert 1 == main(["check", "https://127.0.0.1:1", "--ca-file", str(tmp_path / "none.pem")])
    assert "--ca-file" in capsys.readouterr().err


def test_https_with_an_authority_of_its_own(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a server that wants a certificate; without the authority it is not trusted, and that is said."""
    authority = Authority(tmp_path, "conformance")
    certificate, key = authority.issue("centre")
    own, own_key = authority.issue("till", client=True)
    both = tmp_path / "both.pem"
    both.write_bytes(own.read_bytes() + own_key.read_bytes())
    tls = ServerTls(certificate=certificate, key=key, client_ca=authority.file)
    with serving(build(database), tls=tls) as url:
        good = main(
            ["check", url, "--only", "health", "--ca-file", str(authority.file), "--client-certificate", str(both)]
        )
        bad = main(["check", url, "--only", "health"])
    told = capsys.readouterr().out

    assert (0, 1) == (good, bad)
    assert "certificate verify failed" in " ".join(told.split())


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("3", 3.0),
        ("Mon, 02 Mar 2026 12:00:30 GMT", 30.0),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        (None, None),
    ],
)
def test_when_to_come_back(after: str | None, expected: float | None) -> None:
    """Both forms of Retry-After, and what is none."""
    assert expected == pause_s(after, now=datetime(2026, 3, 2, 12, tzinfo=UTC))


def test_the_guide_names_every_option_and_promise(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/guides/own-server.md cannot forget one."""
    guide = (project / "docs" / "guides" / "own-server.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}

    assert {"--code", "--database", "--allow-fork", "--json"} <= options
    assert [] == sorted(option for option in options if f"`{option}" not in guide)
    assert [] == [f"G{number}" for number in range(1, 8) if f"| G{number} |" not in guide]
    assert [] == sorted(
        one for one in re.findall(r"^(?:ok|FAILED|skipped) +([a-z-]+)", guide, re.MULTILINE) if one not in CHECKS
    )


def test_the_list_of_checks(capsys: pytest.CaptureFixture[str]) -> None:
    """Every check with its promise; each comes after those it needs."""
    assert 0 == main(["check", "http://127.0.0.1:1", "--list"])
    lines = capsys.readouterr().out.splitlines()
    order = [one.id for one in chosen()]

    assert order == [line.split()[0] for line in lines]
    assert all(order.index(name) < order.index(one.id) for one in chosen() for name in one.needs)
    assert set("1234567") == {word for one in chosen() for word in one.promises if word.isdigit()}


def test_an_answer_is_quoted_without_its_secrets() -> None:
    """A report is sent around."""
    body = b'{"till":"t1","token": "abc","tenant_key":"def","tenant_key_next":"ghi"}'
    shown = str(Answer(status=200, headers={}, body=body, value=json.loads(body), seconds=0.0))

    assert not {"abc", "def", "ghi"} & set(shown.replace('"', " ").split())
    assert "t1" in shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"id": "h", "points": 1}, []),
        ({"id": "h", "points": 1, "later": [1]}, []),
        ({"id": "h", "points": "1"}, ["$.points: '1' is not integer"]),
        ({"id": "h", "points": True}, ["$.points: True is not integer"]),
        ({"points": 1}, ["$: the field id is missing"]),
        (
            {"id": "h", "points": 1, "expires_at": "soon"},
            ["$.expires_at: 'soon' is no moment with its zone (RFC 3339)"],
        ),
        ([], ["$: [] is not object"]),
        (None, ["the body is no JSON"]),
    ],
)
def test_an_answer_is_held_against_the_contract(value: Any, expected: list[str]) -> None:
    """By the path of each fault."""
    assert expected == Contract(document()).faults("POST", "/v1/tills/{till}/holds", 200, value)


def test_what_tills_refuse_is_a_fault() -> None:
    """An unknown field of a page, which is read strictly; an unknown status; an unknown route is not judged."""
    contract = Contract(document())
    moment = "2026-03-02T12:00:00Z"
    page = {"cursor": "1", "epoch": 1, "reflects": 0, "more": False, "server_time": moment, "changes": [], "x": 1}
    changes = "/v1/tills/{till}/changes"

    assert ["$: the field x is not known, and tills refuse it here"] == contract.faults("GET", changes, 200, page)
    assert ["is not promised" in fault for fault in contract.faults("GET", changes, 418, {})] == [True]
    assert [] == contract.faults("GET", "/v1/else", 200, {})


def test_a_document_with_other_names_of_parameters_is_understood() -> None:
    """Somebody's own server calls them as it likes."""
    other = {"paths": {"/v1/tills/{name}/status": {"get": {"responses": {"200": {"description": "well"}}}}}}

    assert {("GET", "/v1/tills/{}/status")} == Contract(other).operations()
    assert [] == Contract(other).faults("GET", "/v1/tills/{till}/status", 200, {})


def test_a_cut_answer_is_none(centre: Any) -> None:
    """Fewer bytes than were announced."""
    import socket

    bound = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = bound.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{}")

    thread = threading.Thread(target=answer)
    thread.start()
    with bound, pytest.raises(NoAnswer):
        wire_to(f"http://127.0.0.1:{bound.getsockname()[1]}").ask("GET", "/v1/health", deadline_s=5)
    thread.join(5)
