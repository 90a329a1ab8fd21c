"""Two whole agents of two scopes and a real centre: who is not here is asked for, over a line that may be rude."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.assembly import Agent
from agent.checkout.records import Guest, read_all
from agent.settings import CentralSettings, DoorsSettings, Settings, TillSettings
from agent.snapshot import LinkState
from agent.sync.enrol import enrol
from central import lookups
from central.members import Member, load_members
from central.tills import make_code
from drivers.vocabulary.checkout import IdentifyAnswer, IdentifyRequest, IdentifyState
from drivers.vocabulary.customer import keyed_hash
from tests.agent.sync.test_real_centre import PATIENCE_S, Rude, Server

pytestmark = pytest.mark.net

NINA, SVEN, NOBODY = "2900000000018", "2900000000025", "2900000000032"
BUDGET_S = 0.5  # central.hold_timeout_s of these agents


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "central.db")
    fields = {"phone": "", "tier": "", "spent_minor": 0, "points": {"bonus": 100}}
    members = [
        Member(id="nina", name="Nina", card=NINA, scope="north", **fields),
        Member(id="sven", name="Sven", card=SVEN, scope="south", **fields),
    ]
    load_members(made.database, members, now=datetime.now(UTC), progress=lambda _: None)
    yield made
    made.stop()


@pytest.fixture
def rude(server: Server) -> Iterator[Rude]:
    made = Rude(server.port)
    yield made
    made.close()


@pytest.fixture
def agents(server: Server, rude: Rude, tmp_path: Path) -> Iterator[dict[str, Agent]]:
    """One till in the north, one in the south, each with its own members in its replica."""
    made: dict[str, Agent] = {}
    try:
        for scope, card in (("north", NINA), ("south", SVEN)):
            folder = tmp_path / scope
            with server.database.write() as connection:
                code = make_code(connection, shop="s", till=scope, now=datetime.now(UTC), scope=scope)
            enrol(f"http://127.0.0.1:{rude.port}", code, folder)
            settings = Settings(
                till=TillSettings(state_folder=str(folder)),
                doors=DoorsSettings(port=0),
                central=CentralSettings(poll_wait_s=5, hold_timeout_s=BUDGET_S),
            )
            agent = made[scope] = Agent(settings)
            agent.start()
            wait_until(lambda agent=agent, card=card: has(agent, card))
            wait_until(lambda agent=agent: agent.till.snapshot.link is LinkState.ONLINE)
        yield made
    finally:
        for agent in made.values():
            agent.stop()


def wait_until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if is_so():
            return
        pause.wait(0.02)
    raise AssertionError("it never came")


def has(agent: Agent, card: str) -> bool:
    """Whether the till's own replica names somebody for a card."""

    def look(desk: object) -> bool:
        knowledge = desk.knowledge  # type: ignore[attr-defined]
        found = desk.recogniser.recognise(card, presented=True)  # type: ignore[attr-defined]
        name = keyed_hash(knowledge.tenant_key, found.identifier)
        return knowledge.replica.get("alias", name) is not None

    return agent.till.run_on_till(look, timeout_s=PATIENCE_S)


def guests(agent: Agent) -> int:
    return agent.till.run_on_till(lambda desk: len(read_all(desk.store, "guest", Guest)), timeout_s=PATIENCE_S)


def identify(agent: Agent, card: str) -> IdentifyAnswer:
    return agent.till.identify(IdentifyRequest(code=card, presented=True), timeout_s=PATIENCE_S)


def test_a_guest_from_another_scope_is_found_and_then_belongs(agents: dict[str, Agent], rude: Rude) -> None:
    """Asked for once; the feed brings the rest; from then on without a line too. The other scope learns of nobody."""
    north, south = agents["north"], agents["south"]
    before = [has(north, SVEN), has(south, NINA)]
    found = identify(north, SVEN)
    wait_until(lambda: has(north, SVEN))
    wait_until(lambda: guests(north) == 0)
    rude.spoil = lambda data: None
    again = identify(north, SVEN)

    assert [False, False] == before
    assert (IdentifyState.FOUND, "sven") == (found.state, found.customer.id if found.customer else "")
    assert [100] == [one.available for one in found.balances]
    assert IdentifyState.FOUND is again.state
    assert not has(south, NINA)


def test_over_a_rude_line_the_cashier_is_told_within_the_budget(agents: dict[str, Agent], rude: Rude) -> None:
    """Answers that never come, are cut, or are rubbish: nobody is found; when the line is well again they are."""
    north = agents["north"]
    answers = []
    for spoil in (lambda data: None, lambda data: data[:40], lambda data: b"HTTP/1.1 200 OK\r\n\r\n{]"):
        rude.spoil = spoil
        north.till.run_on_till(lambda desk: desk.link_changed(LinkState.ONLINE, ""), timeout_s=PATIENCE_S)
        began = time.monotonic()
        answers.append(identify(north, SVEN).state)
        assert time.monotonic() - began < BUDGET_S + 2
    rude.spoil = lambda data: data
    wait_until(lambda: identify(north, SVEN).state is IdentifyState.FOUND)

    assert [IdentifyState.NOT_FOUND] * 3 == answers


def test_a_till_that_asks_too_much_is_as_without_a_line(
    agents: dict[str, Agent], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cashier sees NOT_FOUND; members of the till's own scope are found as ever."""
    north = agents["north"]
    monkeypatch.setattr(lookups, "BURST", 1.0)
    first = identify(north, NOBODY).state
    second = identify(north, SVEN).state

    assert [IdentifyState.NOT_FOUND] * 2 == [first, second]
    assert IdentifyState.FOUND is identify(north, NINA).state
    assert not has(north, SVEN)
