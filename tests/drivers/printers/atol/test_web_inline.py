"""Between a till and the web server: every byte passes, and each receipt is told once, whoever asks how often."""

from datetime import UTC

import pytest
from hypothesis import strategies as st

from drivers.contract import DocumentEnds, ToDevice, ToHost
from drivers.guard import GuardedConversation
from drivers.http_writing import encode_request, encode_response
from drivers.printers.atol.desk import REQUESTS_MAX, Desk
from drivers.printers.atol.driver import conversation
from drivers.printers.atol.pos_script import card_sale, look, post, sale, web_script
from drivers.printers.atol.settings import AtolSettings
from drivers.printers.atol.simulator import VirtualAtol
from drivers.printers.atol.tasks import TaskRequest, TaskResult
from drivers.printers.atol.web_inline import WebConversation
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.receipt import DocumentKind
from tests.agent.loyalty.soaking import prove


def make_desk():
    return Desk(currency="RUB", zone=UTC, columns=48)


class Shop:
    """A till, the conversation and the twin on one connection."""

    def __init__(self, twin=None, desk=None):
        self.twin = twin or VirtualAtol()
        self.desk = desk or make_desk()
        self.documents = []
        self.connect()

    def connect(self):
        self.line = self.twin.connection()
        self.talk = GuardedConversation(lambda: WebConversation(self.desk))
        return self

    def say(self, data, step=None):
        """Bytes of the till; what it is answered."""
        step = step or max(1, len(data))
        heard = b""
        for at in range(0, len(data), step):
            passed = self._obey(self.talk.from_host(data[at : at + step], 0.0), ToDevice)
            assert passed == data[at : at + step]
            answer = self.line.feed(passed)
            for start in range(0, len(answer), step):
                part = answer[start : start + step]
                assert self._obey(self.talk.from_device(part, 0.0), ToHost) == part
            heard += answer
        assert self.talk.problem == ""
        return heard

    def _obey(self, steps, wanted):
        self.documents += [one.document for one in steps if isinstance(one, DocumentEnds)]
        assert all(one.render(["x"]) == b"" for one in steps if isinstance(one, DocumentEnds))
        return b"".join(one.data for one in steps if isinstance(one, wanted))


@pytest.fixture
def shop():
    return Shop()


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_sale_is_told_when_its_result_is_ready(shop, step):
    shop.say(post("u", sale()) + look("u"), step)
    assert shop.documents == []
    shop.say(look("u"), step)
    (document,) = shop.documents

    assert document.kind is DocumentKind.SALE
    assert document.receipt.total.minor == 12_159
    assert document.receipt.uid.startswith("f-9999078900007777-2-")


def test_the_script_is_understood(shop):
    for scene in web_script():
        before = len(shop.documents)
        shop.say(scene.from_host)
        assert scene.documents == len(shop.documents) - before, scene.name

    assert all(document.problems == () for document in shop.documents)


def test_a_till_that_asks_again_changes_nothing(shop):
    shop.say(post("u", sale()) + look("u", times=9))

    assert len(shop.documents) == 1


def test_a_till_that_repeats_the_uuid_changes_nothing(shop):
    """The server refuses it with 409, and the till asks for the results once more."""
    shop.say((post("u", sale()) + look("u", times=2)) * 3)

    assert len(shop.documents) == 1
    assert len(shop.twin.register.memory.receipts) == 1


def test_a_connection_for_each_request(shop):
    """As most tills do: the desk outlives the connection."""
    for request in (post("u", sale()), look("u"), look("u"), look("u")):
        shop.connect().say(request)

    assert len(shop.documents) == 1


def test_an_answer_to_the_post_that_was_never_heard(shop):
    """The line broke before the server's 201: the till posts again, is told 409, and asks."""
    request = post("u", sale())
    shop.talk.from_host(request, 0.0)
    shop.line.feed(request)
    shop.connect().say(request + look("u", times=2))

    assert len(shop.documents) == 1
    assert shop.documents[0].receipt is not None


def test_the_line_is_cut_at_every_byte(shop):
    """Wherever the till's connection breaks, one document and one event come of it once the till has gone on."""
    whole = post("u", sale()) + look("u", times=2)
    for at in range(0, len(whole), 3):
        shop = Shop()
        shop.say(whole[:at])
        shop.connect().say(post("u", sale()) + look("u", times=3))
        assert len(shop.documents) == 1, at
        assert len(shop.twin.register.memory.receipts) == 1, at
        assert shop.documents[0].receipt is not None, at


def test_answers_cut_at_every_byte(shop):
    requests = (post("u", sale()), look("u"), look("u"))
    answers = [Shop().connect().say(b"".join(requests[: n + 1])) for n in range(3)]
    size = len(answers[2])
    for at in range(0, size, 3):
        shop = Shop()
        heard = 0
        for request in requests:
            shop.talk.from_host(request, 0.0)
            answer = shop.line.feed(request)
            part = answer[: max(0, at - heard)]
            heard += len(answer)
            shop._obey(shop.talk.from_device(part, 0.0), ToHost)
            if len(part) < len(answer):
                break
        shop.connect().say(post("u", sale()) + look("u", times=3))
        assert len(shop.documents) == 1, at
        assert shop.documents[0].receipt is not None, at


