"""A receipt on its way to KKM-Server: read, lowered, forwarded once, told once; every byte of anything else passes."""

import base64
import json
from datetime import UTC, datetime

import pytest

from drivers.contract import AskOffer, DocumentEnds, ReceiptDropped, ToDevice, ToHost
from drivers.guard import GuardedConversation
from drivers.http_inline import HELD_S_MAX, OFFER_S_MAX, HttpConversation
from drivers.http_writing import encode_request
from drivers.json_amounts import read_json, write_json
from drivers.printers.kkm_server.commands import Result
from drivers.printers.kkm_server.desk import Desk
from drivers.printers.kkm_server.driver import conversation
from drivers.printers.kkm_server.pos_script import card_sale, look, position, post, sale, web_script
from drivers.printers.kkm_server.receipts import read_receipt
from drivers.printers.kkm_server.room import KkmRoom
from drivers.printers.kkm_server.settings import KkmServerSettings
from drivers.printers.kkm_server.simulator import VirtualKkmServer
from drivers.vocabulary.inside import InsideOffer, InsidePolicy
from drivers.vocabulary.receipt import TenderKind

LINES = ("Скидка 5,00",)
UNTOUCHED = ("Начислено 12 баллов",)


class Shop:
    """A POS, the conversation and the twin on one connection; `offer` is what the agent says, at once."""

    def __init__(self, *, policy=InsidePolicy.CASH_ONLY, answers=True, off=500, settings=None):
        self.twin = VirtualKkmServer(settings)
        self.desk = Desk(currency="RUB", zone=UTC, columns=48)
        self.policy, self.answers, self.off = policy, answers, off
        self.asked, self.documents, self.dropped = [], [], []
        self.now_s = 0.0
        self.connect()

    def connect(self):
        self.line = self.twin.connection()
        self.sent, self.heard = bytearray(), bytearray()

        def make():
            room = KkmRoom(self.desk, policy=self.policy, currency="RUB", zone=UTC, columns=48, new_uid=lambda: "k-1")
            return HttpConversation(room)

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
    def command(self):
        """The command as the server got it."""
        return read_json(bytes(self.sent).partition(b"\r\n\r\n")[2])

    @property
    def totals(self):
        return [total for _, _, total in self.twin.server.made]


def amounts(command):
    return [str(one["Register"]["Amount"]) for one in command["CheckStrings"] if "Register" in one]


@pytest.mark.parametrize("step", [1, 13, 10_000])
def test_the_discount_and_the_lines_are_in_the_receipt(step):
    """180.00 becomes 175.00 at the same price; the money on the table stays and the change grows."""
    shop = Shop().say(post(sale("a")), step)
    (asked,), (document,) = shop.asked, shop.documents

    assert asked.receipt.total.minor == 21_159
    assert [(line.name, line.barcode, line.total.minor) for line in asked.receipt.lines] == [
        ("Хлеб", "4600000000015", 18_000),
        ("Яблоки", "", 3_159),
    ]
    assert asked.receipt.lines[0].discount.minor == 2_000, "the POS's own discount"
    assert amounts(shop.command) == ["175", "31.59"]
    assert shop.command["CheckStrings"][1]["Register"]["Price"] == 100
    assert shop.command["Cash"] == 300
    assert document.receipt.total.minor == 20_659
    assert (document.quoted, document.believed.off_minor, document.believed.total.minor) == ("q-1", 500, 21_159)
    assert document.receipt.uid.startswith("f-9999078900001234-")
    assert {"Скидка 5,00", "СДАЧА =93.41"} <= set(shop.twin.paper)


