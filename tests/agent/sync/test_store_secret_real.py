"""A till that sells before it is enrolled, then enrols itself by the store's secret: new, on an image, in a dead one's place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import enrolling
from agent.assembly import Agent
from agent.doctor.centre import CentreDoctor
from agent.settings import CentralSettings, DoorsSettings, Settings, TillSettings
from agent.snapshot import LinkState
from agent.sync import pending as pendings
from agent.sync.enrol import enrol, enrol_with_secret
from agent.sync.errors import IdentityError
from agent.sync.identity import FILE_NAME, Identity, load
from agent.sync.pending import Pending, keep, pending_in
from central.enrol_secrets import make_secret
from drivers.vocabulary import checkout
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from tests.agent.sync.key_rig import Centre

pytestmark = pytest.mark.net

PATIENCE_S = 20.0
SEED = "07" * 32


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    made = Centre(tmp_path)
    yield made
    made.stop()


def secret_of(centre: Centre, **more: Any) -> str:
    with centre.database.write() as connection:
        return make_secret(connection, shop="s1", prefix="k", now=centre.now, **more)


def agent_in(folder: Path) -> Agent:
    settings = Settings(
        till=TillSettings(state_folder=str(folder)),
        doors=DoorsSettings(port=0),
        central=CentralSettings(poll_wait_s=1),
    )
    agent = Agent(settings)
    agent.start()
    return agent


def sell(agent: Agent, uid: str) -> None:
    total = Money(1_000, "RUB")
    line = Line(number=1, name="tea", quantity=Quantity.ONE, price=total, total=total)
    receipt = Receipt(uid=uid, kind=DocumentKind.SALE, total=total, lines=(line,))
    agent.till.confirm(checkout.ConfirmRequest(receipt=receipt), timeout_s=10)


def until(agent: Agent, holds: Any) -> Any:
    """The first snapshot of which it holds; told by the till thread, nothing is slept for."""
    news = threading.Condition()

    def changed(_: Any) -> None:
        with news:
            news.notify_all()

    stop = agent.till.subscribe(changed)
    try:
        with news:
            assert news.wait_for(lambda: holds(agent.till.snapshot), PATIENCE_S), agent.till.snapshot
    finally:
        stop()
    return agent.till.snapshot


def is_through(snapshot: Any) -> bool:
    return snapshot.till != "" and snapshot.waiting == 0 and snapshot.link is LinkState.ONLINE


def test_a_till_sells_before_it_is_enrolled_and_goes_on(
    centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away, then there: the agent is neither stopped nor started; the secret is gone from the till; all is sent."""
    monkeypatch.setattr(enrolling, "LOOK_S", 0.02)
    monkeypatch.setattr(enrolling, "delay_s", lambda *_, **__: 0.02)
    folder = tmp_path / "till"
    secret = secret_of(centre)
    keep(folder, Pending(url="http://127.0.0.1:1", secret=secret))
    agent = agent_in(folder)
    try:
        sell(agent, "r1")
        away = until(agent, lambda seen: "as soon as the centre answers" in seen.link_detail)
        (finding,) = list(CentreDoctor(folder, CentralSettings()).check())
        keep(folder, Pending(url=centre.url, secret=secret))
        there = until(agent, is_through)
        sell(agent, "r2")
        until(agent, is_through)
    finally:
        agent.stop()

    assert (LinkState.NOT_ENROLLED, 1, "") == (away.link, away.waiting, away.till)
    assert "enrolling" == finding.code
    assert ("k1", "s1") == (there.till, there.shop)
    assert [] == agent.troubles
    assert pending_in(folder) is None
    assert not any(secret.encode() in path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert (2, 1) == (centre.till("k1").last_sequence, centre.till("k1").epoch)


def test_a_machine_in_a_dead_tills_place(centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next epoch; what it sold before is sealed again and asks nobody; the old one is told whose the place is."""
    monkeypatch.setattr(enrolling, "LOOK_S", 0.02)
    old = agent_in_place(centre, tmp_path / "old", Pending(url=centre.url, secret=secret_of(centre)))
    try:
        sell(old, "a1")
        until(old, is_through)
    finally:
        old.stop()
    centre.now += timedelta(hours=1)
    folder = tmp_path / "new"
    new = agent_in(folder)
    try:
        sell(new, "b1")
        sell(new, "b2")
        keep(folder, Pending(url=centre.url, secret=secret_of(centre, may_replace=True), replaces="k1"))
        until(new, is_through)
        sell(new, "b3")
        until(new, is_through)
    finally:
        new.stop()
    back = agent_in(tmp_path / "old")
    try:
        sell(back, "a2")
        told = until(back, lambda seen: "has taken the place" in seen.link_detail)
    finally:
        back.stop()

    assert 2 == load(folder).epoch
    till = centre.till("k1")
    assert (2, "", "") == (till.epoch, till.quarantined or "", till.signature_trouble or "")
    with centre.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT uid FROM receipt ORDER BY uid").fetchall()
    assert ["a1", "b1", "b2", "b3"] == [row[0] for row in rows]
    assert 1 == told.waiting


def agent_in_place(centre: Centre, folder: Path, waits: Pending) -> Agent:
    keep(folder, waits)
    agent = agent_in(folder)
    until(agent, lambda seen: seen.till != "")
    return agent


def test_an_image_enrols_its_copies_and_never_itself(
    centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of an identity is on the image; each copy becomes a till of its own."""
    monkeypatch.setattr(pendings, "machine_id", lambda: "image")
    monkeypatch.setattr(enrolling, "LOOK_S", 0.02)
    waits = Pending(url=centre.url, secret=secret_of(centre), not_on="image")
    keep(tmp_path / "image", waits)
    image = agent_in(tmp_path / "image")
    try:
        seen = until(image, lambda one: "this machine is the image" in one.link_detail)
    finally:
        image.stop()

    assert "" == seen.till
    assert not (tmp_path / "image" / FILE_NAME).exists()
    assert waits == pending_in(tmp_path / "image")
    for number, copy in enumerate(("copy-1", "copy-2"), start=1):
        keep(tmp_path / copy, waits)
        identity = pendings.enrol_pending(tmp_path / copy, here=copy)
        assert identity is not None
        assert f"k{number}" == identity.till


def test_an_identity_made_beside_a_running_till_is_taken_up(
    centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tillpoint enrol` while the agent sells: no restart."""
    monkeypatch.setattr(enrolling, "LOOK_S", 0.02)
    agent = agent_in(tmp_path / "till")
    try:
        sell(agent, "r1")
        enrol(centre.url, centre.code("t7"), tmp_path / "till")
        until(agent, is_through)
    finally:
        agent.stop()

    assert 1 == centre.till("t7").last_sequence


def test_a_lost_answer_gives_the_same_till_again(centre: Centre, tmp_path: Path) -> None:
    """The key is on disk before it is shown, so the second asking is by the same machine."""
    secret = secret_of(centre)
    waits = Pending(url=centre.url, secret=secret, till_key=SEED)
    lost = enrol_with_secret(centre.url, secret, tmp_path / "elsewhere", till_key=SEED)
    keep(tmp_path / "till", waits)
    again = pendings.enrol_pending(tmp_path / "till")

    assert isinstance(again, Identity)
    assert (lost.till, lost.epoch, SEED) == (again.till, again.epoch, again.till_key)
    assert lost.token != again.token


@pytest.mark.parametrize("wrong", ["tps_222222_" + "0" * 43, "short"])
def test_a_refused_secret_is_a_sentence(centre: Centre, tmp_path: Path, wrong: str) -> None:
    """And stays, so that whoever mends it at the centre has nothing to do here."""
    keep(tmp_path / "till", Pending(url=centre.url, secret=wrong))

    with pytest.raises(IdentityError, match="store's secret"):
        pendings.enrol_pending(tmp_path / "till")
    waits = pending_in(tmp_path / "till")
    assert waits is not None
    assert wrong not in repr(waits)


def test_a_secret_is_overwritten_before_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an undelete would find is zeros."""
    path = tmp_path / "secret.txt"
    path.write_text("tps_secret", "utf-8")
    seen: list[bytes] = []
    monkeypatch.setattr(Path, "unlink", lambda self, **_: seen.append(self.read_bytes()))
    pendings.erase(path)

    assert [b"\0" * 10] == seen
