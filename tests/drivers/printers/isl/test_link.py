"""The host's side of the conversation, time as data: SYN, silence, repeats, and nothing repeated blindly."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printers.isl.fields import Opening, Payment, Sale, write_opening, write_payment, write_sale
from drivers.printers.isl.frames import Frame, FrameReader
from drivers.printers.isl.link import ANSWER_S, TRIES, Answered, HostLink, Unanswered
from drivers.printers.isl.models import MODELS, model_named
from drivers.printers.isl.settings import IslSettings
from drivers.printers.isl.simulator import IslTwin
from drivers.vocabulary.errors import LocalProtocolError

MODEL = model_named("datecs-p")


def pair(**twin):
    return HostLink(MODEL), IslTwin(IslSettings(), **twin)


def run(link, twin, code, data=b"", *, now_s=0.0, until_s=200.0):
    """Play one command, time passing in steps of 10 ms; the outcome, the time, and how many SYN came."""
    link.ask(code, data, now_s)
    syn = 0
    while now_s < until_s:
        outgoing = link.outgoing()
        heard = twin.feed(outgoing, now_s) if outgoing else b""
        heard += twin.tick(now_s)
        syn += heard.count(b"\x16")
        outcome = link.feed(heard, now_s) if heard else link.tick(now_s)
        if outcome is not None:
            return outcome, now_s, syn
        now_s += 0.01
    raise AssertionError("no outcome")


def test_an_answer_comes_at_once():
    """Sent once, answered once; the next command has the next number."""
    link, twin = pair()
    first, _, _ = run(link, twin, 0x4A)
    second, _, _ = run(link, twin, 0x4A)

    assert (1, 0x20) == (first.tries, first.frame.sequence)
    assert 0x21 == second.frame.sequence


def test_syn_every_60_ms_holds_the_host():
    """A printer that prints for three seconds says SYN all the while; the command is sent once."""
    link, twin = pair(busy_s=3.0)
    outcome, now_s, syn = run(link, twin, 0x26)

    assert 1 == outcome.tries
    assert 3.0 <= now_s < 3.1
    assert 40 <= syn <= 51


def test_busy_for_ever_ends():
    """Patience with SYN has an end, and it is the command's own."""
    link, twin = pair(busy_s=100.0)
    outcome, now_s, _ = run(link, twin, 0x26)

    assert isinstance(outcome, Unanswered)
    assert 10.0 <= now_s < 10.1
    assert "busy" in outcome.reason


@pytest.mark.parametrize("rude", ["silence", "half_answer", "wrong_checksum"])
def test_one_lost_answer_is_asked_for_again_under_the_same_number(rude):
    """500 ms of silence, then the same number; the device does nothing twice."""
    link, twin = pair()
    twin.be_rude(rude, times=1)
    outcome, now_s, _ = run(link, twin, 0x26)

    assert 2 == outcome.tries
    assert ANSWER_S <= now_s < ANSWER_S + 0.05
    assert [0x26] == twin.executed


def test_a_damaged_command_is_sent_again():
    """NAK: at once, same number."""
    link, twin = pair()
    link.ask(0x26, b"", 0.0)
    raw = bytearray(link.outgoing())
    raw[-2] ^= 1
    assert b"\x15" == twin.feed(bytes(raw))
    assert None is link.feed(b"\x15", 0.01)
    outcome = link.feed(twin.feed(link.outgoing()), 0.02)

    assert (2, [0x26]) == (outcome.tries, twin.executed)


def test_double_and_late_answers_are_dropped():
    """An answer counts once, and only for its own command."""
    link, twin = pair(rude=["duplicate_answer"])
    for _ in range(3):
        outcome, _, _ = run(link, twin, 0x4A)
        assert isinstance(outcome, Answered)

    assert None is link.feed(twin.feed(b""), 0.0)


def sell(link, twin):
    """A receipt up to its close."""
    run(link, twin, *write_opening(MODEL, Opening()))
    run(link, twin, 0x31, write_sale(MODEL, Sale(name="Чай", price=Decimal(3))))
    run(link, twin, 0x35, write_payment(MODEL, Payment()))