@pytest.mark.parametrize(
    ("said", "closed_at"),
    [
        ("20260115T1331", datetime(2026, 1, 15, 13, 31, tzinfo=UTC)),
        ("20260115T133107", datetime(2026, 1, 15, 13, 31, 7, tzinfo=UTC)),
        ("20260115T13", None),
        ("20260115T2561", None),
    ],
)
def test_when_it_was_closed_is_told_with_and_without_seconds(said, closed_at):
    answer = {
        "Status": 0,
        "IdCommand": "a",
        "CheckNumber": 3,
        "QRCode": f"t={said}&s=211.59&fn=9999078900001234&i=3&fp=1&n=1",
    }
    document = read_receipt(sale("a"), Result(status=0, error="", answer=answer), currency="RUB", zone=UTC, columns=48)

    assert closed_at == document.receipt.closed_at


def test_the_pos_hears_what_the_server_says():
    shop = Shop().say(post(sale("a")))
    answer = json.loads(bytes(shop.heard).partition(b"\r\n\r\n")[2])

    assert (answer["Status"], answer["IdCommand"], answer["CheckNumber"]) == (0, "a", 3)


def test_advise_prints_the_lines_and_leaves_the_sums():
    shop = Shop(policy=InsidePolicy.ADVISE).say(post(sale("a")))

    assert amounts(shop.command) == ["180", "31.59"]
    assert shop.documents[0].believed is None
    assert UNTOUCHED[0] in shop.twin.paper


@pytest.mark.parametrize(
    ("policy", "total"),
    [(InsidePolicy.CASH_ONLY, 13_998), (InsidePolicy.ALWAYS, 13_498), (InsidePolicy.ADVISE, 13_998)],
)
def test_a_card_is_charged_less_only_where_the_owner_says_always(policy, total):
    shop = Shop(policy=policy).say(post(card_sale("a")))

    assert shop.totals == [total]
    assert shop.documents[0].receipt.tenders[0].amount.minor == total
    assert (shop.documents[0].believed is None) is (total == 13_998)


@pytest.mark.parametrize("name", ["AdvancePayment", "Credit", "CashProvision"])
def test_an_advance_a_credit_and_a_certificate_are_never_touched(name):
    shop = Shop(policy=InsidePolicy.ALWAYS).say(post(sale("a", Cash=0, **{name: 211.59})))

    assert shop.totals == [21_159]
    assert shop.documents[0].believed is None


def test_a_position_that_is_an_advance_is_not_touched():
    strings = [position("Аванс", 100, 1, 100, SignMethodCalculation=3)]
    shop = Shop(policy=InsidePolicy.ALWAYS).say(post(sale("a", CheckStrings=strings)))

    assert shop.totals == [10_000]


def test_an_amount_that_no_price_reaches_becomes_two_positions():
    """300 pieces for 100.01: the register would refuse 300 × 0.33 and 300 × 0.34 alike."""
    strings = [position("Гвоздь", 1, 300, 300)]
    shop = Shop(off=19_999).say(post(sale("a", CheckStrings=strings)))
    made = [one["Register"] for one in shop.command["CheckStrings"] if "Register" in one]

    assert [(one["Quantity"], str(one["Amount"])) for one in made] == [(199, "65.67"), (101, "34.34")]
    assert shop.totals == [10_001]
    assert shop.documents[0].believed.off_minor == 19_999


def test_marked_goods_stay_one_position():
    strings = [position("Вода", 1, 300, 300, GoodCodeData={"BarCode": "0104600000000015215ABC"})]
    shop = Shop(off=19_999).say(post(sale("a", CheckStrings=strings)))

    assert len(amounts(shop.command)) == 1
    assert shop.asked[0].receipt.lines[0].barcode == "4600000000015"
    assert shop.totals[0] == shop.documents[0].receipt.total.minor >= 10_001


def test_the_customer_is_named_by_the_phone_the_receipt_is_sent_to():
    shop = Shop().say(post(sale("a", ClientAddress="+79000000001")))
    other = Shop().say(post(sale("b", ClientAddress="anna@example.invalid")))

    assert shop.asked[0].codes == shop.documents[0].codes == ("+79000000001",)
    assert other.documents[0].codes == ()
    assert b"79000000001" not in shop.documents[0].raw
    assert b"example.invalid" not in other.documents[0].raw.replace(b"https://example.invalid/1", b"")


