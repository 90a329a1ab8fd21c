"""How a till is used, seen from the updates' thread: a real till thread on real files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.assembly import Agent
from agent.settings import DoorsSettings, Settings, TillSettings
from agent.updating.usage import TillUsage
from drivers.vocabulary.checkout import CancelRequest, QuoteRequest
from drivers.vocabulary.events import CodeScanned, Document
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    one = Agent(Settings(till=TillSettings(state_folder=str(tmp_path)), doors=DoorsSettings(port=0)), is_rehearsal=True)
    one.start()
    yield one
    one.stop()


def receipt(uid: str) -> Receipt:
    price = Money.parse("80.00 RUB")
    line = Line(number=1, name="milk", quantity=Quantity.parse("1"), price=price, total=price)
    return Receipt(uid=uid, kind=DocumentKind.SALE, lines=(line,), total=price)


def test_a_till_from_quiet_to_busy_and_back(agent: Agent) -> None:
    """A quote makes it busy until it is cancelled; every use counts as use; a report ends the shift."""
    usage = TillUsage(agent.till)
    first = usage.moment(NOON)
    assert ("", None, False) == (first.busy, first.since_receipt_s, first.shift_ended)
    agent.till.quote(QuoteRequest(receipt=receipt("r-1")), timeout_s=5)
    assert "a receipt is open" == usage.moment(NOON).busy
    agent.till.cancel(CancelRequest(receipt_uid="r-1"), timeout_s=5)
    moment = usage.moment(NOON)
    assert "" == moment.busy
    assert moment.quiet_s < 5
    agent.till.document_printed("api", Document(kind=DocumentKind.REPORT, raw=b"Z", text=("Z",)), timeout_s=5)
    assert usage.moment(NOON).shift_ended


def test_a_scan_counts_as_use(agent: Agent) -> None:
    """And leaves something on the panel."""
    usage = TillUsage(agent.till)
    before = agent.till.scanned_s
    agent.till.emit(CodeScanned(device="scanner", code="4600000000017"))
    end_s = time.monotonic() + 5
    while agent.till.scanned_s == before and time.monotonic() < end_s:
        agent.till.run_on_till(lambda desk: desk, timeout_s=5)

    assert agent.till.scanned_s > before
    assert usage.moment(NOON).quiet_s < 5
