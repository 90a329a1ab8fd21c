"""Where each key of a programme file stands: TOML or JSON text to data and line numbers; judges no meaning."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

__all__ = ["Path", "Source", "SourceError", "parse_source", "path_text"]

#: ("rules", 2, "percent") stands for rules[2].percent.
Path = tuple[str | int, ...]

_TOKEN: Final = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<text>\"\"\"(?:\\.|[^\\])*?\"{3,5}|'''.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    |(?P<newline>\n)
    |(?P<mark>[\[\]{}=,:.])
    |(?P<space>[ \t\r]+)
    |(?P<word>[^\s\[\]{}=,:.\#"']+)""",
    re.VERBOSE | re.DOTALL,
)
_AT_LINE: Final = re.compile(r"\s*\(at line (\d+), column \d+\)|\s*\(at end of document\)")


class SourceError(Exception):
    """The text is not TOML or JSON; `line` is 0 when unknown."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class Source:
    """Data with the line on which each of its keys is written.

    Lines are looked for when one is asked for: a programme without problems, which is every programme at a till, needs
    none, and finding them takes longer than reading the file.
    """

    __slots__ = ("_find", "_lines", "data", "twice")

    def __init__(self, data: Any, find: Callable[[], dict[Path, int]], twice: list[Path]) -> None:
        self.data = data
        self._find = find
        self._lines: dict[Path, int] | None = None
        self.twice = twice

    def line(self, path: Path) -> int:
        """The line of this key, or of the nearest table around it; 0 when unknown."""
        if self._lines is None:
            self._lines = self._find()
        while path:
            line = self._lines.get(path)
            if line is not None:
                return line
            path = path[:-1]
        return 0


def path_text(path: Path) -> str:
    """``rules[2].percent``: counting from 0, as JSON and every program does."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse_source(data: bytes, name: str) -> Source:
    """Read TOML or JSON (by the file's name, else by its first character); raises SourceError."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError("the file is not UTF-8 text; save it as UTF-8", line) from None
    lowered = name.lower()
    is_json = lowered.endswith(".json") or (not lowered.endswith(".toml") and text.lstrip().startswith("{"))
    return _parse_json(text) if is_json else _parse_toml(text)


def _parse_toml(text: str) -> Source:
    try:
        # Numbers with a fraction stay exact decimals: no float ever exists.
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        message = _AT_LINE.sub("", str(error))
        line = int(at[1]) if at is not None and at[1] else text.count("\n") + 1
        raise SourceError(f"not TOML: {message[:1].lower()}{message[1:]}", line) from None
    except (RecursionError, ValueError, ArithmeticError) as error:
        raise SourceError(f"not TOML: {_short(error)}", 0) from None

    def find() -> dict[Path, int]:
        lines: dict[Path, int] = {}
        _TomlLines(text, lines).walk()
        return lines

    return Source(data, find, [])


def _parse_json(text: str) -> Source:
    def no_constant(word: str) -> Any:
        raise ValueError(f"{word} is not a number")

    clashes = False

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal clashes
        made = dict(pairs)
        clashes = clashes or len(made) != len(pairs)
        return made

    try:
        data = json.loads(text, parse_float=Decimal, parse_constant=no_constant, object_pairs_hook=table)
    except json.JSONDecodeError as error:
        raise SourceError(f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}", error.lineno) from None
    except (RecursionError, ValueError, ArithmeticError) as error:
        raise SourceError(f"not JSON: {_short(error)}", 0) from None

    def find() -> dict[Path, int]:
        lines: dict[Path, int] = {}
        _json_lines(text, lines, twice)
        return lines

    twice: list[Path] = []
    source = Source(data, find, twice)
    if clashes:
        source.line(())
    return source


def _short(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:120]


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """(kind, text, line) without comments and spaces; the text was accepted by a parser, so nothing is refused."""
    found: list[tuple[str, str, int]] = []
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind not in ("comment", "space"):
            found.append((kind, match.group(), line))
        line += match.group().count("\n")
    return found


def _unquoted(word: str) -> str:
    return word[1:-1] if word[:1] in "\"'" else word


class _TomlLines:
    """Walks accepted TOML once and notes the line of each key."""

    def __init__(self, text: str, lines: dict[Path, int]) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._lines = lines
        self._counts: dict[Path, int] = {}
        self._table: Path = ()

    def walk(self) -> None:
        while self._at < len(self._tokens):
            kind, word, _ = self._tokens[self._at]
            if kind == "newline":
                self._at += 1
            elif word == "[":
                self._header()
            else:
                self._pair(self._table)

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _key(self, end: str) -> tuple[list[str], int]:
        parts: list[str] = []
        line = self._tokens[self._at][2] if self._at < len(self._tokens) else 0
        while self._at < len(self._tokens) and self._peek() != end:
            kind, word, _ = self._tokens[self._at]
            if kind in ("word", "text"):
                parts.append(_unquoted(word))
            self._at += 1
        return parts, line

    def _header(self) -> None:
        is_list = self._tokens[self._at + 1][1] == "["
        self._at += 2 if is_list else 1
        parts, line = self._key("]")
        self._at += 2 if is_list else 1
        path: Path = ()
        for part in parts[:-1]:
            path = self._last((*path, part))
        path = (*path, parts[-1])
        if is_list:
            index = self._counts.get(path, 0)
            self._counts[path] = index + 1
            self._lines.setdefault(path, line)
            path = (*path, index)
        self._lines.setdefault(path, line)
        self._table = path

    def _last(self, path: Path) -> Path:
        """A dotted header goes on inside the newest element of a list of tables."""
        count = self._counts.get(path)
        return path if count is None else (*path, count - 1)

    def _pair(self, table: Path) -> None:
        parts, line = self._key("=")
        self._at += 1
        path = table
        for part in parts:
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._value(path)

    def _value(self, path: Path) -> None:
        word = self._peek()
        if word == "[":
            self._list(path)
        elif word == "{":
            self._at += 1
            while self._at < len(self._tokens) and self._peek() != "}":
                if self._tokens[self._at][0] == "newline" or self._peek() == ",":
                    self._at += 1
                else:
                    self._pair(path)
            self._at += 1
        else:
            # A number, a date or a text: up to whatever ends it (a time holds colons, a number a point).
            while self._at < len(self._tokens) and self._tokens[self._at][0] != "newline":
                if self._peek() in (",", "]", "}"):
                    break
                self._at += 1

    def _list(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._at < len(self._tokens) and self._peek() != "]":
            kind, word, line = self._tokens[self._at]
            if kind == "newline" or word == ",":
                self._at += 1
                continue
            self._lines.setdefault((*path, index), line)
            self._value((*path, index))
            index += 1
        self._at += 1


def _json_lines(text: str, lines: dict[Path, int], twice: list[Path]) -> None:
    """Note the line of each key of accepted JSON, and the keys that one object has twice."""
    path: list[str | int] = []
    stack: list[str] = []
    wants_key = False
    for kind, word, line in _tokens(text):
        if word in ("{", "["):
            stack.append(word)
            path.append("" if word == "{" else 0)
            wants_key = word == "{"
            if word == "[":
                lines.setdefault(tuple(path), line)
        elif word in ("}", "]"):
            stack.pop()
            path.pop()
            wants_key = False
        elif word == "," and stack[-1:] == ["["]:
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else 0
        elif word == ",":
            wants_key = True
        elif kind == "text" and wants_key:
            path[-1] = json.loads(word)
            here = tuple(path)
            if here in lines:
                twice.append(here)
            lines[here] = line
            wants_key = False
