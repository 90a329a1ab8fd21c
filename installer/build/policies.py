"""Makes the administrative templates for group policy and Intune from `agent/policy.py` and `words.toml`.

Run by its path it writes `installer/windows/policies/Tillpoint.admx` and an `.adml` for each language; `--check` only
says what differs. What a value may be comes from the settings' own types, so a template cannot offer what a till would
refuse. Format: Microsoft's Group Policy ADMX schema, PolicyDefinitions 1.0.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from xml.etree import ElementTree as ET

from msgspec import Meta

PROJECT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from agent import policy  # noqa: E402 - a script run by its path finds the project only now

__all__ = ["LANGUAGES", "files", "main"]

FOLDER: Final = PROJECT / "installer" / "windows" / "policies"
NAMESPACE: Final = "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions"
OWN: Final = "Tillpoint.Policies.Tillpoint"
#: Our two letters → the folder Windows wants.
LANGUAGES: Final = {"en": "en-US", "ru": "ru-RU"}
DWORD_MAX: Final = 4_294_967_295


def main(argv: Sequence[str] | None = None) -> int:
    """Write the templates, or with --check say which are not what they should be."""
    parser = argparse.ArgumentParser(prog="policies.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when a file differs")
    args = parser.parse_args(argv)
    stale = 0
    for name, data in files().items():
        path = FOLDER / name
        if args.check:
            if not path.is_file() or path.read_bytes() != data:
                print(f"{path} is not what agent/policy.py says; run python3 installer/build/policies.py")
                stale = 1
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(path)
    return stale


def files() -> dict[str, bytes]:
    """Name → bytes of each template."""
    words = tomllib.loads((FOLDER / "words.toml").read_text("utf-8"))
    made = {"Tillpoint.admx": _bytes(_definitions())}
    for language, folder in LANGUAGES.items():
        made[f"{folder}/Tillpoint.adml"] = _bytes(_resources(words, language))
    return made


# ── What there is ───────────────────────────────────────────────────────────────────────────────


def _definitions() -> ET.Element:
    """The .admx: keys, kinds of values, limits; no words."""
    root = _root("policyDefinitions")
    names = ET.SubElement(root, "policyNamespaces")
    ET.SubElement(names, "target", prefix="tillpoint", namespace=OWN)
    ET.SubElement(root, "resources", minRequiredRevision="1.0", fallbackCulture="en-US")
    supported = ET.SubElement(ET.SubElement(root, "supportedOn"), "definitions")
    ET.SubElement(supported, "definition", name="SUPPORTED", displayName="$(string.SUPPORTED)")
    categories = ET.SubElement(root, "categories")
    ET.SubElement(categories, "category", name="Tillpoint", displayName="$(string.Tillpoint)")
    for table in _tables():
        one = ET.SubElement(categories, "category", name=f"Category_{table}", displayName=f"$(string.Category_{table})")
        ET.SubElement(one, "parentCategory", ref="Tillpoint")
    policies = ET.SubElement(root, "policies")
    for key in policy.ALL_KEYS:
        _policy(policies, key)
    return root


def _policy(parent: ET.Element, key: str) -> None:
    name = policy.value_name(key)
    kind, limits = _kind(policy.type_of(key))
    attributes = {
        "name": name,
        "class": "Machine",
        "displayName": f"$(string.{name})",
        "explainText": f"$(string.{name}_Help)",
        "key": policy.REGISTRY_PATH,
    }
    attributes |= {"valueName": name} if kind is bool else {"presentation": f"$(presentation.{name})"}
    one = ET.SubElement(parent, "policy", attributes)
    ET.SubElement(one, "parentCategory", ref=f"Category_{key.partition('.')[0]}")
    ET.SubElement(one, "supportedOn", ref="SUPPORTED")
    if kind is bool:
        for tag, value in (("enabledValue", "1"), ("disabledValue", "0")):
            ET.SubElement(ET.SubElement(one, tag), "decimal", value=value)
        return
    _element(ET.SubElement(one, "elements"), name, kind, limits)


def _element(parent: ET.Element, name: str, kind: Any, limits: Meta) -> None:
    """What the value is: a number within its limits, a choice, some lines, a line."""
    told = {"id": name, "valueName": name, "required": "true"}
    if kind is int:
        least, most = limits.ge or 0, limits.le if limits.le is not None else DWORD_MAX
        ET.SubElement(parent, "decimal", told | {"minValue": str(int(least)), "maxValue": str(int(most))})
    elif get_origin(kind) is Literal:
        choice = ET.SubElement(parent, "enum", told)
        for value in get_args(kind):
            item = ET.SubElement(choice, "item", displayName=f"$(string.{name}_{_word(value)})")
            ET.SubElement(ET.SubElement(item, "value"), "string").text = value
    elif get_origin(kind) is tuple:
        ET.SubElement(parent, "multiText", {**told, "maxLength": "400", "maxStrings": str(limits.max_length or 16)})
    else:
        ET.SubElement(parent, "text", told | {"maxLength": str(limits.max_length or 400), "expandable": "true"})


def _kind(wanted: Any) -> tuple[Any, Meta]:
    """A type without its annotation, and the limits in it."""
    limits = Meta()
    while get_origin(wanted) is Annotated:
        wanted, *told = get_args(wanted)
        limits = next((one for one in told if isinstance(one, Meta)), limits)
    return wanted, limits


# ── What it is called ───────────────────────────────────────────────────────────────────────────


def _resources(words: dict[str, Any], language: str) -> ET.Element:
    """The .adml of one language: titles, explanations, the label of each field."""
    root = _root("policyDefinitionResources")
    ET.SubElement(root, "displayName").text = words["general"][language]
    ET.SubElement(root, "description").text = words["general"][language]
    resources = ET.SubElement(root, "resources")
    table = ET.SubElement(resources, "stringTable")
    for name, text in _strings(words, language):
        ET.SubElement(table, "string", id=name).text = text
    shown = ET.SubElement(resources, "presentationTable")
    for key in policy.ALL_KEYS:
        kind, _ = _kind(policy.type_of(key))
        if kind is bool:
            continue
        name = policy.value_name(key)
        _field(ET.SubElement(shown, "presentation", id=name), name, kind, words["policies"][key][language][0])
    return root


def _field(parent: ET.Element, name: str, kind: Any, title: str) -> None:
    if kind is int:
        ET.SubElement(parent, "decimalTextBox", refId=name).text = title
    elif get_origin(kind) is Literal:
        ET.SubElement(parent, "dropdownList", refId=name, noSort="true", defaultItem="0").text = title
    elif get_origin(kind) is tuple:
        ET.SubElement(parent, "multiTextBox", refId=name).text = title
    else:
        ET.SubElement(ET.SubElement(parent, "textBox", refId=name), "label").text = title


def _strings(words: dict[str, Any], language: str) -> Iterator[tuple[str, str]]:
    yield "SUPPORTED", words["general"]["supported"][language]
    yield "Tillpoint", words["general"][language]
    for table in _tables():
        yield f"Category_{table}", words["categories"][table][language]
    for key in policy.ALL_KEYS:
        name = policy.value_name(key)
        title, explanation = words["policies"][key][language]
        yield name, title
        yield f"{name}_Help", f"{explanation}\n\n{key}"
        kind, _ = _kind(policy.type_of(key))
        for value in get_args(kind) if get_origin(kind) is Literal else ():
            choices = words["policies"][key].get("choices", {})
            yield f"{name}_{_word(value)}", choices.get(value, {}).get(language, value)


def _tables() -> list[str]:
    """The settings' tables in which there are policies, each once, in order."""
    return list(dict.fromkeys(key.partition(".")[0] for key in policy.ALL_KEYS))


def _word(value: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in value)


def _root(tag: str) -> ET.Element:
    return ET.Element(tag, {"xmlns": NAMESPACE, "revision": "1.0", "schemaVersion": "1.0"})


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'.replace("\n", "\r\n").encode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
