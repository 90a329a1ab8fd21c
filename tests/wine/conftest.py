"""What the tests under Wine share: the ground, and a process that keeps Wine's service manager alive."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.wine.ground import Ground, missing
from tests.wine.installed import Installed


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    why = missing()
    if why:
        pytest.skip(f"SKIPPED LOUDLY: nothing was run under Wine: {why}")
    one = Ground()
    one.make()
    yield one
    one.end()


@pytest.fixture(scope="session")
def installed(ground: Ground) -> Iterator[Installed]:
    """Tillpoint laid down in a prefix of its own, as the installers do it, and the service put in."""
    one = Installed(Ground(ground.folder / "installed"), random_from=ground)
    one.lay_down()
    with one.kept_alive():
        yield one
        for words in (["service", "stop"], ["service", "remove"]):
            try:
                one.tillpoint(*words)
            except subprocess.TimeoutExpired:
                break
    one.ground.end()
