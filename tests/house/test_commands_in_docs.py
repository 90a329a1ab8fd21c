"""Commands written in the documents can be typed: command, action and options are those of the parsers."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import COMMANDS
from central.cli import _parser as central_parser

#: In a sentence a backtick ends a command, in a block the end of the line, a comment, or the bracket of `$(…)` does.
WRITTEN = re.compile(r"(?<![\w/.-])tillpoint (?!tillpoint/)([a-z][^`\n#)]*)")
#: Words that follow the name and are no command: what twins and help take, and the context of the codes' key.
OTHERS = {"simulate", "help", "card"}


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser behind `tillpoint NAME`."""
    if name == "central":
        return central_parser()
    rooms = argparse.ArgumentParser(prog="tillpoint").add_subparsers()
    importlib.import_module(COMMANDS[name][0]).add_parser(rooms)
    return rooms.choices[name]


def actions_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The words that may follow, with their own parsers."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def words_of(text: str) -> list[str]:
    """A line's words, as far as they are one command: up to a pipe, a bracket that closes, the next sentence."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    ends = next((at for at, word in enumerate(words) if word in {"|", "&&", ">", "&", "||", ";"}), len(words))
    return words[:ends]


def faults(text: str) -> Iterator[str]:
    """What of a command line its parser does not know."""
    words = words_of(text)
    name = words[0].strip(",.;:)\"'…")
    if name not in COMMANDS and name != "central":
        if name not in OTHERS:
            yield f"no command {name}"
        return
    parser = parser_of(name)
    options = set(parser._option_string_actions)
    rest = [word.strip("[](),.;:…\"'") for word in words[1:]]
    while rest and (known := actions_of(parser)):
        if rest[0] not in known:
            if re.fullmatch(r"[a-z][a-z-]+", rest[0]):
                yield f"no action {rest[0]} of {parser.prog}"
            return
        parser = known[rest.pop(0)]
        options |= set(parser._option_string_actions)
    for word in rest:
        option = word.partition("=")[0]
        if re.fullmatch(r"--[a-z][a-z-]+", option) and option not in options:
            yield f"{parser.prog} has no {option}"


def pages(project: Path) -> list[Path]:
    """What is read by people who type."""
    return [project / "README.md", project / "installer/README.md", *sorted((project / "docs").rglob("*.md"))]


def test_every_command_written_down_can_be_typed(project: Path) -> None:
    """In code spans and blocks of the README and of every page."""
    wrong = []
    seen = 0
    for page in pages(project):
        code = re.findall(r"```.*?```|`[^`]+`", page.read_text("utf-8"), re.DOTALL)
        for piece in code:
            for text in WRITTEN.findall(piece.strip("`")):
                seen += 1
                wrong += [f"{page.relative_to(project)}: tillpoint {text.strip()}: {fault}" for fault in faults(text)]

    assert seen > 100
    assert [] == wrong


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("pannel", "no command pannel"),
        ("setup --answer FILE", "tillpoint setup has no --answer"),
        ("central members lode", "no action lode of"),
        ("queue list --json", ""),
        ("central enrol-code --shop S --till T", ""),
    ],
)
def test_a_slip_in_a_document_is_found(text: str, fault: str) -> None:
    """The check can fail."""
    found = list(faults(text))

    assert bool(fault) is bool(found)
    assert not fault or fault in found[0]
