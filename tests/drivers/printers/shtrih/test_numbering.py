"""Protocol 2 with requests of ours among the till's: two counts, translated, and every number keeps its meaning."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from drivers.printers.shtrih.frames import Decoder2, Frame2, encode2
from drivers.printers.shtrih.numbering import Renumbering
from drivers.vocabulary.events import DeviceState, DocumentPrinted
from tests.drivers.printers.shtrih.inside_shop import Shop

FRAMES = st.builds(encode2, st.integers(0, 0xFFFF), st.binary(max_size=40)) | st.just(encode2(None))


def translated(stream, offset, cuts=()):
    translator, came, goes = Renumbering(), b"", b""
    edges = [0, *sorted({cut % (len(stream) + 1) for cut in cuts}), len(stream)]
    for begin, end in itertools.pairwise(edges):
        one, other = translator.feed(stream[begin:end], offset)
        came, goes = came + one, goes + other
    return came, goes


@given(st.lists(FRAMES, max_size=6), st.integers(-70_000, 70_000), st.lists(st.integers(0, 400), max_size=8))
def test_frames_come_out_under_the_other_number(frames, offset, cuts):
    """The same bodies, whatever the slicing; a ping has no number."""
    stream = b"".join(frames)
    came, goes = translated(stream, offset, cuts)
    before, after = Decoder2().feed(stream), Decoder2().feed(goes)

    assert came == stream
    assert after == [
        Frame2(None if one.number is None else (one.number + offset) % 65_536, one.body) for one in before
    ]  # fmt: skip
    assert translated(goes, -offset)[1] == stream


@given(st.lists(FRAMES, min_size=1, max_size=3), st.integers(1, 65_535), st.data())
def test_a_damaged_frame_stays_damaged(frames, offset, data):
    """A byte changed or lost on the way to us is not made good."""
    stream = bytearray(b"".join(frames))
    at = data.draw(st.integers(0, len(stream) - 1))
    stream[at : at + 1] = data.draw(st.sampled_from([b"", bytes([stream[at] ^ 0x10])]))
    _, goes = translated(bytes(stream), offset)
    before, after = Decoder2().feed(bytes(stream)), Decoder2().feed(goes)
    frames_before = [one for one in before if isinstance(one, Frame2)]

    assert len([one for one in after if isinstance(one, Frame2)]) == len(frames_before)


@given(st.binary(max_size=200), st.integers(0, 65_535))
def test_no_byte_is_kept_but_an_escape(stream, offset):
    came, _ = translated(stream, offset)

    assert stream in (came, came + b"\x9f")
    assert translated(stream, 0)[1] == came


def sold(**more):
    shop = Shop(protocol=2, **more)
    shop.sell(10_000)
    return shop


def test_the_till_counts_as_it_did():
    """Ours move the register's count on, and the till's next number is its last one and one."""
    shop = sold()
    before = shop.till.number
    assert shop.close(cash=10_000).error == 0
    assert shop.till.number == before + 1
    for count in range(2, 6):
        shop.ask("short_status")
        assert shop.till.number == before + count

    assert shop.stored().total == 9_000
    assert shop.twin._number > shop.till.number
    assert shop.till.outcome.body
    assert shop.guard.problem == ""


def test_a_request_said_again_is_carried_out_once():
    """After a close of ours too: the register has its last number, and repeats its last answer under the till's."""
    shop = sold()
    shop.close(cash=10_000)
    shop.ask("print_line", flags=2, text="once")
    again = encode2(shop.till.number, shop.till._body)
    heard = bytearray()
    shop.till.feed = lambda data, now_s: heard.extend(data)
    shop._carry(shop.guard.from_host(again, shop.now_s))

    assert shop.paper.count("once") == 1
    assert Decoder2().feed(bytes(heard)) == [Frame2(shop.till.number, b"\x17\x00\x01")]


def test_the_close_said_again_gets_its_answer_again():
    shop = sold()
    shop.close(cash=10_000)
    again, body = encode2(shop.till.number, shop.till._body), shop.till.outcome.body
    heard = bytearray()
    shop.till.feed = lambda data, now_s: heard.extend(data)
    shop._carry(shop.guard.from_host(again, shop.now_s))

    assert Decoder2().feed(bytes(heard)) == [Frame2(shop.till.number, body)]
    assert len([one for one in shop.register.memory.documents.values() if one.kind == 3]) == 1


