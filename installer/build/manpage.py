"""Makes `tillpoint.1`, and the words a shell completes, from the commands' own help; nothing of it is written twice.

It imports the commands, so it runs with a Python that has Tillpoint's packages (`.venv/bin/python`, or any with
`--app`, the app/ folder of a payload). The same input gives the same bytes: the date is SOURCE_DATE_EPOCH's.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import os
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, metavar="tillpoint.1", help="the manual page")
    parser.add_argument("--completion", type=Path, metavar="FILE", help="the completions for bash")
    parser.add_argument("--app", type=Path, default=HERE, help="where Tillpoint's packages lie (default: this tree)")
    args = parser.parse_args(argv)
    sys.path.insert(0, str(args.app))
    if args.output is None and args.completion is None:
        parser.error("say --output or --completion")
    commands = list(parsers())
    for path, text in ((args.output, page(commands)), (args.completion, completion(commands))):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
    return 0


def parsers() -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Each command: its name, what it is for, and its parser."""
    commands = importlib.import_module("agent.cli").COMMANDS
    for name, (module, words) in commands.items():
        whole = argparse.ArgumentParser(prog="tillpoint")
        rooms = whole.add_subparsers()
        importlib.import_module(module).add_parser(rooms)
        yield name, words, rooms.choices[name]


# ── The manual page ─────────────────────────────────────────────────────────────────────────────


def page(commands: Sequence[tuple[str, str, argparse.ArgumentParser]]) -> str:
    """The page in man(7)'s words."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [
        f'.TH TILLPOINT 1 "{_day()}" "Tillpoint {project["version"]}" "User Commands"',
        ".SH NAME",
        r"tillpoint \- loyalty at the till",
        ".SH SYNOPSIS",
        r".B tillpoint",
        r"\fICOMMAND\fR [\fIOPTIONS\fR]",
        ".SH DESCRIPTION",
        _text(
            "Tillpoint stands beside a cash register, knows the customer by card or phone, decides discounts and "
            "points by itself, and syncs with a central server when there is a line. The service tillpoint.service "
            "runs the command run; the other commands look at it, set it up and help to mend it."
        ),
        ".SH COMMANDS",
    ]
    for name, words, parser in commands:
        lines += [f".SS tillpoint {_text(name)}", _text(_sentence(words)), *_command(parser, f"tillpoint {name}")]
    lines += [
        ".SH EXIT STATUS",
        _text("0 for success, 1 for a failure said in one sentence, 2 for a wrong command line."),
    ]
    lines += [".SH FILES"]
    for path, words in FILES:
        lines += [".TP", rf"\fI{_text(path)}\fR", _text(words)]
    lines += [".SH SEE ALSO", r"\fBsystemctl\fR(1), \fBjournalctl\fR(1)"]
    return "\n".join(lines) + "\n"


FILES = (
    ("/etc/tillpoint/config.toml", "The settings; every key stands in config.example.toml."),
    ("/etc/tillpoint/conf.d/*.toml", "What counts above them, as a fleet's tool lays it."),
    ("/var/lib/tillpoint", "The state: databases, identity, secrets. Readable by the service's account alone."),
    ("/run/tillpoint/panel.json", "What the panel in the cashier's session needs; readable by the group tillpoint."),
)


def _command(parser: argparse.ArgumentParser, path: str) -> Iterator[str]:
    """Options and arguments, and the commands below it."""
    below: list[tuple[str, argparse.ArgumentParser, str]] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to be asked
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            helps = {one.dest: one.help or "" for one in action._choices_actions}  # noqa: SLF001
            below += [(name, one, helps.get(name, "")) for name, one in action.choices.items()]
        elif action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):  # noqa: SLF001
            yield from (".TP", _head(action), _text(_sentence(_help(parser, action))))
    for name, one, words in below:
        yield from (".TP", rf"\fB{_text(f'{path} {name}')}\fR", _text(_sentence(words)) or r"\&")
        options = list(_command(one, f"{path} {name}"))
        if options:
            yield from (".RS", *options, ".RE")


def _head(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else rf" \fI{_text(_value(action))}\fR"
    if not action.option_strings:
        return value.strip()
    return ", ".join(rf"\fB{_text(one)}\fR" for one in action.option_strings) + value


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar is not None:
        return str(action.metavar)
    return "|".join(map(str, action.choices)) if action.choices is not None else action.dest.upper()


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return parser._get_formatter()._expand_help(action) if action.help else ""  # noqa: SLF001


def _sentence(words: str) -> str:
    words = " ".join(words.split())
    return words if not words or words.endswith((".", "!", "?")) else f"{words[:1].upper()}{words[1:]}."


def _text(words: str) -> str:
    """The text as it is: man(7) has its own reading of a backslash, a hyphen, and a dot or quote that begins a line."""
    words = words.replace("\\", r"\e").replace("-", r"\-").replace("\u2026", "...")
    return rf"\&{words}" if words.startswith((".", "'")) else words


def _day() -> str:
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    return dt.datetime.fromtimestamp(seconds, dt.UTC).date().isoformat() if seconds else ""


# ── Completion ──────────────────────────────────────────────────────────────────────────────────


def completion(commands: Sequence[tuple[str, str, argparse.ArgumentParser]]) -> str:
    """A function for bash: the commands, then each one's options and the commands below it."""
    cases = "\n".join(f"    {name}) words='{' '.join(_words(parser))}' ;;" for name, _, parser in commands)
    names = " ".join(name for name, _, _ in commands)
    return f"""# bash completion for tillpoint: made by installer/build/manpage.py from the commands' own help
_tillpoint() {{
  local here="${{COMP_WORDS[COMP_CWORD]}}" words
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{names} help --version' -- "$here"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
    *) words='' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$here"))
  case "$here" in -*) ;; *) COMPREPLY+=($(compgen -f -- "$here")) ;; esac
}}
complete -o filenames -F _tillpoint tillpoint
"""


def _words(parser: argparse.ArgumentParser) -> list[str]:
    found: list[str] = []
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found += action.choices
            for one in action.choices.values():
                found += [word for word in _words(one) if word not in found]
        elif action.help != argparse.SUPPRESS:
            found += [word for word in action.option_strings if word.startswith("--") and word not in found]
    return found


if __name__ == "__main__":
    sys.exit(main())
