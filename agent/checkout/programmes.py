"""Which programme is in force at this till: the newest that was good, kept in till.db; no bad one ever replaces it.

The centre's programme comes signed in the replica (`drivers.vocabulary.signed`). It is taken when a trusted key signed
it, it loads, and its version is not below the present one. Otherwise the last good one goes on, and `trouble` says
why in words. The replica is a cache that anybody with the disk can swap, so what is in force never depends on it.

Trusted are the keys of the settings when there are any, and only those; else the key ring that came with enrolment,
and each later ring that a trusted key signed. A till that was enrolled before programmes were signed has no ring: it
takes the first one that comes down its own authenticated line and holds to it from then on (docs/decisions/008).

Collection "programme" of till.db: "good" (Good), "trust" (Trust), "refused" (Refused).
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from agent.clock import Clock
from agent.loyalty import Programme, load
from agent.signatures import KEY_RING, PROGRAMME, SignatureError, check_any, ring_bytes
from drivers.vocabulary import codec
from drivers.vocabulary.receipt import AwareTime
from drivers.vocabulary.signed import KeyRing, SignedProgramme
from offline_queue.errors import StoreError
from offline_queue.store import TillStore
from offline_queue.transaction import Transaction

__all__ = ["COLLECTION", "Good", "Programmes", "Refused", "Trust", "in_words", "mark_of_centre"]

COLLECTION: Final = "programme"
SENTENCE_CHARS_MAX: Final = 400

log = logging.getLogger(__name__)

_Kept = TypeVar("_Kept")
_NO_KEYS: Final = KeyRing()


class Replica(Protocol):
    """What is needed of the replica."""

    def get(self, collection: str, key: str) -> _Document | None:
        """One document, or None."""
        ...


class _Document(Protocol):
    @property
    def body(self) -> bytes: ...


class Good(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The programme in force.

    Attributes:
        centre: of which centre and enrolment; another one's programme is not ours.
        source: as it came.
        key: fingerprint of the key that signed it; "" when nobody did.
    """

    centre: str
    version: int
    title: str
    source: str
    taken_at: AwareTime
    key: str = ""


