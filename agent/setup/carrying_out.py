"""Answers carried out: checked, tried, written, enrolled, in an order that a cut leaves whole; and what came of it.

First the enrolment that is to be made is kept (`agent.sync.pending`), then the settings are written, then it is made.
Cut anywhere, the till is as before, or the agent does the rest. The same answers once more change nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct

from agent.assembly import check
from agent.machine import machine_id
from agent.settings import Settings, parse
from agent.setup.answers import Answers
from agent.setup.files import backup_beside, draft_of, read_settings, write_settings
from agent.setup.plan import Changes, changes_of, differences, merged
from agent.setup.toml_text import changed_text, new_text, whole_text
from agent.setup.trials import Tried, print_slip, try_device
from agent.sync.enrol import check_address
from agent.sync.errors import CentreUnavailable, IdentityError, NotEnrolled
from agent.sync.identity import Identity, load
from agent.sync.pending import FILE_NAME, Pending, enrol_pending, erase, keep, pending_in
from agent.sync.tls import tls_of
from drivers.vocabulary.errors import SettingsError

if TYPE_CHECKING:
    import httpx

__all__ = ["EXIT_CODES", "Plan", "Report", "carry_out", "plan_for"]

#: What a script may go by.
EXIT_CODES: Final[Mapping[int, str]] = {
    0: "set up; or there was nothing to change",
    1: "nothing was written: the answers cannot be used here, a device did not answer, a file cannot be written",
    2: "wrong command line or wrong answers",
    3: "settings are in place, the till is not enrolled yet: the agent goes on trying by itself",
    4: "there are settings that say otherwise; the wish lies beside them as config.toml.new (see --change)",
    5: "settings are in place, the centre refused the code or the secret",
}

WroteWord = Literal["created", "changed", "unchanged", "differs", "dry_run"]
EnrolWord = Literal["enrolled", "already", "pending", "image", "refused", "none", "dry_run"]


class Report(Struct, frozen=True, kw_only=True):
    """What came of a set-up; printed as JSON with ``--json``.

    Attributes:
        settings: what became of the file.
        differs: what was changed, or would have been.
        enrolment: whether this is a till of the centre.
        detail: why not, in words.
        warnings: what whoever runs it must still do.
    """

    config: str
    settings: WroteWord
    enrolment: EnrolWord
    differs: tuple[str, ...] = ()
    backup: str = ""
    draft: str = ""
    till: str = ""
    shop: str = ""
    epoch: int = 0
    detail: str = ""
    panel: str = ""
    tried: dict[str, str] = {}
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """See EXIT_CODES."""
        if self.settings == "differs":
            return 4
        return {"pending": 3, "refused": 5}.get(self.enrolment, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, checked already.

    Attributes:
        before: the settings file as it is, "" for none.
        text: as it would be.
        differs: a line for each difference.
        settings: what `text` says.
    """

    path: Path
    answers: Answers
    before: str
    text: str
    differs: tuple[str, ...]
    settings: Settings

    @property
    def is_nothing_set(self) -> bool:
        """Whether the file is missing or says nothing: then there are no words of anybody to keep."""
        return not tomllib.loads(self.before)


def plan_for(answers: Answers, path: Path) -> Plan:
    """What the answers make of the settings at `path`, checked by the code of `tillpoint check`; writes nothing.

    Raises:
        SettingsError: one sentence for each problem of the settings, old or new.
    """
    before = read_settings(path)
    if before:
        parse(before.encode(), name=path.name)
    today: dict[str, Any] = tomllib.loads(before)
    changes = changes_of(answers, today)
    differs = differences(today, changes)
    text = _text(before, today, changes) if differs or not before else before
    settings = parse(text.encode(), name=path.name)
    problems = check(settings)
    if problems:
        raise SettingsError("\n".join(problems))
    return Plan(path=path, answers=answers, before=before, text=text, differs=tuple(differs), settings=settings)


def _text(before: str, today: Mapping[str, Any], changes: Changes) -> str:
    if not today:
        return new_text(changes)
    try:
        return changed_text(before, changes)
    except ValueError:
        # Written with dotted keys or inline tables: what it says is kept, its comments are in the copy.
        return whole_text(merged(today, changes))