def test_without_an_offer_it_goes_as_it_came():
    shop = Shop()
    shop.offer = lambda document: None
    shop.say(post(sale("a")))

    assert bytes(shop.sent) == post(sale("a"))
    assert (shop.documents[0].quoted, shop.totals) == ("", [21_159])


def test_nobody_answers_and_it_goes_after_a_while():
    shop = Shop(answers=False).say(post(sale("a")))
    assert bytes(shop.sent) == b""
    shop.now_s = OFFER_S_MAX + 0.1
    shop.obey(shop.talk.tick(shop.now_s))
    shop.obey(shop.talk.offered(shop.asked[0], shop.offer(None), shop.now_s))  # too late: nobody waits for it

    assert bytes(shop.sent) == post(sale("a"))
    assert len(shop.documents) == 1
    assert shop.talk.problem == ""


def test_a_lost_answer_is_repeated_with_the_same_bytes_and_makes_one_receipt():
    """The POS repeats its command under the same IdCommand over a new connection; nobody is asked a second time."""
    shop = Shop().say(post(sale("a")))
    first, told = bytes(shop.sent), shop.documents[0]
    again = Shop()
    again.twin, again.desk = shop.twin, Desk(currency="RUB", zone=UTC, columns=48)
    talk = again.connect()
    talk.talk.from_device = lambda data, now_s: ()  # the answer to the first try never comes
    talk.say(post(sale("b")))
    sent = bytes(talk.sent)
    talk.off = 700
    talk.connect().say(post(sale("b")))

    assert bytes(talk.sent) == sent != first
    assert len(talk.asked) == 1
    assert [one.receipt.uid for one in talk.documents] != [told.receipt.uid]
    assert [one.quoted for one in talk.documents] == ["q-1"]
    assert shop.totals == [20_659, 20_659]


def test_a_result_that_is_asked_for_is_told_once():
    """Timeout 0: the command waits, and every later question gets the same result."""
    shop = Shop().say(post(sale("a", Timeout=0)))
    assert shop.documents == []
    shop.connect().say(look("a", times=3))

    assert [(one.receipt.total.minor, one.quoted) for one in shop.documents] == [(20_659, "q-1")]


def test_another_receipt_under_a_name_that_waits_passes_as_it_is():
    shop = Shop().say(post(sale("a", Timeout=0)))
    other = post(card_sale("a", Timeout=0))
    shop.connect().say(other + look("a"))

    assert bytes(shop.sent).startswith(other)
    assert [one.receipt.total.minor for one in shop.documents] == [20_659], "what the server has is the first one"


def test_a_receipt_that_is_not_the_one_we_saw_is_not_counted_as_it():
    """The server forgot a name and made another receipt under it: its QR code tells."""
    shop = Shop().say(post(sale("a", Timeout=0)))
    shop.twin.server._waiting["a"] = card_sale("a")
    shop.say(look("a"))

    assert shop.documents[0].receipt is None
    assert "another receipt" in shop.documents[0].problems[0]


def test_a_receipt_that_failed_gives_the_quote_back_and_the_next_try_is_a_new_one():
    shop = Shop()
    shop.twin.set_rude("paper_out", is_on=True)
    shop.say(post(sale("a")))
    shop.twin.set_rude("paper_out", is_on=False)
    shop.say(post(sale("a")))

    assert shop.dropped == ["q-1"]
    assert [one.quoted for one in shop.documents] == ["q-2"]


def test_a_wrong_password_is_the_servers_matter_and_gives_the_quote_back():
    shop = Shop(settings=KkmServerSettings(user="User", password="right"))
    shop.say(post(sale("a")))
    token = base64.b64encode(b"User:right")
    head, gap, body = post(sale("a")).partition(b"\r\n\r\n")
    shop.say(head + b"\r\nAuthorization: Basic " + token + gap + body)

    assert b"401" in bytes(shop.heard)
    assert shop.dropped == ["q-1"]
    assert shop.totals == [20_659]


