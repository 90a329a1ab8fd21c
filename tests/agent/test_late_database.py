"""A database that is locked, full or out of reach at the start: refused in words meanwhile, and opened once it can be."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import opening, till_loop
from agent.assembly import Agent
from agent.before_open import WORKS_MAX, BeforeOpen
from agent.settings import Settings, parse
from agent.snapshot import LinkState
from agent.till import Till
from agent.till_loop import LinkChanged
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import CodeScanned, DeviceState, DeviceStateChanged
from offline_queue.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreNewer, StoreUnavailable
from offline_queue.files import WriterLock
from tests.agent.test_till import WAIT_S, Watch, first
from tests.inline_shop import ClubCentre, wait_for

LOCKED = "till.db is locked by another programme; close the tool that inspects or copies it"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(till_loop, "REOPEN_S", 0.05)


class Door:
    """Opens the rig's files, once it is let."""

    def __init__(self, rig: Any, error: Exception) -> None:
        self._rig, self._error = rig, error
        self.may = threading.Event()
        self.tried = 0
        self.again = threading.Event()

    def open(self) -> Any:
        self.tried += 1
        if self.tried > 2:
            self.again.set()
        if not self.may.is_set():
            raise self._error
        return self._rig.open()


@pytest.fixture
def closed(rig: Any) -> Iterator[Callable[[Exception], tuple[Till, Door]]]:
    """A till whose files raise this error until its door may open."""
    rig.desk.close()
    tills: list[Till] = []

    def make(error: Exception) -> tuple[Till, Door]:
        door = Door(rig, error)
        tills.append(Till(door.open, ask_hold=lambda _: None, first=first()))
        return tills[-1], door

    yield make
    for till in tills:
        till.stop(WAIT_S)
    rig.open()


@pytest.mark.parametrize("kind", [StoreBusy, StoreFull, StoreUnavailable, StoreError])
def test_it_is_tried_again_and_then_all_is_as_if_it_had_opened(closed: Any, kind: type[Exception]) -> None:
    """With the sentence gone from the panel, and whoever waits for it told once."""
    till, door = closed(kind(LOCKED))
    opened = threading.Event()
    sentence = till.start(WAIT_S, opened_late=opened.set)
    watch = Watch(till)

    assert (LOCKED, LOCKED) == (sentence, till.snapshot.notice)
    with pytest.raises(CheckoutRefused, match="locked") as refused:
        till.cancel(contract.CancelRequest(receipt_uid="r-1"), timeout_s=WAIT_S)
    assert "no_store" == refused.value.code
    assert door.again.wait(WAIT_S)
    door.may.set()
    watch.until(lambda one: one.notice == "")

    assert opened.wait(WAIT_S)
    assert "" != till.panel_identify("2900000000018", presented=True, timeout_s=WAIT_S).mask


@pytest.mark.parametrize("kind", [StoreCorrupt, StoreNewer, OSError])
def test_a_file_that_somebody_must_replace_waits_for_a_restart(closed: Any, kind: type[Exception]) -> None:
    """Tried again while it is moved away, it would be made anew."""
    till, door = closed(kind("damaged"))

    assert "damaged" == till.start(WAIT_S)
    door.may.set()
    assert not door.again.wait(0.5)
    assert 1 == door.tried
    with pytest.raises(CheckoutRefused, match="damaged"):
        till.cancel(contract.CancelRequest(receipt_uid="r-1"), timeout_s=WAIT_S)


def test_what_was_printed_meanwhile_counts_and_a_scan_does_not(closed: Any, rig: Any) -> None:
    till, door = closed(StoreBusy(LOCKED))
    till.start(WAIT_S)
    watch = Watch(till)
    shown = till.document_printed("receipt", rig.document(rig.paid("r-1", "10", "0")), timeout_s=WAIT_S)
    till.emit(CodeScanned(device="scanner", code="2900000000018", symbology="]E0"))
    till.emit(DeviceStateChanged(device="receipt", state=DeviceState.OFF, detail="unplugged"))
    till.emit(DeviceStateChanged(device="receipt", state=DeviceState.ON))
    till.emit(LinkChanged(LinkState.ONLINE))
    assert door.again.wait(WAIT_S)
    door.may.set()
    seen = watch.until(lambda one: one.link is LinkState.ONLINE and one.waiting > 0)

    assert () == shown
    assert ("on", "", "") == (seen.devices[0].state, seen.devices[0].detail, seen.mask)
    assert 1 == till.run_on_till(lambda desk: desk.store.depth().waiting, timeout_s=WAIT_S)


