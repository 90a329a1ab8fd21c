"""`tillpoint central programme`: set it, and the keys it is signed with; the rest of the command line is in `cli`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from agent.signatures import fingerprint, public_text_of
from central.changes import publish
from central.database import Database
from central.errors import CentralStartError
from central.programme_keys import SIGNED, add_key, drop_key, ring_of
from central.programmes import set_programme

__all__ = ["add_programme"]

Open = Callable[[argparse.Namespace], Database]
Common = Callable[[argparse.ArgumentParser, Callable[[argparse.Namespace], int]], None]


def add_programme(commands: Any, common: Common, opened: Open) -> None:
    """Declare the verbs; `common` adds what every command has, `opened` opens the database it names."""
    verbs = commands.add_parser("programme", help="the loyalty programme").add_subparsers(required=True)

    def verb(name: str, words: str, action: Callable[[Database, argparse.Namespace], str]) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = verbs.add_parser(name, help=words, description=words)
        common(parser, lambda args: _run(opened(args), action, args))
        return parser

    one = verb("set", "store a programme, sign it and tell the tills", _set)
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument("--signature", type=Path, metavar="SIG", help="also yours, from `tillpoint programme sign`")
    one.add_argument("--key", type=Path, metavar="PEM", help="the public key SIG was made with")
    verb("keys", "show the keys this centre signs with, as tills want them", _keys)
    verb("new-key", "sign with another key beside the present one", _new_key)
    drop = verb("drop-key", "sign with this key no more", _drop_key)
    drop.add_argument("name", metavar="KEY", help="16 hex digits, from `programme keys`")


def _run(database: Database, action: Callable[[Database, argparse.Namespace], str], args: argparse.Namespace) -> int:
    try:
        print(action(database, args))
    finally:
        database.close()
    return 0


def _set(database: Database, args: argparse.Namespace) -> str:
    if (args.signature is None) != (args.key is None):
        raise CentralStartError("--signature and --key belong together: the signature, and the public key to check it")
    source = _bytes(args.file)
    signature = _bytes(args.signature) if args.signature is not None else None
    with database.write() as connection:
        version = set_programme(
            connection,
            source,
            name=args.file.name,
            currency=database.currency,
            now=datetime.now(UTC),
            signature=signature,
            signed_by=public_text_of(args.key) if args.key is not None else "",
        )
    return f"programme version {version} is set"


def _keys(database: Database, args: argparse.Namespace) -> str:
    del args
    with database.read() as connection:
        ring = ring_of(connection)
    keys = [f"key {fingerprint(one)}: {one}" for one in ring.keys]
    line = ", ".join(f'"{one}"' for one in ring.keys)
    return "\n".join([*keys, "for tills that trust these only: [programme]", f"trusted_keys = [{line}]"])


def _new_key(database: Database, args: argparse.Namespace) -> str:
    del args
    with database.write() as connection:
        name = add_key(connection)
        _tell(connection)
    return (
        f"key {name} signs from now on, beside the one before;"
        " when every till has been on line, drop that one: tillpoint central programme drop-key KEY"
    )


def _drop_key(database: Database, args: argparse.Namespace) -> str:
    with database.write() as connection:
        drop_key(connection, args.name)
        _tell(connection)
    return f"key {args.name} signs nothing any more; a till that was not on line meanwhile must be enrolled again"


def _tell(connection: Connection) -> None:
    """A feed may name a document that is not there yet: it is a tombstone until a programme is set."""
    publish(connection, [SIGNED])


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CentralStartError(f"cannot read {file}: {error.strerror}") from None
