"""`tillpoint evaluate`: one receipt, or one JSON object a line, through the loyalty engine; keeps and sends nothing."""

from __future__ import annotations

import argparse
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeVar

from msgspec import Raw, Struct

from agent.loyalty import Programme, ProgrammeProblem, SpendAsk, evaluate, load
from agent.loyalty.explain import LANGUAGES, sentence
from drivers.vocabulary import codec
from drivers.vocabulary.customer import CertificateFact, Customer
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.errors import TillpointError
from drivers.vocabulary.receipt import AwareTime, Receipt, TenderKind

__all__ = ["add_parser", "run"]

LINE_BYTES_MAX: Final = 16 * 1024 * 1024  # a programme of the largest size with a receipt of the largest size fits
PROGRAMMES_KEPT: Final = 16  # compiled ones, so that a file that alternates between a few compiles each once

_ABSENT: Final = (b"", b"null")

_PLACE: Final = re.compile(r"^(.*?)(?: - at `\$([^`]*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"(?:unknown|missing required) field `(.*)`", re.DOTALL)

T = TypeVar("T")
Points = int | Literal["max"] | SpendAsk


class _FieldError(Exception):
    """What cannot be read, by the field at fault; both go into the answer."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class _Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of --jsonl; `programme` is an object, or the text of a TOML file; `closed` as in evaluate()."""

    receipt: Raw
    programme: Raw = Raw()
    customer: Raw = Raw()
    at: AwareTime | None = None
    points: Points = 0
    closed: bool = False
    announced_tenders: tuple[TenderKind, ...] = ()
    certificates: tuple[CertificateFact, ...] = ()
    partner: str = ""
    donation: Points = 0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="decide one receipt and print the decision",
        description="Decide one receipt, or one JSON object a line, exactly as the till would; nothing is kept.",
    )
    parser.add_argument("--programme", type=Path, metavar="FILE", help="the loyalty programme, TOML or JSON")
    parser.add_argument("--receipt", type=Path, metavar="FILE", help="the receipt, JSON")
    parser.add_argument("--customer", type=Path, metavar="FILE", help="the customer, JSON; without it nobody is known")
    parser.add_argument("--at", metavar="TIME", help="the moment, as 2026-03-01T12:00:00+03:00 (default: now)")
    parser.add_argument(
        "--points", metavar="N|max", default="0", help="points to spend, in the smallest part of a point (default: 0)"
    )
    parser.add_argument("--partner", metavar="NAME", default="", help="whose card was shown, when it is a partner's")
    parser.add_argument("--donation", metavar="N|max", default="0", help="points to give to a fund (default: 0)")
    parser.add_argument("--closed", action="store_true", help="the receipt is closed: only points are earned")
    parser.add_argument("--lang", choices=LANGUAGES, help="print sentences in this language instead of JSON")
    parser.add_argument(
        "--jsonl",
        action="store_true",
        help="read {programme, receipt, customer, at, points, closed} a line, write a decision or an error a line",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Decide; 0 when it was decided (with --jsonl also when an answer is an error), 1 when it could not be read."""
    try:
        at = _read(f'"{args.at}"'.encode(), AwareTime, "at") if args.at else None
        programme = _programme_file(args.programme) if args.programme else None
        if args.jsonl:
            return _answer_lines(sys.stdin.buffer, sys.stdout.buffer, programme, at)
        return _answer_files(args, programme, at)
    except _FieldError as error:
        raise TillpointError(str(error)) from None


def _answer_files(args: argparse.Namespace, programme: Programme | None, at: datetime | None) -> int:
    if programme is None or args.receipt is None:
        raise TillpointError("name --programme FILE and --receipt FILE, or use --jsonl")
    decision = evaluate(
        programme,
        _read(_bytes_of(args.receipt), Receipt, "receipt"),
        _read(_bytes_of(args.customer), Customer, "customer") if args.customer else None,
        at or datetime.now(UTC),
        points=_asked(_points_word(args.points)),
        closed=args.closed,
        partner=args.partner,
        donation=_asked(_points_word(args.donation)),
    )
    _print(programme, decision, args.lang)
    return 0


def _print(programme: Programme, decision: Decision, language: str | None) -> None:
    if language is None:
        sys.stdout.buffer.write(codec.encode(decision) + b"\n")
        sys.stdout.buffer.flush()
        return
    titles = {rule.id: rule.title for rule in programme.file.rules}
    for explanation in decision.explanations:
        print(sentence(explanation, language=language, titles=titles, units=programme.units))
    for hint in decision.hints:
        print(sentence(hint, language=language, titles=titles, units=programme.units))
    print(f"{decision.total} - {decision.discount} → {decision.payable}")


# ── One object a line ────────────────────────────────────────────────────────────────────────────


def _answer_lines(source: BinaryIO, sink: BinaryIO, programme: Programme | None, at: datetime | None) -> int:
    programmes = _Programmes(programme)
    for line in _lines(source):
        if line is not None and not line.strip():
            continue
        sink.write(_answer(line, programmes.find, at) + b"\n")
        sink.flush()
    return 0


def _lines(source: BinaryIO) -> Iterator[bytes | None]:
    """Lines of bounded length; None stands for one that was too long."""
    while line := source.readline(LINE_BYTES_MAX + 1):
        if len(line) <= LINE_BYTES_MAX:
            yield line
            continue
        while not line.endswith(b"\n") and (line := source.readline(LINE_BYTES_MAX)):
            pass
        yield None


def _answer(line: bytes | None, find: Callable[[Raw], Programme], at: datetime | None) -> bytes:
    if line is None:
        return codec.encode({"error": {"field": "", "message": f"the line is longer than {LINE_BYTES_MAX} bytes"}})
    try:
        question = _read(line, _Question, "")
        programme = find(question.programme)
        receipt = _read(bytes(question.receipt), Receipt, "receipt")
        customer = None
        if bytes(question.customer) not in _ABSENT:
            customer = _read(bytes(question.customer), Customer, "customer")
        moment = question.at or at or receipt.closed_at or datetime.now(UTC)
        asked = _asked(question.points)
        decision = evaluate(
            programme,
            receipt,
            customer,
            moment,
            points=asked,
            closed=question.closed,
            announced_tenders=question.announced_tenders,
            certificates=question.certificates,
            partner=question.partner,
            donation=_asked(question.donation),
        )
        return codec.encode(decision)
    except _FieldError as error:
        return codec.encode({"error": {"field": error.field, "message": error.message}})
    except Exception as error:  # noqa: BLE001 - the top of a line: one bad line must not silence the ones after it
        return codec.encode({"error": {"field": "", "message": f"internal error: {type(error).__name__}: {error}"}})


class _Programmes:
    """Compiles each programme once; the one of the command line is used where a line names none."""

    def __init__(self, default: Programme | None) -> None:
        self._default = default
        self._kept: OrderedDict[bytes, Programme] = OrderedDict()

    def find(self, written: Raw) -> Programme:
        data = bytes(written)
        if data in _ABSENT:
            if self._default is None:
                raise _FieldError("programme", "missing; put it on the line, or name a file with --programme")
            return self._default
        found = self._kept.get(data)
        if found is None:
            text = _read(data, str, "programme").encode() if data.startswith(b'"') else data
            name = "programme.toml" if data.startswith(b'"') else "programme.json"
            found = _loaded(load(text, name=name))
            self._kept[data] = found
            if len(self._kept) > PROGRAMMES_KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(data)
        return found


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────


def _read(data: bytes, wanted: type[T], name: str) -> T:
    """A value from JSON, or a _FieldError naming the field from the top: ``receipt.lines[2].price``."""
    try:
        return codec.decode(data, wanted)
    except codec.WireError as error:
        match = _PLACE.match(str(error))
        message, place = (match[1], match[2] or "") if match is not None else (str(error), "")
        field = f"{name}{place}".lstrip(".")
        named = _FIELD.search(message)
        if named is not None:
            key = named[1] or '""'  # a key may be empty, what names it may not
            field = f"{field}.{key}".lstrip(".")
        raise _FieldError(field, f"{message[:1].lower()}{message[1:]}") from None


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _FieldError("", f"cannot read {path}: {error.strerror or error}") from None


def _programme_file(path: Path) -> Programme:
    found = load(_bytes_of(path), name=path.name)
    if isinstance(found, Programme):
        return found
    raise TillpointError("\n".join(str(problem) for problem in found))


def _loaded(found: Programme | list[ProgrammeProblem]) -> Programme:
    if isinstance(found, Programme):
        return found
    first = found[0]
    hint = f"; did you mean {first.nearest}?" if first.nearest else ""
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    raise _FieldError(f"programme.{first.key}".rstrip("."), f"{first.message}{hint}{more}")


def _points_word(word: str) -> Points:
    if word == "max":
        return "max"
    if not word.isascii() or not word.isdigit():
        raise _FieldError("points", f"write a whole number or max, not {word[:40]!r}")
    return int(word)


def _asked(points: Points) -> SpendAsk:
    if isinstance(points, SpendAsk):
        return points
    return SpendAsk.most() if points == "max" else SpendAsk.exactly(int(points))
