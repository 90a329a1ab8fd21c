"""The guard: whatever a conversation does, the till's bytes pass, all, unchanged and in order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract import Deliver, GiveFloor, Say, TakeFloor, Tell, ToDevice, ToHost, Translate, Withhold
from drivers.guard import FLOOR_S_MAX, FLOOR_WITHHELD_S_MAX, HELD_BYTES_MAX, GuardedConversation
from drivers.vocabulary.events import Document
from drivers.vocabulary.receipt import DocumentKind

DOCUMENT = Document(kind=DocumentKind.SALE, raw=b"", text=())


class _Conversation:
    """Does what it is told with the bytes of the till."""

    def __init__(self, behave):
        self._behave = behave

    def from_host(self, data, now_s):
        return self._behave(data)

    def from_device(self, data, now_s):
        return [ToHost(data)]

    def tick(self, now_s):
        return []

    def host_gone(self, now_s):
        return []


def _fail(_):
    raise RuntimeError("a mistake")


def _sent(steps):
    return b"".join(step.data for step in steps if isinstance(step, ToDevice))


@pytest.mark.parametrize(
    ("behave", "problem"),
    [
        (_fail, "it failed with RuntimeError: a mistake"),
        (lambda data: [ToDevice(data.upper())], "it gave out bytes that did not come in"),
        (lambda data: [ToDevice(data + b"!")], "it gave out bytes that did not come in"),
        (lambda data: [ToDevice(data[:1]), ToHost(b"x")], "it gave out bytes that did not come in"),
        (lambda data: [ToDevice(b"x" * 0), ToDevice(data), ToDevice(data)], "it gave out bytes that did not come in"),
    ],
)
def test_a_mistake_costs_no_byte(behave, problem):
    """The bytes in hand and all that follow pass raw, and the reason is kept."""
    guard = GuardedConversation(lambda: _Conversation(behave))
    sent = _sent(guard.from_host(b"abc", 0)) + _sent(guard.from_host(b"def", 0))

    assert sent == b"abcdef"
    assert problem in guard.problem


def test_bytes_kept_back_too_long_are_handed_on():
    """A conversation that waits for more than comes loses its trust, not the bytes."""
    guard = GuardedConversation(lambda: _Conversation(lambda data: []))
    assert guard.from_host(b"\x1d", 0) == []
    assert guard.holds_bytes
    assert guard.tick(0.5) == []

    assert _sent(guard.tick(1.5)) == b"\x1d"
    assert "kept bytes back for more than" in guard.problem


def test_too_many_bytes_kept_back_are_handed_on():
    """Memory has a limit."""
    guard = GuardedConversation(lambda: _Conversation(lambda data: []))
    data = b"x" * (HELD_BYTES_MAX + 1)

    assert data == _sent(guard.from_host(data, 0))


def test_what_is_owed_at_the_end_is_paid():
    """When the till leaves, the device gets every byte it was sent."""
    guard = GuardedConversation(lambda: _Conversation(lambda data: []))
    guard.from_host(b"tail", 0)

    assert _sent(guard.host_gone(0)) == b"tail"
    assert guard.problem == ""


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=20)), st.randoms(use_true_random=False))
def test_no_behaviour_changes_the_stream(chunks, random):
    """Whatever is kept, changed, doubled or failed, the stream comes out as it went in."""

    def behave(data):
        what = random.randrange(6)
        if what == 0:
            raise ValueError("a mistake")
        return [[], [ToDevice(data)], [ToDevice(data), ToDevice(data)], [ToDevice(data[::-1])], [ToDevice(b"")]][
            what - 1
        ]

    guard = GuardedConversation(lambda: _Conversation(behave))
    sent = b"".join(_sent(guard.from_host(chunk, 0)) for chunk in chunks) + _sent(guard.host_gone(0))

    assert b"".join(chunks) == sent


# ── The floor ───────────────────────────────────────────────────────────────────────────────────


class _OnTheFloor:
    """Takes the floor for the till's request and then does what each of its lessons says."""

    def __init__(self, *lessons):
        self._lessons = list(lessons)

    def _next(self, *_):
        lesson = self._lessons.pop(0) if self._lessons else []
        if lesson is _fail:
            _fail(None)
        return lesson

    from_host = from_device = tick = offered = _next

    def host_gone(self, now_s):
        return []


def _all(steps):
    return [(type(step).__name__, step.data) for step in steps]


