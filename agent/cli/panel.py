"""`tillpoint panel`: let this machine's browser into the panel of the running agent, once; or set the panel's PINs."""

from __future__ import annotations

import argparse
import json
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.common import add_config, print_json, settings_of
from agent.cli.run import RUNTIME_FILE
from agent.clock import SystemClock
from agent.doors.keys import DoorSecrets
from agent.doors.pins import ROLES, set_pin
from agent.settings import Settings
from drivers.vocabulary.errors import TillpointError

if TYPE_CHECKING:
    from agent.desktop.access import Access

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("panel", help="open the panel of the running agent in the browser")
    parser.add_argument("--customer", action="store_true", help="the customer's screen instead of the cashier's")
    parser.add_argument("--print", action="store_true", help="print the address instead; it is good once, for a minute")
    parser.add_argument(
        "--hot-key", action="store_true", help="stay, and let panel.hot_key bring the panel and give the focus back"
    )
    parser.add_argument("--set-pin", choices=ROLES, help="set a PIN instead; it is asked for, or read from the input")
    parser.add_argument(
        "--stay", action="store_true", help="stay for the session: keep the panel open, the hot key, the second screen"
    )
    parser.add_argument("--install-logon", action="store_true", help="do that whenever somebody logs on here, and end")
    parser.add_argument("--remove-logon", action="store_true", help="do it no more, and end")
    parser.add_argument(
        "--user", default="", metavar="NAME", help="with --install-logon: the cashier's account (Linux)"
    )
    parser.add_argument(
        "--for-me", action="store_true", help="with both: for this account alone; wants no administrator"
    )
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Make a ticket; whoever may read the till's secrets may do that."""
    if args.install_logon or args.remove_logon:
        from agent.desktop import autostart

        if args.remove_logon:
            print(autostart.remove(for_all=not args.for_me))
        else:
            print(autostart.install(user=args.user, for_all=not args.for_me))
        return 0
    if args.stay:
        return _stay(args)
    settings = settings_of(args)
    folder = settings.state_folder
    if args.set_pin:
        return _set_pin(folder, args.set_pin)
    if args.hot_key:
        return _keep_focus(settings)
    port = _port(folder)
    secrets = DoorSecrets.load_or_create(folder, SystemClock())
    url = secrets.customer_url(port) if args.customer else secrets.panel_url(port)
    if args.json:
        print_json({"panel": url})
    elif args.print or not webbrowser.open(url):
        print(url)
    return 0


def _stay(args: argparse.Namespace) -> int:
    """By what the agent lays for the cashier's account; with --config by the state folder, which few may read."""
    from agent.desktop import access
    from agent.desktop.autostart import own_command
    from agent.desktop.staying import profiles_folder, start_again, stay
    from agent.service import logs
    from agent.settings import LogSettings

    logs.set_up(LogSettings(file_mb=1, files=2, event_log=False), profiles_folder(), name="panel", environment={})
    how = access.read if args.config is None else _access_of_state(settings_of(args))
    if stay(how):
        start_again([*own_command(), *sys.argv[1:]])
    return 0


def _access_of_state(settings: Settings) -> Callable[[], Access]:
    """What the agent would have laid."""
    from agent.desktop.access import access_of

    folder = settings.state_folder

    def read() -> Access:
        running = _runtime(folder)
        secrets = DoorSecrets.load_or_create(folder, SystemClock())
        return access_of(settings.panel, secrets, int(running["port"]), version=running["version"])

    return read


def _port(folder: Path) -> int:
    """The running agent's."""
    return int(_runtime(folder)["port"])


def _runtime(folder: Path) -> dict[str, Any]:
    """What the running agent says of itself."""
    try:
        told = json.loads((folder / RUNTIME_FILE).read_text("utf-8"))
        return {"port": int(told["port"]), "version": str(told["version"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise TillpointError(f"no agent is running with its state in {folder}; start it with: tillpoint run") from None


def _keep_focus(settings: Settings) -> int:
    """Until it is ended, in the cashier's session."""
    from agent.desktop.hot_keys import parse
    from agent.desktop.session import desktop_of_this_session, keep

    folder = settings.state_folder
    secrets = DoorSecrets.load_or_create(folder, SystemClock())

    def port() -> int:
        try:
            return _port(folder)
        except TillpointError as error:
            raise OSError(str(error)) from None  # it may start later

    def open_panel() -> None:
        try:
            webbrowser.open(secrets.panel_url(port()))
        except OSError as error:
            print(error, file=sys.stderr)

    keep(desktop_of_this_session(), parse(settings.panel.hot_key), port=port, secrets=secrets, open_panel=open_panel)
    return 0


def _set_pin(folder: Path, role: str) -> int:
    """Asked twice and not shown on a terminal; one line of the input otherwise. Never an argument: others see those."""
    if sys.stdin.isatty():
        from getpass import getpass

        pin = getpass(f"New PIN ({role}): ")
        if getpass("Once more: ") != pin:
            raise TillpointError("the two are not the same; nothing was changed")
    else:
        pin = sys.stdin.readline().strip()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    set_pin(folder, role, pin, SystemClock())
    print(f"the PIN of {role} is set; it counts from now on")
    return 0
