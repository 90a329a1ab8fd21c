"""The doors' two secrets on disk, and what is made from them: the POS's bearer token, the panel's tickets and sessions.

``api.token`` is for the POS (its integrator reads it once), ``panel.key`` signs what the browser carries. Both lie in
the state folder, readable by the agent's own user alone; on Windows the folder's access list, which the installer
sets, does that. Deleting a file makes a new secret at the next start: everybody who used the old one is out.

A ticket is the one-time way into the panel: whoever may read the key may make one (`tillpoint run --open-panel`),
it lives a minute, and the running agent takes it once.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.clock import Clock
from drivers.vocabulary.errors import SettingsError

__all__ = ["DoorSecrets", "Tickets", "till_key"]

log = logging.getLogger(__name__)

SECRET_BYTES: Final = 32
TICKET_LIFE_S: Final = 60
SESSION_LIFE_S: Final = 30 * 24 * 3600  # a panel in use is given a fresh cookie each day, an unused one ends
SESSION_RENEW_S: Final = 24 * 3600
CLOCK_SLACK_S: Final = 60  # a wall clock set back a little must not log the cashier out
_NONCE_BYTES: Final = 16
_SIGNED_MAX: Final = 200  # characters of a ticket or a cookie; ours have 80
_FILE_BYTES_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Signed:
    """What was signed: when it was made, and its name."""

    made_ms: int
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSecrets:
    """What only this till knows; nothing of it shows in a repr, a log or an error.

    Attributes:
        api_token: what a POS sends as ``Authorization: Bearer …``.
        panel_key: signs tickets and sessions.
    """

    api_token: str = field(repr=False)
    panel_key: bytes = field(repr=False)
    clock: Clock = field(repr=False)

    @classmethod
    def load_or_create(cls, folder: Path, clock: Clock) -> DoorSecrets:
        """Read the secrets, or make them at the first start; raises SettingsError naming the file and the remedy."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        token = _load_or_create(folder / "api.token", prefix="tp_", clock=clock)
        key = _load_or_create(folder / "panel.key", prefix="", clock=clock)
        return cls(api_token=token, panel_key=key.encode(), clock=clock)

    def is_api_token(self, given: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.api_token.encode())

    def new_ticket(self, *, kind: str = "ticket") -> str:
        """A way into the panel for the next minute, once; of kind "display-ticket" into the customer's screen alone."""
        return self._sign(kind)

    def panel_url(self, port: int) -> str:
        """The address to open in the cashier's browser, with a new ticket."""
        return f"http://127.0.0.1:{port}/panel?ticket={self.new_ticket()}"

    def customer_url(self, port: int) -> str:
        """The address of the customer's screen, with a new ticket."""
        return f"http://127.0.0.1:{port}/panel/customer?ticket={self.new_ticket(kind='display-ticket')}"

    def new_session(self, *, kind: str = "session") -> str:
        """The value of a session cookie; of kind "display" for the customer's screen alone."""
        return self._sign(kind)

    def session_of(self, cookie: str, *, kind: str = "session") -> str:
        """The name of the session, or "" when the cookie is not ours or has ended."""
        signed = self._read(kind, cookie, SESSION_LIFE_S)
        return signed.nonce if signed is not None else ""

    def is_session_old(self, cookie: str) -> bool:
        """True when a good cookie should be replaced by a fresh one."""
        return self._read("session", cookie, SESSION_RENEW_S) is None

    def read_ticket(self, ticket: str, *, kind: str = "ticket") -> _Signed | None:
        """What a ticket says when it is ours and young enough; whether it was used is for `Tickets` to know."""
        return self._read(kind, ticket, TICKET_LIFE_S)

    def _now_ms(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    def _mac(self, kind: str, made: str, nonce: str) -> str:
        return hmac.new(self.panel_key, f"{kind}|{made}|{nonce}".encode(), hashlib.sha256).hexdigest()[:32]

    def _sign(self, kind: str) -> str:
        made, nonce = f"{self._now_ms():x}", self.clock.random_bytes(_NONCE_BYTES).hex()
        return f"{made}.{nonce}.{self._mac(kind, made, nonce)}"

    def _read(self, kind: str, text: str, life_s: int) -> _Signed | None:
        parts = text.split(".")
        if len(text) > _SIGNED_MAX or len(parts) != 3 or not text.isascii():
            return None
        made, nonce, mac = parts
        if not hmac.compare_digest(mac, self._mac(kind, made, nonce)):
            return None
        signed = _Signed(int(made, 16), nonce)
        age_ms = self._now_ms() - signed.made_ms
        return signed if -CLOCK_SLACK_S * 1000 <= age_ms <= life_s * 1000 else None


class Tickets:
    """Takes each ticket once; one made before this start is refused, since who used it is not remembered."""

    def __init__(self, secrets: DoorSecrets, *, kind: str = "ticket") -> None:
        self._secrets = secrets
        self._kind = kind
        self._open_ms = int(secrets.clock.now().timestamp() * 1000)
        self._used: dict[str, int] = {}

    def take(self, ticket: str) -> bool:
        """True for a good ticket, the first time."""
        signed = self._secrets.read_ticket(ticket, kind=self._kind)
        if signed is None or signed.made_ms < self._open_ms or signed.nonce in self._used:
            return False
        oldest_ms = signed.made_ms - (TICKET_LIFE_S + CLOCK_SLACK_S) * 2000
        self._used = {nonce: made for nonce, made in self._used.items() if made >= oldest_ms}
        self._used[signed.nonce] = signed.made_ms
        return True


def till_key(folder: Path, name: str, clock: Clock) -> str:
    """What the POS of that name must show, in ``till-<name>.key``; made when there is none. Raises SettingsError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _load_or_create(folder / f"till-{name}.key", prefix="", clock=clock)


def _load_or_create(path: Path, *, prefix: str, clock: Clock) -> str:
    """The one line of a secret file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return _create(path, prefix + clock.random_bytes(SECRET_BYTES).hex())
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}; check its permissions") from None
    text = data.decode("ascii", "replace").strip()
    if len(data) > _FILE_BYTES_MAX or len(text) != len(prefix) + 2 * SECRET_BYTES or not text.startswith(prefix):
        raise SettingsError(f"{path} holds no secret of ours: delete it and start again, a new one is made")
    _tighten(path)
    return text


def _create(path: Path, text: str) -> str:
    """Write beside and rename, so that a cut in power leaves a whole file or none."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}; check till.state_folder") from None
    return text


def _tighten(path: Path) -> None:
    """Take away what other users may do with the file; on Windows its folder's access list rules."""
    if sys.platform == "win32":
        return
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        log.warning("door.secret_open file=%s mode=%o: others could read it; delete it to make a new one", path, mode)
        path.chmod(0o600)
