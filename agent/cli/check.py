"""`tillpoint check`: are the settings right, which programme is in force; opens no device, makes no connection."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from agent import policy
from agent.assembly import check
from agent.checkout.programmes import COLLECTION, Good, Refused, in_words
from agent.checkout.records import PulledPlace, ValueKept
from agent.cli.common import add_config, print_json
from agent.settings import Settings, default_config_path
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.money import Money
from drivers.vocabulary.value_leases import ValueKind
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("check", help="check the settings file without opening anything")
    add_config(parser)


def programme_in_force(folder: Path) -> str:
    """Which programme is in force on this till, and why a newer one was refused; read beside a running agent."""
    try:
        with OutboxReader.open(folder / "till.db") as reader:
            kept = reader.document(COLLECTION, "good"), reader.document(COLLECTION, "refused")
    except StoreError as error:
        return f"the programme in force is not known: {error}"
    good, refused = kept
    return in_words(
        None if good is None else codec.decode(good, Good), None if refused is None else codec.decode(refused, Refused)
    )


def pulled_devices(settings: Settings) -> dict[str, str]:
    """How far each pulled device was read, a sentence for each; read beside a running agent."""
    wanted = [device.name for device in settings.devices if device.way == "pull"]
    reports = [system for system in settings.till_systems if system.reports_name]
    if not wanted and not reports:
        return {}
    try:
        with OutboxReader.open(settings.state_folder / "till.db") as reader:
            kept = {name: reader.document("pulled", name) for name in wanted}
            counters = {
                one.reports_name: [data for key, data in reader.documents("pulled") if key.startswith(f"{one.name}/")]
                for one in reports
            }
    except StoreError as error:
        names = (*wanted, *(one.reports_name for one in reports))
        return dict.fromkeys(names, f"how far it was read is not known: {error}")
    told = {name: _place_in_words(data) for name, data in kept.items()}
    return told | {name: _counters_in_words(places) for name, places in counters.items()}


def _counters_in_words(places: Sequence[bytes]) -> str:
    if not places:
        return "nothing was read yet: run tillpoint run, and see that the POS writes into the folder"
    said = []
    for place in (codec.decode(data, PulledPlace) for data in places):
        gaps = f", {len(place.gaps)} gaps" if place.gaps else ""
        when = place.at.isoformat(timespec="seconds")
        said.append(f"counter {place.memory} read through transaction {max(place.last, place.number)}{gaps} ({when})")
    return "; ".join(said)


def _place_in_words(data: bytes | None) -> str:
    if data is None:
        return "nothing was read yet: run tillpoint run, and see that the device is on"
    place = codec.decode(data, PulledPlace)
    left = place.last - place.number
    done = "everything was read" if left <= 0 else f"{left} are left"
    when = place.at.isoformat(timespec="seconds")
    return f"read through document {place.number} of {place.last}, {done} (memory {place.memory}, {when})"


def bound(cap: int) -> str:
    """How much a customer may overspend while lines are down, in one sentence."""
    if not cap:
        return "Without a line only points under leases are spent: nobody can overspend."
    return f"Without a line a customer can spend at most {cap} points at this till beyond leases: that is the risk."


def in_hand(folder: Path) -> str:
    """What is in this till's hand of coupons and certificates, in one sentence; read beside a running agent."""
    try:
        with OutboxReader.open(folder / "till.db") as reader:
            kept = [codec.decode(data, ValueKept) for _, data in reader.documents("value_lease")]
    except StoreError:
        return "What is in this till's hand of coupons and certificates is not known"
    there = [one for one in kept if one.left]
    if not there:
        return "No coupon and no certificate is in this till's hand"
    coupons = sum(one.signed.lease.kind is ValueKind.COUPON for one in there)
    money: dict[str, int] = {}
    for one in there:
        terms = one.signed.lease.terms
        if terms is not None:
            money[terms.currency] = money.get(terms.currency, 0) + one.left
    amounts = "".join(f", {Money(minor, currency)} of certificates" for currency, minor in sorted(money.items()))
    until = max(one.signed.lease.expires_at for one in there)
    return f"In this till's hand: coupons of one use: {coupons}{amounts}; until {until:%Y-%m-%d %H:%M} UTC at most"


def coupons_bound(word: str) -> str:
    """What becomes of coupons of one use while lines are down, in one sentence."""
    if word == "take":
        return "Without a line each till may take a coupon of one use once more: that is the risk."
    kept = "only from this till's hand" if word == "leased" else "not at all"
    return f"Without a line coupons of one use are taken {kept}: nobody can use one twice."


def run(args: argparse.Namespace) -> int:
    """Name every problem, or say what the settings amount to."""
    path = args.config if args.config is not None else default_config_path()
    try:
        settings, policies = policy.load(path)
        problems = check(settings)
    except SettingsError as error:
        settings, policies, problems = None, policy.Policies(), str(error).splitlines()
    told = programme_in_force(settings.state_folder) if settings is not None else ""
    pulled = pulled_devices(settings) if settings is not None else {}
    held = {"in_hand": in_hand(settings.state_folder)} if settings is not None else {}
    if args.json:
        above = {"policy": policies.origins, "policy_ignored": policies.ignored}
        said = {"file": str(path), "ok": not problems, "problems": problems, "programme": told, "pulled": pulled}
        print_json(said | held | above)
    elif settings is None or problems:
        print("\n".join(problems))
    else:
        devices = ", ".join(f"{device.name} ({device.driver})" for device in settings.devices) or "none"
        print(f"{path}: ok. Devices: {devices}. Panel: http://127.0.0.1:{settings.doors.port}/panel")
        for sentence in policies.decided():
            print(sentence)
        print(f"{told[:1].upper()}{told[1:]}.")
        for name, sentence in pulled.items():
            print(f"{name}: {sentence}")
        print(bound(settings.offline.points_cap))
        print(coupons_bound(settings.offline.single_use_coupons))
        print(f"{held['in_hand']}.")
    for sentence in () if args.json else policies.ignored:
        print(f"policy: {sentence}")
    return 1 if problems else 0
