"""`tillpoint service`: put the Windows service in, take it out, start, stop, ask; and what Windows itself calls."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.program_data import program_data
from agent.service.scm import Scm, ScmError, own_scm
from agent.service.service_plan import AGENT, UPDATER, agent_plan, updater_plan

if TYPE_CHECKING:
    from agent.service.data_folder import Access

__all__ = [
    "add_parser",
    "install",
    "make_folders_safe",
    "own_program",
    "prepare_folders",
    "remove",
    "run",
    "version_folder",
]

ACTIONS: Final = ("install", "remove", "start", "stop", "status", "host", "host-updater")
START_S: Final = 30.0
STOP_S: Final = 60.0  # the babysitter gives its agent less
NOT_RUNNING: Final = 3  # as `systemctl status` says it


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("service", help="the Windows service: install, remove, start, stop, status")
    parser.add_argument(
        "action", choices=ACTIONS, metavar="|".join(ACTIONS[:5]), help="host and host-updater are Windows' own to call"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (default: the service's)")
    parser.add_argument("--account", default="", help="the service's account; its own (NT SERVICE) when not told")
    parser.add_argument("--json", action="store_true", help="print JSON instead of words")


def run(args: argparse.Namespace) -> int:
    """Do one of them."""
    if args.action in {"host", "host-updater"}:
        return _host(args)
    scm = own_scm()
    if args.action == "install":
        said = install(scm, config=args.config, account=args.account)
        for sentence in said:
            print(f"tillpoint: {sentence}", file=sys.stderr)
        print(f"The services {AGENT} and {UPDATER} are installed. Next: tillpoint service start")
    elif args.action == "remove":
        print("\n".join(remove(scm)))
    elif args.action == "start":
        scm.start(AGENT, wait_s=START_S)
        print(f"The service {AGENT} runs.")
    elif args.action == "stop":
        scm.stop(AGENT, wait_s=STOP_S)
        print(f"The service {AGENT} is stopped.")
    else:
        return _status(scm, as_json=args.json)
    return 0


def install(scm: Scm, *, config: Path | None = None, account: str = "") -> list[str]:
    """Make the data folder safe and both services what they should be; again is harmless.

    Returns:
        Sentences on what Windows would not set, or what was set aside.
    """
    program = own_program()
    told = str(config) if config is not None else ""
    plan = agent_plan(program, account=account, config=told)
    said = _prepare_folders(plan.account, config)
    said += scm.install(plan)
    said += scm.install(updater_plan(program, config=told, starter=_sid(plan.account)))
    return said


def remove(scm: Scm) -> list[str]:
    """Stop and take out both services; the data stays where it is."""
    said = []
    for name in (UPDATER, AGENT):
        try:
            scm.stop(name, wait_s=STOP_S)
        except ScmError as error:
            said.append(f"{error}; it is removed when it ends")
        there = scm.remove(name)
        said.append(f"The service {name} is removed." if there else f"There was no service {name}.")
    _remove_source()
    return said


def own_program() -> list[str]:
    """What a service is to call: the launcher, which stays when versions go; in a development tree this Python."""
    folder = version_folder()
    if folder is None:
        return [sys.executable, "-m", "agent.cli"]
    launcher = folder.parent.parent / "tillpoint.exe"
    return (
        [str(launcher)]
        if launcher.is_file()
        else [str(folder / "python.exe"), "-I", "-S", "-B", str(folder / "start.py")]
    )


def _status(scm: Scm, *, as_json: bool) -> int:
    found = {name: scm.state(name) for name in (AGENT, UPDATER)}
    if as_json:
        print(json.dumps({name: dataclasses.asdict(state) for name, state in found.items()}, indent=2))
    else:
        for name, state in found.items():
            more = [f"process {state.pid}"] if state.pid else []
            more += [f"account {state.account}"] if state.account else []
            print(f"{name}: {', '.join([state.state, *more])}")
        if found[AGENT].state == "missing":
            print("Put it in with `tillpoint service install`, as an administrator.")
    return 0 if found[AGENT].state == "running" else NOT_RUNNING


def _host(args: argparse.Namespace) -> int:
    from agent.service.windows import host

    return host(AGENT if args.action == "host" else UPDATER, _config(args.config), version_folder())


def version_folder() -> Path | None:
    """The version folder that this process runs from; None in a development tree.

    As `agent.updating.places` has it, which would bring half the agent into the babysitter.
    """
    folder = Path(__file__).resolve().parents[3]
    return folder if (folder / "start.py").is_file() else None


def _config(told: Path | None) -> Path:
    return told if told is not None else program_data() / AGENT / "config.toml"


def _sid(account: str) -> str:
    from agent.service.rights import account_sid

    return account_sid(account, AGENT)


def prepare_folders(account: str, config: Path | None, access: Access, now: datetime) -> list[str]:
    """Make the data folder safe, and only then believe a settings file in it about where the state lies.

    Before, anybody could have written it: the folder it names would be given to the service.
    """
    from agent.service.data_folder import DataFolder
    from agent.service.windows import folders_told

    root = program_data() / AGENT
    common: dict[str, Any] = {
        "root": root,
        "service": _sid(account),
        "access": access,
        "program": Path(__file__).parent,
    }
    said = DataFolder(state=root / "state", **common).prepare(now)
    state, _ = folders_told(_config(config), root)
    if state != root / "state":
        said += DataFolder(state=state, **common).prepare(now)
    return said


if sys.platform == "win32":

    def make_folders_safe() -> list[str]:
        """The folders of a service with its own account, before anything in them is read; as `install` does it."""
        from agent.service.access import WindowsAccess

        return prepare_folders("", None, WindowsAccess(), datetime.now(UTC))

    def _prepare_folders(account: str, config: Path | None) -> list[str]:
        from agent.service.access import WindowsAccess
        from agent.service.event_log import install_source

        said = prepare_folders(account, config, WindowsAccess(), datetime.now(UTC))
        try:
            launcher = own_program()[0]
            install_source(launcher if launcher.endswith("tillpoint.exe") else "")
        except Exception as error:  # noqa: BLE001 - pywintypes.error; the log is read without it as well
            said.append(f"the source of the event log cannot be named: {error}")
        return said

    def _remove_source() -> None:
        import contextlib

        from agent.service.event_log import remove_source

        with contextlib.suppress(Exception):  # pywintypes.error: it was not there
            remove_source()

else:

    def make_folders_safe() -> list[str]:
        """Packages of Linux bring their folders."""
        return []

    def _prepare_folders(account: str, config: Path | None) -> list[str]:
        """Packages of Linux bring their folders."""
        del account, config
        return []

    def _remove_source() -> None:
        """There is no event log."""