def test_a_request_in_our_hands_is_answered_and_delivered():
    conversation = _OnTheFloor(
        [TakeFloor(), Tell(b"wait")], [Say(b"ours"), Deliver(b"close")], [Tell(b"done"), GiveFloor(b"next")]
    )
    guard = GuardedConversation(lambda: conversation)

    assert _all(guard.from_host(b"close", 0)) == [("ToHost", b"wait")]
    assert guard.holds_bytes
    assert _all(guard.offered(DOCUMENT, None, 0)) == [("ToDevice", b"ours"), ("ToDevice", b"close")]
    assert _all(guard.from_device(b"ok", 0)) == [("ToHost", b"done")]
    assert guard.problem == ""
    assert guard.holds_bytes  # "next" is owed now


@pytest.mark.parametrize("lessons", [[_fail], [[Say(b"ours")], _fail], [[GiveFloor()]], [[TakeFloor(), Say(b"x")]]])
def test_a_mistake_with_the_floor_delivers_the_request(lessons):
    """Whatever went wrong before the delivery, the till's request goes on as it came, once."""
    guard = GuardedConversation(lambda: _OnTheFloor([TakeFloor()], *lessons))
    guard.from_host(b"close", 0)
    sent = b"".join(_sent(guard.tick(at / 10)) for at in range(1, 100))

    assert sent.removeprefix(b"ours") == b"close"
    assert guard.problem


def test_a_mistake_after_the_delivery_delivers_nothing_twice():
    guard = GuardedConversation(lambda: _OnTheFloor([TakeFloor()], [Deliver(b"close")], _fail))
    guard.from_host(b"close", 0)

    assert _sent(guard.tick(0.1)) == b"close"
    assert _sent(guard.tick(0.2)) == b""
    assert guard.problem
    assert _all(guard.from_device(b"answer", 0.3)) == [("ToHost", b"answer")]


def test_nobody_speaks_without_the_floor():
    for step in (Say(b"x"), Tell(b"x"), Deliver(b"x"), GiveFloor(), Withhold(b"x", b"y")):
        guard = GuardedConversation(lambda step=step: _OnTheFloor([step]))
        assert _sent(guard.from_host(b"abc", 0)) == b"abc"
        assert "without having the floor" in guard.problem


def test_a_request_is_not_kept_for_ever():
    guard = GuardedConversation(lambda: _OnTheFloor([TakeFloor()]))
    guard.from_host(b"close", 0)

    assert _sent(guard.tick(FLOOR_S_MAX - 0.1)) == b""
    assert _sent(guard.tick(FLOOR_S_MAX + 0.1)) == b"close"


@pytest.mark.parametrize("lesson", [_fail, [TakeFloor()], [Translate(b"never came", b"x", is_to_device=True)]])
def test_a_request_that_would_do_harm_now_is_not_delivered(lesson):
    """The receipt it stood on was cancelled: the till hears of it, and the device is cleared."""
    guard = GuardedConversation(lambda: _OnTheFloor([TakeFloor()], [Withhold(b"no", b"cancel")], lesson))
    guard.from_host(b"close", 0)
    assert guard.tick(0.1) == []

    assert _all(guard.tick(0.2)) == [("ToHost", b"no"), ("ToDevice", b"cancel")]
    assert guard.problem


def test_a_receipt_that_is_sold_anew_may_take_its_time():
    guard = GuardedConversation(lambda: _OnTheFloor([TakeFloor(), Withhold(b"no", b"cancel")]))
    guard.from_host(b"close", 0)
    assert guard.tick(FLOOR_S_MAX + 1) == []
    assert _all(guard.tick(FLOOR_WITHHELD_S_MAX + 1)) == [("ToHost", b"no"), ("ToDevice", b"cancel")]


def test_after_something_better_was_delivered_nothing_is_cleared():
    lessons = [TakeFloor(), Withhold(b"no", b"cancel")], [Deliver(b"close anew")], _fail
    guard = GuardedConversation(lambda: _OnTheFloor(*lessons))
    guard.from_host(b"close", 0)

    assert _sent(guard.tick(0.1)) == b"close anew"
    assert guard.tick(0.2) == []
    assert guard.problem


def test_the_floor_may_be_given_back_with_a_request_withheld():
    guard = GuardedConversation(lambda: _OnTheFloor([TakeFloor(), Withhold(b"", b"")], [Tell(b"no"), GiveFloor(b"")]))
    guard.from_host(b"close", 0)

    assert _all(guard.tick(0.1)) == [("ToHost", b"no")]
    assert guard.problem == ""
    assert not guard.holds_bytes


def test_numbers_are_translated_and_every_byte_is_accounted_for():
    guard = GuardedConversation(lambda: _OnTheFloor([Translate(b"ab", b"AB!", is_to_device=True)], [ToDevice(b"c")]))

    assert _sent(guard.from_host(b"abc", 0)) == b"AB!"
    assert guard.holds_bytes
    assert _sent(guard.tick(0.1)) == b"c"
    assert not guard.holds_bytes
    assert guard.problem == ""
