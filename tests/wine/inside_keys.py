"""Runs under Wine: a secret locked by DPAPI, kept in a private file, read and opened again; a changed one is refused."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.secrets.dpapi import DpapiLock
from agent.secrets.files import SecretError, read_private, write_private
from agent.secrets.locks import lock_named, lock_of_this_machine

SECRET = b"a till's key, 32 bytes of nothing"


def main() -> int:
    """`lock FILE` or `open FILE`: two processes, as the service and an administrator's command are."""
    path = Path(sys.argv[2])
    if sys.argv[1] == "lock":
        lock = lock_of_this_machine()
        assert isinstance(lock, DpapiLock)
        locked = lock.close(SECRET)
        assert SECRET not in locked
        write_private(path, locked)
        print(f"locked by {lock.name}, {len(locked)} bytes")
        return 0
    locked = read_private(path, bytes_max=10_000)
    assert SECRET == lock_named("dpapi").open(locked)
    changed = locked[:-1] + bytes([locked[-1] ^ 1])
    try:
        lock_named("dpapi").open(changed)
    except SecretError as error:
        print(f"refused: {error}")
    else:
        print("NOT REFUSED")
    print("opened")
    return 0


if __name__ == "__main__":
    sys.exit(main())
