"""A whole agent and a real centre: the code goes from the panel's key over the line to a file, and back as a wish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import acts
from agent.assembly import Agent
from agent.settings import CentralSettings, DoorsSettings, PanelSettings, Settings, TillSettings
from agent.snapshot import CodeState, LinkState
from agent.sync.enrol import enrol
from central.code_senders import LogSender
from central.members import Member, load_members
from central.programmes import set_programme
from central.tills import make_code
from tests.agent.conftest import PROGRAMME
from tests.agent.sync.test_guests_real import wait_until
from tests.agent.sync.test_real_centre import PATIENCE_S, Server

pytestmark = pytest.mark.net


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    return tmp_path / "codes"


@pytest.fixture
def agent(tmp_path: Path, sent: Path) -> Iterator[Agent]:
    server = Server(tmp_path / "central.db", sender=LogSender(path=sent, now=lambda: datetime.now(UTC)))
    member = Member(
        id="nina", name="Nina", phone="+79000000001", card="", tier="", spent_minor=0, points={"bonus": 100}
    )
    load_members(server.database, [member], now=datetime.now(UTC), progress=lambda _: None)
    with server.database.write() as connection:
        set_programme(connection, PROGRAMME.encode(), name="programme.toml", currency="RUB", now=datetime.now(UTC))
        code = make_code(connection, shop="s", till="t1", now=datetime.now(UTC))
    enrol(f"http://127.0.0.1:{server.port}", code, tmp_path / "till")
    made = Agent(
        Settings(
            till=TillSettings(state_folder=str(tmp_path / "till")),
            doors=DoorsSettings(port=0),
            central=CentralSettings(poll_wait_s=5),
            panel=PanelSettings(codes=True),
        )
    )
    made.start()
    try:
        wait_until(lambda: made.till.snapshot.link is LinkState.ONLINE and made.till.snapshot.programme_version > 0)
        yield made
    finally:
        made.stop()
        server.stop()


def do(agent: Agent, act: acts.Act, until: Callable[[], bool]) -> None:
    agent.till.panel_act(act, timeout_s=PATIENCE_S)
    wait_until(until)


def test_a_code_from_the_key_to_the_wish(agent: Agent, sent: Path) -> None:
    """The centre sends it, takes it, and the till spends; no phone number is anywhere on the till."""
    wait_until(
        lambda: agent.till.panel_identify("9000000001", presented=False, timeout_s=PATIENCE_S).customer is not None
    )
    agent.till.panel_act(acts.AskSpending(), timeout_s=PATIENCE_S)
    do(agent, acts.AskCode(), lambda: state(agent) is CodeState.SENT)
    mask, code = sent.read_text("utf-8").split()[1:]
    do(agent, acts.TryCode(code=code), lambda: agent.till.snapshot.wish is not None)

    assert "+7900***01" == mask
    assert "code" == agent.till.run_on_till(lambda desk: desk.current.wish.proof, timeout_s=PATIENCE_S)


def state(agent: Agent) -> CodeState | None:
    redeem = agent.till.snapshot.redeem
    return redeem.code.state if redeem is not None and redeem.code is not None else None
