"""Checks of updates, which a server may leave out: offers as they were signed, archives in parts, downloads resumed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from central.conformance.bench import Bench
from central.conformance.outcome import Failed, Skipped, expect, expect_equal
from central.conformance.suite import check
from central.conformance.till import Till
from central.conformance.wire import Answer
from drivers.vocabulary import codec
from drivers.vocabulary.release import Payload, ReleaseRefused, open_release, version_order
from drivers.vocabulary.updates import AFTER_HEADER, UpdateCheck, UpdateOffer

__all__: list[str] = []

OLD: Final = "0.0.1"  # older than every release
NEW: Final = "99999.0"  # newer than every release
PART_BYTES: Final = 4 << 20
FETCHED_BYTES_MAX: Final = 512 << 20


def _ask(bench: Bench, version: str) -> Answer:
    return bench.a.post("updates/check", UpdateCheck(version=version, platform=bench.wanted.platform))


def _offer(bench: Bench) -> UpdateOffer:
    """What the first till is offered.

    Raises:
        Skipped: nothing is.
    """
    answer = _ask(bench, OLD)
    if answer.status != 200:
        raise Skipped(
            f"nothing is offered to till {bench.a.name} on {bench.wanted.platform}: pin it to a release first"
        )
    try:
        return codec.decode(answer.body, UpdateOffer)
    except codec.WireError as error:
        raise Failed("an offer that tills can read", str(error)) from None


def _brought(bench: Bench, offer: UpdateOffer) -> Payload:
    """What the offered release brings for the platform of the check, if its signatures are good."""
    roots = [bench.wanted.release_root]
    try:
        known = open_release(codec.encode(offer.release), roots=roots, now=datetime.now(UTC))
    except ReleaseRefused as refused:
        raise Failed("a release whose signatures are good", f"{refused.code}: {refused}") from None
    expect(bench.wanted.platform in known.manifest.platforms, f"an archive for {bench.wanted.platform}", "none")
    expect(version_order(known.manifest.version) > version_order(OLD), f"newer than {OLD}", known.manifest.version)
    return known.manifest.platforms[bench.wanted.platform]


def _fetch(till: Till, path: str, **headers: str) -> Answer:
    told = {**till.authorization, "Accept-Encoding": "identity", **headers}
    return till.wire.ask("GET", path, headers=told, deadline_s=120.0)


def _tag(headers: Mapping[str, str]) -> str:
    tag = headers.get("etag", "")
    expect(tag.startswith('"'), "a strong ETag", tag or "none")
    return tag


@check(
    "updates",
    "",
    "a till that asks for an update is offered one or nothing, and told when to ask again",
    step=f"answer POST …/updates/check with 200 or 204 and {AFTER_HEADER}, or with 404 when you give out no updates",
    needs=("token",),
)
def offered(bench: Bench) -> str:
    """Optional as a whole."""
    answer = _ask(bench, OLD)
    if answer.status in {404, 405}:
        raise Skipped("optional, and not offered here: tills are updated by other means")
    expect(answer.status in {200, 204}, "200 with an offer, or 204", answer)
    after = answer.headers.get(AFTER_HEADER.lower(), "")
    expect(after.isascii() and after.isdigit() and int(after) > 0, f"{AFTER_HEADER} in whole seconds", after or "none")
    return f"{'an offer' if answer.status == 200 else 'nothing'}, again after {after} s"


@check(
    "updates-older",
    "",
    "a till is never offered a version that is older than its own",
    step="compare versions by their numbers; going back is the till's own business",
    needs=("updates",),
)
def older(bench: Bench) -> None:
    """A till from the future."""
    answer = _ask(bench, NEW)
    expect(answer.status == 204, "204", answer)


@check(
    "updates-signature",
    "",
    "the offered release is as it was signed, and its archive has the size that the manifest says",
    step="keep the signed release byte for byte and pass it on as it is",
    needs=("updates",),
)
def signed(bench: Bench) -> str:
    """A till takes nothing else."""
    if not bench.wanted.release_root:
        raise Skipped("give --release-root KEY (base64), the root key that your tills trust")
    offer = _offer(bench)
    brought = _brought(bench, offer)
    expect_equal(brought.size, offer.size, "size")
    expect(offer.archive.startswith("/"), "the path of the archive below the server's address", offer.archive)
    bench.notes["release"] = (offer, brought)
    return f"{brought.size} bytes"


@check(
    "updates-token",
    "",
    "nobody downloads an archive without a till's token",
    step="ask for the token of the till in the path: 401 without one",
    needs=("updates-signature",),
)
def token(bench: Bench) -> None:
    """A stranger."""
    offer, _ = bench.notes["release"]
    answer = bench.wire.ask("GET", offer.archive, headers={"Range": "bytes=0-0"})
    expect(answer.status in {401, 403, 404}, "401", answer.status)


@check(
    "updates-range",
    "",
    "one range of an archive is answered with 206, Content-Range and the archive's ETag, and is not squeezed",
    step="serve archives with ranges (RFC 9110, 14) and leave them out of your compression",
    needs=("updates-signature",),
)
def ranges(bench: Bench) -> None:
    """The first two hundred bytes, twice a hundred."""
    offer, brought = bench.notes["release"]
    found: list[bytes] = []
    tags: set[str] = set()
    end = min(200, brought.size)
    for first, last in ((0, end // 2 - 1), (end // 2, end - 1)):
        answer = _fetch(bench.a, offer.archive, Range=f"bytes={first}-{last}")
        expect(answer.status == 206, "206", answer.status)
        expect_equal(f"bytes {first}-{last}/{brought.size}", answer.headers.get("content-range", ""), "Content-Range")
        expect(
            not answer.headers.get("content-encoding"), "no Content-Encoding", answer.headers.get("content-encoding")
        )
        expect_equal(last - first + 1, len(answer.body), "bytes")
        tags.add(_tag(answer.headers))
        found.append(answer.body)
    expect(len(tags) == 1, "one ETag", tags)
    expect(b"".join(found).startswith(b"PK"), "a zip archive", found[0][:8])
    behind = _fetch(bench.a, offer.archive, Range=f"bytes={brought.size}-")
    expect_equal(416, behind.status, "status behind the end")


@check(
    "updates-resume",
    "",
    "a download goes on where it was cut, and begins anew when the first part was of something else (If-Range)",
    step="answer If-Range with the part when it names this archive, and with 200 and the whole when it does not",
    needs=("updates-range",),
)
def resumed(bench: Bench) -> str:
    """Part by part, and all of it is what the manifest says."""
    offer, brought = bench.notes["release"]
    if brought.size > FETCHED_BYTES_MAX:
        raise Skipped(f"the archive has {brought.size} bytes")
    sum_, count, tag = hashlib.sha256(), 0, ""
    while count < brought.size:
        bench.progress(f"{count * 100 // brought.size} % of the archive")
        wanted = {"Range": f"bytes={count}-{count + PART_BYTES - 1}", **({"If-Range": tag} if tag else {})}
        answer = _fetch(bench.a, offer.archive, **wanted)
        expect(answer.status == 206 and answer.body, "206 with the next part", answer.status)
        tag = tag or _tag(answer.headers)
        sum_.update(answer.body)
        count += len(answer.body)
    expect_equal(brought.sha256, sum_.hexdigest(), "SHA-256")
    if brought.size <= PART_BYTES:
        other = _fetch(bench.a, offer.archive, **{"Range": "bytes=1-", "If-Range": '"something else"'})
        expect((other.status, len(other.body)) == (200, brought.size), "200 with the whole", other.status)
    return f"{brought.size} bytes in parts of {PART_BYTES >> 20} MiB"
