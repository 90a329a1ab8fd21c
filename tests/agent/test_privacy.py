"""A till's files name nobody: no phone, no card number, whatever was typed and scanned."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest

from agent.service.log_file import LogFile
from agent.sync.identity import Identity, save
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven
from drivers.vocabulary.sealing import sealing_public_key
from offline_queue.reader import OutboxReader

TENANT_KEY = "9c" * 32


def test_no_file_of_the_till_holds_a_phone_or_a_card_number(rig: Any) -> None:
    """Identify, quote, confirm, miss: then read every byte on disk."""
    for number, code in enumerate(("89000000001", "2900000000025", "89000000077", "2900000000094"), start=1):
        rig.desk.identify(contract.IdentifyRequest(code=code, presented=len(code) == 13, receipt_uid=f"r-{number}"))
        rig.desk.quote(contract.QuoteRequest(receipt=rig.sale(f"r-{number}", "100")))
        rig.desk.confirm(contract.ConfirmRequest(receipt=rig.paid(f"r-{number}", "100", "0"), code=code), source="api")
    unread = rig.document(None)
    rig.desk.printed("receipt", dataclasses.replace(unread, raw=b"\x1b@ +7 900 000-00-77 29000000000949 \n"))
    rig.desk.store.tend()
    on_disk = b"".join(path.read_bytes() for path in sorted(rig.folder.iterdir()) if path.is_file())
    secrets = [
        b"9000000001",
        b"9000000077",
        b"2900000000025",
        b"2900000000094",
        b"290000000002",
        b"290000000009",
        b"900 000-00-77",
    ]

    assert b"r-4" in on_disk
    assert [] == [secret for secret in secrets if secret in on_disk]


@pytest.mark.parametrize("receipts", [200, pytest.param(1_000, marks=pytest.mark.soak)])
def test_a_busy_till_names_nobody_on_disk_or_in_its_log(rig: Any, receipts: int) -> None:
    """Hundreds of receipts and fifty enrolments, with the log at its wordiest: no phone, no card, no name, no token."""
    log = LogFile(rig.folder / "tillpoint.log", bytes_max=1 << 30, count=1)
    log.setFormatter(logging.Formatter("%(message)s"))  # without the log's own masks: nobody is to write it at all
    root = logging.getLogger()
    level = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    phones = [f"+79000001{number:03}" for number in range(50)]
    cards = ["2900000000018", "2900000000025", "2900000000094"]
    identity = Identity(
        url="https://centre.example", till="t1", shop="s1", epoch=1, token="tp-very-secret-token-0001",
        tenant_key=TENANT_KEY, currency="RUB",
    )  # fmt: skip
    try:
        save(rig.folder, identity)
        live_as_a_busy_till(rig, phones, cards, receipts)
        logging.getLogger("agent.sync").info("sync.identity %s %r", identity, identity)
    finally:
        root.removeHandler(log)
        root.setLevel(level)
        log.close()
    rig.desk.store.tend()
    files = {path.name: path.read_bytes() for path in sorted(rig.folder.iterdir()) if path.is_file()}
    with OutboxReader.open(rig.folder / "till.db") as reader:
        written = reader.depth().last_sequence
    secrets = [*(phone[2:] for phone in phones), *cards, "Vera Petrova", identity.token, identity.tenant_key]
    forms = [form for one in secrets for form in (one.encode(), one.encode("utf-16-le"))]

    assert written >= receipts + len(phones)
    assert f"r-{receipts - 1}".encode() in b"".join(files.values())
    assert b"till=" in files["tillpoint.log"]
    assert [] == [(name, form) for name, content in files.items() for form in forms if form in content]


def live_as_a_busy_till(rig: Any, phones: list[str], cards: list[str], receipts: int) -> None:
    """Fifty people join, then so many receipts: by phone, by card, by a code nobody knows, printed and misread."""
    rig.desk.sealing_key = sealing_public_key(bytes(range(1, 33)))
    consents = (ConsentGiven(purpose="loyalty", text_version="2026-01", channel=ConsentChannel.DISPLAY),)
    for phone in phones:
        rig.desk.enrol(contract.EnrolCustomerRequest(phone=phone, name="Vera Petrova", consents=consents))
    for number in range(receipts):
        code = [*phones, *cards][number % (len(phones) + len(cards))]
        if number % 50 == 0:
            rig.desk.identify(contract.IdentifyRequest(code=code, presented=len(code) == 13))
            raw = f"\x1b@ client {code} tel 8{code[2:]} \n".encode()
            rig.desk.printed("receipt", dataclasses.replace(rig.document(None), raw=raw))
        receipt = rig.paid(f"r-{number}", "100", "0")
        rig.desk.confirm(contract.ConfirmRequest(receipt=receipt, code=code), source="api")
