"""The locks: each opens what it closed, and says in words why it does not open something else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from agent.secrets.dpapi import ENTROPY, DpapiLock
from agent.secrets.files import SecretError
from agent.secrets.locks import CREDENTIAL, CredentialLock, ModeLock, lock_named, lock_of_this_machine

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has DPAPI instead")


def credentials(folder: Path, secret: bytes) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / CREDENTIAL).write_bytes(secret)
    return {"CREDENTIALS_DIRECTORY": str(folder)}


class Win32Error(Exception):
    """As pywintypes.error: number, function, sentence."""


class OneMachine:
    """Two calls of pywin32's win32crypt, as one machine makes them."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.flags: list[int] = []

    def CryptProtectData(self, data: bytes, description: str, entropy: bytes, *rest: Any) -> bytes:
        self.flags.append(rest[-1])
        return self.name + entropy + bytes(byte ^ 0x55 for byte in data)

    def CryptUnprotectData(self, data: bytes, entropy: bytes, *rest: Any) -> tuple[str, bytes]:
        head = self.name + entropy
        if not data.startswith(head):
            raise Win32Error(13, "CryptUnprotectData", "The data is invalid.")
        return "Tillpoint", bytes(byte ^ 0x55 for byte in data[len(head) :])


def test_dpapi_locks_for_the_machine_and_asks_nobody() -> None:
    """CRYPTPROTECT_LOCAL_MACHINE and CRYPTPROTECT_UI_FORBIDDEN: a service has no desktop, and the CLI is another user."""
    machine = OneMachine(b"till-1")
    lock = DpapiLock(lambda: machine)
    locked = lock.close(b"token")

    assert b"token" not in locked
    assert ENTROPY in locked
    assert b"token" == lock.open(locked)
    assert [0x5] == machine.flags


def test_dpapi_of_another_machine_is_a_sentence() -> None:
    """The disk was put into another till."""
    locked = DpapiLock(lambda: OneMachine(b"till-1")).close(b"token")
    with pytest.raises(SecretError, match=r"The data is invalid; they were locked on another machine.*enrol"):
        DpapiLock(lambda: OneMachine(b"till-2")).open(locked)


@posix
def test_a_file_of_windows_does_not_open_elsewhere() -> None:
    """And says what to do."""
    with pytest.raises(SecretError, match=r"DPAPI.*enrol the till again"):
        lock_named("dpapi", {})


@posix
def test_a_credential_is_used_when_the_service_gives_one(tmp_path: Path) -> None:
    """Otherwise the mode of the file is all there is."""
    given = credentials(tmp_path / "c", b"k" * 32)

    assert isinstance(lock_of_this_machine({}), ModeLock)
    assert isinstance(lock_of_this_machine({"CREDENTIALS_DIRECTORY": str(tmp_path)}), ModeLock)
    lock = lock_of_this_machine(given)
    locked = lock.close(b"token")
    assert b"token" not in locked
    assert locked != lock.close(b"token")
    assert b"token" == lock_named("credential", given).open(locked)


@posix
def test_another_credential_does_not_open_it(tmp_path: Path) -> None:
    """Nor does a changed byte."""
    locked = CredentialLock(b"k" * 32).close(b"token")
    changed = locked[:-1] + bytes([locked[-1] ^ 1])
    for lock, data in ((CredentialLock(b"j" * 32), locked), (CredentialLock(b"k" * 32), changed)):
        with pytest.raises(SecretError, match="not the one the secrets were locked with"):
            lock.open(data)


def test_outside_of_the_service_the_credential_is_missed_by_name() -> None:
    """A command run by hand has no credentials."""
    with pytest.raises(SecretError, match=f"credential {CREDENTIAL}.*inside the service"):
        lock_named("credential", {})


@posix
def test_a_short_credential_is_refused(tmp_path: Path) -> None:
    """A password is no key."""
    with pytest.raises(SecretError, match="has 8 bytes"):
        lock_of_this_machine(credentials(tmp_path / "c", b"password"))


def test_an_unknown_lock_is_of_a_newer_version() -> None:
    """The file stays as it is."""
    with pytest.raises(SecretError, match="install the newer"):
        lock_named("tpm2", {})


def test_no_secret_is_shown() -> None:
    """A lock may land in a log line."""
    assert "kkkk" not in repr(CredentialLock(b"k" * 32))
