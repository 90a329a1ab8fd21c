"""The desk's documents on disk: all of them are read, however many there are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from agent.checkout.records import Wanted, read_all, write
from offline_queue.transaction import SCAN_ROWS_MAX


def test_more_documents_than_one_scan_gives(rig: Any) -> None:
    """A lease that was read past would be given to somebody else by the centre."""
    for count in (SCAN_ROWS_MAX - 1, 1, 1, SCAN_ROWS_MAX):
        before = len(read_all(rig.desk.store, "lease_wanted", Wanted))
        with rig.desk.store.transaction() as tx:
            for number in range(before, before + count):
                write(tx, "lease_wanted", f"m-{number:06d}", Wanted(at=rig.clock.now() + timedelta(seconds=number)))
        found = read_all(rig.desk.store, "lease_wanted", Wanted)
        assert [key for key, _ in found] == [f"m-{number:06d}" for number in range(before + count)]
