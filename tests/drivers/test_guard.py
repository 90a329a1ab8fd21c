"""The guard: whatever a conversation does, the till's bytes pass, all, unchanged and in order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract import ToDevice, ToHost
from drivers.guard import HELD_BYTES_MAX, GuardedConversation


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
