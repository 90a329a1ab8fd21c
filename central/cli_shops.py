"""`tillpoint central shops`: shops whose requests come from a cloud: add, list, remove; the rest is in `cli`."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from central.database import Database
from central.errors import CentralStartError

__all__ = ["add_shops"]

KEY_BYTES: Final = 24
KEY_CHARS_MIN: Final = 8  # a shop's own software may have a key of its own; a shorter one is guessed

Open = Callable[[argparse.Namespace], Database]
Common = Callable[[argparse.ArgumentParser, Callable[[argparse.Namespace], int]], None]


def add_shops(commands: Any, common: Common, opened: Open) -> None:
    """Declare the commands; `common` adds what every command has, `opened` opens the database it names."""
    words = "shops that a cloud or a web shop speaks for: МойСклад, Эвотор, WooCommerce, Битрикс"
    verbs = commands.add_parser("shops", help=words, description=words).add_subparsers(required=True)
    add = verbs.add_parser("add", help="answer one more shop; prints its address and its key")
    add.add_argument("system", help="which till system: moysklad, evotor, woocommerce, bitrix")
    add.add_argument("--name", required=True, help="in its address /shops/NAME; small letters, digits, '-'")
    add.add_argument("--key", type=Path, metavar="FILE", help="what its cloud shows; default: a new one is made")
    add.add_argument("--token", type=Path, metavar="FILE", help="what we show to its cloud; without it nothing is read")
    add.add_argument("--zone", default="Europe/Moscow", help="of times without one; default Europe/Moscow")
    add.add_argument("--region", default="RU", help="of phones without a country code; default RU")
    add.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the system; see its README"
    )
    common(add, lambda args: _run(opened, args, _add))
    common(
        verbs.add_parser("list", help="every shop and what is wrong with it"), lambda args: _run(opened, args, _list)
    )
    remove = verbs.add_parser("remove", help="answer a shop no more; its receipts stay")
    remove.add_argument("name")
    common(remove, lambda args: _run(opened, args, _remove))


def _run(opened: Open, args: argparse.Namespace, action: Callable[[Database, argparse.Namespace], str]) -> int:
    database = opened(args)
    try:
        print(action(database, args))
    finally:
        database.close()
    return 0


def _add(database: Database, args: argparse.Namespace) -> str:
    from central.shops.rooms import room_of, settings_of
    from central.shops.shop import Shop, add_shop

    room = room_of(args.system)
    told = dict(_setting(text) for text in args.set)
    settings_of(room, told)
    key = _secret(args.key, "--key") or secrets.token_urlsafe(KEY_BYTES)
    shop = Shop(
        name=args.name,
        system=room.name,
        till=f"shop:{args.name}",
        key=key,
        token=_secret(args.token, "--token"),
        zone=args.zone,
        region=args.region,
        settings=told,
    )
    if shop.token and room.reader is None:
        raise CentralStartError(f"{room.title} is not read, so it needs no --token")
    database.writing(lambda connection: add_shop(connection, shop, now=datetime.now(UTC)))
    lines = [f"shop {shop.name} ({room.title}) is answered at https://YOUR-CENTRE/shops/{shop.name}"]
    if args.key is None:
        lines.append(f"its key, shown only now: {key}")
    return "\n".join(lines)


def _setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE; true and false, whole numbers, anything else is text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CentralStartError(f"--set {text!r}: write KEY=VALUE")
    if value in {"true", "false"}:
        return name, value == "true"
    return name, int(value) if value.isascii() and value.isdigit() and len(value) < 10 else value


def _secret(path: Path | None, option: str) -> str:
    """A secret from a file, so that no command line of the machine shows it; "" without one."""
    if path is None:
        return ""
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CentralStartError(f"cannot read {option} {path}: {error}") from None
    if len(secret) < KEY_CHARS_MIN:
        raise CentralStartError(f"{option} {path} holds {len(secret)} characters; it needs {KEY_CHARS_MIN} at least")
    return secret


def _list(database: Database, args: argparse.Namespace) -> str:
    del args
    from central.shops.inbox import refused, waiting
    from central.shops.shop import shops

    lines = []
    with database.read() as connection:
        for shop in shops(connection):
            wait, lost = waiting(connection, shop.till)
            read = f", read until {shop.read_at:%Y-%m-%d %H:%M} UTC" if shop.read_at is not None else ""
            lines.append(f"{shop.name}: {shop.system}{read}; {wait} deliveries wait, {lost} were refused")
            if shop.trouble:
                lines.append(f"  trouble: {shop.trouble}")
            lines += [f"  refused {row.delivery}: {row.reason}" for row in refused(connection, shop.till)]
    return "\n".join(lines) or "no shops; tillpoint central shops add --help"


def _remove(database: Database, args: argparse.Namespace) -> str:
    from central.shops.shop import remove_shop

    database.writing(lambda connection: remove_shop(connection, args.name))
    return f"shop {args.name} is answered no more; its receipts stay"
