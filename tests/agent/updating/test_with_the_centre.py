"""The agent's side against the real centre over a real socket: offered, fetched, wished for, told, and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from centre_rig import Centre
from update_rig import Machine, archive_of, files_of

from agent.sync.enrol import enrol
from agent.sync.identity import Identity
from agent.sync.line import Line
from agent.sync.update_line import UpdateLine
from agent.updating.plan import Moment
from agent.updating.records import Wish, read
from agent.updating.trust import Trust
from agent.updating.turn import UpdateTurn

pytestmark = pytest.mark.net

PLATFORM = "linux-x86_64-cp311"


class Quiet:
    """Nobody is at the till."""

    def moment(self, now: datetime) -> Moment:
        return Moment(now=now, busy="", quiet_s=9e4, since_receipt_s=9e4, shift_ended=True, uptime_s=9e4)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    (tmp_path / "centre").mkdir()
    one = Centre(tmp_path / "centre")
    yield one
    one.close()


@pytest.fixture
def identity(centre: Centre, tmp_path: Path) -> Identity:
    (tmp_path / "enrolled").mkdir()
    made: Any = enrol(centre.url, centre.code("t1"), folder=tmp_path / "enrolled")
    return made


def archive_for(centre: Centre, version: str) -> Path:
    """A small one, named as the build names them."""
    path = centre.folder / f"tillpoint-{version}-{PLATFORM}.zip"
    path.write_bytes(archive_of({**files_of(version), "filling": bytes(range(256)) * 3_000}))
    return path


def turn_of(machine: Machine, centre: Centre, identity: Identity, clock: list[float]) -> UpdateTurn:
    """The thread's work, on a clock of ours."""
    return UpdateTurn(
        settings=machine.settings.updates,
        places=machine.places,
        trust=Trust(roots=(centre.root,)),
        connect=lambda: UpdateLine(Line(centre.url), identity, version="1.0.0"),
        usage=Quiet(),
        running="1.0.0",
        platform=PLATFORM,
        schema=1,
        zone_now=lambda: datetime.now(UTC) + timedelta(seconds=clock[0]),
        uptime_s=lambda: clock[0],
        first_s=0.0,
    )


def test_offered_fetched_and_stopped_in_time(machine: Machine, centre: Centre, identity: Identity) -> None:
    """What the centre signed lies in the inbox byte for byte; a release that is stopped is taken out of it again."""
    clock = [0.0]
    turn = turn_of(machine, centre, identity, clock)
    turn.tick()
    assert turn.offer is None
    archive = archive_for(centre, "1.1.0")
    centre.publish(archive)
    clock[0] += 100_000
    centre.now += timedelta(minutes=1)
    turn.tick()

    assert not turn.waiting
    wish = read(machine.places.wish, Wish)
    assert wish is not None
    assert ("1.1.0", False) == (wish.version, wish.switch)
    assert [archive.read_bytes()] == [one.read_bytes() for one in machine.places.inbox.glob("*.zip")]
    centre.stop_release("1.1.0")
    clock[0] += 100_000
    centre.now += timedelta(minutes=1)
    turn.tick()
    assert turn.offer is None
    assert not list(machine.places.inbox.glob("*.zip"))
