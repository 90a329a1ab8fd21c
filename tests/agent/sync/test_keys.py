"""Signed batches, tokens that are replaced, keys that follow one another: a real till's end against a real centre."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.sync import errors
from agent.sync.client import CentreClient
from agent.sync.enrol import renew_key
from agent.sync.identity import FILE_NAME, Identity, load, save
from agent.sync.keys import new_till_key, request_for
from agent.sync.line import Line
from central.aliases import finish_rotation, start_rotation, tills_behind, unmade
from central.errors import CentralStartError
from central.till_keys import want_new_tokens
from drivers.vocabulary import codec, proof
from drivers.vocabulary.customer import Identifier, IdentifierKind, keyed_hash
from tests.agent.sync.key_rig import Centre, Pen, TillEnd

pytestmark = pytest.mark.net


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path, token_days=30)
    yield made
    made.stop()


@pytest.fixture
def till(centre: Centre, tmp_path: Path) -> TillEnd:
    return TillEnd(centre, tmp_path / "till").enrol()


# ── Signatures ──────────────────────────────────────────────────────────────────────────────────


def test_the_key_is_made_on_the_till_and_only_its_public_half_is_at_the_centre(till: TillEnd, tmp_path: Path) -> None:
    """The centre's file holds no private key of a till."""
    public = proof.public_key(till.identity.till_key)
    till.send()
    at_centre = b"".join(path.read_bytes() for path in tmp_path.glob("central.db*"))

    assert proof.fingerprint(public) == till.centre.till().key
    assert public.encode() in at_centre
    assert till.identity.till_key.encode() not in at_centre


def test_a_signed_batch_is_taken(till: TillEnd) -> None:
    """The plain way."""
    assert 2 == till.send(till.pen.write(), till.pen.write()).through
    assert "" == till.centre.till().signature_trouble


def test_a_stolen_token_alone_sends_nothing(till: TillEnd) -> None:
    """Neither unsigned nor signed with another key; the operator sees it, and the till itself goes on."""
    thief = Pen()
    for seed, code in (("", "signature_missing"), (new_till_key(), "signature_wrong")):
        with pytest.raises(errors.CentreRefused) as refused:
            till.send(thief.write(), identity=replace(till.identity, till_key=seed))
        thief = Pen()
        assert code == refused.value.problem.code
        assert "t1" in till.centre.till().signature_trouble

    assert 0 == till.centre.till().envelopes
    assert 1 == till.send().through
    assert "" == till.centre.till().signature_trouble


@pytest.mark.parametrize("part", ["last", "first", "other till"])
def test_a_signature_fits_one_batch_only(till: TillEnd, part: str) -> None:
    """Taken from one request and put on another, it is worth nothing."""
    envelopes = [till.pen.write(), till.pen.write()]
    statement = proof.batch_statement(
        till="t2" if part == "other till" else "t1", epoch=1, first=1, last=2, head=envelopes[-1].hash
    )
    signature = proof.sign(till.identity.till_key, statement)
    sent = {"last": envelopes[:1], "first": envelopes[1:], "other till": envelopes}[part]
    with pytest.raises(errors.CentreRefused) as refused:
        raw_upload(till, sent, signature)

    assert "signature_wrong" == refused.value.problem.code


def raw_upload(till: TillEnd, envelopes: list[Any], signature: str) -> bytes:
    from agent.sync.wire import upload_bytes

    line = Line(till.identity.url)
    try:
        return line.ask(
            "POST",
            "/v1/tills/t1/envelopes",
            deadline_s=10,
            body=upload_bytes(envelopes, signature=signature),
            headers={"authorization": f"Bearer {till.identity.token}", "content-encoding": "gzip"},
        )
    finally:
        line.close()


def of_before(till: TillEnd) -> TillEnd:
    """The same till as an older version enrolled it: no key, and the plain file."""
    old = replace(
        till.identity, till_key="", centre_key="", tenant_generation=0, tenant_key_next="", token=till.identity.token
    )
    plain = {name: value for name, value in codec.to_builtins(old).items() if name in OLD_FIELDS}
    path = till.folder / FILE_NAME
    path.write_bytes(codec.encode(plain))
    path.chmod(0o600)
    with till.centre.database.write() as connection:
        connection.exec_driver_sql("UPDATE till SET public_key = '', token_at = NULL, tenant_generation = NULL")
    return till.wake()


OLD_FIELDS = {"url", "till", "shop", "epoch", "token", "tenant_key", "currency"}


