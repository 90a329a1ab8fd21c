"""What the two services of Windows are to look like: names, accounts, start, what happens when one fails; pure.

Sources: Microsoft, "CreateServiceW", "ChangeServiceConfig2W" (SERVICE_FAILURE_ACTIONS, _FAILURE_ACTIONS_FLAG,
_DELAYED_AUTO_START_INFO, _PRESHUTDOWN_INFO, _SERVICE_SID_INFO), "Service User Accounts" (virtual accounts).
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Final

from agent.service.rights import service_sid, updater_sddl

__all__ = [
    "AGENT",
    "LOCAL_SYSTEM",
    "UPDATER",
    "ServicePlan",
    "agent_plan",
    "command_line",
    "own_account",
    "updater_plan",
]

AGENT: Final = "Tillpoint"
UPDATER: Final = "TillpointUpdater"
LOCAL_SYSTEM: Final = "LocalSystem"
#: The service's process ends only when something is very wrong: its own children it starts again itself.
RESTARTS_MS: Final = (5_000, 15_000, 60_000)
#: The updater goes on where it was cut; one that fails for good costs a start in a quarter of an hour.
UPDATER_RESTARTS_MS: Final = (60_000, 300_000, 900_000)
RESET_S: Final = 86_400  # a day without failure, and the first pause is short again
#: Windows kills what takes longer; the agent has 20 s (`babysitter.Patience.stop_s`), and then its end.
PRESHUTDOWN_MS: Final = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlan:
    """One service.

    Attributes:
        name: by which programs call it.
        title: in the list of services.
        words: below the title.
        command: of its process, quoted as Windows wants it.
        account: "LocalSystem", the service's own (`own_account`), or another that needs no password.
        restarts_ms: after the first, the second and every later failure; empty leaves it down.
        reset_s: without a failure for so long, the next one counts as the first.
        preshutdown_ms: before Windows shuts down, 0 for no notice.
        rights: who may do what with it (SDDL); "" is Windows' default.
    """

    name: str
    title: str
    words: str
    command: str
    account: str
    restarts_ms: tuple[int, ...] = RESTARTS_MS
    reset_s: int = RESET_S
    preshutdown_ms: int = 0
    rights: str = ""


def own_account(name: str) -> str:
    """The account that a service has for itself: no password, no rights but its own."""
    return f"NT SERVICE\\{name}"


def agent_plan(program: list[str], *, account: str = "", config: str = "") -> ServicePlan:
    """The agent, behind its babysitter.

    Args:
        program: what is called before our own words.
        account: instead of its own.
        config: settings file, "" for the usual one.
    """
    words = [*program, "service", "host", *(["--config", config] if config else [])]
    return ServicePlan(
        name=AGENT,
        title="Tillpoint",
        words="Loyalty at the till: reads receipts, knows the customer, decides discounts and points.",
        command=command_line(words),
        account=account or own_account(AGENT),
        preshutdown_ms=PRESHUTDOWN_MS,
    )


def updater_plan(program: list[str], *, config: str = "", starter: str = "") -> ServicePlan:
    """The updater: looks for work when Windows starts and when the agent asks, and ends.

    Args:
        program: what is called before our own words.
        config: settings file, "" for the usual one.
        starter: SID of the agent's account, which may start it.
    """
    words = [*program, "service", "host-updater", *(["--config", config] if config else [])]
    return ServicePlan(
        name=UPDATER,
        title="Tillpoint Updater",
        words="Changes over to another version of Tillpoint, watches it, and goes back when it is not well.",
        command=command_line(words),
        account=LOCAL_SYSTEM,
        restarts_ms=UPDATER_RESTARTS_MS,
        rights=updater_sddl(starter or service_sid(AGENT)),
    )


def command_line(words: list[str]) -> str:
    """One line of words; the program is always quoted: a path with a space would be tried up to the space first."""
    program, *rest = words
    return " ".join([f'"{PureWindowsPath(program)}"', *([subprocess.list2cmdline(rest)] if rest else [])])
