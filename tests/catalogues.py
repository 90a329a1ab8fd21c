"""The words of the panel and of the slips: gettext catalogues in, the JSON that a till loads out; `dev.py words` runs it.

A folder of words holds `words.pot` (the English words, each under its key), one `.po` for each other language, and what
is made of them: one `.json` for each language. Babel reads, checks and knows the plural rules here; a till never loads
it. What the JSON holds beside the words begins with "_":

    _forms    which plural form stands at which place of "one|few|many", in the words of CLDR
    _plural   the same as the rule that gettext writes, in n
    _group    what stands between thousands
    _decimal  what stands before the fraction
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from gettext import c2py
from pathlib import Path

from babel import Locale
from babel.messages import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).resolve().parents[1]
FOLDERS = (HERE / "agent/doors/panel/words", HERE / "agent/slips/words")
TEMPLATE = "words.pot"
ENGLISH = "en"
NUMBERS = range(1000)  # enough for every rule of whole numbers that CLDR has
COMMENT = "# Words of Tillpoint. msgctxt is the key, msgid the English text; see README.md beside this file."
SAME = {"buddhist": "year"}  # a date may count its years from the Buddha
BLANK = re.compile(r"\{(\w+)[^}]*\}")


def main(given: list[str] | None = None) -> int:
    """Bring the catalogues in line with the English words and make the JSON; 1 when a translation is missing."""
    parser = argparse.ArgumentParser(prog="dev.py words", description="make the words a till loads from the catalogues")
    parser.add_argument("--check", action="store_true", help="change nothing; say what is missing or out of date")
    parser.add_argument("--adopt", action="store_true", help="take words over that were added to the .json by hand")
    args = parser.parse_args(given)
    troubles: list[str] = []
    for folder in FOLDERS:
        if args.adopt:
            adopt(folder)
        strays = by_hand(folder)
        if strays:
            troubles.append(f"{folder}: words that {TEMPLATE} lacks: {', '.join(strays)}; `dev.py words --adopt`")
            continue
        if not args.check:
            for path in (folder / TEMPLATE, *sorted(folder.glob("*.po"))):
                update(path)
        troubles += complaints(folder)
        for name, text in compiled(folder).items():
            path = folder / name
            if args.check and (not path.exists() or path.read_text("utf-8") != text):
                troubles.append(f"{path} is out of date; `python3 dev.py words`")
            elif not args.check:
                path.write_text(text, "utf-8", newline="\n")
    for trouble in troubles:
        sys.stderr.write(f"{trouble}\n")
    return 1 if troubles else 0


def compiled(folder: Path) -> dict[str, str]:
    """The name and the text of each JSON file of a folder; a word without a translation is left out of its file."""
    made = {f"{ENGLISH}.json": _json(_read(folder / TEMPLATE), ENGLISH, is_source=True)}
    for path in sorted(folder.glob("*.po")):
        made[f"{path.stem}.json"] = _json(_read(path), path.stem, is_source=False)
    return made


def _json(catalogue: Catalog, language: str, *, is_source: bool) -> str:
    words = {key: "|".join(_forms(one.id if is_source else one.string)) for key, one in _by_key(catalogue).items()}
    given = dict(sorted((key, text) for key, text in words.items() if text.strip("|")))
    return json.dumps(about(language) | given, ensure_ascii=False, indent=2) + "\n"


def about(language: str) -> dict[str, str]:
    """What a language does with numbers, by CLDR."""
    locale = Locale.parse(language)
    rule = get_plural(locale)
    symbols = locale.number_symbols["latn"]
    return {
        "_forms": " ".join(categories(language)),
        "_plural": rule.plural_expr,
        "_group": re.sub(r"\s", " ", symbols["group"]),
        "_decimal": symbols["decimal"],
    }


def categories(language: str) -> list[str]:
    """The CLDR word for each place of a gettext plural, in its order; found by trying numbers, both rules are data."""
    locale = Locale.parse(language)
    rule = get_plural(locale)
    place_of = c2py(rule.plural_expr)
    seen: dict[int, str] = {}
    for number in NUMBERS:
        seen.setdefault(place_of(number), locale.plural_form(number))
    return [seen[place] for place in range(rule.num_plurals)]


def complaints(folder: Path) -> list[str]:
    """What a translator still has to do, and what is wrong."""
    said: list[str] = []
    wanted = _by_key(_read(folder / TEMPLATE))
    for path in sorted(folder.glob("*.po")):
        have = _by_key(_read(path))
        for key, source in wanted.items():
            one = have.get(key)
            texts = _forms(one.string) if one is not None else ()
            if one is None or not all(texts):
                said.append(f"{path}: {key} has no translation yet")
            elif one.fuzzy:
                said.append(
                    f"{path}: {key} was translated from other English words; look at it, then take `fuzzy` away"
                )
            elif {_blanks(text) for text in texts} != {_blanks(_forms(source.id)[-1])}:
                said.append(f"{path}: {key} has other blanks than {_forms(source.id)[-1]!r}")
            elif any("|" in text for text in texts):
                said.append(f"{path}: {key} holds |, which parts plural forms")
    return said


def _blanks(text: str) -> tuple[str, ...]:
    return tuple(sorted({SAME.get(name, name) for name in BLANK.findall(text)}))


def update(path: Path) -> None:
    """Give a catalogue the words of its template in the order of their keys, and keep its translations.

    A translation of an English text that has changed is marked `fuzzy`; the template itself is only put in order.
    """
    old = _by_key(_read(path))
    fresh = _new(ENGLISH if path.name == TEMPLATE else path.stem)
    for key, source in sorted(_by_key(_read(path.parent / TEMPLATE)).items()):
        was = old.get(key)
        kept = was is not None and isinstance(was.id, tuple) == isinstance(source.id, tuple)
        flags = {"fuzzy"} if was is not None and (was.fuzzy or was.id != source.id) and any(_forms(was.string)) else ()
        fresh.add(source.id, was.string if kept and was else "", context=key, flags=flags)
    _write(path, fresh)


def by_hand(folder: Path) -> list[str]:
    """Words that stand in a JSON file and not in the template: somebody added them in the wrong place."""
    known = set(_by_key(_read(folder / TEMPLATE))) if (folder / TEMPLATE).exists() else set()
    return sorted({key for path in folder.glob("*.json") for key in _words(path)} - known)


def adopt(folder: Path) -> None:
    """Take the words over that were added to the JSON files; they stay where they are until the next `dev.py words`."""
    strays = by_hand(folder)
    if not strays:
        return
    english = _words(folder / f"{ENGLISH}.json")
    missing = [key for key in strays if key not in english]
    if missing:
        sys.exit(f"{folder}: give these words to en.json too: {', '.join(missing)}")
    for path in sorted(folder.glob("*.json")):
        translated = _words(path)
        is_source = path.stem == ENGLISH
        target = folder / TEMPLATE if is_source else path.with_suffix(".po")
        known = _by_key(_read(target)) if target.exists() else {}
        fresh = _new(path.stem)
        for key in sorted({*known, *strays}):
            if key in known:
                fresh.add(known[key].id, known[key].string, context=key, flags=known[key].flags)
                continue
            source = tuple(english[key].split("|"))
            texts = tuple(translated.get(key, "").split("|"))
            string = texts[0] if len(source) == 1 else texts
            fresh.add(source[0] if len(source) == 1 else source[:2], "" if is_source else string, context=key)
        _write(target, fresh)


def _words(path: Path) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(path.read_text("utf-8"))
    return {key: text for key, text in loaded.items() if not key.startswith("_")}


def _forms(of: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (of or "",) if isinstance(of, str) or of is None else tuple(of)


def _by_key(catalogue: Catalog) -> dict[str, Message]:
    return {one.context: one for one in catalogue if one.id and one.context}


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=None if path.name == TEMPLATE else path.stem, abort_invalid=True)


def _new(language: str) -> Catalog:
    return Catalog(locale=language, fuzzy=False)


def _write(path: Path, catalogue: Catalog) -> None:
    """With a header of our own: one that tells no names and no versions changes only when the words do."""
    rule = get_plural(catalogue.locale)
    header = (
        COMMENT,
        'msgid ""',
        'msgstr ""',
        f'"Language: {catalogue.locale}\\n"',
        '"MIME-Version: 1.0\\n"',
        '"Content-Type: text/plain; charset=utf-8\\n"',
        '"Content-Transfer-Encoding: 8bit\\n"',
        f'"Plural-Forms: nplurals={rule.num_plurals}; plural={rule.plural_expr};\\n"',
    )
    with path.open("wb") as file:
        file.write(("\n".join(header) + "\n\n").encode())
        write_po(file, catalogue, width=0, omit_header=True)


if __name__ == "__main__":
    sys.exit(main())
