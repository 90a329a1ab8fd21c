"""The set-up at a terminal: question after question, back and again at each, one summary, then everything at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from agent.settings import Settings, parse
from agent.setup.answers import Answers, over, parsed
from agent.setup.carrying_out import Plan, Report, carry_out, plan_for
from agent.setup.console import Again, Back, Console, Stopped
from agent.setup.files import draft_of, read_settings, require_writable
from agent.setup.questions import Asker
from agent.setup.words import Words
from agent.sync.errors import IdentityError
from agent.sync.identity import Identity, load
from drivers.finding.found import Found
from drivers.vocabulary.errors import SettingsError

__all__ = ["converse", "tell"]

QUESTIONS: Final = ("centre", "receipt", "scanner")


def converse(
    console: Console,
    say: Words,
    path: Path,
    *,
    look: Callable[[], Sequence[Found]],
    now: datetime,
    given: Answers | None = None,
) -> Report | None:
    """Ask, try, write, enrol; None when whoever sits there had enough, and nothing was written.

    Raises:
        SettingsError: the settings that are there cannot be read; or writing failed.
    """
    require_writable(path)
    base = given if given is not None else Answers()
    settings, identity = _today(path, base)
    central = (settings or Settings()).central
    said = {"proxy": base.centre.proxy, "ca_file": base.centre.ca_file}
    central = replace(central, **{name: word for name, word in said.items() if word})
    asker = Asker(
        console=console, say=say, look=look, settings=settings, identity=identity, central=central, given=base.centre
    )
    console.say(say("hello"))
    console.say(say("ways"))
    # The first settings that a package brings are no set-up yet.
    if settings is not None and (identity is not None or settings.devices or settings.till_systems):
        _tell_today(console, say, settings, identity)
    answers: dict[str, Any] = {}
    place = 0
    try:
        while True:
            try:
                if place < len(QUESTIONS):
                    answers[QUESTIONS[place]] = getattr(asker, QUESTIONS[place])()
                    place += 1
                    continue
                plan = _plan(answers, base, say, path)
                may_change = _agreed(console, say, plan)
                break
            except Back:
                place = max(0, place - 1)
            except Again:
                asker.look_again()
            except SettingsError as error:
                console.say(say("wrong"))
                console.say(f"  {error}")
                place = 0
    except (Stopped, KeyboardInterrupt) as end:
        if isinstance(end, KeyboardInterrupt):
            console.say()
        console.say(say("stopped"))
        return None
    report = carry_out(plan, now=now, may_change=may_change)
    tell(console, say, report)
    return report


def _today(path: Path, base: Answers) -> tuple[Settings | None, Identity | None]:
    """What is set up already."""
    text = read_settings(path)
    settings = parse(text.encode(), name=path.name) if text else None
    own = Path(base.till.state_folder) if base.till.state_folder else (settings or Settings()).state_folder
    try:
        return settings, load(own)
    except IdentityError:
        return settings, None


def _tell_today(console: Console, say: Words, settings: Settings, identity: Identity | None) -> None:
    console.say()
    console.say(say("there"))
    if identity is not None:
        console.say(say("there_till", till=identity.till, shop=identity.shop, url=identity.url))
    else:
        console.say(say("there_none"))
    for device in settings.devices:
        console.say(say("there_device", name=device.name, driver=device.driver, address=device.device or device.port))
    for system in settings.till_systems:
        console.say(say("there_device", name=system.name, driver=system.system, address=system.listen))


def _plan(answers: dict[str, Any], base: Answers, say: Words, path: Path) -> Plan:
    """The answers of the questions over what was given on the command line."""
    from drivers.vocabulary import codec

    tree: dict[str, Any] = codec.to_builtins(base)
    for table, said in answers.items():
        tree[table] = over(tree[table], said) if table != "receipt" else said
    if not tree["till"]["language"] and not read_settings(path):
        tree["till"] = {**tree["till"], "language": say.language}
    return plan_for(parsed(tree, name="set-up"), path)


def _agreed(console: Console, say: Words, plan: Plan) -> bool:
    """Show what will be written and ask once; whether settings that are there may be changed."""
    console.say()
    if plan.text == plan.before:
        console.say(say("summary_same"))
    else:
        console.say(say("summary", path=plan.path))
        for line in plan.differs:
            console.say(f"  {line}")
    if plan.text != plan.before and not plan.is_nothing_set:
        return console.ask(say("exists", path=plan.path)) != "2"
    console.ask(say("go_on" if plan.text == plan.before else "write"))
    return True


def tell(console: Console, say: Words, report: Report) -> None:
    """What came of it, and what to do next."""
    console.say()
    written = "written" if report.settings in {"created", "changed"} else report.settings.removesuffix("_run")
    console.say(say(f"r_{written}", path=report.config, draft=report.draft or draft_of(Path(report.config))))
    if report.backup:
        console.say(say("r_backup", path=report.backup))
    if report.enrolment != "dry_run":
        facts = {"till": report.till, "shop": report.shop, "epoch": report.epoch, "detail": report.detail}
        console.say(say(f"r_{report.enrolment}", **facts))
        console.say(say("r_panel", url=report.panel))
        restart = "n_restart_windows" if sys.platform == "win32" else "n_restart_linux"
        console.say(say("n_code" if report.enrolment == "refused" else restart))
    for sentence in report.warnings:
        console.say(sentence)
    console.say(say("n_doctor"))