def test_a_server_that_has_forgotten_makes_a_new_receipt():
    """Its database was lost: the uuid is taken again (201), and another fiscal document comes of it."""
    shop = Shop()
    shop.say(post("u", sale()) + look("u", times=2))
    shop.twin.web._requests.clear()
    shop.say(post("u", sale()) + look("u", times=2))

    assert [document.receipt.number for document in shop.documents] == ["2", "3"]


def test_a_receipt_posted_before_our_time_is_told_without_lines():
    shop = Shop()
    shop.line.feed(post("u", sale()))
    shop.say(look("u", times=4))
    (document,) = shop.documents

    assert document.receipt is None
    assert "did not see" in document.problems[0]


def test_a_shift_posted_before_our_time_is_no_receipt(shop):
    shop.line.feed(post("u", {"type": "openShift"}))
    shop.say(look("u", times=3))

    assert shop.documents == []


def test_a_receipt_that_failed_is_none(shop):
    shop.twin.be_rude("paper_out")
    heard = shop.say(post("u", sale()) + look("u", times=3))

    assert b'"code":44' in heard
    assert shop.documents == []


def test_a_cancelled_task_is_no_receipt(shop):
    cancel = encode_request("DELETE", "/api/v2/requests/u", [("Host", "h")])
    shop.say(post("u", sale()) + cancel + look("u", times=3))

    assert shop.documents == []


def test_two_sales_in_one_request_are_two(shop):
    shop.say(post("u", sale(), card_sale()) + look("u", times=3))

    assert [document.receipt.total.minor for document in shop.documents] == [12_159, 13_900]


def test_the_older_server_has_no_prefix(shop):
    old = [request.replace(b"/api/v2/", b"/") for request in (post("u", sale()), look("u"), look("u"))]
    shop.say(b"".join(old))

    assert len(shop.documents) == 1


def test_a_till_behind_another_device_id(shop):
    shop.say(post("u", sale()).replace(b"/requests ", b"/requests?deviceID=1 "))
    shop.say(look("u", times=2).replace(b"/u ", b"/u?deviceID=1 "))

    assert len(shop.documents) == 1


def test_an_answer_without_a_length_is_read():
    """HTTP/1.0: the body ends with the connection, which nobody tells the conversation."""
    shop = Shop()
    shop.say(post("u", sale()) + look("u"))
    body = shop.twin.connection().feed(look("u")).partition(b"\r\n\r\n")[2]
    shop.talk.from_host(look("u"), 0.0)
    wire = b"HTTP/1.0 200 OK\r\n\r\n" + body
    for at in range(0, len(wire), 11):
        shop._obey(shop.talk.from_device(wire[at : at + 11], 0.0), ToHost)

    assert len(shop.documents) == 1


def test_what_is_no_http_passes(shop):
    for data in (b"\x16\x03\x01\x02\x00", b"GET /api HTTP/9\r\n\r\n", post("u", sale())):
        assert shop._obey(shop.talk.from_host(data, 0.0), ToDevice) == data
        assert shop._obey(shop.talk.from_device(data, 0.0), ToHost) == data

    assert shop.talk.problem == ""
    assert shop.documents == []


def test_an_answer_nobody_asked_for_changes_nothing(shop):
    shop._obey(shop.talk.from_device(encode_response(408, [], b"{}"), 0.0), ToHost)
    shop.say(post("u", sale()) + look("u", times=2))

    assert len(shop.documents) == 1


@prove(st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=12))
def test_rubbish_passes_both_ways(parts):
    shop = Shop()
    for is_host, data in parts:
        if is_host:
            assert shop._obey(shop.talk.from_host(data, 0.0), ToDevice) == data
        else:
            assert shop._obey(shop.talk.from_device(data, 0.0), ToHost) == data

    assert shop.talk.problem == ""


# ── The desk ────────────────────────────────────────────────────────────────────────────────────


def test_a_request_the_server_refused_is_forgotten():
    desk = make_desk()
    request = TaskRequest(uuid="u", tasks=({"type": "sell"},))
    desk.posted(request)
    desk.answered(request, 400)

    assert desk._entries == {}


def test_a_server_error_leaves_it_open():
    desk = make_desk()
    request = TaskRequest(uuid="u", tasks=(sale(),))
    desk.posted(request)
    desk.answered(request, 500)

    assert len(desk._entries) == 1


def test_the_desk_is_bounded():
    desk = make_desk()
    for number in range(REQUESTS_MAX + 50):
        request = TaskRequest(uuid=f"u-{number}", tasks=({},))
        desk.posted(request)
        desk.answered(request, 201)

    assert len(desk._entries) == REQUESTS_MAX


def test_more_results_than_tasks_are_nothing():
    desk = make_desk()
    request = TaskRequest(uuid="u", tasks=({"type": "reportX"},))
    desk.answered(request, 201)
    results = [TaskResult(status="ready", result={"fiscalParams": {"total": 1, "fiscalReceiptNumber": 1}})] * 3

    assert desk.told("u", results).documents == ()


# ── The row ─────────────────────────────────────────────────────────────────────────────────────


def test_connections_of_one_device_share_a_desk_and_others_do_not():
    settings = AtolSettings()
    one, same, other = (conversation(settings, device=name) for name in ("a", "a", "b"))

    assert one._desk is same._desk
    assert one._desk is not other._desk


def test_the_low_level_does_not_stand_in_line():
    with pytest.raises(SettingsError, match="web server only"):
        conversation(AtolSettings(interface="3"), device="a")
