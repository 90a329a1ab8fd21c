"""A whole agent of an older enrolment meets today's centre: it gets its keys, and people can join at its doors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from agent.assembly import Agent
from agent.cli import main
from agent.settings import CentralSettings, DoorsSettings, Settings, TillSettings
from agent.sync.enrol import enrol
from agent.sync.identity import load, save
from central import schema
from drivers.vocabulary import proof
from tests.agent.sync.key_rig import Centre

pytestmark = pytest.mark.net

PATIENCE_S = 20.0


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def agent(centre: Centre, tmp_path: Path) -> Iterator[Agent]:
    folder = tmp_path / "till"
    identity = enrol(centre.url, centre.code(), folder)
    save(folder, replace(identity, till_key="", centre_key="", tenant_generation=0))
    with centre.database.write() as connection:
        connection.exec_driver_sql("UPDATE till SET public_key = '', token_at = NULL")
    settings = Settings(
        till=TillSettings(state_folder=str(folder)),
        doors=DoorsSettings(port=0),
        central=CentralSettings(poll_wait_s=1),
    )
    made = Agent(settings)
    made.start()
    yield made
    made.stop()


def ask(agent: Agent, body: dict[str, object]) -> httpx.Response:
    token = (agent.settings.state_folder / "api.token").read_text().strip()
    url = f"http://127.0.0.1:{agent.port}/v1/enrol"
    return httpx.post(url, json=body, headers={"authorization": f"Bearer {token}"}, timeout=10, trust_env=False)


def test_an_agent_of_before_gets_its_keys_and_enrols(agent: Agent, centre: Centre) -> None:
    """No command was run: the first meeting with the centre brings key, fresh token and sealing key."""
    never = threading.Event()
    body = {
        "phone": "8 900 000-00-77",
        "consents": [{"purpose": "loyalty", "text_version": "1", "channel": "cashier"}],
    }
    for _ in range(200):
        if agent.till.run_on_till(lambda desk: desk.sealing_key, timeout_s=5):
            break
        never.wait(0.05)
    answer = ask(agent, body)
    folder = agent.settings.state_folder

    assert 200 == answer.status_code, answer.text
    assert "enrolled" == answer.json()["state"]
    assert proof.fingerprint(proof.public_key(load(folder).till_key)) == centre.till().key
    rows = []
    for _ in range(200):
        with centre.database.read() as connection:
            rows = list(connection.execute(select(schema.contact.c.phone)))
        if rows:
            break
        never.wait(0.05)
    assert ["+79000000077"] == [row.phone for row in rows]
    assert "known" == ask(agent, body).json()["state"]
    assert 422 == ask(agent, {**body, "phone": "12"}).status_code


def test_the_command_renews_the_key(centre: Centre, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tillpoint enrol --renew-key`, and what else may be written on that line."""
    config = tmp_path / "config.toml"
    config.write_text(f'[till]\nstate_folder = "{(tmp_path / "till").as_posix()}"\n', encoding="utf-8")
    assert 0 == main(["enrol", centre.url, centre.code(), "--config", str(config)])
    before = load(tmp_path / "till").till_key
    capsys.readouterr()
    assert 0 == main(["enrol", "--renew-key", "--config", str(config)])

    after = load(tmp_path / "till").till_key
    assert before != after
    assert f"has the key {centre.till().key} now" in capsys.readouterr().out
    for words in (["enrol"], ["enrol", centre.url], ["enrol", centre.url, "ABCD", "--renew-key"]):
        assert 0 != main([*words, "--config", str(config)])
        assert "tillpoint enrol --renew-key" in capsys.readouterr().err
