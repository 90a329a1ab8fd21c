"""A sale kept back until the agent has its word on it: the till notices nothing, and the receipt is one, wherever it is cut."""

from datetime import UTC

import pytest

from drivers.contract import AskOffer, DocumentEnds, ReceiptDropped, ToDevice, ToHost
from drivers.guard import GuardedConversation
from drivers.http_writing import encode_request
from drivers.printers.atol.desk import Desk
from drivers.printers.atol.pos_script import card_sale, look, post, sale, web_script
from drivers.printers.atol.simulator import VirtualAtol
from drivers.printers.atol.web_inline import HELD_S_MAX, WebConversation
from drivers.printers.atol.web_inside import OFFER_S_MAX, InsideTasks
from drivers.vocabulary.inside import InsideOffer, InsidePolicy

LINES = ("Скидка 5,00",)
UNTOUCHED = ("Начислено 12 баллов",)


class Shop:
    """A till, the conversation and the twin on one connection; `offer` is what the agent says, at once."""

    def __init__(self, *, policy=InsidePolicy.CASH_ONLY, answers=True, off=500):
        self.twin = VirtualAtol()
        self.desk = Desk(currency="RUB", zone=UTC, columns=48)
        self.policy = policy
        self.answers = answers
        self.off = off
        self.asked, self.documents, self.dropped = [], [], []
        self.now_s = 0.0
        self.connect()

    def connect(self):
        self.line = self.twin.connection()
        self.sent, self.heard = bytearray(), bytearray()

        def make():
            inside = InsideTasks(
                self.desk, policy=self.policy, currency="RUB", zone=UTC, columns=48, new_uid=lambda: "a-1"
            )
            return WebConversation(self.desk, inside=inside)

        self.talk = GuardedConversation(make)
        return self

    def offer(self, document):
        quoted = f"q-{len(self.asked)}"
        return InsideOffer(quoted=quoted, off={1: self.off} if self.off else {}, lines=LINES, lines_untouched=UNTOUCHED)

    def say(self, data, step=None):
        step = step or max(1, len(data))
        for at in range(0, len(data), step):
            self.obey(self.talk.from_host(data[at : at + step], self.now_s))
        assert self.talk.problem == ""
        return self

    def obey(self, steps):
        for one in steps:
            if isinstance(one, ToDevice):
                self.sent += one.data
                self.obey(self.talk.from_device(self.line.feed(one.data), self.now_s))
            elif isinstance(one, ToHost):
                self.heard += one.data
            elif isinstance(one, DocumentEnds):
                self.documents.append(one.document)
            elif isinstance(one, ReceiptDropped):
                self.dropped.append(one.quoted)
            elif isinstance(one, AskOffer):
                self.asked.append(one.document)
                if self.answers:
                    self.obey(self.talk.offered(one.document, self.offer(one.document), self.now_s))

    @property
    def receipts(self):
        return self.twin.register.memory.receipts


SOLD = post("u", sale()) + look("u", times=2)


@pytest.mark.parametrize("step", [1, 13, 10_000])
def test_the_discount_and_the_lines_are_in_the_receipt(step):
    shop = Shop().say(SOLD, step)
    (asked,), (document,) = shop.asked, shop.documents

    assert asked.receipt.total.minor == 12_159
    assert [line.name for line in asked.receipt.lines] == ["Хлеб", "Яблоки"]
    assert document.receipt.total.minor == 11_659
    assert document.quoted == "q-1"
    assert (document.believed.total.minor, document.believed.off_minor) == (12_159, 500)
    assert "Скидка 5,00" in shop.twin.paper
    assert "СДАЧА =83.41" in shop.twin.paper
    assert [stored.total for stored in shop.receipts] == [11_659]


def test_the_till_hears_what_the_server_says():
    """Nothing of ours: the same answers as without us, but for what was fiscalised."""
    shop = Shop().say(SOLD)
    alone = VirtualAtol().feed(SOLD)

    assert bytes(shop.heard).count(b"HTTP/1.1") == alone.count(b"HTTP/1.1") == 3
    assert b"201 Created" in shop.heard
    assert b'"total":116.59' in shop.heard


def test_without_an_offer_it_goes_as_it_came():
    shop = Shop()
    shop.offer = lambda document: None
    shop.say(SOLD)

    assert bytes(shop.sent) == SOLD
    assert shop.documents[0].quoted == ""
    assert shop.receipts[0].total == 12_159


