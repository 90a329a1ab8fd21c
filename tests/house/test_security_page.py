"""The statement on security and privacy names each file that a till makes and each path that it answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.assembly import Agent
from agent.settings import DoorsSettings, Settings, TillSettings

pytestmark = pytest.mark.net
#: What is no fact about anybody, or part of a database that is named.
ORDINARY = re.compile(r".*(-wal|-shm|\.ballast|\.lock|lock)$|ballast.*|runtime\.json|log")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """(paths that are answered, files that lie in the state folder) of an agent that has run."""
    folder = tmp_path_factory.mktemp("state")
    agent = Agent(Settings(till=TillSettings(state_folder=str(folder)), doors=DoorsSettings(port=0)))
    agent.start()
    assert agent.doors is not None
    paths = {route.path for route in agent.doors._app._gate._app.routes}
    agent.stop()
    return paths, {path.name for path in folder.iterdir()}


def page(project: Path) -> str:
    return (project / "docs" / "security-and-privacy.md").read_text("utf-8")


def test_every_door_is_named(made: tuple[set[str], set[str]], project: Path) -> None:
    firsts = {f"/{path.split('/')[1]}" for path in made[0]} - {"/"}

    assert {"/v1", "/panel", "/metrics"} <= firsts
    assert [] == [one for one in sorted(firsts) if f"`{one}" not in page(project) and one != "/v1"]
    assert "local API" in page(project)


def test_every_file_of_a_till_is_named(made: tuple[set[str], set[str]], project: Path) -> None:
    text = page(project) + (project / "docs" / "storage.md").read_text("utf-8")

    assert [] == [name for name in sorted(made[1]) if not ORDINARY.fullmatch(name) and f"`{name}`" not in text]