def test_stopped_before_it_opened_says_what_was_not_counted(
    closed: Any, rig: Any, caplog: pytest.LogCaptureFixture
) -> None:
    till, _ = closed(StoreBusy(LOCKED))
    till.start(WAIT_S)
    till.document_printed("receipt", rig.document(rig.paid("r-1", "10", "0")), timeout_s=WAIT_S)
    till.stop(WAIT_S)

    assert f"till.uncounted receipts=1 reason={LOCKED}" in caplog.text


def test_one_that_opens_after_the_wait_is_told_as_well(closed: Any) -> None:
    """A till's disk after a power cut may read for minutes."""
    till, door = closed(StoreBusy(LOCKED))
    opened, go_on, really = threading.Event(), threading.Event(), door.open
    till._open_desk = lambda: really() if go_on.wait(WAIT_S) else None
    door.may.set()

    assert "did not open within 0.01 s" in till.start(0.01, opened_late=opened.set)
    go_on.set()
    assert opened.wait(WAIT_S)


def test_no_more_is_kept_than_fits() -> None:
    kept = BeforeOpen()
    for number in range(WORKS_MAX + 3):
        kept.keep(lambda _, number=number: number)
    taken = kept.take()

    assert (WORKS_MAX, 3, 3) == (len(taken.works), taken.lost, taken.works[0](None))
    assert (0, 0) == (len(kept.take().works), kept.take().lost)


# ── A whole agent ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[ClubCentre]:
    one = ClubCentre(tmp_path)
    yield one
    one.close()


def settings_of(state: Path) -> Settings:
    text = f"[till]\nstate_folder = {json.dumps(str(state))}\n[doors]\nport = 0\n[central]\npoll_wait_s = 1\n"
    return parse(text.encode(), name="config.toml")


@pytest.mark.net
def test_the_line_to_the_centre_is_begun_when_the_file_is_free(tmp_path: Path, centre: ClubCentre) -> None:
    """The panel is there at once with the reason; a minute later nobody knows that anything was wrong."""
    centre.enrol(tmp_path / "state")
    agent = Agent(settings_of(tmp_path / "state"))
    holder = WriterLock.acquire(tmp_path / "state" / "till.db")
    try:
        agent.start()
        seen, troubles, line = agent.till.snapshot, list(agent.troubles), agent.sync
    finally:
        holder.release()
    try:
        wait_for(agent, lambda one: one.link is LinkState.ONLINE and one.programme_version == 1)
    finally:
        agent.stop()

    assert "already being written by" in seen.notice
    assert ([seen.notice], None) == (troubles, line)
    assert ("", []) == (agent.till.snapshot.notice, agent.troubles)


@pytest.mark.net
def test_stopped_while_it_is_locked_it_stops(tmp_path: Path, centre: ClubCentre) -> None:
    centre.enrol(tmp_path / "state")
    agent = Agent(settings_of(tmp_path / "state"))
    holder = WriterLock.acquire(tmp_path / "state" / "till.db")
    try:
        agent.start()
        agent.stop()
    finally:
        holder.release()

    assert agent.sync is None
    assert "till" not in {one.name for one in threading.enumerate()}


def test_a_desk_that_cannot_be_made_leaves_the_file_free_for_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the till would be in its own way."""
    make, failed = opening._desk, threading.Event()

    def fails_once(*parts: Any, **more: Any) -> Any:
        if failed.is_set():
            return make(*parts, **more)
        failed.set()
        raise StoreBusy(LOCKED)

    monkeypatch.setattr(opening, "_desk", fails_once)
    agent = Agent(settings_of(tmp_path / "state"))
    agent.start()
    try:
        wait_for(agent, lambda one: one.version > 0 and one.notice == "")
    finally:
        agent.stop()

    assert failed.is_set()