def test_nobody_answers_and_it_goes_after_a_while():
    shop = Shop(answers=False).say(post("u", sale()))
    assert bytes(shop.sent) == b""
    shop.now_s = OFFER_S_MAX + 0.1
    shop.obey(shop.talk.tick(shop.now_s))
    shop.obey(shop.talk.offered(shop.asked[0], shop.offer(None), shop.now_s))  # too late: nobody waits for it
    shop.say(look("u", times=2))

    assert bytes(shop.sent) == SOLD
    assert len(shop.documents) == 1
    assert shop.talk.problem == ""


def test_a_word_that_comes_too_late_is_no_word_on_the_next_sale():
    """Nor is "nothing" for the first one an answer for the second."""
    for late in (lambda shop: shop.offer(None), lambda shop: None):
        shop = Shop(answers=False).say(post("u", sale()))
        shop.now_s = OFFER_S_MAX + 0.1
        shop.obey(shop.talk.tick(shop.now_s))
        shop.say(look("u", times=2) + post("v", sale()))
        before = bytes(shop.sent)
        shop.obey(shop.talk.offered(shop.asked[0], late(shop), shop.now_s))
        assert bytes(shop.sent) == before
        shop.obey(shop.talk.offered(shop.asked[1], shop.offer(None), shop.now_s))
        shop.say(look("v", times=2))

        assert [one.total for one in shop.receipts] == [12_159, 11_659]


def test_a_card_is_left_alone_and_the_lines_say_so():
    shop = Shop().say(post("u", card_sale()) + look("u", times=2))
    (document,) = shop.documents

    assert document.receipt.total.minor == 13_900
    assert (document.quoted, document.believed) == ("q-1", None)
    assert UNTOUCHED[0] in shop.twin.paper


def test_a_uuid_that_is_repeated_has_the_same_sent_again():
    """The first answer was lost: the server knows the request (409), and nobody is asked a second time."""
    shop = Shop().say(post("u", sale()))
    first = bytes(shop.sent)
    shop.off = 700
    shop.connect().say(SOLD)

    assert bytes(shop.sent).startswith(first)
    assert len(shop.asked) == 1
    assert b"409 Conflict" in shop.heard
    assert [document.receipt.total.minor for document in shop.documents] == [11_659]
    assert len(shop.receipts) == 1


def test_another_sale_under_the_same_uuid_passes_as_it_is():
    """A till that counts its uuids from the beginning each day must never have an old sale sent for a new one."""
    other = post("u", card_sale())
    shop = Shop().say(post("u", sale())).connect().say(other)

    assert bytes(shop.sent) == other
    assert b"409 Conflict" in shop.heard


def test_a_request_whose_receipt_was_told_is_not_sent_again_as_it_was():
    shop = Shop().say(SOLD)
    shop.twin.web._requests.clear()
    shop.connect().say(SOLD)

    assert bytes(shop.sent) == SOLD
    assert [(one.receipt.total.minor, one.quoted) for one in shop.documents] == [(11_659, "q-1"), (12_159, "")]


def test_a_sale_that_failed_gives_the_quote_back():
    shop = Shop()
    shop.twin.be_rude("paper_out")
    shop.say(post("u", sale()) + look("u", times=4))
    shop.twin.be_rude("paper_out", on=False)
    shop.say(post("u-2", sale()) + look("u-2", times=2))

    assert shop.dropped == ["q-1"]
    assert [document.quoted for document in shop.documents] == ["q-2"]


def test_a_sale_the_server_did_not_take_gives_the_quote_back():
    shop = Shop()
    shop.twin.web.manners.user = "somebody"
    shop.say(post("u", sale()))

    assert b"401" in shop.heard
    assert shop.dropped == ["q-1"]


def test_requests_that_follow_at_once_are_read():
    shop = Shop().say(post("u", sale()) + look("u", times=2) + post("v", card_sale()) + look("v", times=2))

    assert [document.receipt.total.minor for document in shop.documents] == [11_659, 13_900]
    assert len(shop.asked) == 2


def test_what_the_till_says_meanwhile_comes_after():
    shop = Shop(answers=False).say(post("u", sale()))
    shop.say(look("u", times=2))
    assert bytes(shop.sent) == b""
    shop.obey(shop.talk.offered(shop.asked[0], shop.offer(None), 0.0))

    assert len(shop.documents) == 1
    assert shop.talk.problem == ""
    assert bytes(shop.sent).endswith(look("u", times=2))


