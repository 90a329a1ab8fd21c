"""Tills that come by a store's secret: named, counted, bounded, once each; and what a stolen secret can and cannot do."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from central import schema, tills
from central.app import build
from central.cli import main
from central.enrol_secrets import SecretRefused, enrol_with_secret, make_secret, revoke_secret
from central.errors import CentralStartError, Refusal
from central.operator.keys import OPERATOR, make_token
from central.serve import listening_socket, make_server
from drivers.vocabulary import codec, proof
from drivers.vocabulary.leases import Place
from drivers.vocabulary.store_enrol import LeaveRequest, StoreEnrolRequest

SEEDS = [f"{number:02x}" * 32 for number in range(1, 40)]


def request(secret: str, seed: str = SEEDS[0], **more: Any) -> StoreEnrolRequest:
    public = proof.public_key(seed)
    machine = more.pop("machine", "kassa-pc")
    signed = proof.sign(more.pop("holder", seed), proof.enrol_statement(machine=machine, public=public))
    return StoreEnrolRequest(secret=secret, public_key=public, machine=machine, proof=signed, **more)


def made(centre: Any, **more: Any) -> str:
    with centre.database.write() as connection:
        return make_secret(connection, now=centre.now, **{"shop": "s1", "prefix": "k", **more})


def come(centre: Any, asked: StoreEnrolRequest, *, after: timedelta = timedelta()) -> Any:
    with centre.database.write() as connection:
        return enrol_with_secret(connection, asked, currency="RUB", now=centre.now + after)


def speak(centre: Any, given: Any, *, after: timedelta = timedelta()) -> tills.Till:
    with centre.database.write() as connection:
        found = tills.authenticate(connection, till=given.till, authorization=f"Bearer {given.token}")
        tills.note_seen(connection, given.till, tills.Vitals(), centre.now + after)
        return found


def test_each_machine_becomes_a_till_of_its_own(centre: Any) -> None:
    """Numbered by the centre, each with its own key and token, and the secret counts them."""
    secret = made(centre, tills=3)
    given = [come(centre, request(secret, seed)) for seed in SEEDS[:3]]

    assert ["k1", "k2", "k3"] == [one.till for one in given]
    assert 3 == len({one.token for one in given})
    assert [proof.public_key(seed) for seed in SEEDS[:3]] == [speak(centre, one).public_key for one in given]
    with pytest.raises(SecretRefused, match="has made its 3 tills"):
        come(centre, request(secret, SEEDS[3]))


def test_the_secret_lies_there_as_a_hash(centre: Any) -> None:
    """Whoever reads the database has no secret."""
    secret = made(centre)
    with centre.database.read() as connection:
        rows = connection.execute(select(schema.enrol_secret)).all()

    assert secret not in str(rows)
    assert secret.rpartition("_")[2] not in str(rows)


def test_a_lost_answer_may_be_asked_for_again(centre: Any) -> None:
    """The same till and epoch for the same key, counted once, until its token was used."""
    secret = made(centre, tills=1)
    lost, again = (come(centre, request(secret)) for _ in range(2))

    assert ("k1", 1) == (again.till, again.epoch) == (lost.till, lost.epoch)
    with pytest.raises(Refusal):
        speak(centre, lost)
    speak(centre, again)
    with pytest.raises(SecretRefused, match="already"):
        come(centre, request(secret))


def test_a_key_that_is_not_held_gets_nothing(centre: Any) -> None:
    """Whoever saw a public key cannot ask for its till."""
    secret = made(centre)

    with pytest.raises(SecretRefused, match="did not show"):
        come(centre, request(secret, holder=SEEDS[1]))


@pytest.mark.parametrize("how", ["expired", "revoked", "unknown"])
def test_a_secret_that_is_over_opens_nothing(centre: Any, how: str) -> None:
    """And the tills that came with it stay."""
    secret = made(centre, days=2)
    stays = come(centre, request(secret))
    if how == "revoked":
        with centre.database.write() as connection:
            assert revoke_secret(connection, secret.split("_")[1], now=centre.now)
            assert not revoke_secret(connection, secret.split("_")[1], now=centre.now)
    if how == "unknown":
        secret = secret[:-1] + ("A" if secret[-1] != "A" else "B")

    with pytest.raises(Refusal, match="not known" if how == "unknown" else how):
        come(centre, request(secret, SEEDS[1]), after=timedelta(days=2 if how == "expired" else 0))
    assert "k1" == speak(centre, stays).id


def test_a_till_has_the_name_it_wishes_when_that_is_free(centre: Any) -> None:
    """A name that is there is never taken over by wishing."""
    secret = made(centre)

    assert "bakery" == come(centre, request(secret, till="bakery")).till
    with pytest.raises(SecretRefused, match="there is a till bakery already"):
        come(centre, request(secret, SEEDS[1], till="bakery"))
    with pytest.raises(SecretRefused, match="letters, digits"):
        come(centre, request(secret, SEEDS[1], till="../x"))


def test_a_plain_secret_replaces_nobody(centre: Any) -> None:
    """What a thief of it cannot do: put an end to a till."""
    secret = made(centre)
    with pytest.raises(SecretRefused, match="makes new tills only"):
        come(centre, request(secret, replaces="t1"))


def test_a_dead_till_is_replaced_and_told_so_when_it_comes_back(centre: Any) -> None:
    """The next epoch; the old token and key are worth nothing, and the sentence says whose the place is now."""
    secret = made(centre, may_replace=True)
    old = come(centre, request(secret, machine="old-pc"))
    speak(centre, old)

    with pytest.raises(SecretRefused, match="is not dead"):
        come(centre, request(secret, SEEDS[1], replaces="k1"), after=timedelta(minutes=5))
    new = come(centre, request(secret, SEEDS[1], machine="new-pc", replaces="k1"), after=timedelta(minutes=11))

    assert ("k1", 2) == (new.till, new.epoch)
    with pytest.raises(Refusal, match="'new-pc' has taken the place of this one as till k1") as told:
        speak(centre, old)
    assert (401, "unauthorised") == (told.value.status, told.value.problem.code)
    assert proof.public_key(SEEDS[1]) == speak(centre, new).public_key
    with pytest.raises(Refusal, match="is not valid; enrol"):
        speak(centre, type(old)(**{**codec.to_builtins(old), "token": "guessed", "programme_keys": old.programme_keys}))


def test_a_till_of_another_shop_is_not_replaced(centre: Any) -> None:
    """A secret is good for its own shop."""
    came = come(centre, request(made(centre, shop="s2", prefix="z")))
    with pytest.raises(SecretRefused, match="no till 'z1' in shop s1"):
        come(centre, request(made(centre, may_replace=True), SEEDS[1], replaces=came.till))


def test_so_many_within_an_hour(centre: Any) -> None:
    """A stolen secret is slow; a roll-out goes on in the next hour."""
    secret = made(centre, per_hour=2)
    for seed in SEEDS[:2]:
        come(centre, request(secret, seed))

    with pytest.raises(SecretRefused, match="within an hour") as refused:
        come(centre, request(secret, SEEDS[2]), after=timedelta(minutes=50))
    assert 429 == refused.value.status
    assert "k3" == come(centre, request(secret, SEEDS[2]), after=timedelta(minutes=61)).till


def test_a_secret_that_cannot_be_is_not_made(centre: Any) -> None:
    """Each with the option's name."""
    for wrong, words in (({"days": 0}, "--days 0"), ({"tills": 0}, "--tills 0"), ({"shop": "a b"}, "shop 'a b'")):
        with pytest.raises(CentralStartError, match=words):
            made(centre, **wrong)