def test_a_return_is_told_with_what_came_back():
    shop = Shop().say(post(sale("a", kind=1)))

    assert shop.asked == []
    assert shop.documents[0].kind.value == "return"
    assert shop.documents[0].receipt.total.minor == 21_159


def test_a_receipt_from_before_our_time_is_said_to_be_unknown_once():
    shop = Shop()
    shop.twin.server.execute(sale("old"))
    shop.say(look("old", times=2))

    assert [one.receipt for one in shop.documents] == [None]
    assert "did not see" in shop.documents[0].problems[0]


@pytest.mark.parametrize("scene", web_script(), ids=lambda scene: scene.name)
def test_with_the_policy_off_every_byte_passes_at_once(scene):
    shop = Shop(policy=InsidePolicy.OFF)
    shop.twin.sell(0)
    shop.say(scene.from_host, 1)

    assert bytes(shop.sent) == scene.from_host


@pytest.mark.parametrize(
    "request_bytes",
    [
        encode_request("POST", "/Execute", [("Content-Encoding", "gzip")], b"x"),
        encode_request("POST", "/Execute", [], b"{oops"),
        encode_request("POST", "/Execute", [], b"\xff\xfe\x00"),
        encode_request("POST", "/Execute", [], write_json({**sale("a"), "CheckStrings": "none"})),
        encode_request("POST", "/Execute", [], b" " * 70_000 + write_json(sale("a"))),
        encode_request("GET", "/Execute", []),
        b"POST " + b"x" * 3_000,
        b"\x16\x03\x01",
    ],
)
def test_what_is_no_sale_is_left_alone(request_bytes):
    shop = Shop().say(request_bytes, 1_000)

    assert bytes(shop.sent) == request_bytes
    assert shop.asked == []


def test_ten_megabytes_pass_and_are_not_kept():
    body = b'{"Command":"RegisterCheck","x":"' + b"y" * 10_000_000 + b'"}'
    whole = encode_request("POST", "/Execute", [], body)
    shop = Shop().say(whole, 65_536)

    assert bytes(shop.sent) == whole
    assert shop.talk.problem == ""


@pytest.mark.parametrize("at", range(0, 900, 37))
def test_a_pos_that_goes_leaves_a_whole_sale_or_none(at):
    """Cut at every place of its request: what reached the server is whole, the next try makes one receipt of it."""
    whole = post(sale("a"))
    shop = Shop().say(whole[:at])
    shop.obey(shop.talk.host_gone(0.0))
    assert shop.talk.problem == ""
    shop.connect().say(whole)

    assert len(shop.totals) == 1
    assert len({one.receipt.uid for one in shop.documents}) == 1
    assert shop.documents[0].receipt.total.minor == shop.totals[0]


def test_the_rest_of_a_sale_that_does_not_come_is_not_waited_for():
    whole = post(sale("a"))
    shop = Shop().say(whole[:200])
    assert bytes(shop.sent) == b""
    shop.now_s = HELD_S_MAX + 0.1
    shop.obey(shop.talk.tick(shop.now_s))
    shop.say(whole[200:])

    assert bytes(shop.sent) == whole
    assert len(shop.documents) == 1


def test_the_setting_decides():
    assert conversation(None, device="x")._room.holds is False
    assert conversation(KkmServerSettings(discount="advise"), device="x")._room.holds is True


def test_the_published_sample_is_understood(samples):
    sample = samples / "tills" / "kkmserver" / "register_check_made_from_spec.json"
    shop = Shop(off=0).say(encode_request("POST", "/Execute", [], sample.read_bytes()))
    (document,) = shop.documents

    assert document.receipt.total.minor == 18_000
    assert document.receipt.lines[0].discount.minor == 2_000
    assert [(one.kind, one.amount.minor) for one in document.receipt.tenders] == [(TenderKind.CASH, 18_000)]
    assert document.codes == ("+79001234567",)
