"""Memory pipes and the named faults."""

import random
import threading

import pytest

from drivers.transport.address import endpoint
from drivers.transport.faulty import Delayed, DisconnectAfter, Duplicating, Lossy, OneByteAtATime
from drivers.transport.memory import BUFFER_SIZE_MAX, memory_pair
from drivers.vocabulary.errors import TransportClosed, TransportEnded, TransportError


def test_two_who_open_one_name_meet():
    """The name is the meeting place."""
    ours = []
    waiting = threading.Thread(target=lambda: ours.append(endpoint("memory:meeting").open(5)))
    waiting.start()
    theirs = None
    while theirs is None:
        theirs = endpoint("memory:meeting").open(0.05)
    waiting.join(5)
    theirs.write(b"hello", 1)

    assert ours[0].read(1) == b"hello"


def test_nobody_else_is_none():
    """An offer nobody takes is withdrawn."""
    assert endpoint("memory:alone").open(0.0) is None
    assert not endpoint("memory:alone").visitor_waits()


def test_a_closed_end_is_read_to_the_last_byte():
    """What was written before the close arrives, then the end is told."""
    here, there = memory_pair()
    there.write(b"last", 1)
    there.close()
    assert here.read(1) == b"last"
    with pytest.raises(TransportEnded):
        here.read(1)
    with pytest.raises(TransportClosed):
        here.write(b"x", 1)


def test_an_aborted_end_loses_what_was_on_its_way():
    """A break is a break."""
    here, there = memory_pair()
    there.write(b"lost", 1)
    there.abort()
    with pytest.raises(TransportClosed) as caught:
        here.read(1)

    assert not isinstance(caught.value, TransportEnded)


def test_a_full_pipe_is_not_waited_for_for_ever():
    """A reader that sleeps ends the write in time."""
    here, _ = memory_pair()
    with pytest.raises(TransportError, match="does not read"):
        here.write(b"x" * (BUFFER_SIZE_MAX + 1), 0.01)


def _read_all(transport, tries=40):
    return [transport.read(0.0) for _ in range(tries)]


def test_one_byte_at_a_time():
    """Every read gives one byte."""
    here, there = memory_pair()
    there.write(b"abc", 1)

    assert [b"a", b"b", b"c", b""] == _read_all(OneByteAtATime(here), 4)


def test_loss_is_the_same_with_the_same_seed():
    """A failing run can be repeated."""
    results = []
    for _ in range(2):
        here, there = memory_pair()
        there.write(bytes(200), 1)
        results.append(len(Lossy(here, rate=0.5, random=random.Random(7).random).read(0)))

    assert results[0] == results[1]
    assert 60 < results[0] < 140


def test_duplicates():
    """Each second chunk comes twice."""
    here, there = memory_pair()
    line = Duplicating(here, every=2)
    heard = []
    for chunk in (b"a", b"b", b"c"):
        there.write(chunk, 1)
        heard.append(line.read(0))

    assert [b"a", b"bb", b"c"] == heard


def test_delay_waits_by_the_waiter_it_was_given():
    """No test sleeps for it."""
    waited = []
    here, there = memory_pair()
    line = Delayed(here, delay_s=0.4, wait=waited.append)
    there.write(b"a", 1)

    assert (b"a", b"", [0.4]) == (line.read(0), line.read(0), waited)


def test_the_cable_is_pulled_in_the_middle():
    """The first bytes arrive, then the line is gone for both."""
    here, there = memory_pair()
    line = DisconnectAfter(here, bytes_read_max=3)
    there.write(b"abcdef", 1)
    assert line.read(0) == b"abc"
    with pytest.raises(TransportClosed):
        line.read(0)
    with pytest.raises(TransportClosed):
        there.write(b"x", 1)
