"""Checks of what a server may leave out: tills that come by a store's secret, and tills that leave."""

from __future__ import annotations

import secrets
from typing import Final

from central.conformance.bench import Bench
from central.conformance.outcome import Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import MACHINE, Till
from central.conformance.wire import Answer
from drivers.vocabulary import codec, proof
from drivers.vocabulary.leases import Place
from drivers.vocabulary.store_enrol import LeaveRequest, StoreEnrolRequest

__all__: list[str] = []

WRONG_SECRET: Final = f"tps_222222_{'0' * 43}"
NAME: Final = "came"  # of the till on the bench


def _come(bench: Bench, secret: str, seed: str, *, holder: str = "") -> Answer:
    """Ask with a store's secret; `holder` is the seed that signs, the key's own by default."""
    public = proof.public_key(seed)
    statement = proof.enrol_statement(machine=MACHINE, public=public)
    request = StoreEnrolRequest(
        secret=secret, machine=MACHINE, public_key=public, proof=proof.sign(holder or seed, statement)
    )
    headers = {"Content-Type": "application/json"}
    return bench.wire.ask("POST", "/v1/enrol/store", body=codec.encode(request), headers=headers)


@check(
    "store-secret-wrong",
    "G5",
    "a store's secret that nobody made is refused: 403 secret_refused",
    step="refuse unknown secrets with 403 and the code `secret_refused`, or answer 404 when you offer none",
    needs=("health",),
)
def wrong_secret(bench: Bench) -> None:
    """Guessing gives nothing; a server may know no secrets at all."""
    answer = _come(bench, WRONG_SECRET, secrets.token_hex(32))
    if answer.status == 404:
        raise Skipped("optional, and not offered here: tills enrol with one-time codes alone")
    expect((answer.status, answer.code) == (403, "secret_refused"), "403 secret_refused", answer)


@check(
    "store-secret",
    "G1 G5",
    "a store's secret gives each machine a till of its own, and the same one again while its answer may be lost",
    step="answer POST /v1/enrol/store with an EnrolAnswer; tell machines apart by their keys, and require `proof`",
    needs=("store-secret-wrong", "token"),
)
def store_secret(bench: Bench) -> str:
    """The third way to become a till."""
    secret, seed = bench.wanted.secret, secrets.token_hex(32)
    if not secret:
        raise Skipped("give --secret SECRET (tillpoint central enrol-secret new), or --database of our server")
    thief = _come(bench, secret, seed, holder=secrets.token_hex(32))
    expect((thief.status, thief.code) == (403, "secret_refused"), "403 secret_refused without the key's proof", thief)
    till = bench.take_identity(NAME, _come(bench, secret, seed), seed)
    bench.left.append(f"till {till.name} of shop {till.identity.shop}, enrolled in epoch {till.epoch} by the secret")
    again = bench.take_identity(NAME, _come(bench, secret, seed), seed)
    expect_equal((till.name, till.epoch), (again.name, again.epoch), "till and epoch after a lost answer")
    expect(again.name != bench.a.name, f"another till than {bench.a.name}", again.name)
    same = again.identity.tenant_key == bench.a.identity.tenant_key
    expect(same, "the same tenant key as with a code", "two different ones")
    expect(again.get("status").status == 200, "200 with its token", again.get("status"))
    used = _come(bench, secret, seed)
    expect((used.status, used.code) == (403, "secret_refused"), "403 secret_refused once the token was used", used)
    return f"till {again.name}, epoch {again.epoch}"


@check(
    "leave",
    "G3 G5",
    "a till that says with its key that it leaves is gone: its token opens nothing any more",
    step="check `proof` with the till's key, end its token, and free its leases only when nothing of it is missing",
    needs=("store-secret",),
)
def leave(bench: Bench) -> str:
    """The till that came by the secret goes again."""
    till = bench.tills[NAME]
    thief = till.post("leave", _last_word(till, seed=secrets.token_hex(32)))
    if thief.status == 404:
        raise Skipped("optional, and not offered here")
    expect((thief.status, thief.code) == (403, "key_refused"), "403 key_refused for another key's word", thief)
    answer = till.post("leave", _last_word(till, seed=till.seed))
    expect(answer.status == 200, "200", answer)
    expect_equal((0, 0), (answer.get("released"), answer.get("missing")), "released and missing")
    after = till.get("status")
    expect((after.status, after.code) == (401, "unauthorised"), "401 unauthorised afterwards", after)
    del bench.tills[NAME]
    return f"till {till.name}"


def _last_word(till: Till, *, seed: str) -> LeaveRequest:
    statement = proof.leave_statement(till=till.name, epoch=till.epoch, last=0, unsent=0)
    return LeaveRequest(last=Place(epoch=till.epoch, sequence=0), unsent=0, proof=proof.sign(seed, statement))
