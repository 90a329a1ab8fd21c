"""What a till and the central server say to one another: enrol, upload, changes, look-up, hold."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta, Raw, Struct

from drivers.vocabulary.customer import PointsUnit
from drivers.vocabulary.receipt import AwareTime, ReceiptUid
from drivers.vocabulary.signed import KeyRing

__all__ = [
    "ENVELOPES_BATCH_MAX",
    "TOMBSTONE",
    "UPLOAD_BYTES_MAX",
    "Change",
    "ChangesPage",
    "EnrolAnswer",
    "EnrolRequest",
    "HoldGrant",
    "HoldWanted",
    "KeysAnswer",
    "KeysRequest",
    "LookupAnswer",
    "LookupWanted",
    "Problem",
    "SnapshotManifest",
    "SnapshotPart",
    "SnapshotPartInfo",
    "Upload",
    "UploadAnswer",
    "Verdict",
    "VerdictState",
    "WireEnvelope",
]

TOMBSTONE = b"null"  # the body of a document that is gone
ENVELOPES_BATCH_MAX = 500  # one batch is acknowledged whole; larger ones only lengthen the retry after a cut line
UPLOAD_BYTES_MAX = 1_048_576  # of envelopes before compression; the same reason

Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Hex32OrNone = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
KeyedHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
SignatureOrNone = Annotated[str, Meta(pattern=r"^([0-9a-f]{128})?$")]


class WireEnvelope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An envelope as it travels; `body` is passed on byte for byte, because the hash is taken over it."""

    id: Annotated[str, Meta(min_length=1, max_length=40)]
    epoch: Annotated[int, Meta(ge=1)]
    sequence: Annotated[int, Meta(ge=1)]
    previous: Hex32
    hash: Hex32
    kind: Annotated[str, Meta(min_length=1, max_length=60)]
    occurred_at: Annotated[str, Meta(max_length=40)]
    boot_id: Annotated[str, Meta(max_length=40)]
    uptime_ms: Annotated[int, Meta(ge=0)]
    programme_version: Annotated[int, Meta(ge=0)]
    body: Raw


