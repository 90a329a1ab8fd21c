"""A till's files name nobody: no phone, no card number, whatever was typed and scanned."""

from __future__ import annotations

import dataclasses
from typing import Any

from drivers.vocabulary import checkout as contract


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