def carry_out(
    plan: Plan,
    *,
    now: datetime,
    dry_run: bool = False,
    may_change: bool = False,
    here: str | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Report:
    """Do it.

    Args:
        plan: checked.
        now: for the name of the copy.
        dry_run: say what would be done, do nothing and ask nobody.
        may_change: settings that are there may be changed, a copy is kept; otherwise the wish is written beside them.
        here: this machine's id; None asks the system.
        transport: instead of sockets, for tests.

    Raises:
        SettingsError: nothing was written: a device did not answer, the till belongs to another centre, a file.
    """
    folder = plan.settings.state_folder
    identity = _identity(folder)
    wanted = _pending(plan, identity, machine_id() if here is None else here)
    common: dict[str, Any] = {
        "config": str(plan.path),
        "differs": plan.differs,
        "panel": f"http://127.0.0.1:{plan.settings.doors.port}/panel",
    }
    if dry_run:
        return Report(settings="dry_run", enrolment="dry_run", **common)
    common["tried"] = _tried(plan)
    if wanted is not None:
        keep(folder, wanted)
    if plan.answers.centre.secret_file:
        erase(Path(plan.answers.centre.secret_file))
    common |= _write(plan, now, may_change=may_change)
    if wanted is None and (identity is not None or pending_in(folder) is None):
        missed = _missed_secret(plan) if identity is None else ()
        return Report(**common, **_standing(identity), warnings=missed)
    return Report(**common, **_enrol(plan.settings, folder, here, transport))


def _identity(folder: Path) -> Identity | None:
    try:
        return load(folder)
    except NotEnrolled:
        return None


def _pending(plan: Plan, identity: Identity | None, here: str) -> Pending | None:
    """The enrolment that is wished for; None when there is nothing to enrol.

    Raises:
        SettingsError: the address cannot be used, or this is another centre's till.
    """
    centre = plan.answers.centre
    if not centre.url:
        return None
    url = check_address(centre.url, plain_http=centre.plain_http)
    secret = centre.secret or _secret_of(centre.secret_file)
    if not (centre.code or secret):
        return None
    if identity is not None:
        if identity.url != url:
            raise SettingsError(
                f"this machine is till {identity.till} of {identity.url}; take it out first: tillpoint forget"
            )
        if centre.replaces and centre.replaces != identity.till:
            raise SettingsError(
                f"this machine is till {identity.till} and cannot become {centre.replaces}; tillpoint forget first"
            )
        return None  # the same answers once more
    return Pending(
        url=url,
        code=centre.code,
        secret=secret,
        till=centre.till,
        replaces=centre.replaces,
        plain_http=centre.plain_http,
        not_on=here if centre.delay else "",
    )


def _secret_of(file: str) -> str:
    if not file:
        return ""
    try:
        return Path(file).read_text("utf-8").strip()
    except FileNotFoundError:
        return ""  # used already, and removed
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read centre.secret_file {file}: {error}") from None


def _missed_secret(plan: Plan) -> tuple[str, ...]:
    """A file that was to make this a till and is not there; no failure: a chain's policy names one on every machine."""
    file = plan.answers.centre.secret_file
    if not file:
        return ()
    return (f"centre.secret_file {file} is not there or empty, so this is no till yet; put it there and set up again",)


def _tried(plan: Plan) -> dict[str, str]:
    """Device → "" or what it says, for those that were to be tried; raises SettingsError when one does not answer."""
    wish, found = plan.answers.trial, {}
    if not (wish.devices or wish.slip):
        return {}
    for device in plan.settings.devices:
        prints = device.name in {"slips", "register", "receipt"}
        if wish.slip and prints:
            tried: Tried = print_slip(device, plan.settings.till, TEST_SLIP)
        elif wish.devices:
            tried = try_device(device, plan.settings.till)
        else:
            continue
        if not tried.ok:
            raise SettingsError(f"device {device.name!r}: {tried.words}")
        found[device.name] = tried.words
    return found


TEST_SLIP: Final = ("TILLPOINT", "ABC abc 123 +10.00", "АБВ абв")


def _write(plan: Plan, now: datetime, *, may_change: bool) -> dict[str, Any]:
    if plan.text == plan.before:
        return {"settings": "unchanged"}
    backup = ""
    if not plan.is_nothing_set and not may_change:
        draft = draft_of(plan.path)
        write_settings(draft, plan.text, like=plan.path)
        return {"settings": "differs", "draft": str(draft)}
    if plan.before:
        backup = str(backup_beside(plan.path, now))
    write_settings(plan.path, plan.text)
    return {"settings": "changed" if plan.before else "created", "backup": backup}


def _standing(identity: Identity | None) -> dict[str, Any]:
    if identity is None:
        return {"enrolment": "none"}
    return {"enrolment": "already", "till": identity.till, "shop": identity.shop, "epoch": identity.epoch}


def _enrol(settings: Settings, folder: Path, here: str | None, transport: httpx.BaseTransport | None) -> dict[str, Any]:
    """Make the enrolment that was kept."""
    waits = pending_in(folder)
    own = machine_id() if here is None else here
    if waits is not None and waits.not_on and waits.not_on == own:
        return {"enrolment": "image"}
    try:
        identity = enrol_pending(
            folder, proxy=settings.central.proxy, tls=tls_of(settings.central), here=own, transport=transport
        )
    except CentreUnavailable as error:
        return {"enrolment": "pending", "detail": str(error)}
    except IdentityError as error:
        if (folder / FILE_NAME).exists():
            erase(folder / FILE_NAME)  # it was refused: nobody is to try it again and again
        return {"enrolment": "refused", "detail": str(error)}
    if identity is None:  # a running agent was quicker
        identity = _identity(folder)
    found = _standing(identity)
    return {**found, "enrolment": "enrolled"} if identity is not None else found