# ── Over HTTP and the command line ──────────────────────────────────────────────────────────────


@contextmanager
def serving(app: Any) -> Iterator[httpx.Client]:
    bound = listening_socket("127.0.0.1:0")
    ready = threading.Event()
    server = make_server(app, ready=ready.set)
    thread = threading.Thread(target=lambda: server.run(sockets=[bound]))
    thread.start()
    try:
        assert ready.wait(10)
        with httpx.Client(base_url=f"http://127.0.0.1:{bound.getsockname()[1]}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(10)
        bound.close()


def post(client: httpx.Client, asked: StoreEnrolRequest) -> Any:
    return client.post("/v1/enrol/store", content=codec.encode(asked))


@pytest.mark.net
def test_refusals_are_counted_where_the_operator_looks(
    centre: Any, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason, though the refused transaction was undone; each enrolment has its row."""
    secret = made(centre, tills=1)
    name = secret.split("_")[1]
    with serving(build(centre.database, now=lambda: centre.now)) as client:
        assert 200 == post(client, request(secret)).status_code
        assert "secret_refused" == post(client, request(secret, SEEDS[1])).json()["code"]
    assert 0 == main(["enrol-secret", "list", "--tills", "--json", "--database", database_url])
    (told,) = json.loads(capsys.readouterr().out)

    assert (1, 1, ["k1"]) == (told["used"], told["refused"], told["tills"])
    assert "has made its 1 tills" in told["refused_why"]
    with centre.database.read() as connection:
        actions = [(row.action, row.till) for row in connection.execute(select(schema.operator_action))]
    assert [("secret.made", ""), ("till.enrolled", "k1")] == actions
    assert 0 == main(["enrol-secret", "revoke", name, "--database", database_url])
    assert 0 == main(["enrol-secret", "list", "--database", database_url])
    assert "revoked on" in capsys.readouterr().out


@pytest.mark.net
def test_whoever_tries_secrets_is_not_listened_to_for_a_while(centre: Any) -> None:
    """Ten wrong ones from an address within a minute; then even the right one waits."""
    moment = [centre.now]
    secret = made(centre)
    with serving(build(centre.database, now=lambda: moment[0])) as client:
        codes = [post(client, request(f"{secret}x")).json()["code"] for _ in range(11)]
        waits = post(client, request(secret))
        moment[0] += timedelta(seconds=61)
        after = post(client, request(secret))

    assert ["secret_refused"] * 10 + ["too_many_tries"] == codes
    assert (429, "60") == (waits.status_code, waits.headers["retry-after"])
    assert 200 == after.status_code


@pytest.mark.net
def test_machines_that_come_at_once_are_different_tills(centre: Any) -> None:
    """A shop is switched on in the morning: each has its own number, none is lost, the count is right."""
    secret = made(centre, tills=len(SEEDS))
    told: list[str] = []

    with serving(build(centre.database, now=lambda: centre.now)) as client:

        def come_in(seed: str) -> None:
            told.append(post(client, request(secret, seed)).json()["till"])

        threads = [threading.Thread(target=come_in, args=(seed,)) for seed in SEEDS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        late = post(client, request(secret, "aa" * 32))

    assert sorted(f"k{number}" for number in range(1, len(SEEDS) + 1)) == sorted(told)
    assert "secret_refused" == late.json()["code"]


@pytest.mark.net
def test_a_till_that_leaves_is_gone(centre: Any) -> None:
    """Its token ends with a sentence, another key's word counts nothing, and its name may be enrolled again."""
    given = come(centre, request(made(centre)))

    def word(seed: str, unsent: int = 0) -> bytes:
        said = proof.leave_statement(till="k1", epoch=1, last=0, unsent=unsent)
        return codec.encode(LeaveRequest(last=Place(epoch=1, sequence=0), unsent=unsent, proof=proof.sign(seed, said)))

    headers = {"authorization": f"Bearer {given.token}"}
    with serving(build(centre.database, now=lambda: centre.now)) as client:
        thief = client.post("/v1/tills/k1/leave", content=word(SEEDS[1]), headers=headers)
        left = client.post("/v1/tills/k1/leave", content=word(SEEDS[0], unsent=3), headers=headers)
        after = client.get("/v1/tills/k1/status", headers=headers)

    assert (403, "key_refused") == (thief.status_code, thief.json()["code"])
    assert {"released": 0, "missing": 3} == left.json()
    assert 401 == after.status_code
    assert "till k1 has left this centre" in after.json()["message"]
    with centre.database.write() as connection:
        letters = tills.make_code(connection, shop="s1", till="k1", now=centre.now)
        assert 2 == tills.enrol(connection, tills.EnrolRequest(code=letters), currency="RUB", now=centre.now).epoch


@pytest.fixture
def operator(centre: Any) -> Iterator[httpx.Client]:
    """Somebody who is logged in at the page."""
    with centre.database.write() as connection:
        token = make_token(connection, OPERATOR)
    with serving(build(centre.database, now=lambda: centre.now)) as client:
        assert 303 == client.post("/operator/login", data={"token": token}).status_code
        yield client


def row_of(page: str, name: str) -> str:
    return next(line for line in page.split("<tr>") if line.startswith(f"<td>{name}</td>"))


@pytest.mark.net
def test_the_operators_page_shows_secrets_and_revokes_them(operator: httpx.Client, centre: Any) -> None:
    """What each has done and until when it is good; the secret itself is nowhere; twice is once."""
    secret = made(centre, tills=2, may_replace=True)
    come(centre, request(secret))
    name = secret.split("_")[1]
    page = operator.get("/operator/enrolment").text
    key = re.findall(r'name="key" value="([0-9a-f]{64})"', page)[0]
    shown = row_of(page, name)

    assert all(f"<td>{word}</td>" in shown for word in ("s1", "1 of 2", "yes")), shown
    assert "good until" in shown
    assert secret.split("_", 2)[2] not in page
    assert 403 == operator.post("/operator/enrolment", data={"key": "0" * 64, "secret": name}).status_code
    assert [303, 303, 404] == [
        operator.post("/operator/enrolment", data={"key": key, "secret": one}).status_code
        for one in (name, name, "nobody")
    ]
    assert "revoked on" in row_of(operator.get("/operator/enrolment").text, name)
    with pytest.raises(SecretRefused, match="was revoked"):
        come(centre, request(secret, SEEDS[1]))
    operator.cookies.clear()
    assert 303 == operator.get("/operator/enrolment").status_code


@pytest.mark.net
def test_the_operators_page_shows_tills_that_left(operator: httpx.Client, centre: Any) -> None:
    """With what never came of them; among the tills they are no silent ones."""
    given = come(centre, request(made(centre), machine="old-pc"))
    said = proof.leave_statement(till="k1", epoch=1, last=0, unsent=3)
    word = LeaveRequest(last=Place(epoch=1, sequence=0), unsent=3, proof=proof.sign(SEEDS[0], said))
    headers = {"authorization": f"Bearer {given.token}"}
    assert 200 == operator.post("/v1/tills/k1/leave", content=codec.encode(word), headers=headers).status_code
    shown = row_of(operator.get("/operator/enrolment").text, "k1")

    assert all(f"<td>{one}</td>" in shown for one in ("s1", "old-pc", "3 envelopes never came")), shown
    assert f"<td>left on {centre.now:%Y-%m-%d}</td>" in row_of(operator.get("/operator").text, "k1")
