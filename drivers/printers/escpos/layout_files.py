"""Where layouts lie: those that ship with the driver, and files a store brings; the only reader of files here."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from drivers.vocabulary.errors import SettingsError

from .layouts import Layout, LayoutFile, WordBook, compile_layout, parse_layout, parse_words

LAYOUT_SIZE_MAX: Final = 65_536  # the shipped ones have 1 to 4 KB; a larger file is not a layout
_WORDS_PREFIX: Final = "words-"


@cache
def _shipped() -> tuple[dict[str, WordBook], dict[str, LayoutFile]]:
    books: dict[str, WordBook] = {}
    layouts: dict[str, LayoutFile] = {}
    folder = files(__package__).joinpath("layouts")
    for entry in sorted(folder.iterdir(), key=lambda found: found.name):
        name = entry.name.removesuffix(".toml")
        if name.startswith(_WORDS_PREFIX):
            books[name.removeprefix(_WORDS_PREFIX)] = parse_words(entry.read_text("utf-8"), entry.name)
        elif entry.name.endswith(".toml"):
            layouts[name] = parse_layout(entry.read_text("utf-8"), entry.name)
    return books, layouts


def shipped_names() -> tuple[str, ...]:
    """Names of the layouts that ship with the driver, in the order they are tried."""
    return tuple(_shipped()[1])


@cache
def _compiled(name: str, decimals: int) -> Layout:
    books, layouts = _shipped()
    return compile_layout(name, layouts[name], books, decimals)


def load_layouts(wanted: tuple[str, ...], decimals: int) -> tuple[Layout, ...]:
    """The layouts named, or all shipped ones for (); a name that ends in ``.toml`` is a file.

    Raises:
        SettingsError: no such name, or a file that cannot be read or used.
    """
    return tuple(_load(name, decimals) for name in wanted or shipped_names())


def _load(name: str, decimals: int) -> Layout:
    if not name.endswith(".toml"):
        if name not in shipped_names():
            raise SettingsError(f"no layout {name!r}; use one of {', '.join(shipped_names())}, or a file name.toml")
        return _compiled(name, decimals)
    path = Path(name)
    try:
        with path.open("rb") as file:
            data = file.read(LAYOUT_SIZE_MAX + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise SettingsError(f"cannot read layout {name}: {error.strerror}; check the path") from None
    except UnicodeDecodeError:
        raise SettingsError(f"layout {name} is not UTF-8; save it as UTF-8") from None
    if len(data) > LAYOUT_SIZE_MAX:
        raise SettingsError(f"layout {name} is larger than {LAYOUT_SIZE_MAX} bytes; it is not a layout")
    return compile_layout(path.stem, parse_layout(text, name), _shipped()[0], decimals)
