"""Changing codes of the customers' app at the desk: believed when signed and fresh, noticed when they come again."""

import base64
from datetime import timedelta

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.checkout.customers.app_codes import forget_codes
from agent.checkout.records import QrSeen, read_all
from agent.slips.text import words
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.card_qr import SKEW_S, card_qr_text
from drivers.vocabulary.customer import IdentifierKind
from drivers.vocabulary.events import CodeScanned

SEED = bytes(range(32))
KEY = base64.b64encode(Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()).decode()
ANNA, BORIS = "2900000000018", "2900000000025"
FOUND, EXPIRED, NOT_LOYALTY = (
    contract.IdentifyState.FOUND,
    contract.IdentifyState.EXPIRED,
    contract.IdentifyState.NOT_LOYALTY,
)


@pytest.fixture
def desk(rig):
    """A desk that trusts the app's key."""
    trust(rig)
    return rig.desk


def trust(rig):
    import dataclasses

    rig.desk.rules = dataclasses.replace(rig.desk.rules, qr_keys=(KEY,))


def code(rig, *, card=ANNA, once="Zk3jQ9xT", valid_s=60, after_s=0, kind=IdentifierKind.CARD, seed=SEED):
    """A code the app shows now."""
    since_s = int(rig.clock.now().timestamp()) + after_s
    return card_qr_text(kind=kind, value=card, since_s=since_s, until_s=since_s + valid_s, once=once, seed=seed)


def shown(desk, text, **more):
    return desk.identify_or_want(contract.IdentifyRequest(code=text, presented=True, **more))


def test_a_fresh_code_names_its_customer_and_proves_presence(rig, desk):
    """By card and by phone."""
    by_card = shown(desk, code(rig))
    desk.clear()
    by_phone = shown(desk, code(rig, card="+79000000002", kind=IdentifierKind.PHONE, once="other-one"))

    assert (FOUND, "m-1") == (by_card.state, by_card.customer.id)
    assert (FOUND, "m-2") == (by_phone.state, by_phone.customer.id)
    assert desk.current.presented


def test_a_code_that_is_over_asks_for_a_fresh_one(rig, desk):
    """And one that is not good yet; whoever is at the till stays."""
    old = code(rig, valid_s=60)
    shown(desk, BORIS)
    rig.clock.forward(seconds=61 + SKEW_S)

    assert EXPIRED is shown(desk, old).state
    assert words("en")["code_expired"] == desk.notice
    assert EXPIRED is shown(desk, code(rig, after_s=SKEW_S + 1, once="tomorrow")).state
    assert "m-2" == desk.current.customer_id


def test_a_code_nobody_trusts_names_nobody(rig):
    """Without a key in the settings none counts; signed by somebody else neither."""
    assert NOT_LOYALTY is shown(rig.desk, code(rig)).state
    trust(rig)
    assert NOT_LOYALTY is shown(rig.desk, code(rig, seed=bytes(32))).state
    assert NOT_LOYALTY is shown(rig.desk, code(rig)[:-1]).state


def test_a_bank_card_in_a_signed_code_is_a_bank_card(rig, desk):
    """Whoever signed it."""
    assert NOT_LOYALTY is shown(desk, code(rig, card="4242424242424242")).state
    assert "4242" not in repr(desk.current)


def test_the_same_code_comes_again_while_its_customer_is_here(rig, desk):
    """The cashier scans twice, the POS asks again: it is the same visit."""
    text = code(rig)

    assert [FOUND, FOUND] == [shown(desk, text).state, shown(desk, text, receipt_uid="r-1").state]


def test_a_code_that_was_used_is_noticed(rig, desk):
    """A photograph of it, shown after the customer has paid, is asked for a fresh one; so is one at another customer."""
    text = code(rig)
    shown(desk, text, receipt_uid="r-1")
    desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0")), source="api")

    assert EXPIRED is shown(desk, text).state
    assert words("en")["code_used"] == desk.notice
    shown(desk, BORIS)
    assert EXPIRED is shown(desk, text).state
    assert FOUND is shown(desk, code(rig, once="a-fresh-one")).state


def test_a_code_that_replaces_a_customer_at_the_panel_is_remembered_too(rig, desk):
    """The panel asks first; afterwards the code was used, as any other."""
    from agent import acts

    shown(desk, BORIS)
    text = code(rig)
    desk.panel_identify(contract.IdentifyRequest(code=text, presented=True), replaces=False)
    desk.act(acts.ReplaceCustomer())
    assert "m-1" == desk.current.customer_id
    assert FOUND is shown(desk, text).state
    desk.clear()

    assert EXPIRED is shown(desk, text).state


def test_a_used_code_is_remembered_through_a_restart(rig, desk):
    """Until it expires; then it is forgotten, for it is worth nothing."""
    text = code(rig)
    shown(desk, text)
    desk.clear()
    desk.close()
    again = rig.open()
    trust(rig)

    assert EXPIRED is shown(again, text).state
    forget_codes(again, rig.clock.now())
    assert 1 == len(read_all(again.store, "qr", QrSeen))
    forget_codes(again, rig.clock.now() + timedelta(seconds=61 + SKEW_S))
    assert [] == read_all(again.store, "qr", QrSeen)


def test_nothing_of_a_code_is_on_disk(rig, desk):
    """Neither the card nor the code itself."""
    text = code(rig)
    shown(desk, text)
    desk.store.tend()
    on_disk = b"".join(path.read_bytes() for path in sorted(rig.folder.iterdir()) if path.is_file())

    assert text.encode() not in on_disk
    assert ANNA.encode() not in on_disk


def test_a_pos_may_confirm_by_a_code(rig, desk):
    """A till that never asked before sends what it has read."""
    answer = desk.confirm(contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0"), code=code(rig)), source="api")

    assert "m-1" == answer.customer_id


# ── What else a scanner reads ───────────────────────────────────────────────────────────────────


def test_the_same_scan_twice_is_one(rig):
    """Within two seconds; the same card later is a scan again."""
    desk = rig.desk
    scan = CodeScanned(device="s", code="4600000000015", symbology="]E0")
    turns = []
    for wait_s in (0, 1.9, 1.9, 2.0):
        rig.clock.forward(seconds=wait_s)
        desk.scanned(scan)
        turns.append(desk.turn)

    assert [1, 1, 1, 2] == turns
    desk.scanned(CodeScanned(device="s", code="4600000000022", symbology="]E0"))
    assert 3 == desk.turn
    assert "4600000000022" not in repr(desk.scanned_last)


def test_a_card_of_another_programme_does_not_take_part(rig):
    """Where one file of settings serves the shops of two programmes."""
    from agent.checkout.codes.recogniser import CardPattern, Recogniser

    rows = [
        CardPattern(name="ours", pattern="29[0-9]{11}", programme="Club"),
        CardPattern(name="theirs", pattern="28[0-9]{11}", programme="Other club"),
    ]
    rig.desk.recogniser = Recogniser(rows, normalise_phone=lambda _: None, weighed_prefixes=("21",))

    assert FOUND is shown(rig.desk, ANNA).state
    assert contract.IdentifyState.NOT_TAKING_PART is shown(rig.desk, "2800000000019").state
    assert words("en")["card_not_taking_part"] == rig.desk.notice


def test_the_settings_take_only_keys():
    """A line that is no key is told when the settings are read."""
    from agent.settings import CodesSettings

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"qr_keys": ["not a key"]}, CodesSettings)
    assert (KEY,) == msgspec.convert({"qr_keys": [KEY]}, CodesSettings).qr_keys
