"""The verdict on a version that was just started, from what is seen of it second by second."""

from __future__ import annotations

from typing import Any

from agent.updating.watch import Look, Watch


def watch(**more: Any) -> Watch:
    return Watch(**{"version": "2.0", "devices": ("printer",), "troubles": (), "watch_s": 600.0, **more})


def seen(state: str = "running", *, printer: str = "on", **more: Any) -> Look:
    status = {"devices": [{"name": "printer", "state": printer, "detail": "x"}], "screen": "idle"}
    return Look(**{"state": state, "pid": 7, "version": "2.0", "status": status, **more})


def test_well_to_the_end() -> None:
    """Nothing said for ten minutes, then over."""
    one = watch()
    for now_s in range(0, 601, 10):
        assert not one.look(seen(), now_s)
    assert one.is_over(600.0)


def test_a_slow_start_is_no_fault() -> None:
    """A till's disk after a power cut."""
    one = watch()
    for now_s in range(0, 59, 5):
        assert not one.look(Look(state="stopped"), now_s)
    assert not one.look(seen(), 59.0)


def test_the_time_runs_from_the_first_answer() -> None:
    """Else a slow start would leave no time for a device to open, and a version would be judged unseen."""
    one = watch(watch_s=10.0)
    assert not one.look(Look(state="stopped"), 0.0)
    assert not one.look(seen(printer="off"), 30.0)
    assert not one.is_over(30.0)
    assert not one.look(seen(), 35.0)
    assert not one.look(seen(), 40.0)
    assert one.is_over(40.0)


def test_the_note_of_the_one_before() -> None:
    """It was killed and could not take it away; the new one answers on the same port, and has not written its own yet."""
    one = watch()
    assert not one.look(seen(version="1.0", pid=6), 0.0)
    assert not one.look(seen(), 1.0)
    assert not one.look(seen(), 600.0)


def test_silence_in_the_middle() -> None:
    """A moment is none; twenty seconds are."""
    one = watch()
    assert not one.look(seen(), 0.0)
    assert not one.look(seen("silent"), 19.0)
    assert not one.look(seen(), 21.0)
    assert not one.look(seen("silent"), 30.0)
    assert "has stopped answering" in one.look(seen("silent"), 41.0)


def test_one_start_again_is_an_accident_two_are_a_loop() -> None:
    """By the process."""
    one = watch()
    assert not one.look(seen(pid=1), 0.0)
    assert not one.look(seen(pid=2), 5.0)
    assert "starts again and again" in one.look(seen(pid=3), 10.0)


def test_a_device_that_was_open_once_may_be_switched_off() -> None:
    """A person's hand is no fault of the version."""
    one = watch()
    assert not one.look(seen(), 0.0)
    assert not one.look(seen(printer="off"), 300.0)
    assert not one.look(seen(printer="off"), 600.0)


def test_a_device_has_a_minute_to_open_before_its_failure_counts() -> None:
    """Failed for a moment is tried again by the agent itself."""
    one = watch()
    assert not one.look(seen(printer="failed"), 0.0)
    assert not one.look(seen(printer="failed"), 30.0)
    assert "device printer was open before and fails: x" == one.look(seen(printer="failed"), 61.0)


def test_a_restart_of_the_machine_excuses_what_is_off() -> None:
    """Not what fails."""
    one = watch(after_cut=True)
    assert not one.look(seen(printer="off"), 0.0)
    assert not one.look(seen(printer="off"), 600.0)
    other = watch(after_cut=True)
    assert not other.look(seen(printer="failed"), 0.0)
    assert "fails" in other.look(seen(printer="failed"), 61.0)


def test_troubles_are_compared() -> None:
    """What was broken before is no fault; one more is."""
    one = watch(troubles=("device 'x': no port",))
    assert not one.look(seen(troubles=("device 'x': no such port",)), 0.0)
    more = seen(troubles=("device 'x': no port", "more"))
    assert not one.look(more, 1.0)
    assert not one.look(more, 15.9)
    assert "did not start: more" in one.look(more, 16.0)


def test_what_comes_right_by_itself_is_no_fault() -> None:
    """Somebody looked into the file as the new version opened it; the agent tries again each second."""
    one = watch(watch_s=60.0)
    for at_s in (1.0, 14.0, 30.0, 44.0):
        assert not one.look(seen(troubles=("till.db: locked by another programme",)), at_s)
        assert not one.look(seen(), at_s + 1)
    assert "locked" in one.look(seen(troubles=("till.db: locked by another programme",)), 61.0), "the last look counts"


def test_busy() -> None:
    """Whatever a person could be waiting for."""
    for status, words in (
        ({"screen": "found"}, "a customer is on the panel"),
        ({"customer": {"id": "c"}}, "a customer is on the panel"),
        ({"quote": {"receipt_uid": "r"}}, "a receipt is open"),
        ({"sale": {"total": "1.00 RUB"}}, "a receipt is open"),
        ({"training": {"until": "x"}}, "somebody is training"),
        ({"sale": {}, "screen": "idle"}, ""),
    ):
        assert words == Look(state="running", status=status).busy
    assert "" == Look(state="silent", status={"screen": "found"}).busy


def test_a_device_that_stays_away_is_told_with_its_own_words() -> None:
    """Whoever mends the version reads the reason at the centre, not the till's screen."""
    one = watch(watch_s=10.0)
    assert not one.look(seen(printer="off"), 0.0)

    assert "device printer was open before and is not any more: x" == one.look(seen(printer="off"), 10.0)