def test_a_till_that_talks_on_and_on_is_not_kept_waiting():
    whole = post("u", sale())
    shop = Shop(answers=False).say(whole + b"x" * 61_000)

    assert shop.obey(shop.talk.from_host(b"x" * 1_000, 0.0)) is None
    assert bytes(shop.sent).startswith(whole)
    assert shop.talk.problem == ""


def test_everything_else_passes_at_once():
    """Byte by byte, nothing but a sale is ever kept back."""
    shop = Shop(policy=InsidePolicy.ALWAYS, answers=False)
    plain = [scene for scene in web_script() if b'"sell"' not in scene.from_host]
    for scene in plain:
        shop.connect().say(scene.from_host, 1)
        assert bytes(shop.sent) == scene.from_host, scene.name

    assert len(plain) >= 4
    assert shop.asked == []


def test_the_rest_of_a_sale_that_does_not_come_is_not_waited_for():
    """A till that waits for "100 Continue" after the head: the head goes, and the sale is left alone."""
    whole = post("u", sale())
    shop = Shop().say(whole[:200])
    assert bytes(shop.sent) == b""
    shop.now_s = HELD_S_MAX + 0.1
    shop.obey(shop.talk.tick(shop.now_s))
    assert bytes(shop.sent) == whole[:200]
    shop.say(whole[200:] + look("u", times=2))

    assert bytes(shop.sent) == SOLD
    assert shop.asked == []
    assert len(shop.documents) == 1


def test_a_sale_that_is_too_long_is_left_alone():
    task = {**sale(), "postItems": [{"type": "text", "text": "x" * 62_000}]}
    whole = post("u", task) + look("u", times=2)
    shop = Shop().say(whole, 1_000)

    assert bytes(shop.sent) == whole
    assert shop.asked == []
    assert len(shop.documents) == 1


@pytest.mark.parametrize(
    "request_bytes",
    [
        post("u", sale(), sale()),
        post("u", sale(kind="sellReturn")),
        encode_request("POST", "/api/v2/requests", [("Content-Encoding", "gzip")], b"x"),
        encode_request("POST", "/api/v2/requests", [], b"{oops"),
        b"POST " + b"x" * 3_000,
        b"\x16\x03\x01",
    ],
)
def test_what_is_not_one_sale_is_left_alone(request_bytes):
    shop = Shop().say(request_bytes)

    assert bytes(shop.sent) == request_bytes
    assert shop.asked == []


@pytest.mark.parametrize("answers", [True, False])
def test_a_till_that_goes_leaves_a_whole_sale_or_none(answers):
    """It is cut at every byte of its request: what reached the server is whole, the next try makes one receipt of it."""
    whole = post("u", sale())
    for at in range(0, len(whole) + 1, 5):
        shop = Shop(answers=answers).say(whole[:at])
        shop.obey(shop.talk.host_gone(0.0))
        assert shop.talk.problem == ""
        shop.answers = True
        shop.connect().say(SOLD)
        assert len(shop.receipts) == 1, at
        assert len(shop.documents) == 1, at
        assert shop.documents[0].receipt is not None, at
        assert shop.documents[0].receipt.total.minor == shop.receipts[0].total, at


def test_answers_cut_at_every_byte_make_one_receipt():
    requests = (post("u", sale()), look("u"), look("u"))
    for at in range(0, 900, 7):
        shop = Shop()
        original, left = shop.talk.from_device, [at]

        def cut(data, now_s, original=original, left=left):
            part = data[: left[0]]
            left[0] -= len(part)
            return original(part, now_s)

        shop.talk.from_device = cut
        for request in requests:
            shop.say(request)
        shop.connect().say(SOLD)
        assert len(shop.receipts) == 1, at
        assert [(one.receipt.total.minor, one.quoted) for one in shop.documents] == [(11_659, "q-1")], at
        assert len(shop.asked) == 1, at


def test_the_setting_decides():
    from drivers.printers.atol.driver import conversation
    from drivers.printers.atol.settings import AtolSettings

    assert conversation(AtolSettings(), device="s")._inside is None
    assert conversation(AtolSettings(discount="always"), device="s")._inside._policy is InsidePolicy.ALWAYS