def test_a_till_of_before_registers_a_key_by_itself(till: TillEnd) -> None:
    """Its file is brought over, its next batch is signed, and from then on an unsigned one is refused."""
    of_before(till)

    assert b'"locked"' in (till.folder / FILE_NAME).read_bytes()
    assert 1 == till.send().through
    asked = till.ask_keys()
    assert asked.till_key
    assert asked.centre_key
    assert proof.fingerprint(proof.public_key(asked.till_key)) == till.centre.till().key
    assert asked == load(till.folder)
    assert 2 == till.send().through
    with pytest.raises(errors.CentreRefused):
        till.send(identity=replace(asked, till_key=""))


def test_a_thief_of_a_token_cannot_give_the_till_another_key(till: TillEnd) -> None:
    """The key before must vouch for it; and whoever names a key must hold it."""
    till.send()
    another = replace(till.identity, till_key=new_till_key())
    borrowed = replace(request_for(till.identity), proof="00" * 64)
    for request in (request_for(another), borrowed):
        with till.client() as client, pytest.raises(errors.CentreRefused) as refused:
            client.keys(request)
        assert "key_refused" == refused.value.problem.code


def test_a_key_is_renewed_while_the_agent_runs(till: TillEnd) -> None:
    """`tillpoint enrol --renew-key` writes the file; the running agent meets the refusal once and takes the new key."""
    before = till.identity
    after = renew_key(till.folder)

    assert before.till_key != after.till_key
    assert (before.token, before.epoch) == (after.token, after.epoch)
    assert before == till.identity
    assert 1 == till.send().through
    assert after == till.identity
    assert proof.fingerprint(proof.public_key(after.till_key)) == till.centre.till().key


def test_an_answer_lost_while_the_key_was_renewed_is_asked_for_again(till: TillEnd) -> None:
    """The centre has the new key and the till does not know it: the command is run again, and all is well."""
    till.keeper.change(till_key_next=new_till_key())
    with till.client() as client:
        client.keys(request_for(till.identity))
    after = renew_key(till.folder)

    assert "" == after.till_key_next
    assert 1 == till.send().through


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_replaced_when_it_is_old(till: TillEnd) -> None:
    """The new one works, the old one is worth nothing after the new one was used."""
    old = till.identity
    till.centre.pass_days(29)
    assert old.token == till.ask_keys().token
    till.centre.pass_days(2)
    new = till.ask_keys()

    assert old.token != new.token
    assert new == load(till.folder)
    assert 1 == till.send().through
    with pytest.raises(errors.Unauthorised):
        till.send(identity=old)
    assert new.token == till.ask_keys().token


def test_lost_answers_lock_nobody_out(till: TillEnd) -> None:
    """Three tokens are given and never arrive; the old one is good all the while, and the last one given wins."""
    till.centre.pass_days(31)
    given = []
    for _ in range(3):
        with till.client() as client:
            given.append(client.keys(request_for(till.identity)).token)
        assert till.send().through

    assert 3 == len({till.identity.token, *given}) - 1
    envelope = till.pen.write()
    with pytest.raises(errors.Unauthorised):
        till.send(envelope, identity=replace(till.identity, token=given[0]))
    assert till.ask_keys().token not in given
    assert 4 == till.send(envelope).through


def test_a_thread_that_still_has_the_old_token_asks_once_more(till: TillEnd) -> None:
    """The download thread took a new token while a batch was being packed."""
    till.centre.pass_days(31)
    stale = till.identity
    till.ask_keys()
    till.send()
    line = Line(till.identity.url)

    def sees_stale() -> Identity:
        return stale if not used else till.identity

    used: list[Identity] = []

    def look(identity: Identity) -> bool:
        used.append(identity)
        return till.keeper.look_again(identity)

    client = CentreClient(line, sees_stale, version="1", look_again=look)
    assert 2 == client.upload([till.pen.write()]).through
    assert [stale] == used
    client.close()


def test_the_operator_has_tokens_replaced_at_once(till: TillEnd) -> None:
    """The feed tells the till to ask."""
    till.ask_keys()
    till.renewal.wanted.clear()
    with till.client() as client:
        cursor = client.changes("", 0).cursor
    with till.centre.database.write() as connection:
        assert ["t1"] == want_new_tokens(connection, [])
    with till.client() as client:
        client.changes(cursor, 0)

    assert till.renewal.is_due()
    old = till.identity.token
    assert old != till.ask_keys().token
    with till.centre.database.write() as connection, pytest.raises(CentralStartError, match="no till 't9'"):
        want_new_tokens(connection, ["t9"])


