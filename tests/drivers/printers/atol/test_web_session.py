"""Tasks over a good and a bad line: one close is one fiscal document, wherever the line is cut."""

from decimal import Decimal

import pytest

from drivers.printers.atol.pos_script import sale
from drivers.printers.atol.session import AnswerLost
from drivers.printers.atol.simulator import Rudeness
from drivers.vocabulary.errors import DeviceRefused, RemoteProtocolError


def test_a_task_is_carried_out(web):
    session, _, twin = web()
    (result,) = session.run(sale())

    assert result.status == "ready"
    assert result.fiscal["total"] == Decimal("121.59")
    assert len(twin.register.memory.receipts) == 1


def test_a_task_that_fails_says_why(web):
    session, _, _ = web()
    with pytest.raises(DeviceRefused) as refused:
        session.ask({**sale(), "payments": [{"type": "cash", "sum": 1}]})

    assert refused.value.code == "E317"
    assert refused.value.maker_code == "66"


def test_tasks_behind_one_that_failed_are_interrupted(web):
    session, _, _ = web()
    results = session.run({"type": "reportX"}, {"type": "nonsense"}, {"type": "reportX"})

    assert [result.status for result in results] == ["ready", "error", "interrupted"]
    assert [result.error for result in results] == [0, 501, 502]


@pytest.mark.parametrize("rude", ["half_answer", "answer_lost", "restart"])
def test_a_spoiled_answer_is_asked_for_again_and_the_task_is_not(web, rude):
    session, _, twin = web()
    twin.be_rude(rude)
    with pytest.raises(AnswerLost) as lost:
        session.run(sale(), uuid="one")
    session.run(sale(), uuid="one")

    assert lost.value.may_have_happened
    assert len(twin.register.memory.receipts) == 1
    assert twin.web.posted == 1


def test_a_kept_connection_that_the_server_closed_is_made_anew(web):
    """The usual end of a connection that was kept: no failure, and nothing is sent twice to anybody."""
    session, wire, twin = web()
    session.run(sale())
    session._pipe.is_closed = True
    session.run(sale())

    assert wire.opened == 2
    assert len(twin.register.memory.receipts) == 2


def test_a_close_is_one_document_wherever_the_line_is_cut(web):
    """The line is cut at every byte of the exchange, in both directions; then a new connection goes on."""
    session, whole, twin = web(chunk=1)
    session.run(sale(), uuid="close")
    assert len(twin.register.memory.receipts) == 1
    cuts = [("cut_at", at) for at in range(whole.forth)] + [("cut_back_at", at) for at in range(whole.back)]
    for name, at in cuts:
        session, wire, twin = web(chunk=1_000)
        setattr(wire, name, at)
        with pytest.raises(AnswerLost):
            session.run(sale(), uuid="close")
        wire.mend()
        session, _, _ = web(twin=twin)
        (result,) = session.run(sale(), uuid="close")
        receipts = twin.register.memory.receipts
        assert len(receipts) == 1, (name, at)
        assert receipts[0].number == result.fiscal["fiscalDocumentNumber"], (name, at)

    assert len(cuts) > 1_000


def test_a_server_that_does_not_answer_is_told_in_time(web):
    session, wire, _ = web(rude=["silence"])
    with pytest.raises(AnswerLost) as lost:
        session.run(sale())

    assert lost.value.may_have_happened
    assert wire.now_s < 60


def test_a_blocked_queue_is_told_and_the_task_taken_back(web):
    """Nothing of ours is carried out when the paper is back and nobody waits for it any more."""
    session, wire, twin = web(rude=["queue_blocked"])
    with pytest.raises(DeviceRefused, match="out of paper") as refused:
        session.run({"type": "nonFiscal", "items": []}, timeout_s=3)
    twin.be_rude("queue_blocked", on=False)
    session.run({"type": "reportX"})

    assert refused.value.code == "E301"
    assert refused.value.maker_code == "paperError"
    assert wire.now_s < 10
    assert twin.paper == ("X-ОТЧЕТ",)


def test_a_task_that_somebody_took_back_is_told(web):
    session, _, twin = web()
    original = twin.web._results
    twin.web._results = lambda uuid: (twin.web._cancel(uuid), original(uuid))[1]
    with pytest.raises(DeviceRefused, match="taken back") as refused:
        session.ask({"type": "reportX"})

    assert refused.value.maker_code == "canceled"
    assert twin.paper == ()


def test_a_task_that_goes_on_too_long_says_that_it_may_happen(web):
    session, _, twin = web()
    twin.web.manners.looks_max = 10_000
    with pytest.raises(AnswerLost) as lost:
        session.run(sale(), timeout_s=2)

    assert lost.value.may_have_happened


def test_users_of_the_server(web):
    session, _, _ = web(user="till", password="secret")
    assert session.ask({"type": "getShiftStatus"})["shiftStatus"]["state"] == "closed"
    session, _, twin = web()
    twin.web.manners.user = "somebody"
    with pytest.raises(DeviceRefused) as refused:
        session.run(sale())

    assert refused.value.code == "E318"


@pytest.mark.parametrize("device_id", ["1", "77"])
def test_the_register_of_the_server_is_chosen(web, device_id):
    session, wire, _ = web(device_id=device_id)
    if device_id == "77":
        with pytest.raises(DeviceRefused, match="не найдено"):
            session.run({"type": "reportX"})
    else:
        session.run({"type": "reportX"})

    assert f"deviceID={device_id}".encode() in wire.sent


def test_a_server_in_trouble_is_told(web):
    session, _, _ = web(rude=["server_error"])
    with pytest.raises(DeviceRefused, match="HTTP 500"):
        session.run(sale())


def test_what_is_no_web_server_is_told(web):
    session, wire, _ = web()

    class Echo:
        def feed(self, data):
            return b"SSH-2.0-nothing\r\n\r\n"

    wire.twin.connection = Echo
    with pytest.raises(RemoteProtocolError, match="no web server"):
        session.run(sale())


def test_an_answer_without_a_length_ends_with_the_connection(web):
    session, wire, _ = web()

    class Old:
        is_closed = False

        def feed(self, data):
            self.is_closed = True
            return b'HTTP/1.0 200 OK\r\n\r\n{"number": 0}'

    wire.twin.connection = Old

    assert session.queue() == {"number": 0}


def test_a_connection_is_kept(web):
    session, wire, _ = web()
    session.run(sale())
    session.run(sale())

    assert wire.opened == 1


def test_every_rudeness_is_known_by_name(web):
    for rude in Rudeness:
        _, _, twin = web(rude=[rude.value])
        twin.be_rude(rude.value, on=False)
