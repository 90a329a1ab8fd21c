"""A loyalty programme ready to evaluate: read from TOML or JSON, checked in its author's words, compiled once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct

from agent.loyalty.compile import Compiled, compile_file
from agent.loyalty.model import ProgrammeFile, Tier, Unit
from agent.loyalty.reading import Reader
from agent.loyalty.source import Path, Source, SourceError, parse_source, path_text
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.money import Money, Percent, Quantity

__all__ = ["Programme", "ProgrammeProblem", "load", "next_tier", "schema", "tier_of"]

PROGRAMME_BYTES_MAX: Final = 4 * 1024 * 1024  # 5 000 rules take about 2 MiB; more is not a programme
PROBLEMS_MAX: Final = 100  # enough to mend a file; a file of another kind would make thousands

#: What becomes of a number in the schema: text as everywhere, or a bare number.
_NUMBERS: Final[dict[type, dict[str, Any]]] = {
    Money: {
        "anyOf": [{"type": "string", "pattern": r"^\d{1,15}(\.\d{1,3})?( [A-Z]{3})?$"}, {"type": "number"}],
        "description": 'money in the programme\'s currency: 5000, 49.90 or "49.90 RUB"',
    },
    Percent: {
        "anyOf": [{"type": "string", "pattern": r"^\d{1,15}(\.\d{1,4})?$"}, {"type": "number"}],
        "description": "an exact percent with up to 4 decimal places: 7.5",
    },
    Quantity: {
        "anyOf": [{"type": "string", "pattern": r"^\d{1,15}(\.\d{1,6})?$"}, {"type": "number"}],
        "description": "an exact number with up to 6 decimal places: 1.5",
    },
}


class ProgrammeProblem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong with a programme file.

    Attributes:
        file: the name it was loaded under.
        line: from 1; 0 when unknown.
        key: as in ``rules[2].percent``, counting from 0; "" is the file as a whole.
        message: what is wrong.
        nearest: what was probably meant, or "".
    """

    file: str
    line: int
    key: str
    message: str
    nearest: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {self.key}:" if self.key else ""
        hint = f"; did you mean {self.nearest}?" if self.nearest else ""
        return f"{place}:{key} {self.message}{hint}"


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """A programme that can be evaluated; made by load() only."""

    file: ProgrammeFile
    compiled: Compiled

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self.file.version

    @property
    def title(self) -> str:
        """What people call it."""
        return self.file.title

    @property
    def currency(self) -> str:
        """The one currency it decides about."""
        return self.file.currency

    @property
    def units(self) -> dict[str, Unit]:
        """The currencies of points."""
        return self.file.units

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The levels, lowest first."""
        return self.file.tiers


def load(data: bytes, *, name: str) -> Programme | list[ProgrammeProblem]:
    """Read a programme from TOML or JSON; every problem found is told, none is raised.

    Args:
        data: the file's bytes.
        name: the file's name, for problems; ``.json`` and ``.toml`` decide the format, else the first character.
    """
    problems: list[ProgrammeProblem] = []

    def whole(message: str, line: int = 0) -> list[ProgrammeProblem]:
        return [ProgrammeProblem(file=name, line=line, key="", message=message)]

    if len(data) > PROGRAMME_BYTES_MAX:
        return whole(f"the file is larger than {PROGRAMME_BYTES_MAX} bytes; a programme is not")
    try:
        source = parse_source(data, name)
    except SourceError as error:
        return whole(str(error), error.line)
    if not isinstance(source.data, dict):
        return whole("expected a table of keys")

    def report(path: Path, message: str, near: str = "") -> None:
        if len(problems) < PROBLEMS_MAX:
            problems.append(_problem(name, source, path, message, near))

    for path in source.twice:
        report(path, "written twice; keep one")
    currency = source.data.get("currency")
    reader = Reader(currency if isinstance(currency, str) and len(currency) == 3 else "XXX", report)
    file = reader.read(source.data, ProgrammeFile, ())
    if problems or not isinstance(file, ProgrammeFile):
        return problems
    compiled = compile_file(file, report)
    return problems if compiled is None else Programme(file, compiled)


def _problem(name: str, source: Source, path: Path, message: str, near: str) -> ProgrammeProblem:
    return ProgrammeProblem(file=name, line=source.line(path), key=path_text(path), message=message, nearest=near)


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a programme file, made from the model: the two cannot differ."""

    def hook(wanted: type) -> dict[str, Any]:
        return _NUMBERS[wanted]

    (root,), components = msgspec.json.schema_components(
        [ProgrammeFile], schema_hook=hook, ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tillpoint loyalty programme",
        **root,
        "$defs": {name: _first_words(one) for name, one in components.items()},
    }


def _first_words(part: Any) -> Any:
    """Descriptions as one paragraph: how Python indents a docstring differs from version to version."""
    if isinstance(part, (list, tuple)):
        return [_first_words(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: " ".join(one.partition("\n\n")[0].split())
        if key == "description" and isinstance(one, str)
        else _first_words(one)
        for key, one in part.items()
    }


def tier_of(programme: Programme, customer: Customer | None) -> str:
    """The customer's tier: the higher of the one the centre gave and the one reached by money spent; "" is none.

    The threshold is inclusive. The higher counts because the centre's word may be older than the last receipts, and
    because a tier may be given for reasons other than money.
    """
    if customer is None:
        return ""
    spent = customer.spent.minor if customer.spent is not None and customer.spent.currency == programme.currency else 0
    return _tier_at(programme, customer.tier, spent)


def _tier_at(programme: Programme, given: str, spent: int) -> str:
    reached = ""
    for tier, spent_from in programme.compiled.tiers:
        if tier == given or (spent_from is not None and spent >= spent_from):
            reached = tier
    return reached


def tier_after(programme: Programme, customer: Customer, paid: int) -> str:
    """The tier once this much more money is spent."""
    spent = customer.spent.minor if customer.spent is not None and customer.spent.currency == programme.currency else 0
    return _tier_at(programme, customer.tier, spent + paid)


def next_tier(programme: Programme, customer: Customer) -> tuple[Tier, Money] | None:
    """The next tier that money reaches, and how much is missing; None at the top."""
    spent = customer.spent.minor if customer.spent is not None and customer.spent.currency == programme.currency else 0
    at = tier_of(programme, customer)
    above = not at
    for tier in programme.tiers:
        if above and tier.spent_from is not None and tier.spent_from.minor > spent:
            return tier, Money(tier.spent_from.minor - spent, programme.currency)
        above = above or tier.id == at
    return None
