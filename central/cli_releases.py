"""`tillpoint central release …`: sign offline, add, start, stop, go on, withdraw, and see how far it is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from central.cli_common import Act, Common, Open, declarer
from central.database import Database
from central.errors import CentralStartError
from central.releases import register, signing
from central.releases.folder import ArchiveFolder
from central.releases.progress import STATES, ReleaseProgress, progress, progress_of_all
from central.releases.trail import acts_of
from central.releases.trust import distrust, trust, trusted
from drivers.vocabulary import codec
from drivers.vocabulary.release import fingerprint_of

__all__ = ["FOLDER", "add_releases"]

FOLDER: Final = Path("releases")
BY: Final = "command line"


def add_releases(commands: Any, common: Common, opened: Open) -> None:
    """Declare the verbs; `common` adds what every command has, `opened` opens the database it names."""
    words = "versions for the tills: sign, add, roll out in rings, stop, withdraw"
    verbs = commands.add_parser("release", help=words, description=words).add_subparsers(required=True, metavar="VERB")
    _add_desk(verbs)
    declare = declarer(common, opened)

    def verb(name: str, words: str, act: Act) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = verbs.add_parser(name, help=words, description=words)
        declare(parser, act)
        return parser

    one = verb("trust", "take releases of this root key (no file: show whom this centre trusts)", _trust)
    one.add_argument("file", type=Path, nargs="?", metavar="FILE.pub")
    one.add_argument("--revoke", metavar="KEY", help="16 hex digits: this root or signing key counts no more")
    one = verb("add", "verify a release and keep its archives; nobody gets it before `start`", _add)
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="VERSION.release.json and its archives")
    _folder(one)
    one = verb("list", "every release and how far it is in each ring", _list)
    one.add_argument("--json", action="store_true")
    one = verb("show", "one release: rings, tills that failed and why, what was done", _show)
    one.add_argument("version")
    one.add_argument("--json", action="store_true")
    _add_acts(verb)


def _add_acts(verb: Callable[[str, str, Act], argparse.ArgumentParser]) -> None:
    verb("start", "give it to the first ring", _start).add_argument("version")
    one = verb("stop", "nobody new gets it; what tills have staged is not tried", _stop)
    one.add_argument("version")
    one.add_argument("--why", required=True)
    one = verb("resume", "go on after a stop; failures so far are forgiven", _resume)
    one.add_argument("version")
    one.add_argument("--why", default="")
    one = verb("withdraw", "nobody gets it ever again; tills that run it go on with it", _withdraw)
    one.add_argument("version")
    one.add_argument("--why", required=True)
    one.add_argument("--delete", action="store_true", help="delete its archives here too")
    _folder(one)
    one = verb("open", "open it for a ring, and all before it, without waiting for the gate", _open_ring)
    one.add_argument("version")
    one.add_argument("ring")
    one.add_argument("--why", default="")
    one = verb("retry", "let tills that tried it in vain try once more", _retry)
    one.add_argument("version")
    one.add_argument("tills", nargs="*", metavar="TILL", help="none named: all of them")


def _add_desk(verbs: Any) -> None:
    """What needs no database: the desk where releases are signed."""
    words = "make key files; keep them away from the centre"
    keys = verbs.add_parser("keys", help=words, description=words).add_subparsers(required=True, metavar="KIND")
    root = keys.add_parser("root", help="the key that tills trust: NAME.key for the safe, NAME.pub for everybody")
    root.add_argument("name", type=Path, metavar="NAME")
    root.set_defaults(action=_make_root)
    season = keys.add_parser("signing", help="a key for a season: NAME.key and NAME.certificate.json by the root")
    season.add_argument("name", type=Path, metavar="NAME")
    season.add_argument("--root", type=Path, required=True, metavar="ROOT.key")
    season.add_argument("--days", type=int, default=180, metavar="N", help="how long it counts; default 180")
    season.set_defaults(action=_make_signing)
    words = "sign archives of one version, one for each platform; needs no centre"
    sign = verbs.add_parser("sign", help=words, description=words)
    sign.add_argument("archives", nargs="+", type=Path, metavar="ARCHIVE.zip")
    sign.add_argument("--key", type=Path, required=True, metavar="NAME.key")
    sign.add_argument("--channel", default="stable")
    sign.add_argument("--oldest-from", default="", metavar="VERSION", help="older tills take another release before it")
    sign.add_argument("--notes", default="", help="a line or two for people")
    sign.add_argument("--out", type=Path, metavar="FILE", help="default VERSION.release.json")
    sign.set_defaults(action=_sign)


def _folder(parser: argparse.ArgumentParser) -> None:
    words = f"where archives are kept; the same as of `run`; default {FOLDER}"
    parser.add_argument("--releases", type=Path, default=FOLDER, metavar="FOLDER", help=words)


def _now() -> datetime:
    return datetime.now(UTC)


# ── The desk ────────────────────────────────────────────────────────────────────────────────────


def _make_root(args: argparse.Namespace) -> int:
    name = signing.make_root(args.name)
    print(f"root key {name}: {args.name}.key is for the safe, {args.name}.pub for the centre and the tills")
    print(f'tills: [updates] root_keys = ["{signing.public_of(Path(f"{args.name}.pub"))}"]')
    return 0


def _make_signing(args: argparse.Namespace) -> int:
    name = signing.make_signing_key(args.root, args.name, days=args.days, now=_now())
    print(f"signing key {name} counts for {args.days} days: {args.name}.key with {args.name}.certificate.json")
    return 0


def _sign(args: argparse.Namespace) -> int:
    more = {"channel": args.channel, "oldest_from": args.oldest_from, "notes": args.notes}
    signed = signing.sign_archives(args.key, args.archives, now=_now(), **more)
    version = signing.read_archive(args.archives[0])[0]
    out = args.out or Path(f"{version}.release.json")
    signing.write_new(out, codec.encode(signed) + b"\n")
    print(f"{out}: release {version} for {len(args.archives)} platforms, signed with key {signed.signature.key}")
    return 0


# ── At the centre ───────────────────────────────────────────────────────────────────────────────


def _trust(database: Database, args: argparse.Namespace) -> str:
    def work(connection: Connection) -> str:
        if args.file is not None:
            trust(connection, signing.public_of(args.file))
        if args.revoke is not None:
            distrust(connection, args.revoke)
        kept = trusted(connection)
        lines = [f"root {fingerprint_of(one)} {one}" for one in kept.roots]
        lines += [f"revoked {one}" for one in kept.revoked]
        return "\n".join(lines) or "no root key is trusted yet; name the .pub file of `release keys root`"

    return database.writing(work)


def _add(database: Database, args: argparse.Namespace) -> str:
    folder, now = ArchiveFolder(args.releases), _now()
    manifests = [path for path in args.files if path.suffix == ".json"]
    if len(manifests) != 1:
        raise CentralStartError("name one signed release (VERSION.release.json) and its archives")
    signed = _bytes(manifests[0]).strip()
    # Before anything is copied: what nobody may run needs no room here.
    manifest = database.reading(lambda connection: register.verified(connection, signed, now=now)).manifest
    known = {one.sha256: (platform, one.size) for platform, one in manifest.platforms.items()}
    for path in args.files:
        if path in manifests:
            continue
        _, platform, payload = signing.read_archive(path)
        if payload.sha256 not in known:
            raise CentralStartError(f"{path} ({platform}) is not an archive of release {manifest.version}")
        folder.copy(path, payload.sha256, size=known[payload.sha256][1])
    database.writing(lambda connection: register.add(connection, signed, folder=folder, by=BY, now=now))
    platforms = ", ".join(sorted(manifest.platforms))
    return f"release {manifest.version} for {platforms} waits; begin: release start {manifest.version}"


def _start(database: Database, args: argparse.Namespace) -> str:
    ring = database.writing(lambda connection: register.start(connection, args.version, by=BY, now=_now()))
    return f"release {args.version} rolls: ring {ring} gets it now"


def _stop(database: Database, args: argparse.Namespace) -> str:
    database.writing(lambda connection: register.stop(connection, args.version, why=args.why, by=BY, now=_now()))
    return f"release {args.version} is stopped; who runs it goes on with it"


def _resume(database: Database, args: argparse.Namespace) -> str:
    database.writing(lambda connection: register.resume(connection, args.version, why=args.why, by=BY, now=_now()))
    return f"release {args.version} goes on; tills that failed are left out: `release retry` lets them try again"


def _withdraw(database: Database, args: argparse.Namespace) -> str:
    def work(connection: Connection) -> set[str]:
        register.withdraw(connection, args.version, why=args.why, by=BY, now=_now())
        return register.digests_of(connection, args.version) - register.digests_in_use(connection)

    unused = database.writing(work)
    gone = ArchiveFolder(args.releases).remove(unused) if args.delete else 0
    return f"release {args.version} is withdrawn" + (f"; {gone} archives deleted" if args.delete else "")


def _open_ring(database: Database, args: argparse.Namespace) -> str:
    def work(connection: Connection) -> bool:
        return register.open_ring(connection, args.version, args.ring, by=BY, now=_now(), why=args.why or "by hand")

    is_new = database.writing(work)
    return f"release {args.version} {'is open' if is_new else 'was open already'} for ring {args.ring}"


def _retry(database: Database, args: argparse.Namespace) -> str:
    count = database.writing(lambda connection: register.retry(connection, args.version, args.tills, by=BY, now=_now()))
    return f"{count} tills may try release {args.version} once more"


def _list(database: Database, args: argparse.Namespace) -> str:
    found = database.reading(lambda connection: progress_of_all(connection, now=_now()))
    if args.json:
        return _json(found)
    return "\n\n".join(_sentences(one) for one in found) or "no release yet; add one: release add FILES"


def _show(database: Database, args: argparse.Namespace) -> str:
    now = _now()
    one = database.reading(lambda connection: progress(connection, args.version, now=now))
    if args.json:
        return _json(one)
    acts = database.reading(lambda connection: acts_of(connection, args.version))
    lines = [_sentences(one)]
    lines += [
        f"  {row.till} ({row.ring}) {row.outcome} at {row.at:%Y-%m-%d %H:%M}: {row.reason}" for row in one.failures
    ]
    lines += [
        f"  {act.at:%Y-%m-%d %H:%M} {act.action} {act.target} by {act.by}{': ' if act.note else ''}{act.note}"
        for act in acts
    ]
    return "\n".join(lines)


def _sentences(one: ReleaseProgress) -> str:
    why = f": {one.reason}" if one.reason else ""
    lines = [f"{one.version} ({one.channel}) {one.state}{why}"]
    for ring in one.rings:
        counts = ", ".join(f"{ring.counts[state]} {state}" for state in STATES if ring.counts[state])
        since = f"open since {ring.opened_at:%Y-%m-%d %H:%M}" if ring.opened_at is not None else "not open"
        gate = f"; {ring.gate}" if ring.gate else ""
        lines.append(f"  {ring.ring}: {since}; {counts or 'no tills'}{gate}")
    return "\n".join(lines)


def _json(value: ReleaseProgress | Sequence[ReleaseProgress]) -> str:
    return json.dumps(codec.to_builtins(value), ensure_ascii=False, indent=2)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CentralStartError(f"cannot read {path}: {error.strerror or error}") from None
