"""Checks of the door: health, the published contract, enrolment, tokens, keys, status."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Final

from central.conformance.bench import Bench
from central.conformance.outcome import Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import MACHINE, Till
from drivers.vocabulary import proof
from drivers.vocabulary.centre import KeysRequest

__all__: list[str] = []

CLOCK_OFF_MAX_S: Final = 120.0  # tills judge leases by the server's clock; this machine's may be off a little as well
WRONG_CODE: Final = "2222-2222-2222"


@check(
    "health",
    "G6",
    "the server says that it is well, without a token",
    step="serve GET /v1/health; check the address, and that nothing between answers in the server's place",
)
def health(bench: Bench) -> str:
    """It answers at all."""
    answer = bench.wire.ask("GET", "/v1/health", deadline_s=15)
    expect(answer.status == 200 and answer.get("status") == "ok", '200 with status "ok"', answer)
    return f"in {answer.seconds * 1000:.0f} ms"


@check(
    "clock",
    "G3",
    f"the server's clock is right, give or take {CLOCK_OFF_MAX_S:.0f} s",
    step="let the server follow NTP; if it does, this machine's clock is the wrong one",
    needs=("health",),
)
def clock(bench: Bench) -> str:
    """Leases are judged by it."""
    answer = bench.wire.ask("GET", "/v1/health")
    told, own = str(answer.get("server_time")), datetime.now(UTC)
    try:
        off_s = abs((datetime.fromisoformat(told) - own).total_seconds())
    except (ValueError, TypeError):
        off_s = float("inf")
    expect(off_s <= CLOCK_OFF_MAX_S, f"about {own.isoformat(timespec='seconds')}", told)
    return f"{off_s:.1f} s off"


@check(
    "document",
    "",
    "the contract it publishes holds every route",
    step="add the missing routes to /openapi.json, or do not publish one",
    needs=("health",),
)
def published(bench: Bench) -> str:
    """A document nobody has to serve; one that is served must be whole."""
    if bench.theirs is None:
        raise Skipped("the server publishes no /openapi.json; answers are held against ours")
    missing = bench.ours.operations() - bench.theirs.operations()
    words = ", ".join(f"{method} {path}" for method, path in sorted(missing))
    expect(not missing, "every route of the contract", f"without {words}")
    return f"{len(bench.ours.operations())} routes"


@check(
    "enrol-wrong-code",
    "G5",
    "a code that nobody made is refused: 403 code_refused",
    step="refuse unknown codes with 403 and the code `code_refused`",
    needs=("health",),
)
def wrong_code(bench: Bench) -> None:
    """Guessing gives nothing."""
    answer = bench.enrol(WRONG_CODE, seed=secrets.token_hex(32))
    expect((answer.status, answer.code) == (403, "code_refused"), "403 code_refused", answer)


@check(
    "enrol",
    "G5",
    "a one-time code gives a till its name, epoch, token and the tenant key",
    step="answer POST /v1/enrol with an EnrolAnswer; make a new code if this one is too old",
    needs=("health",),
)
def enrol(bench: Bench) -> str:
    """The first till."""
    if not bench.wanted.codes:
        raise Skipped("give --code CODE for each till (two, or three with --allow-fork), or --database of our server")
    seed = secrets.token_hex(32)
    till = bench.take_identity("a", bench.enrol(bench.wanted.codes[0], seed=seed), seed)
    expect(till.epoch >= 1 and till.token and till.name, "an epoch from 1, a token and a name", till.identity)
    bench.left.append(f"till {till.name} of shop {till.identity.shop}, enrolled in epoch {till.epoch}")
    return f"till {till.name}, epoch {till.epoch}"


@check(
    "enrol-answer-lost",
    "G1",
    "until its token was used, the same code gives the same machine the same till and epoch again",
    step="let a code work again for the machine it was used by until that machine's token was used once",
    needs=("enrol",),
)
def answer_lost(bench: Bench) -> None:
    """The first answer never arrived."""
    before = bench.a
    again = bench.take_identity("a", bench.enrol(bench.wanted.codes[0], seed=before.seed), before.seed)
    expect_equal((before.name, before.epoch), (again.name, again.epoch), "till and epoch")


@check(
    "token",
    "G5",
    "the token opens its till, and nothing else does: 401 unauthorised",
    step="compare the bearer token with the till in the path, and answer 401 `unauthorised` to all others alike",
    needs=("enrol",),
)
def token(bench: Bench) -> None:
    """None, a wrong one, another scheme, another till's path."""
    till = bench.a
    expect(till.get("status").status == 200, "200 with the right token", till.get("status"))
    path, names = "/v1/tills/{till}/status", {"till": till.name}
    wrong: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
        ({}, names),
        ({"Authorization": "Bearer wrong"}, names),
        ({"Authorization": f"Basic {till.token}"}, names),
        (till.authorization, {"till": "nobody-of-this-name"}),
    )
    for headers, where in wrong:
        answer = bench.wire.ask("GET", path, names=where, headers=headers)
        shown = headers.get("Authorization", "no token").partition(" ")[0]
        expect((answer.status, answer.code) == (401, "unauthorised"), f"401 unauthorised ({shown})", answer)