class Trust(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The keys this till holds to, when the settings name none."""

    centre: str
    ring: KeyRing


class Refused(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The programme that was refused last; gone as soon as a good one comes.

    Attributes:
        digest: of the whole document, so that the same one is told of once.
        version: as it says of itself, 0 when it says nothing.
        told: True when the centre was told.
    """

    digest: str
    version: int
    reason: str
    refused_at: AwareTime
    told: bool = False


def mark_of_centre(url: str, ring: KeyRing) -> str:
    """Names a centre and what it told at enrolment; versions of two centres are not compared."""
    return hashlib.sha256("\n".join((url, *ring.keys)).encode()).hexdigest()[:16]


def in_words(good: Good | None, refused: Refused | None) -> str:
    """What is in force, and why a newer one is not, in one sentence."""
    if good is None:
        force = "no programme is in force: nothing is taken off and nothing is earned"
    else:
        by = f"signed with key {good.key}" if good.key else "not signed"
        force = f"programme version {good.version} ({good.title}) is in force, {by}"
    if refused is None:
        return force
    which = f"version {refused.version}" if refused.version else "another one"
    return f"{force}; {which} was refused: {refused.reason}"


@dataclass(slots=True, kw_only=True)
class Programmes:
    """The programme of one till; used by the till thread alone.

    Attributes:
        pinned: public keys of the settings; when there are any, no others count.
        enrolled: the ring of the identity file.
        url: the centre's address, "" before enrolment.
        current: what is in force; None when nothing ever was.
        refused: what was refused last, while that still matters.
    """

    store: TillStore
    replica: Replica
    clock: Clock
    pinned: tuple[str, ...] = ()
    enrolled: KeyRing = _NO_KEYS
    url: str = ""
    current: Programme | None = field(default=None, init=False)
    refused: Refused | None = field(default=None, init=False)
    good: Good | None = field(default=None, init=False)
    _ring: KeyRing = field(default=_NO_KEYS, init=False)
    _seen: bytes = field(default=b"", init=False)
    _broken: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._begin()

    def become(self, url: str, ring: KeyRing) -> None:
        """The till is enrolled at this centre from now on."""
        self.url, self.enrolled = url, ring
        self._seen = b""
        self._begin()

    def _begin(self) -> None:
        trust = self._read("trust", Trust)
        self._ring = trust.ring if trust is not None and trust.centre == self._centre else self.enrolled
        self.refused = self._read("refused", Refused)
        good = self._read("good", Good)
        if good is not None and good.centre == self._centre:
            self._go_on_with(good)
        self.look()
        log.info("programme.start %s", in_words(self.good, self.refused))

    @property
    def trouble(self) -> str:
        """What store IT must know, "" when all is well."""
        if self._broken:
            return self._broken
        if self.refused is not None:
            return in_words(self.good, self.refused)
        if self.good is not None and not self.good.key:
            why = "this till knows no key and the centre signs nothing; bring the centre up to date"
            return f"{in_words(self.good, None)}: {why}, or set programme.trusted_keys"
        return ""

    @property
    def trusted(self) -> tuple[str, ...]:
        """The public keys whose programmes are taken; empty while any is."""
        return self.pinned or self._ring.keys

    @property
    def centre_keys(self) -> tuple[str, ...]:
        """The centre's own public keys, whatever the settings say about programmes."""
        return self._ring.keys

    def look(self) -> None:
        """See what the replica has; called at the start and whenever it changed."""
        document = self.replica.get(COLLECTION, "signed")
        is_signed = document is not None
        document = document or self.replica.get(COLLECTION, "current")
        if document is None or document.body == self._seen:
            return
        self._seen = data = bytes(document.body)
        digest = hashlib.sha256(data).hexdigest()
        try:
            found = codec.decode(data, SignedProgramme) if is_signed else SignedProgramme(programme=data.decode())
        except (codec.WireError, UnicodeDecodeError):
            self._refuse(digest, 0, "what the centre sent is not a signed programme; set it again at the centre")
            return
        self._judge(found, digest)

    def mark_told(self, tx: Transaction) -> None:
        """The refusal is in the journal, in the same transaction."""
        if self.refused is not None:
            self.refused = replace(self.refused, told=True)
            tx.put(COLLECTION, "refused", codec.encode(self.refused))

    # ── Judging ─────────────────────────────────────────────────────────────────────────────────

    def _judge(self, found: SignedProgramme, digest: str) -> None:
        source = found.programme.encode()
        self._follow(found)
        loaded = load(source, name="programme")
        version = loaded.version if isinstance(loaded, Programme) else 0
        key = ""
        if self.trusted or found.signatures:
            try:
                key = check_any(source, PROGRAMME, found.signatures, self.trusted)
            except SignatureError as error:
                # The version of a forged file is only what it claims; it helps to find who sent it.
                self._refuse(digest, version, f"{error}; sign it with a trusted key, or enrol this till again")
                return
        if not isinstance(loaded, Programme):
            wrong = str(loaded[0]) if loaded else "it cannot be read"
            self._refuse(digest, 0, f"{wrong}; mend it, see `tillpoint programme check`")
            return
        self._compare(loaded, found.programme, key=key, digest=digest)

    def _compare(self, fresh: Programme, source: str, *, key: str, digest: str) -> None:
        good, current = self.good, self.current
        if good is not None and fresh.version < good.version:
            self._refuse(digest, fresh.version, f"version {good.version} is in force already; give it a higher version")
            return
        if current is not None and fresh.version == current.version and fresh.file != current.file:
            self._refuse(
                digest, fresh.version, "it differs from the one in force under the same version; give it a higher one"
            )
            return
        taken = Good(
            centre=self._centre,
            version=fresh.version,
            title=fresh.title,
            source=source,
            taken_at=self.clock.now(),
            key=key,
        )
        same = good is not None and (good.version, good.source, good.key) == (fresh.version, source, key)
        self.good, self.current, self.refused, self._broken = taken, fresh, None, ""
        if not same or self._read("refused", Refused) is not None:
            self._keep()
            log.info("programme.taken %s", in_words(self.good, None))

    def _follow(self, found: SignedProgramme) -> None:
        """Take a newer key ring over, when a key that is trusted already signed it."""
        if self.pinned or found.ring.serial <= self._ring.serial or not found.ring.keys:
            return
        # Without any key the first ring that comes down our own line counts; it must at least be signed by itself.
        trusted = self._ring.keys or found.ring.keys
        try:
            check_any(ring_bytes(found.ring), KEY_RING, found.ring_signatures, trusted)
        except SignatureError as error:
            log.warning("programme.keys_refused serial=%d reason=%s", found.ring.serial, error)
            return
        how = "followed" if self._ring.keys else "first"
        self._ring = found.ring
        self._save("trust", Trust(centre=self._centre, ring=found.ring))
        log.info("programme.keys_%s serial=%d count=%d", how, found.ring.serial, len(found.ring.keys))

    def _refuse(self, digest: str, version: int, reason: str) -> None:
        before = self.refused
        reason = reason[:SENTENCE_CHARS_MAX]
        if before is not None and (before.digest, before.reason) == (digest, reason):
            return  # after a restart: told already
        self.refused = Refused(digest=digest, version=version, reason=reason, refused_at=self.clock.now())
        self._save("refused", self.refused)
        log.error("programme.refused %s", in_words(self.good, self.refused))

    def _go_on_with(self, good: Good) -> None:
        loaded = load(good.source.encode(), name="programme")
        if isinstance(loaded, Programme):
            self.good, self.current = good, loaded
            return
        wrong = str(loaded[0]) if loaded else "it cannot be read"
        self._broken = (
            f"programme version {good.version} was in force and this Tillpoint cannot read it ({wrong});"
            " nothing is taken off until the centre sends another"
        )
        log.error("programme.unusable %s", self._broken)

    # ── The disk ────────────────────────────────────────────────────────────────────────────────

    @property
    def _centre(self) -> str:
        return mark_of_centre(self.url, self.enrolled)

    def _read(self, key: str, wanted: type[_Kept]) -> _Kept | None:
        data = self.store.get(COLLECTION, key)
        try:
            return None if data is None else codec.decode(data, wanted)
        except codec.WireError as error:
            log.error("programme.record_unreadable key=%s reason=%s", key, error)  # noqa: TRY400 - a state, not a crash
            return None

    def _keep(self) -> None:
        """The programme in force, and no refusal any more, in one transaction."""
        try:
            with self.store.transaction() as tx:
                tx.put(COLLECTION, "good", codec.encode(self.good))
                tx.delete(COLLECTION, "refused")
        except StoreError as error:
            # A full disk: it is in force all the same, and is looked for again at the next start.
            log.error("programme.not_kept reason=%s", error)  # noqa: TRY400 - a state, not a crash

    def _save(self, key: str, value: Struct) -> None:
        try:
            with self.store.transaction() as tx:
                tx.put(COLLECTION, key, codec.encode(value))
        except StoreError as error:
            log.error("programme.not_kept reason=%s", error)  # noqa: TRY400 - a state, not a crash
