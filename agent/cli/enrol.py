"""`tillpoint enrol`: make this machine known to the central server, or give it another key."""

from __future__ import annotations

import argparse
import ssl
from pathlib import Path

from agent.cli.common import add_config, print_json, settings_of
from agent.sync.enrol import enrol, renew_key
from agent.sync.identity import Identity
from agent.sync.pending import enrol_pending
from agent.sync.tls import tls_of
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.proof import fingerprint, public_key

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("enrol", help="make this machine known to the central server")
    parser.add_argument("url", nargs="?", metavar="URL", help="the centre's address, https://centre.example")
    parser.add_argument("code", nargs="?", metavar="CODE", help="from `tillpoint central enrol-code`; works once")
    parser.add_argument(
        "--plain-http", action="store_true", help="allow an unencrypted line to a centre in a closed network"
    )
    parser.add_argument("--now", action="store_true", help="make the enrolment that waits, also on an image's copy")
    parser.add_argument("--renew-key", action="store_true", help="make this till another key of its own; needs no code")
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Ask for the identity and keep it; a running agent takes a new one at its next start, a new key at once."""
    ways = (args.renew_key, args.now, args.url is not None)
    if sum(ways) != 1 or (args.code is None) != (args.url is None):
        raise SettingsError("write `tillpoint enrol URL CODE`, or `tillpoint enrol --renew-key`, or `… --now`, alone")
    settings = settings_of(args)
    folder = settings.state_folder
    tls, proxy = tls_of(settings.central), settings.central.proxy
    if args.renew_key:
        identity = renew_key(folder, proxy=proxy, tls=tls)
    elif args.now:
        identity = _now(folder, proxy=proxy, tls=tls)
    else:
        identity = enrol(args.url, args.code, folder, proxy=proxy, tls=tls, plain_http=args.plain_http)
    key = _key_of(identity)
    if args.json:
        facts = {"till": identity.till, "shop": identity.shop, "epoch": identity.epoch, "key": key}
        print_json({**facts, "folder": str(folder)})
    elif args.renew_key:
        print(f"till {identity.till} has the key {key} now")
    else:
        print(f"enrolled as till {identity.till} of shop {identity.shop} (epoch {identity.epoch})")
        print("an agent that runs takes it within seconds; one that was enrolled before wants a restart")
    return 0


def _now(folder: Path, *, proxy: str, tls: ssl.SSLContext) -> Identity:
    """The enrolment that waits, whichever machine this is."""
    identity = enrol_pending(folder, proxy=proxy, tls=tls, here="")
    if identity is None:
        raise SettingsError(f"no enrolment waits in {folder}; write `tillpoint enrol URL CODE`, or run tillpoint setup")
    return identity


def _key_of(identity: Identity) -> str:
    return fingerprint(public_key(identity.till_key)) if identity.till_key else ""
