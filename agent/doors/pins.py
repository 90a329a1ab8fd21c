"""The panel's PINs: a supervisor's, who answers for points, and store IT's; salted and stretched, with few tries.

``panel.pins`` in the state folder holds no PIN, only what scrypt makes of one (RFC 7914), so a copied file takes time
to try, though a short PIN is soon found by whoever has it: the folder's permissions are the lock. Five wrong ones and
nobody gets in for five minutes; ``panel.tries`` remembers that across restarts, and a clock set forward does not help.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import Struct

from agent.clock import Clock
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError

__all__ = ["ROLES", "PinVerdict", "Pins", "set_pin"]

log = logging.getLogger(__name__)

ROLES: Final = ("supervisor", "it")
TRIES_MAX: Final = 5
LOCKED_S: Final = 300.0
PIN_DIGITS: Final = (4, 12)

_PINS: Final = "panel.pins"
_TRIES: Final = "panel.tries"
_COST: Final = 2**14  # with 8 blocks: 16 MiB and some 50 ms on a till's processor
_BLOCKS: Final = 8
_SALT_BYTES: Final = 16
_MEMORY_BYTES: Final = 64 * 1024 * 1024
_FILE_BYTES_MAX: Final = 10_000


class _Kept(Struct, frozen=True, kw_only=True):
    """One PIN as it is kept; the cost lies beside it, so that a later version may ask for more."""

    salt: str
    digest: str
    cost: int = _COST
    blocks: int = _BLOCKS

    def fits(self, pin: str) -> bool:
        """Whether it is this PIN; compared in constant time."""
        made = _digest(pin, bytes.fromhex(self.salt), cost=self.cost, blocks=self.blocks)
        return hmac.compare_digest(made, self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinVerdict:
    """What became of a PIN: right, or how many tries are left, or for how long there are none.

    Attributes:
        is_set: False when nobody has set this PIN: there is no right one.
    """

    is_right: bool = False
    is_set: bool = True
    tries_left: int = 0
    wait_s: float = 0.0


class Pins:
    """Checks PINs; may be called from any thread, one at a time."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: dict[str, int] = self._read_tries()
        now_s = clock.uptime_s()
        # Who pulls the plug after the fifth wrong one waits all the same.
        self._free_at_s = {role: now_s + LOCKED_S for role, wrong in self._wrong.items() if wrong >= TRIES_MAX}

    def check(self, role: str, pin: str) -> PinVerdict:
        """Is it the PIN of this role? A try is written down before it is looked at."""
        with self._lock:
            kept = _read_pins(self._folder).get(role)
            if kept is None:
                return PinVerdict(is_set=False)
            now_s = self._clock.uptime_s()
            wait_s = self._free_at_s.get(role, now_s) - now_s
            if wait_s > 0:
                return PinVerdict(wait_s=wait_s)
            wrong = self._wrong.get(role, 0) % TRIES_MAX + 1
            self._note(role, wrong)
            if kept.fits(pin):
                self._note(role, 0)
                return PinVerdict(is_right=True, tries_left=TRIES_MAX)
            if wrong >= TRIES_MAX:
                self._free_at_s[role] = now_s + LOCKED_S
                log.warning("pin.locked role=%s seconds=%d", role, LOCKED_S)
                return PinVerdict(wait_s=LOCKED_S)
            return PinVerdict(tries_left=TRIES_MAX - wrong)

    def _note(self, role: str, wrong: int) -> None:
        self._wrong[role] = wrong
        _write(self._folder / _TRIES, codec.encode(self._wrong))

    def _read_tries(self) -> dict[str, int]:
        try:
            found = codec.decode((self._folder / _TRIES).read_bytes()[:_FILE_BYTES_MAX], dict[str, int])
        except (OSError, codec.WireError):
            return {}
        return {role: count for role, count in found.items() if role in ROLES}


def set_pin(folder: Path, role: str, pin: str, clock: Clock) -> None:
    """Keep a new PIN for a role; takes effect at once, also in a running agent. Raises SettingsError."""
    least, most = PIN_DIGITS
    if not (pin.isascii() and pin.isdecimal() and least <= len(pin) <= most):
        raise SettingsError(f"a PIN has {least} to {most} digits and nothing else")
    if len(set(pin)) == 1 or pin in "01234567890123456789" or pin in "98765432109876543210":
        raise SettingsError("this PIN is the first that anybody tries; choose another one")
    salt = clock.random_bytes(_SALT_BYTES)
    kept = _read_pins(folder)
    kept[role] = _Kept(salt=salt.hex(), digest=_digest(pin, salt, cost=_COST, blocks=_BLOCKS))
    _write(folder / _PINS, codec.encode(kept))


def _digest(pin: str, salt: bytes, *, cost: int, blocks: int) -> str:
    made = hashlib.scrypt(pin.encode(), salt=salt, n=cost, r=blocks, p=1, maxmem=_MEMORY_BYTES, dklen=32)
    return made.hex()


def _read_pins(folder: Path) -> dict[str, _Kept]:
    path = folder / _PINS
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}; check its permissions") from None
    try:
        return codec.decode(data[:_FILE_BYTES_MAX], dict[str, _Kept])
    except codec.WireError:
        raise SettingsError(f"{path} holds no PINs of ours: delete it and set them again") from None


def _write(path: Path, data: bytes) -> None:
    """Beside and rename, so that a cut in power leaves a whole file."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}; check till.state_folder") from None
