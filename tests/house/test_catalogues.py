"""The words a till loads are those of the gettext catalogues, whole in every language; another language needs no code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.doors import words as panel_words
from agent.slips import text as slip_text
from tests import catalogues

PANEL, SLIPS = catalogues.FOLDERS


@pytest.mark.parametrize("folder", catalogues.FOLDERS, ids=["panel", "slips"])
def test_the_catalogues_are_whole_and_compiled(folder: Path) -> None:
    """Run `python3 dev.py words` after a change; it says what a translator still has to do."""
    on_disk = {path.name: path.read_text("utf-8") for path in folder.glob("*.json")}

    assert [] == catalogues.by_hand(folder)
    assert [] == catalogues.complaints(folder)
    assert catalogues.compiled(folder) == on_disk


@pytest.fixture
def polish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fourth language, made as a translator makes it: one .po file for each folder and nothing else."""
    for folder, module in ((PANEL, panel_words), (SLIPS, slip_text)):
        own = tmp_path / folder.parent.name
        shutil.copytree(folder, own)
        entries = (
            'msgctxt "count_ticket"\nmsgid "{count} ticket"\nmsgid_plural "{count} tickets"\n'
            'msgstr[0] "{count} bilet"\nmsgstr[1] "{count} bilety"\nmsgstr[2] "{count} biletów"\n\n'
            'msgctxt "found"\nmsgid "Member found"\nmsgstr "Klient znaleziony"\n'
        )
        (own / "pl.po").write_text(f'msgid ""\nmsgstr ""\n"Language: pl\\n"\n\n{entries}', "utf-8")
        catalogues.update(own / "pl.po")
        for name, text in catalogues.compiled(own).items():
            (own / name).write_text(text, "utf-8")
        monkeypatch.setattr(module, "_FOLDER", own)
    for cached in (slip_text.words, slip_text.languages):
        cached.cache_clear()
    yield
    for cached in (slip_text.words, slip_text.languages):
        cached.cache_clear()


@pytest.mark.usefixtures("polish")
def test_a_fourth_language_needs_no_code() -> None:
    """Polish has other plural rules than Russian, a comma in numbers; what is not translated shows in English."""
    forms = slip_text.words("pl")["count_ticket"]
    said = [slip_text.form(forms, number, "pl").format(count=number) for number in (1, 2, 5, 12, 21, 22, 101)]
    panel = panel_words.load_words("pl")

    assert ["1 bilet", "2 bilety", "5 biletów", "12 biletów", "21 biletów", "22 bilety", "101 biletów"] == said
    assert ("Klient znaleziony", "Back") == (panel["found"], panel["back"])
    assert "one few many" == panel["_forms"]


@pytest.mark.parametrize(
    ("language", "text"), [("en", "1,240.50"), ("ru", "1 240,50"), ("th", "1,240.50"), ("de", "1.240,50")]
)
def test_numbers_are_marked_by_cldr(language: str, text: str) -> None:
    """Between thousands and before the fraction; a blank is a plain one."""
    about = catalogues.about(language)

    assert text == f"1{about['_group']}240{about['_decimal']}50"


def test_the_rules_of_a_plural_agree_with_the_browser() -> None:
    """The words of CLDR, which Intl.PluralRules gives, stand in the order of the forms."""
    assert ["one few many", "other", "one other"] == [catalogues.about(one)["_forms"] for one in ("ru", "th", "en")]


def test_a_changed_english_text_is_told(tmp_path: Path) -> None:
    """The translation stays, marked fuzzy, until somebody has looked at it."""
    own = tmp_path / "words"
    shutil.copytree(PANEL, own)
    template = own / "words.pot"
    template.write_text(template.read_text("utf-8").replace('"Member found"', '"Customer found"'), "utf-8")
    for path in own.glob("*.po"):
        catalogues.update(path)

    assert 2 == len([one for one in catalogues.complaints(own) if "found was translated from other English" in one])
    assert "Клиент найден" == json.loads(catalogues.compiled(own)["ru.json"])["found"]


def test_blanks_must_agree(tmp_path: Path) -> None:
    """A sentence that lost its number is found before a cashier finds it."""
    own = tmp_path / "words"
    shutil.copytree(PANEL, own)
    path = own / "ru.po"
    path.write_text(path.read_text("utf-8").replace('msgstr "очередь {n}"', 'msgstr "очередь"'), "utf-8")

    assert [f"{path}: queue has other blanks than 'queue {{n}}'"] == catalogues.complaints(own)


def test_a_word_added_by_hand_is_taken_over(tmp_path: Path) -> None:
    """Whoever writes into the JSON is told, and `--adopt` puts it right."""
    own = tmp_path / "words"
    shutil.copytree(PANEL, own)
    for path, text in ((own / "en.json", "{n} try|{n} tries"), (own / "ru.json", "{n} раз|{n} раза|{n} раз")):
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"zz": text}), "utf-8")
    assert ["zz"] == catalogues.by_hand(own)
    catalogues.adopt(own)
    made = {name: json.loads(text) for name, text in catalogues.compiled(own).items()}

    assert ("{n} try|{n} tries", "{n} раз|{n} раза|{n} раз") == (made["en.json"]["zz"], made["ru.json"]["zz"])
    assert [f"{own / 'th.po'}: zz has no translation yet"] == catalogues.complaints(own)
