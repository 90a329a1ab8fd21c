"""Beside a sale: a new card for a lost one, two customers who are one person, consents taken back; each told once."""

from __future__ import annotations

from typing import Any

import pytest

from agent import acts
from agent.checkout.panel.counts import counts_today
from agent.snapshot import LinkState, Screen
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer, Identifier, IdentifierKind, keyed_hash
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import CodeScanned
from drivers.vocabulary.facts import FACTS, ConsentWithdrawn, DuplicateSeen
from drivers.vocabulary.joining import CardContact, card_context
from drivers.vocabulary.sealing import open_sealed, sealing_public_key
from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaWriter
from tests.agent.conftest import CARDS, TENANT_KEY

ANNA, NEW = "+79000000001", CARDS[2]
CENTRE = bytes(range(1, 33))


@pytest.fixture
def till(rig: Any) -> Any:
    """Without a line: nothing of this waits for one."""
    rig.desk.sealing_key = sealing_public_key(CENTRE)
    rig.desk.link_changed(LinkState.OFFLINE, "")
    return rig


def show(rig: Any, code: str, *, presented: bool = False) -> Any:
    rig.desk.panel_identify(contract.IdentifyRequest(code=code, presented=presented), replaces=False)
    return seen(rig)


def do(rig: Any, *done: acts.Act) -> Any:
    for one in done:
        rig.desk.act(one)
    return seen(rig)


def seen(rig: Any) -> Any:
    rig.desk.snapshot(1)
    return rig.desk.shown


def told(rig: Any) -> list[Any]:
    reader = OutboxReader.open(rig.folder / "till.db")
    try:
        waiting = reader.batch(envelopes_max=100, bytes_max=1_000_000)
    finally:
        reader.close()
    return [codec.decode(one.body, FACTS[one.kind]) for one in waiting]


def test_a_new_card_works_at_once_and_is_sealed(till: Any) -> None:
    """A supervisor answers for it; the centre alone can read the number; the disk names none."""
    show(till, ANNA)
    assert do(till, acts.OpenCase(), acts.LostCard()).case.needs_supervisor
    do(till, acts.LostCard(supervisor=True))
    shown = show(till, NEW, presented=True)

    assert (Screen.FOUND, "card_given") == (shown.screen, shown.notice)
    assert told_card(till) in NEW
    till.desk.clear()
    assert "m-1" == show(till, NEW, presented=True).customer.id
    assert NEW.encode() not in b"".join(path.read_bytes() for path in till.folder.iterdir() if path.is_file())


def test_without_a_supervisor_no_card_is_given(till: Any) -> None:
    """An account moves to no card because somebody knows a number; a code or the app is as good."""
    show(till, ANNA)
    do(till, acts.OpenCase(), acts.LostCard())
    assert "needs_supervisor" == show(till, NEW, presented=True).notice
    till.desk.clear()
    show(till, CARDS[0], presented=True)

    assert not do(till, acts.OpenCase(), acts.LostCard()).case.needs_supervisor
    assert [] == told(till)


def test_a_scanner_of_ours_reads_the_new_card_too(till: Any) -> None:
    """Not the panel's page alone."""
    show(till, ANNA)
    do(till, acts.OpenCase(), acts.LostCard(supervisor=True))
    till.desk.scanned(CodeScanned(device="s", code=NEW))

    assert "card_given" == seen(till).notice


@pytest.mark.parametrize(("code", "notice"), [
    (CARDS[1], "card_taken"), ("4600000000008", "card_unfit"), ("+79000000077", "card_unfit"),
])  # fmt: skip
def test_what_is_no_new_card(till: Any, code: str, notice: str) -> None:
    """Said in a word, and the next scan is awaited."""
    show(till, ANNA)
    do(till, acts.OpenCase(), acts.LostCard(supervisor=True))

    assert (notice, Screen.REISSUE) == (show(till, code, presented=True).notice, seen(till).screen)
    assert [] == told(till)


