"""A captured stream explained: what each document is and why, line by line, and a layout proposed for an unknown till.

Pure: bytes in, values out; `tillpoint receipts try` prints them. It runs the very conversation the agent runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.contract import DocumentEnds
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind

from .commands import Effect
from .document import Printed
from .frames import Tokenizer
from .layouts import Layout
from .link import EscposConversation
from .models import Profile
from .reading import Reading, Role
from .receipts import ReceiptReader, Understanding

STREAM_SIZE_MAX: Final = 64 * 1_048_576  # a day of a busy till has a few megabytes
_SLICE_SIZE: Final = 65_536

_SHAPES: Final[tuple[tuple[str, str], ...]] = (
    ("two-lines", "{quantity} {unit} {x} {price} {=} {sum} {vat}"),
    ("one-line", "{name} {quantity} {unit} {x} {price} {=} {sum} {vat}"),
    ("columns", "{name} {quantity} {unit} {price} {=} {sum} {vat}"),
    ("count-first", "{count} {x} {name} {=} {sum} {vat}"),
    ("count-first", "{count} {name} {=} {sum} {vat}"),
    ("lone-sum", "{name} {=} {sum} {vat}"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReport:
    """One line and what it was taken for; `detail` says what was read from it."""

    number: int
    text: str
    role: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReport:
    """One document of the stream.

    Attributes:
        arithmetic: the sum that was checked, "" when nothing added up.
        proposal: TOML of a layout that may help, "" when none is needed or none can be guessed.
    """

    document: Document
    lines: tuple[LineReport, ...]
    codes: tuple[str, ...]
    images: int
    codecs: tuple[str, ...]
    arithmetic: str
    proposal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """A whole capture.

    Attributes:
        commands: how often each command came, most frequent first.
        unknown: opcodes that are not in the table, as hex.
        text_share: part of the bytes that is text, in percent; a till that prints pictures has next to none.
    """

    size: int
    documents: tuple[DocumentReport, ...]
    commands: tuple[tuple[str, int], ...]
    unknown: tuple[str, ...]
    text_share: int

    @property
    def is_escpos(self) -> bool:
        """Whether it looks like a printer's stream at all."""
        stray = sum(count for name, count in self.commands if name in ("unknown", "control"))
        known = sum(count for name, count in self.commands) - stray
        return bool(self.documents) and known > stray


def inspect_stream(data: bytes, *, reader: ReceiptReader, profile: Profile, idle_end_s: float = 3.0) -> StreamReport:
    """Explain a capture; never raises for its content."""
    seen: list[tuple[Printed, Understanding]] = []

    def read(printed: Printed, raw: bytes) -> Document:
        seen.append((printed, reader.understand(printed)))
        return reader.read(printed, raw)

    link = EscposConversation(
        read=read, profile=profile, columns=0, idle_end_s=idle_end_s, reset_ends=True, loyalty_lines=False
    )
    steps = [
        step
        for start in range(0, len(data), _SLICE_SIZE)
        for step in link.from_host(data[start : start + _SLICE_SIZE], 0.0)
    ]
    steps += link.host_gone(0.0)
    documents = [step.document for step in steps if isinstance(step, DocumentEnds)]
    commands, unknown, text_size = _census(data)
    return StreamReport(
        size=len(data),
        documents=tuple(
            _report(document, printed, understood, reader)
            for document, (printed, understood) in zip(documents, seen, strict=True)
        ),
        commands=tuple(commands.most_common()),
        unknown=tuple(unknown),
        text_share=100 * text_size // len(data) if data else 0,
    )


def _census(data: bytes) -> tuple[Counter[str], list[str], int]:
    tokenizer = Tokenizer()
    tokens = tokenizer.feed(data) + tokenizer.finish()
    commands = Counter(token.command.name for token in tokens if token.command.effect is not Effect.TEXT)
    unknown = sorted({token.data.hex(" ") for token in tokens if token.command.effect is Effect.UNKNOWN})
    return commands, unknown, sum(token.size for token in tokens if token.command.effect is Effect.TEXT)