def test_a_close_is_never_repeated_blindly():
    """Silence for good: three tries under one number, then nothing but questions until one is answered."""
    link, twin = pair()
    sell(link, twin)
    twin.be_rude("silence")
    outcome, now_s, _ = run(link, twin, 0x38)
    assert outcome.is_unknown
    assert TRIES * ANSWER_S <= now_s < TRIES * ANSWER_S + 0.1
    for code in (0x38, 0x31, 0x35, 0x27):
        with pytest.raises(LocalProtocolError, match="ask 4Ah first"):
            link.ask(code, b"", now_s)
    outcome, _, _ = run(link, twin, 0x4A)
    assert not outcome.is_unknown
    assert link.is_unknown
    twin.be_rude("silence", times=0)
    run(link, twin, 0x4A)

    assert not link.is_unknown
    assert 1 == twin.executed.count(0x38) == twin.till.fiscal_count


def test_a_close_before_a_restart_is_one_close():
    """The device closed, lost power and forgot the number: the repeat is refused, nothing is closed twice."""
    link, twin = pair()
    sell(link, twin)
    twin.be_rude("restart", times=1)
    outcome, _, _ = run(link, twin, 0x38)

    assert 2 == outcome.tries
    assert 1 == twin.till.fiscal_count


@pytest.mark.parametrize("name", MODELS)
def test_a_close_cut_at_every_byte_closes_once(name):
    """The request or the answer ends in the middle; the repeat under its number ends it, once."""
    model = model_named(name)
    for where in ("request", "answer"):
        for cut in range(40):
            link, twin = HostLink(model), IslTwin(IslSettings(model=name))
            run(link, twin, *write_opening(model, Opening(unp="DT000001-0001-0000001")))
            run(link, twin, 0x31, write_sale(model, Sale(name="Чай", price=Decimal(3))))
            run(link, twin, 0x35, write_payment(model, Payment()))
            link.ask(0x38, b"", 0.0)
            raw = link.outgoing()
            answer = twin.feed(raw[:cut] if where == "request" else raw, 0.0)
            outcome = link.feed(answer[:cut], 0.0)
            now_s = 0.0
            while outcome is None:
                now_s += 0.1
                outcome = link.tick(now_s)
                again = link.outgoing()
                if again:
                    outcome = link.feed(twin.feed(again, now_s), now_s)
            assert isinstance(outcome, Answered), (where, cut)
            assert 1 == twin.till.fiscal_count, (where, cut)


def test_a_broken_line_leaves_the_outcome_unknown():
    """Whoever opens the line again must ask first."""
    link, _ = pair()
    link.ask(0x26, b"", 0.0)
    outcome = link.line_lost()

    assert outcome.is_unknown
    assert link.is_unknown
    assert not link.is_busy
    assert None is link.line_lost()


def test_one_command_at_a_time():
    """The device has no queue."""
    link, _ = pair()
    link.ask(0x4A, b"", 0.0)
    with pytest.raises(LocalProtocolError, match="still under way"):
        link.ask(0x4A, b"", 0.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=10))
def test_whatever_a_device_says_the_link_goes_on(chunks):
    """Rubbish is dropped, the command ends within its time."""
    link, twin = pair()
    link.ask(0x4A, b"", 0.0)
    for chunk in chunks:
        link.feed(chunk, 0.0)
    now_s = 0.0
    while link.is_busy and now_s < 20:
        now_s += 0.1
        link.tick(now_s)

    assert not link.is_busy
    assert isinstance(run(link, twin, 0x4A)[0], Answered)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0x20, 0xFF), st.binary(max_size=40)), max_size=20))
@pytest.mark.parametrize("name", MODELS)
def test_whatever_a_till_sends_the_twin_answers(name, commands):
    """Any command with any data: one whole answer, no exception, and a status that can be read."""
    model = model_named(name)
    twin = IslTwin(IslSettings(model=name))
    reader = FrameReader(model.frame, is_host=False)
    from drivers.printers.isl.frames import encode

    for number, (code, data) in enumerate(commands):
        raw = encode(Frame(sequence=0x20 + number, command=code, data=data), model.frame)
        (answer,) = reader.feed(twin.feed(raw, 0.0))
        assert (0x20 + number, code) == (answer.sequence, answer.command)