def test_the_centres_word_takes_the_place_of_ours(till: Any) -> None:
    """Once the replica knows the card, the till keeps nothing of its own."""
    show(till, ANNA)
    do(till, acts.OpenCase(), acts.LostCard(supervisor=True))
    show(till, NEW, presented=True)
    name = keyed_hash(TENANT_KEY, Identifier(kind=IdentifierKind.CARD, value=told_card(till)))
    with ReplicaWriter.open(till.folder / "replica.db") as writer:
        change = ("alias", name, 9, codec.encode("m-1"))
        writer.apply(cursor="9", reflects=1, epoch=1, changes=[change], stored_at=till.clock.now().isoformat())
    till.desk.replica_changed()

    assert [] == till.desk.store.scan("card_alias")
    till.desk.clear()
    assert "m-1" == show(till, NEW, presented=True).customer.id


def told_card(rig: Any) -> str:
    (fact,) = told(rig)
    context = card_context(till="t1", customer_id="m-1", alias=fact.alias)
    return codec.decode(open_sealed(fact.card, private=CENTRE, context=context), CardContact).card


def test_a_double_is_told_once_and_merges_nobody(till: Any) -> None:
    """Two customers, one person: the office decides; here each keeps their own."""
    show(till, CARDS[0], presented=True)
    assert Screen.ASK is show(till, CARDS[1], presented=True).screen
    shown = do(till, acts.SamePerson(), acts.SamePerson())

    assert ("duplicate_noted", "m-1", Screen.ASK) == (shown.notice, shown.customer.id, shown.screen)
    assert [DuplicateSeen(customer_id="m-1", other_id="m-2")] == told(till)
    assert {"duplicates": 1} == counts_today(till.desk)


def test_consent_is_taken_back_in_two_actions(till: Any) -> None:
    """Row 10 of the mechanics: F4, one digit; the number is told, the fact waits for a line."""
    show(till, ANNA)
    shown = do(till, acts.OpenCase(), acts.Withdraw(everything=False))
    (fact,) = told(till)

    assert isinstance(fact, ConsentWithdrawn)
    assert (Screen.WITHDRAWN, fact.number) == (shown.screen, shown.case.number)
    assert (("messages",), "m-1") == (fact.purposes, fact.customer_id)
    assert (Screen.FOUND, None) == (do(till, acts.Back()).screen, seen(till).case)


def test_everything_is_taken_back(till: Any) -> None:
    """The wish to be forgotten names what was required too."""
    show(till, ANNA)
    do(till, acts.OpenCase(), acts.Withdraw(everything=True), acts.Withdraw(everything=True))

    assert [("loyalty", "messages")] == [one.purposes for one in told(till)]


def test_the_number_is_printed_where_slips_are(till: Any) -> None:
    """On every slip printer of our own; no name, no phone."""
    printed: list[tuple[str, tuple[str, ...]]] = []

    class Printers:
        def note(self, name: str, lines: tuple[str, ...]) -> None:
            printed.append((name, lines))

    till.desk.slips = Printers()
    show(till, ANNA)
    number = do(till, acts.OpenCase(), acts.Withdraw(everything=False)).case.number

    assert [number] == [name for name, _ in printed]
    assert any(line.endswith(f"\t{number}") for line in printed[0][1])
    assert "Anna" not in str(printed)


def test_a_family_is_shown_as_one(rig: Any) -> None:
    """One balance, several people."""
    rig.tell([Customer(id="m-1", name="Anna P.", phone="+7900***01", members=3)], reflects=1)

    assert 3 == show(rig, ANNA).customer.members


def test_a_till_that_cannot_seal_gives_no_card(rig: Any) -> None:
    """It has not met the centre yet."""
    show(rig, CARDS[0], presented=True)
    with pytest.raises(CheckoutRefused, match="has not met the centre"):
        do(rig, acts.OpenCase(), acts.LostCard())