@check(
    "enrol-used-code",
    "G5",
    "once the token was used, the code is worth nothing: 403 code_refused",
    step="remember that the token was used, and refuse its code from then on",
    needs=("token",),
)
def used_code(bench: Bench) -> None:
    """Whoever finds the code later gets nothing."""
    till = bench.a
    answer = bench.enrol(bench.wanted.codes[0], seed=till.seed, machine=MACHINE)
    if answer.status == 200:
        bench.take_identity("a", answer, till.seed)  # the old one is worth nothing now, and there is more to check
    expect((answer.status, answer.code) == (403, "code_refused"), "403 code_refused", answer)


@check(
    "enrol-second",
    "G5",
    "another code gives another till, which the first one's token does not open",
    step="make codes for two tills with different names",
    needs=("token",),
)
def second(bench: Bench) -> str:
    """The till beside it."""
    if len(bench.wanted.codes) < 2:
        raise Skipped("give a second --code for all that happens between two tills")
    seed = secrets.token_hex(32)
    till = bench.take_identity("b", bench.enrol(bench.wanted.codes[1], seed=seed), seed)
    expect(till.name != bench.a.name, f"another till than {bench.a.name}", till.name)
    bench.left.append(f"till {till.name} of shop {till.identity.shop}, enrolled in epoch {till.epoch}")
    expect(till.get("status").status == 200, "200 with the right token", till.get("status"))
    crossed = bench.wire.ask("GET", "/v1/tills/{till}/status", names={"till": till.name}, headers=bench.a.authorization)
    expect(crossed.status == 401, "401 for the first till's token", crossed)
    same = till.identity.tenant_key == bench.a.identity.tenant_key
    expect(same, "the same tenant key for both tills", "two different ones")
    return f"till {till.name}, epoch {till.epoch}"


def _keys_request(till: Till, *, seed: str = "") -> KeysRequest:
    """The till's key with a proof, signed with another key on demand."""
    public = proof.public_key(till.seed)
    statement = proof.key_statement(till=till.name, public=public)
    generation = till.identity.tenant_generation
    return KeysRequest(public_key=public, proof=proof.sign(seed or till.seed, statement), tenant_generation=generation)


@check(
    "keys",
    "G5",
    "a till that shows its key hears today's tenant keys; a new token leaves the old one good until it was used",
    step="answer POST …/keys with a KeysAnswer; keep both tokens until the new one was used once",
    needs=("token",),
)
def keys(bench: Bench) -> str:
    """Repeating it is harmless."""
    till = bench.a
    for _ in range(2):
        answer = till.post("keys", _keys_request(till))
        expect(answer.status == 200, "200 with keys", answer)
        expect_equal(till.identity.tenant_key, answer.get("tenant_key"), "the tenant key of enrolment")
    fresh = answer.get("token", "")
    if not fresh:
        return "no new token was due"
    expect(till.get("status").status == 200, "200: the old token is good until the new one was used", "401")
    old, till.token = till.authorization, fresh
    expect(till.get("status").status == 200, "200 with the new token", "401")
    late = bench.wire.ask("GET", "/v1/tills/{till}/status", names={"till": till.name}, headers=old)
    expect(late.status == 401, "401 for the old token now", late)
    return "a new token was given and taken"


@check(
    "keys-no-proof",
    "G5",
    "a key whose holder does not prove it, or whom the old key does not vouch for, is refused: 403 key_refused",
    step="check `proof`, and `by_old` when the till has another key, before a key is taken down",
    needs=("keys",),
)
def no_proof(bench: Bench) -> None:
    """A stolen token does not make another machine the till."""
    till = bench.a
    answer = till.post("keys", _keys_request(till, seed=secrets.token_hex(32)))
    expect((answer.status, answer.code) == (403, "key_refused"), "403 key_refused for a wrong proof", answer)
    thief = Till(wire=till.wire, identity=till.identity, seed=secrets.token_hex(32), token=till.token)
    answer = till.post("keys", _keys_request(thief))
    expect((answer.status, answer.code) == (403, "key_refused"), "403 key_refused without the old key's word", answer)


@check(
    "status",
    "G5",
    "a till can ask what the server knows of it",
    step="answer GET …/status with the till's name, epoch and last sequence of that epoch",
    needs=("token",),
)
def status(bench: Bench) -> None:
    """Name, epoch and how far it is."""
    till = bench.a
    answer = till.get("status")
    told = {name: answer.get(name) for name in ("till", "epoch", "last_sequence")}
    expect_equal({"till": till.name, "epoch": till.epoch, "last_sequence": till.taken}, told, "status")
