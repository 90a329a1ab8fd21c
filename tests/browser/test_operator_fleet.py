"""The pages of releases and of the fleet in a real browser: looked at, chosen among, acted on; and their picture."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import insert, update

from central import schema
from central.app import build
from central.database import Database, open_database
from central.operator.keys import OPERATOR, make_token
from central.releases import arranging, register
from central.releases.folder import ArchiveFolder
from central.releases.gates import pass_gates
from central.releases.reports import keep_report
from central.serve import listening_socket, make_server
from central.tills import enrol, make_code
from drivers.vocabulary.centre import EnrolRequest
from drivers.vocabulary.fleet import DeviceFact, Severity, TillReport, TillWarning
from drivers.vocabulary.updates import TryOutcome
from tests.central.releases.desk import LINUX, Publisher, SigningDesk

pytestmark = [pytest.mark.browser, pytest.mark.net]
PICTURE: Final = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "operator-fleet.png"
BY: Final = "command line"

#: till, shop, version, what it reports, and what the centre saw of it.
TILLS: Final[tuple[tuple[str, str, str, dict[str, Any], dict[str, Any]], ...]] = (
    ("north-1", "north", "1.4.0", {"disk_free_bytes": 41 << 30}, {}),
    ("north-2", "north", "1.4.0", {"disk_free_bytes": 38 << 30}, {"queue_depth": 2, "oldest_age_s": 40}),
    (
        "north-3",
        "north",
        "1.3.2",
        {"disk_free_bytes": 12 << 30},
        {"tried": (TryOutcome.ROLLED_BACK, "device printer was open before and fails: no such symbol")},
    ),
    ("south-1", "south", "1.3.2", {"disk_free_bytes": 700 << 20}, {}),
    (
        "south-2",
        "south",
        "1.3.2",
        {
            "disk_free_bytes": 9 << 30,
            "devices": (DeviceFact(name="printer", state="off", words="not found at COM5", is_well=False),),
        },
        {"queue_depth": 0},
    ),
    ("south-3", "south", "1.3.2", {"disk_free_bytes": 15 << 30}, {"clock_offset_s": -340}),
    ("west-1", "west", "1.3.1", {}, {"queue_depth": 214, "oldest_age_s": 9_000, "silent_s": 5_400}),
    (
        "west-2",
        "west",
        "1.3.2",
        {
            "disk_free_bytes": 20 << 30,
            "warnings": (TillWarning(code="part_broken", severity=Severity.FAILED, words="1 part(s) could not start"),),
        },
        {},
    ),
    ("west-3", "west", "1.3.2", {"disk_free_bytes": 33 << 30}, {"silent_s": 4 * 86_400}),
    ("east-1", "east", "1.3.2", {"disk_free_bytes": 30 << 30}, {"offered": "1.4.0"}),
    ("east-2", "east", "1.3.2", {"disk_free_bytes": 30 << 30}, {}),
)


@pytest.fixture
def fleet_of(tmp_path: Path) -> Iterator[Database]:
    """A centre with these tills, and 1.4.0 in its second ring."""
    database = open_database(f"sqlite:///{tmp_path / 'central.db'}")
    now = datetime.now(UTC)
    begun = now - timedelta(hours=30)
    publisher = Publisher(database, SigningDesk(tmp_path / "desk", begun), ArchiveFolder(tmp_path / "releases"), begun)
    for name, values in (
        ("pilot", {"healthy_min": 2, "failures_max": 1}),
        ("early", {"share": 1_000, "failures_max": 1}),
        ("all", {}),
    ):
        publisher.ring(name, **values)
    publisher.add("1.4.0", notes="Scales of two makers")
    with database.write() as connection:
        for till, shop, version, told, seen in TILLS:
            code = make_code(connection, shop=shop, till=till, now=begun)
            enrol(connection, EnrolRequest(code=code), currency="RUB", now=begun)
            _put(connection, till, version, told, dict(seen), now)
        arranging.put(connection, "shop", "north", "pilot", by=BY, now=begun)
        arranging.put(connection, "till", "south-2", "early", by=BY, now=begun)
        register.start(connection, "1.4.0", by=BY, now=begun)
        for till in ("north-1", "north-2"):
            _tried(connection, till, TryOutcome.HEALTHY, "", begun)
        pass_gates(connection, now=now)
    yield database
    database.close()


def _put(connection: Any, till: str, version: str, told: dict[str, Any], seen: dict[str, Any], now: datetime) -> None:
    table = schema.till
    silent_s, offered, tried = seen.pop("silent_s", 12), seen.pop("offered", ""), seen.pop("tried", None)
    values = {"seen_at": now - timedelta(seconds=silent_s), "queue_depth": 0, "clock_offset_s": 1, "version": version}
    connection.execute(update(table).where(table.c.id == till).values(**{**values, **seen}))
    keep_report(connection, till=till, report=TillReport(version=version, platform=LINUX, **told), now=now)
    row = {"till": till, "version": version, "platform": LINUX, "state": "idle", "offered": offered}
    connection.execute(insert(schema.till_update).values(**row))
    if tried is not None:
        _tried(connection, till, *tried, now - timedelta(hours=31))


def _tried(connection: Any, till: str, outcome: TryOutcome, reason: str, at: datetime) -> None:
    row = {"version": "1.4.0", "till": till, "ring": "pilot", "outcome": outcome.value, "reason": reason, "at": at}
    connection.execute(insert(schema.release_try).values(**row))


@pytest.fixture
def operator(fleet_of: Database, chromium: Any) -> Iterator[Any]:
    """Somebody who is logged in; what the console said must be nothing."""
    with fleet_of.write() as connection:
        token = make_token(connection, OPERATOR)
    socket = listening_socket("127.0.0.1:0")
    ready = threading.Event()
    server = make_server(build(fleet_of), ready=ready.set)
    thread = threading.Thread(target=lambda: server.run(sockets=[socket]))
    thread.start()
    assert ready.wait(10)
    context = chromium.new_context(viewport={"width": 1360, "height": 900})
    page = context.new_page()
    page.set_default_timeout(5000)
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type in {"error", "warning"} else None)
    page.goto(f"http://127.0.0.1:{socket.getsockname()[1]}/operator")
    page.get_by_label("token").fill(token)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("h1:text('Tills')")
    yield page
    context.close()
    server.should_exit = True
    thread.join(10)
    socket.close()
    assert [] == errors


def test_the_fleet_is_looked_at_and_chosen_among(operator: Any) -> None:
    """The worst till is first; a click on a trouble leaves those who have it."""
    operator.get_by_role("link", name="Fleet").click()
    operator.wait_for_selector("h1:text('Fleet')")
    rows = operator.locator("tbody tr")
    assert "west-3" in rows.first.inner_text()
    assert len(TILLS) == rows.count()

    operator.get_by_role("link", name="devices 1").click()
    operator.wait_for_selector("strong:text('devices 1')")

    assert 1 == rows.count()
    assert "printer: not found at COM5" in rows.first.inner_text()
    assert operator.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_release_is_stopped_with_a_reason(operator: Any) -> None:
    """The button does nothing without one."""
    operator.get_by_role("link", name="Releases").click()
    operator.wait_for_selector("h1:text('Releases')")
    operator.get_by_role("button", name="Stop").click()
    assert operator.get_by_text("rolling").count()
    operator.get_by_label("why: Stop").fill("a call from the north")
    operator.get_by_role("button", name="Stop").click()

    operator.wait_for_selector("button:text('Go on')")
    assert "a call from the north" in operator.locator("main").inner_text()


@pytest.mark.skipif(not os.environ.get("TILLPOINT_REMAKE"), reason="remakes docs/pictures with TILLPOINT_REMAKE=1")
def test_picture(operator: Any) -> None:
    """As the guide shows it."""
    operator.set_viewport_size({"width": 1360, "height": 620})
    operator.get_by_role("link", name="Fleet").click()
    operator.screenshot(path=PICTURE)
