"""The fleet at a glance: what tills say of themselves, what the centre sees, the worst first, and nobody's name in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from central import schema
from central.errors import CentralStartError
from central.operator.keys import METRICS, OPERATOR, make_token
from central.releases import arranging
from central.releases.fleet import TROUBLES, FleetView, Wanted, fleet
from drivers.vocabulary import codec
from drivers.vocabulary.fleet import DeviceFact, ReportTaken, Severity, TillReport, TillWarning
from drivers.vocabulary.updates import TryOutcome
from tests.central.releases.desk import BY, CheckingTill, Publisher

pytestmark = pytest.mark.net
Tills = Callable[[str], CheckingTill]


def report(till: CheckingTill, **more: Any) -> httpx.Response:
    told = codec.encode(TillReport(version=till.version, **more))
    return till.client.post(f"/v1/tills/{till.name}/report", content=told, headers=till.headers)


def view(publisher: Publisher, clock: Any, **wanted: Any) -> FleetView:
    with publisher.database.read() as connection:
        return fleet(connection, now=clock(), wanted=Wanted(**wanted))


def test_a_report_is_taken_and_the_newest_is_kept(publisher: Publisher, clock: Any, till: Tills) -> None:
    """With the time of the next one."""
    one = till("t1")
    assert 300 == codec.decode(report(one, disk_free_bytes=5).content, ReportTaken).after_s
    report(one, disk_free_bytes=7 << 30, shelved=2, devices=(DeviceFact(name="scanner"),))

    shown = view(publisher, clock).tills[0]
    assert (7 << 30, 2, (), ()) == (shown.disk_free_bytes, shown.shelved, shown.devices, shown.troubles)


def test_a_newer_till_may_say_more_than_this_centre_knows(till: Tills) -> None:
    """Unknown words are left aside; wrong ones are refused."""
    one = till("t1")
    told = json.dumps({"version": "9.9.9", "mood": "fine", "warnings": [{"code": "x", "colour": "red"}]})
    path = f"/v1/tills/{one.name}/report"

    assert 200 == one.client.post(path, content=told, headers=one.headers).status_code
    assert 400 == one.client.post(path, content=b'{"version": 3}', headers=one.headers).status_code
    assert 401 == one.client.post(path, content=told).status_code


def test_every_trouble_is_seen_and_the_worst_comes_first(publisher: Publisher, clock: Any, till: Tills) -> None:
    """One till for each."""
    tills = {
        name: till(name) for name in ("well", "disk", "device", "says", "warns", "clock", "unsent", "back", "away")
    }
    publisher.add("1.1.0")
    for one in tills.values():
        one.check()
    report(tills["disk"], disk_free_bytes=1 << 20)
    broken = DeviceFact(name="printer", driver="escpos", state="lost", words="cannot open COM5", is_well=False)
    report(tills["device"], devices=(DeviceFact(name="scanner", state="ready"), broken))
    report(tills["says"], warnings=(TillWarning(code="database", severity=Severity.FAILED, words="cannot write"),))
    report(tills["warns"], warnings=(TillWarning(code="token_old", words="renew it"),))
    clock.forward(seconds=10)
    tills["back"].tried("1.1.0", TryOutcome.ROLLED_BACK, "no answer", clock())
    table = schema.till
    with publisher.database.write() as connection:
        connection.execute(update(table).values(seen_at=clock(), clock_offset_s=1, queue_depth=0))
        connection.execute(update(table).where(table.c.id == "clock").values(clock_offset_s=-500))
        connection.execute(update(table).where(table.c.id == "unsent").values(queue_depth=3, oldest_age_s=7_000))
        connection.execute(update(table).where(table.c.id == "away").values(seen_at=clock() - timedelta(days=4)))

    found = view(publisher, clock)

    troubles = {one.till: one.troubles for one in found.tills}
    assert {
        "away": ("lost",),
        "unsent": ("unsent",),
        "says": ("failed",),
        "device": ("devices",),
        "back": ("update",),
        "disk": ("disk",),
        "clock": ("clock",),
        "warns": ("warnings",),
        "well": (),
    } == troubles
    assert list(troubles) == ["away", "unsent", "says", "device", "back", "disk", "clock", "warns", "well"]
    assert (broken,) == found.tills[3].devices
    assert ("1.1.0", "rolled_back", "no answer") == (
        found.tills[4].tried,
        found.tills[4].outcome,
        found.tills[4].reason,
    )
    assert {"lost": 1, "unsent": 1, "failed": 1} == {
        name: found.by_trouble[name] for name in ("lost", "unsent", "failed")
    }
    assert ["device"] == [one.till for one in view(publisher, clock, trouble="devices").tills]
    assert 8 == view(publisher, clock, trouble="any", limit=2).count


def test_the_last_try_is_shown(publisher: Publisher, clock: Any, till: Tills) -> None:
    """Of two words of one moment the failure; afterwards what it runs well."""
    one = till("t1")
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        publisher.add(version)
    one.tried("1.1.0", TryOutcome.ROLLED_BACK, "no answer", clock())
    shown = view(publisher, clock).tills[0]
    assert ("1.1.0", "rolled_back") == (shown.tried, shown.outcome)
    clock.forward(minutes=1)
    one.tried("1.2.0", TryOutcome.HEALTHY)

    shown = view(publisher, clock).tills[0]

    assert ("1.2.0", "healthy") == (shown.tried, shown.outcome)


def test_what_waited_at_a_silent_till_waits_still(publisher: Publisher, clock: Any, till: Tills) -> None:
    """Its age grows while nothing is heard."""
    till("t1").check()
    with publisher.database.write() as connection:
        connection.execute(update(schema.till).values(seen_at=clock(), queue_depth=1, oldest_age_s=60))
    clock.forward(hours=2)

    one = view(publisher, clock).tills[0]

    assert (7_260, ("unsent", "silent")) == (one.oldest_unsent_s, one.troubles)


def test_filters_choose_by_shop_ring_version_and_name(publisher: Publisher, clock: Any, till: Tills) -> None:
    """And a trouble that is none is refused."""
    one, two = till("t1"), till("t2")
    two.version = "2.0.0"
    publisher.ring("pilot")
    publisher.ring("all")
    with publisher.database.write() as connection:
        arranging.put(connection, "till", "t1", "pilot", by=BY, now=clock())
    for each in (one, two):
        each.check()

    def names(**wanted: Any) -> list[str]:
        return [each.till for each in view(publisher, clock, **wanted).tills]

    assert ["t1"] == names(ring="pilot")
    assert ["t2"] == names(version="2.0.0")
    assert ["t1", "t2"] == sorted(names(shop="s1"))
    assert ["t2"] == names(text="t2")
    assert [] == names(shop="s2")
    with pytest.raises(CentralStartError, match="no trouble"):
        Wanted(trouble="lonely")


def test_a_thousand_tills_cost_a_handful_of_questions(publisher: Publisher, clock: Any, words: Any) -> None:
    """However many there are."""
    from sqlalchemy import event, insert

    row = {"shop": "s", "epoch": 1, "token_hash": "", "token_used": True, "machine": "", "enrolled_at": clock()}
    with publisher.database.write() as connection:
        connection.execute(insert(schema.till), [{**row, "id": f"t{n}"} for n in range(1_000)])
    said: list[str] = []
    event.listen(publisher.database.reader, "before_cursor_execute", lambda _c, _u, words, *_: said.append(words))

    assert 1_000 == view(publisher, clock).whole
    assert len(said) < 15


def test_the_page_the_api_and_the_metrics_show_it(
    publisher: Publisher, clock: Any, till: Tills, web: httpx.Client
) -> None:
    """The page to a session, JSON to the operator's token, numbers without names to the metrics token."""
    one = till("t1")
    publisher.ring("pilot")
    publisher.add("1.1.0", notes="<b>quick</b>")
    publisher.start("1.1.0")
    one.tried("1.1.0", TryOutcome.ROLLED_BACK, "<script>", clock())
    report(one, warnings=(TillWarning(code="disk_low", words="<i>1 GB"),))
    with publisher.database.write() as connection:
        operator, metrics = make_token(connection, OPERATOR), make_token(connection, METRICS)

    assert 303 == web.get("/operator/fleet").status_code
    assert 303 == web.get("/operator/releases").status_code
    web.post("/operator/login", data={"token": operator})
    page = web.get("/operator/fleet?trouble=update").text
    releases = web.get("/operator/releases").text
    told = web.get("/operator/api/fleet?text=t1", headers={"authorization": f"Bearer {operator}"}).json()
    numbers = web.get("/metrics", headers={"authorization": f"Bearer {metrics}"}).text

    assert "rolled back 1.1.0: &lt;script&gt;" in page
    assert "&lt;i&gt;1 GB" in page
    assert "&lt;b&gt;quick&lt;/b&gt;" in releases
    assert "<script>" not in page + releases
    assert ("t1", ["update", "warnings"]) == (told["tills"][0]["till"], told["tills"][0]["troubles"])
    assert 'tillpoint_fleet_trouble{kind="update"} 1.0' in numbers
    assert 'tillpoint_release_tills{ring="pilot",state="failed",version="1.1.0"} 1.0' in numbers
    assert "tillpoint_releases_stopped 1.0" in numbers
    assert '"t1"' not in numbers
    assert 404 == web.get("/operator/fleet?trouble=lonely").status_code
    assert 401 == web.get("/operator/api/fleet").status_code


def test_nothing_in_it_can_be_about_a_customer() -> None:
    """The fields of a report and of the view are these and no others: who adds one thinks of this."""
    from central.releases.fleet import FleetTill

    report_fields = set(TillReport.__struct_fields__)
    assert {
        *("version", "platform", "system", "started_at", "shelved", "programme_version"),
        *("disk_free_bytes", "disk_total_bytes", "memory_bytes", "warnings", "devices"),
    } == report_fields
    assert not {"customer", "phone", "name", "card", "receipt"} & set(FleetTill.__struct_fields__)
    assert set(TROUBLES) >= {"unsent", "disk", "clock"}
