"""The till thread: one answer per command, deadlines kept, a broken database is a sentence and not a crash."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from agent.snapshot import LinkState, Screen, Snapshot
from agent.till import Till
from agent.till_loop import LinkChanged
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import CodeScanned, DeviceState, DeviceStateChanged

WAIT_S = 10.0


def first() -> Snapshot:
    return Snapshot(
        version=0, boot_id="b", screen=Screen.IDLE, shop="", till="", link=LinkState.UNKNOWN, offline_since="",
        waiting=0, waiting_oldest_at="", shelved=0, programme_version=0, programme_title="", currency="RUB", devices=(),
    )  # fmt: skip


class Watch:
    """Waits for a snapshot that shows something."""

    def __init__(self, till: Till) -> None:
        self.seen: list[Snapshot] = []
        self.fresh = threading.Condition()
        till.subscribe(self.take)

    def take(self, snapshot: Snapshot) -> None:
        with self.fresh:
            self.seen.append(snapshot)
            self.fresh.notify_all()

    def until(self, shows: Any) -> Snapshot:
        with self.fresh:
            assert self.fresh.wait_for(lambda: any(shows(one) for one in self.seen), WAIT_S), self.seen[-1:]
            return next(one for one in self.seen if shows(one))


@pytest.fixture
def till(rig: Any) -> Any:
    """A running till on the rig's files."""
    rig.desk.close()
    till = Till(rig.open, ask_hold=lambda _: None, first=first())
    assert "" == till.start(WAIT_S)
    yield till
    till.stop(WAIT_S)
    rig.open()


def test_a_command_is_answered_and_the_snapshot_is_out_before_the_answer(till: Till) -> None:
    """Whoever got the answer sees its effect."""
    snapshot = till.panel_identify("2900000000018", presented=True, timeout_s=WAIT_S)

    assert Screen.FOUND == snapshot.screen
    assert Screen.IDLE == till.panel_clear(timeout_s=WAIT_S).screen


def test_events_never_wait_and_show_up(till: Till) -> None:
    """A scan, a device, the link."""
    watch = Watch(till)
    till.emit(CodeScanned(device="scanner", code="2900000000018", symbology="]E0"))
    till.emit(DeviceStateChanged(device="receipt", state=DeviceState.ON))
    till.emit(LinkChanged(LinkState.ONLINE))
    shown = watch.until(lambda one: one.link is LinkState.ONLINE)

    assert (Screen.FOUND, "on") == (shown.screen, shown.devices[0].state)


def test_the_log_says_when_a_device_went_and_came_back(till: Till, caplog: pytest.LogCaptureFixture) -> None:
    """With the reason; once for each, and nothing of a POS that visits all day."""
    caplog.set_level("INFO", logger="agent.till_loop")
    for state, detail in (
        (DeviceState.CLOSED, "waiting for the till"),
        (DeviceState.ON, ""),
        (DeviceState.CLOSED, "waiting for the till"),
        (DeviceState.OFF, "no answer"),
        (DeviceState.OFF, "no answer"),
        (DeviceState.OFF, "no such port"),
        (DeviceState.ON, "reading closed documents: 1 of 9"),
        (DeviceState.ON, "reading closed documents: 9 of 9"),
    ):
        till.emit(DeviceStateChanged(device="fiscal", state=state, detail=detail))
    till.panel_clear(timeout_s=WAIT_S)

    assert [
        ("WARNING", "device.off device=fiscal detail=no answer"),
        ("WARNING", "device.off device=fiscal detail=no such port"),
        ("INFO", "device.on device=fiscal detail=reading closed documents: 1 of 9"),
    ] == [(one.levelname, one.getMessage()) for one in caplog.records if one.getMessage().startswith("device.")]


def test_a_refusal_reaches_whoever_asked(till: Till, rig: Any) -> None:
    """With its code, and the till goes on."""
    with pytest.raises(CheckoutRefused) as refused:
        till.quote(contract.QuoteRequest(receipt=rig.sale("r-1", "10"), customer_id="nobody"), timeout_s=WAIT_S)

    assert "unknown_customer" == refused.value.code
    assert till.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "10", "0")), timeout_s=WAIT_S).claim_code


def test_a_fault_of_ours_is_told_and_the_next_command_works(till: Till, rig: Any) -> None:
    """One bad command must not end the shift."""

    def broken(_: object) -> None:
        raise ZeroDivisionError("bad arithmetic")

    with pytest.raises(CheckoutRefused, match="the sale may go on"):
        till.run_on_till(broken, timeout_s=WAIT_S)

    assert till.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "10", "0")), timeout_s=WAIT_S).claim_code


def test_work_whose_asker_has_gone_is_not_begun(till: Till) -> None:
    """A quote nobody waits for any more is not made; a printed receipt always counts."""
    hold, begun = threading.Event(), threading.Event()
    blocker = threading.Thread(
        target=lambda: till.run_on_till(lambda _: (begun.set(), hold.wait(WAIT_S)), timeout_s=WAIT_S)
    )
    blocker.start()
    assert begun.wait(WAIT_S)
    with pytest.raises(CheckoutRefused) as refused:
        till.panel_identify("2900000000018", presented=True, timeout_s=0.01)
    hold.set()
    blocker.join(WAIT_S)

    assert "timeout" == refused.value.code
    assert Screen.IDLE == till.panel_clear(timeout_s=WAIT_S).screen


def test_a_database_that_does_not_open_leaves_a_till_that_refuses_in_words() -> None:
    """The proxy and the panel go on; every command says why it cannot be kept."""

    def broken() -> Any:
        raise OSError("till.db is on a read-only disk; set till.state_folder")

    till = Till(broken, ask_hold=lambda _: None, first=first())
    sentence = till.start(WAIT_S)
    with pytest.raises(CheckoutRefused) as refused:
        till.cancel(contract.CancelRequest(receipt_uid="r-1"), timeout_s=WAIT_S)
    notice = till.snapshot.notice
    till.stop(WAIT_S)

    assert sentence == notice == "till.db is on a read-only disk; set till.state_folder"
    assert "no_store" == refused.value.code