class Upload(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/envelopes``: a contiguous run of envelopes.

    Attributes:
        signature: the till's, over till, epoch, first and last sequence and the last hash (`proof.batch_statement`);
            "" from a till that has no key yet.
    """

    envelopes: Annotated[tuple[WireEnvelope, ...], Meta(min_length=1, max_length=ENVELOPES_BATCH_MAX)]
    signature: SignatureOrNone = ""


class VerdictState(Enum):
    """What the centre did with one envelope; every one of the three settles it at the till."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The verdict on one envelope, echoing its id."""

    sequence: int
    id: str
    state: VerdictState
    reason: str = ""


class UploadAnswer(Struct, frozen=True, kw_only=True):
    """What was accepted: everything of `epoch` through `through`, whose last hash is `head`."""

    till: str
    epoch: int
    through: int
    head: str
    server_time: AwareTime
    verdicts: tuple[Verdict, ...]


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error answer; `wanted` is the sequence the centre expects next, on a gap (409)."""

    code: str
    message: str
    wanted: int | None = None


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One document of the replica, or its tombstone (body ``null``).

    Attributes:
        collection: "customer" (key: customer id), "alias" (key: hex of the keyed hash; body: customer id),
            "coupon" (key: `coupon_key` of its serial; body: CouponFact),
            "programme" (key "signed": SignedProgramme; key "current": the same unsigned, for older tills), "settings".
        version: grows with each change of the document.
        body: the document's JSON, passed on byte for byte.
    """

    collection: Annotated[str, Meta(min_length=1, max_length=32)]
    key: Annotated[str, Meta(min_length=1, max_length=128)]
    version: int
    body: Raw

    @property
    def document(self) -> bytes | None:
        """The bytes of the document; None for a tombstone."""
        data = bytes(self.body)
        return None if data == TOMBSTONE else data


class ChangesPage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``GET /v1/tills/{till}/changes?cursor=…&wait=…``: what changed since `cursor`, in order.

    Attributes:
        cursor: opaque; send it back to get what comes after this page.
        epoch: the epoch `reflects` counts in; an older one than the till's own while that one still drains.
        reflects: the till's last envelope that these documents already contain.
        more: True when another page is ready at once.
        server_time: the centre's clock when the page was made.
    """

    cursor: str
    epoch: int
    reflects: int
    more: bool
    server_time: AwareTime
    changes: tuple[Change, ...]


class SnapshotPartInfo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a snapshot: SHA-256 over the uncompressed body of its answer, bytes of it, documents in it."""

    sha256: Hex32
    size: Annotated[int, Meta(ge=0)]
    documents: Annotated[int, Meta(ge=0)]


class SnapshotManifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``GET /v1/tills/{till}/snapshot``: everything there is, in parts made beforehand; each part is fetched by itself.

    The parts were read one after another while the centre worked on. With the changes after `cursor` taken over too
    they are whole; before that they are not to be used.

    Attributes:
        id: names these parts for as long as they are kept.
        cursor: where the changes begin that the parts may lack.
        epoch: the epoch `reflects` counts in.
        reflects: the till's last envelope that every document contains.
    """

    id: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[0-9a-zA-Z_-]+$")]
    cursor: str
    epoch: int
    reflects: int
    made_at: AwareTime
    documents: Annotated[int, Meta(ge=0)]
    parts: tuple[SnapshotPartInfo, ...]


class SnapshotPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``GET /v1/tills/{till}/snapshot/{id}/{number}``: documents of the snapshot; no document is in two parts."""

    changes: tuple[Change, ...]


class LookupWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/lookup``: somebody whom the till's replica does not know.

    Attributes:
        aliases: keyed hashes of what was shown, in hex: under today's tenant key, and under the one that follows it.
    """

    aliases: Annotated[tuple[KeyedHash, ...], Meta(min_length=1, max_length=2)]


class LookupAnswer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer's documents (collections "alias" and "customer"); none when nobody is found.

    Attributes:
        epoch: the epoch `reflects` counts in.
        reflects: the till's last envelope that these documents already contain.
    """

    epoch: int
    reflects: int
    server_time: AwareTime
    changes: tuple[Change, ...] = ()


class EnrolRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/enrol``: a one-time code against an identity.

    Attributes:
        public_key: the till's own Ed25519 key, made on the till (hex); its batches are signed with the other half.
    """

    code: Annotated[str, Meta(min_length=4, max_length=80)]
    machine: Annotated[str, Meta(max_length=80)] = ""
    public_key: Hex32OrNone = ""


class EnrolAnswer(Struct, frozen=True, kw_only=True):
    """The till's identity: name, epoch, bearer token, and the tenant key (hex) for keyed hashes.

    Attributes:
        tenant_key_next: the key that follows while hashes are made anew, "" at other times; look-ups try both.
        tenant_generation: of the newest key here.
        centre_key: the centre's X25519 key (hex): personal data is sealed to it.
    """

    till: str
    shop: str
    epoch: int
    token: str
    tenant_key: str
    currency: str
    tenant_key_next: str = ""
    tenant_generation: int = 1
    centre_key: str = ""
    #: Keys of the programmes to take; empty from a centre that signs nothing.
    programme_keys: KeyRing = KeyRing()


class KeysRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/keys``: the till's public key against a fresh token and the tenant's keys of today.

    Asked at each start and now and then; repeating it is harmless, and a lost answer locks nobody out.

    Attributes:
        public_key: the till's present one.
        proof: signature of `proof.key_statement` with it.
        by_old: the same statement signed with the key before, when this one follows another.
        tenant_generation: of the newest tenant key the till holds.
    """

    public_key: Hex32
    proof: SignatureOrNone
    by_old: SignatureOrNone = ""
    tenant_generation: Annotated[int, Meta(ge=0)] = 0


class KeysAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a till must hold from now on.

    Attributes:
        token: a new one, when the old one is due; the old one stays good until this one was used once. "" keeps it.
    """

    tenant_key: str
    tenant_generation: int
    centre_key: str
    tenant_key_next: str = ""
    token: str = ""


class HoldWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/holds``: reserve points for a receipt; repeating it answers the same hold."""

    receipt_uid: ReceiptUid
    customer_id: str
    unit: PointsUnit
    points: Annotated[int, Meta(ge=1)]
    ttl_s: Annotated[int, Meta(ge=1, le=86_400)] = 900


class HoldGrant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All the points asked for, or 0 with the reason."""

    id: str
    points: int
    expires_at: AwareTime | None = None
    reason: str = ""