def test_a_disk_that_cannot_be_written_keeps_the_old_token(till: TillEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is used before it is on disk; a person sees why."""
    till.centre.pass_days(31)
    old = till.identity

    def full(folder: Path, identity: Identity) -> Path:
        raise errors.IdentityError("cannot write identity.json: no space left on device; check the disk")

    monkeypatch.setattr("agent.sync.keeper.save", full)
    said: list[str] = []
    till.link._changed = lambda state, detail: said.append(detail)
    assert old == till.ask_keys()

    assert ["cannot write identity.json: no space left on device; check the disk"] == said
    assert till.send().through


def test_what_a_command_wrote_meanwhile_is_not_written_over(till: TillEnd) -> None:
    """Two processes share one file; an enrolment of another epoch waits for the restart."""
    save(till.folder, replace(till.identity, token="from-the-command"))
    till.keeper.change(centre_key="11" * 32)
    assert ("from-the-command", "11" * 32) == (load(till.folder).token, load(till.folder).centre_key)

    save(till.folder, replace(till.identity, epoch=2, token="of-epoch-2"))
    assert "of-epoch-2" != till.keeper.change(centre_key="22" * 32).token


# ── The tenant key ──────────────────────────────────────────────────────────────────────────────


def aliases_of(till: TillEnd) -> dict[str, bytes | None]:
    with till.client() as client:
        page = client.changes("", 0)
    return {change.key: change.document for change in page.changes if change.collection == "alias"}


def found(till: TillEnd, value: str, kind: IdentifierKind = IdentifierKind.PHONE) -> bool:
    """Whether this till, with the keys it holds, finds the customer in what the centre tells."""
    told = aliases_of(till)
    identifier = Identifier(kind=kind, value=value)
    return any(told.get(keyed_hash(key, identifier)) for key in till.identity.tenant_keys)


def test_customers_are_found_in_every_step_of_a_rotation(till: TillEnd) -> None:
    """Before, while two keys live, and after; also those who are loaded in between, and by card."""
    centre = till.centre
    centre.member("anna", phone="+79000000001", card="2900000000018")
    till.ask_keys()
    before = till.identity.tenant_key
    assert found(till, "+79000000001")

    keys = start_rotation(centre.database, lambda _: None)
    assert found(till, "+79000000001")
    centre.member("boris", phone="+79000000002")
    with centre.database.read() as connection:
        assert (["t1"], 0) == (tills_behind(connection), unmade(connection))
    with pytest.raises(CentralStartError, match="1 tills do not hold the new key yet"):
        finish_rotation(centre.database, is_forced=False)
    till.ask_keys()
    assert (before, keys.following) == (till.identity.tenant_key, bytes.fromhex(till.identity.tenant_key_next))
    assert found(till, "+79000000001")
    assert found(till, "+79000000002")

    assert 3 == finish_rotation(centre.database, is_forced=False)
    assert found(till, "+79000000001")
    till.ask_keys()
    assert (keys.following, "") == (bytes.fromhex(till.identity.tenant_key), till.identity.tenant_key_next)
    assert found(till, "+79000000001")
    assert found(till, "+79000000002")
    assert found(till, "2900000000018", IdentifierKind.CARD)
    old = keyed_hash(bytes.fromhex(before), Identifier(kind=IdentifierKind.PHONE, value="+79000000001"))
    assert aliases_of(till)[old] is None


def test_a_hash_that_cannot_be_made_anew_is_counted_before_it_is_lost(till: TillEnd) -> None:
    """Cards that were loaded before the centre kept them."""
    centre = till.centre
    centre.member("anna", phone="+79000000001", card="2900000000018")
    with centre.database.write() as connection:
        connection.exec_driver_sql("UPDATE contact SET card = ''")
    start_rotation(centre.database, lambda _: None)
    till.ask_keys()
    with pytest.raises(CentralStartError, match="1 hashes were not made"):
        finish_rotation(centre.database, is_forced=False)
    centre.member("anna", phone="+79000000001", card="2900000000018")

    assert 2 == finish_rotation(centre.database, is_forced=False)
    with pytest.raises(CentralStartError, match="no tenant key follows"):
        finish_rotation(centre.database, is_forced=False)


def test_a_rotation_that_was_interrupted_goes_on(till: TillEnd) -> None:
    """The same key, the rest of the hashes."""
    centre = till.centre
    for number in range(3):
        centre.member(f"m{number}", phone=f"+790000000{number:02d}")
    from central.tenant import begin_following, tenant_keys

    with centre.database.write() as connection:
        begin_following(connection)
        first = tenant_keys(connection).following
    with centre.database.read() as connection:
        assert 3 == unmade(connection)

    assert first == start_rotation(centre.database, lambda _: None).following
    with centre.database.read() as connection:
        assert 0 == unmade(connection)