def test_a_till_that_asks_for_the_number_learns_its_own():
    shop = sold()
    shop.close(cash=10_000)
    heard = bytearray()
    feed, shop.till.feed = shop.till.feed, lambda data, now_s: heard.extend(data)
    shop._carry(shop.guard.from_host(encode2(None), shop.now_s))
    shop.till.feed = feed

    assert [one.number for one in Decoder2().feed(bytes(heard))] == [shop.till.number]
    shop.sell(5_000)
    assert shop.close(cash=5_000).error == 0
    assert shop.stored().total == 4_000


def test_a_till_that_comes_back_on_another_line_goes_on_counting():
    shop = sold()
    shop.close(cash=10_000)
    shop.connect()
    shop.sell(10_000)
    assert shop.close(cash=10_000).error == 0

    assert [one.total for one in shop.register.memory.documents.values() if one.kind == 3] == [9_000, 9_000]


def test_a_register_that_was_restarted_is_counted_anew():
    """It begins at its first number; the till finds that out in its own way, and goes on."""
    shop = sold()
    shop.close(cash=10_000)
    shop.twin._number, shop.twin._last = 1, b""
    for _ in range(3):
        shop.ask("short_status")
    shop.sell(10_000)
    assert shop.close(cash=10_000).error == 0

    assert shop.stored().total == 9_000


def test_a_close_under_a_wrong_number_passes():
    """The till has lost count: the register would not carry it out, so nothing is taken off for it."""
    shop = sold()
    wrong = encode2(shop.till.number + 7, bytes([0x85]) + bytes(70))
    before = bytes(shop.to_device)
    shop._carry(shop.guard.from_host(wrong, shop.now_s))

    assert bytes(shop.to_device) == before + wrong
    assert shop.asked == []


# ── Over a real wire ────────────────────────────────────────────────────────────────────────────


def test_a_till_sells_over_tcp_and_notices_nothing(terminal, collector):
    """A session of protocol 2 → TCP → the relay's threads → pseudo-terminal → register; the discount is inside."""
    import threading

    from drivers.inline import InlineWorker
    from drivers.printers.shtrih import ShtrihSettings
    from drivers.printers.shtrih.driver import conversation
    from drivers.printers.shtrih.session import Session, insist
    from drivers.transport.address import endpoint
    from drivers.transport.tcp import TcpListenEndpoint
    from drivers.vocabulary.inside import InsideOffer
    from tests.drivers.printers.shtrih.inside_shop import NO_TAXES

    class Adviser:
        def offer(self, document, *, timeout_s):
            return InsideOffer(quoted=document.receipt.uid, off={1: 1_000}, lines=("Скидка дана",))

        def dropped(self, quoted):
            raise AssertionError(quoted)

    register = terminal()
    stop = threading.Event()
    listener = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    listener.listen()
    settings = ShtrihSettings(discount="cash_only", sell_anew=True)
    worker = InlineWorker(
        name="register", host=listener, device=endpoint(f"serial:{register.path}"),
        conversation_factory=lambda: conversation(settings, device="over-tcp"), emit=collector, compose=None,
        adviser=Adviser(), stop=stop,
    )  # fmt: skip
    worker.start()
    line = endpoint(f"tcp://127.0.0.1:{listener.port}").open(5)
    try:
        till = Session(line, protocol=2)
        for rude in (False, True):
            register.twin.be_rude("no_discount", on=rude)
            insist(till("open_receipt", password=30, type=0))
            for price in (4_550, 5_450):
                insist(
                    till("sale", password=30, quantity=1000, price=price, department=1, text="Хлеб", **NO_TAXES)
                )  # fmt: skip
            paid = {"payment1": 10_000, "payment2": 0, "payment3": 0, "payment4": 0}
            answer = insist(till("close_receipt", password=30, **paid, percent=0, text="", **NO_TAXES))
            assert answer.number("change") == 0
            assert insist(till("short_status", password=30)).number("mode") & 0x0F == 2
        document = collector.wait_for(
            lambda event: isinstance(event, DocumentPrinted) and len(event.document.receipt.lines) == 2
        )
    finally:
        line.close()
        stop.set()
        worker.join(5)

    totals = [one.total for one in register.twin.register.memory.documents.values() if one.kind == 3]
    assert totals == [9_000, 9_000]
    assert document.document.believed.off_minor == 1_000
    assert DeviceState.FAILED not in collector.states
    assert "\n".join(register.twin.paper).count("ЧЕК АННУЛИРОВАН") == 1
