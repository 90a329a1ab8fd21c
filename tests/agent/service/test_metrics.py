"""The numbers of `/metrics`: Prometheus's text, each in the page's table, on loopback under its own name only."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.assembly import Agent
from agent.service.metrics import METRICS, Sample, render
from agent.service.tally import BUCKETS_S, Tally
from agent.settings import DeviceSettings, DoorsSettings, Settings, TillSettings
from drivers.vocabulary import checkout as contract

pytestmark = pytest.mark.net


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    scanner = DeviceSettings(name="scanner", driver="serial_scanner", port="tcp://127.0.0.1:9")
    made = Agent(
        Settings(till=TillSettings(state_folder=str(tmp_path)), doors=DoorsSettings(port=0), devices=(scanner,))
    )
    made.start()
    yield made
    made.stop()


def ask(agent: Agent, host: str = "") -> tuple[int, str, str]:
    line = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
    line.request("GET", "/metrics", headers={"Host": host} if host else {})
    answer = line.getresponse()
    body = answer.read().decode()
    line.close()
    return answer.status, answer.getheader("content-type") or "", body


def found(text: str) -> dict[str, Any]:
    """Prometheus's own reader has the last word on the text."""
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(families: dict[str, Any], name: str, **labels: str) -> float:
    return next(
        one.value for family in families.values() for one in family.samples if (one.name, one.labels) == (name, labels)
    )


def test_an_agent_tells_its_numbers(agent: Agent) -> None:
    request = contract.IdentifyRequest(code="2900000000018", presented=True)
    agent.till.identify(request, timeout_s=10)
    beat = agent.pulse()
    pause = threading.Event()
    while beat.turns()["doors"] is None:
        pause.wait(0.01)
    status, kind, text = ask(agent)
    families = found(text)

    assert (200, "text/plain; version=0.0.4; charset=utf-8") == (status, kind)
    assert 1 == value(families, "tillpoint_decision_seconds_count", what="identify")
    assert 0 == value(families, "tillpoint_device_up", device="scanner", driver="serial_scanner")
    assert 0 == value(families, "tillpoint_centre_up")
    assert value(families, "tillpoint_file_bytes", file="till.db") > 0
    assert value(families, "tillpoint_disk_free_bytes") > 0
    assert value(families, "tillpoint_memory_bytes") > 10e6
    threads = {one.labels["thread"] for one in families["tillpoint_thread_age_seconds"].samples}
    assert {"till", "doors", "reader-scanner"} <= threads
    assert "2900000000018" not in text


def test_a_page_of_another_name_is_refused(agent: Agent) -> None:
    """Loopback alone protects nothing: DNS rebinding."""
    assert 421 == ask(agent, host="till.example")[0]


def test_asking_is_cheap(agent: Agent) -> None:
    """Nothing is computed until it is asked for, and then at once; the till thread is not asked at all."""
    before = dict(agent.till.tally.times)
    ask(agent)
    began_s = time.perf_counter()
    agent.watching.metrics()

    assert time.perf_counter() - began_s < 2.0  # a few milliseconds on a quiet machine
    assert before == agent.till.tally.times


def test_the_page_has_the_same_table(project: Path) -> None:
    page = (project / "docs" / "monitoring.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(tillpoint_\w+)` \| (\w+) \|", page, re.MULTILINE))

    assert {name: kind for name, (kind, _) in METRICS.items()} == told
    assert [] == [words for _, words in METRICS.values() if words not in page]


def test_the_page_names_each_warning(project: Path) -> None:
    page = (project / "docs" / "monitoring.md").read_text("utf-8")
    code = (project / "agent" / "service" / "health.py").read_text("utf-8")

    assert [] == [name for name in set(re.findall(r'code="(\w+)"', code)) if f"`{name}`" not in page]


def test_labels_are_escaped_and_numbers_are_short() -> None:
    text = render([
        Sample("tillpoint_device_up", True, {"device": 'a"b\\c\nd'}),
        Sample("tillpoint_queue_oldest_seconds", 1.5),
    ])  # fmt: skip

    assert 'tillpoint_device_up{device="a\\"b\\\\c\\nd"} 1\n' in text
    assert "tillpoint_queue_oldest_seconds 1.5\n" in text
    assert 'a"b\\c\nd' == next(iter(found(text)["tillpoint_device_up"].samples)).labels["device"]


def test_times_fall_into_classes() -> None:
    tally = Tally()
    for seconds in (0.0001, 0.003, 0.04, 99.0):
        tally.add("quote", seconds)

    assert 4 == sum(tally.times["quote"].counts)
    assert 1 == tally.times["quote"].counts[-1]
    assert 0.05 in BUCKETS_S  # the promise of a quote is a border, so that it can be read off