def _report(document: Document, printed: Printed, understood: Understanding, reader: ReceiptReader) -> DocumentReport:
    readings = understood.sheet.readings if understood.sheet is not None else []
    return DocumentReport(
        document=document,
        lines=tuple(
            LineReport(
                number=reading.index + 1,
                text=reading.text,
                role=reading.role.value,
                detail=_detail(reading, reader.currency),
            )
            for reading in readings
        ),
        codes=printed.codes,
        images=printed.images,
        codecs=tuple(sorted(set(printed.codecs.values()))),
        arithmetic=understood.arithmetic,
        proposal=_proposal(document, printed, reader),
    )


def _proposal(document: Document, printed: Printed, reader: ReceiptReader) -> str:
    wanted = document.receipt is None and not document.layout and document.kind in {
        DocumentKind.SALE, DocumentKind.RETURN, DocumentKind.OTHER,
    }  # fmt: skip
    return propose_layout(printed.lines, reader.layouts) if wanted else ""


def _detail(reading: Reading, currency: str) -> str:
    if reading.minor is None:
        return reading.kind.value if reading.kind is not None else ""
    amount = Money(reading.minor, currency).amount
    if reading.role is Role.TENDER and reading.tender is not None:
        return f"{reading.tender.value} {amount}"
    if reading.role is not Role.ITEM:
        return amount
    price = f" x {Money(reading.price_minor, currency).amount}" if reading.price_minor is not None else ""
    return f"{reading.name!r}: {reading.quantity}{price} = {amount}"


def propose_layout(lines: Sequence[str], layouts: Sequence[Layout]) -> str:
    """TOML of a layout for these lines, to be finished by hand; "" when they hold no amounts to build on.

    The shape is the first that fits two lines or more; the language is the layout's whose words fit most lines; the
    total is the line with the largest amount that no known word explains.
    """
    if not layouts:
        return ""
    language = max(layouts, key=lambda layout: sum(_is_known(line, layout) for line in lines))
    shapes = _fitting_shapes(lines, layouts)
    if not shapes:
        return ""
    words = language.name.partition("-")[0]
    out = [
        '# Save as my-till.toml and name it in the printer\'s settings: layouts = ["my-till.toml"]',
        'title = "My till"',
        f'words = ["{words if words in ("ru", "en", "th", "de") else "en"}"]',
        "items = [" + ", ".join(f'"{shape}"' for shape in shapes) + "]",
    ]
    total = _total_word(lines, language)
    if total:
        out += [
            "",
            "[own]",
            "# The largest amount stands after this; delete the line if it is not the total.",
            f'total = ["{total}"]',
        ]
    return "\n".join(out) + "\n"


def _is_known(line: str, layout: Layout) -> bool:
    said = line.strip()
    patterns = [*layout.keywords.values(), *layout.tenders.values()]
    return any(pattern.fullmatch(said) for pattern in patterns)


def _fitting_shapes(lines: Sequence[str], layouts: Sequence[Layout]) -> list[str]:
    known = {shape.text: shape.pattern for layout in layouts for shape in layout.items}
    chosen: list[str] = []
    family = ""
    for name, text in _SHAPES:
        pattern = known.get(text)
        if pattern is None or (family and name not in {family, "lone-sum"}):
            continue
        fits = sum(
            pattern.fullmatch(line) is not None and not any(_is_known(line, layout) for layout in layouts)
            for line in lines
        )
        if fits >= (1 if family == name else 2) and not (name == "lone-sum" and family == "two-lines"):
            chosen.append(text)
            family = family or name
    return chosen


def _total_word(lines: Sequence[str], language: Layout) -> str:
    if any(language.keywords["total"].fullmatch(line.strip()) for line in lines):
        return ""
    best, best_amount = "", 0
    for line in lines:
        words = line.strip().split()
        if len(words) < 2 or not any(character.isalpha() for character in line):
            continue
        match = language.amount_alone.fullmatch(words[-1])
        if match is None:
            continue
        amount = int("".join(character for character in match["amount"] if character.isdigit()) or "0")
        word = " ".join(words[:-1]).rstrip(" :.=")
        if amount > best_amount and word.replace(" ", "").isalpha():
            best, best_amount = word, amount
    return best
