"""What is inside a payload: licence texts into `LICENSES/`, and `SBOM.json` in CycloneDX 1.5 (ECMA-424) for auditors.

`python3 sbom.py VERSION_FOLDER` prints one line for each component of a payload that is there already.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

__all__ = ["collect_licences", "component", "document", "licence_of", "main", "native_files"]

HERE: Final = Path(__file__).resolve().parent
#: What older packages write instead of an SPDX expression.
SPDX: Final = {
    "MIT": "MIT",
    "MIT License": "MIT",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "LGPLv2+": "LGPL-2.1-or-later",
    "PSF": "PSF-2.0",
    "MPL-2.0": "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Dual License": "Apache-2.0 OR BSD-3-Clause",
}
#: Identifiers of SPDX's list that packages here use; another word goes into the bill as a plain name.
IDS: Final = frozenset(
    {"MIT", "MIT-0", "MIT-CMU", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "LGPL-2.1-or-later", "MPL-2.0", "PSF-2.0"}
)
_NATIVE: Final = re.compile(r"\.(so(\.[0-9.]+)?|pyd|dll|exe)$")
_LICENCE_FILE: Final = re.compile(r"(licenses/.*|LICEN[CS]E[^/]*|COPYING[^/]*|NOTICE[^/]*|AUTHORS[^/]*)", re.IGNORECASE)


def licence_of(metadata: str) -> str:
    """The SPDX expression of a package's METADATA, or its own word for its licence where SPDX has none."""
    told = Parser().parsestr(metadata, headersonly=True)
    if told["License-Expression"]:
        return str(told["License-Expression"]).strip()
    classified = [
        str(one).rpartition(":: ")[2] for one in told.get_all("Classifier", []) if str(one).startswith("License")
    ]
    for word in [str(told["License"] or "").strip(), *classified]:
        if word in SPDX:
            return SPDX[word]
    return str(told["License"] or "").strip().partition("\n")[0]


def collect_licences(app: Path, folder: Path) -> list[str]:
    """Copy every package's licence texts to `folder`; the names of packages that carry none."""
    without = []
    for info in sorted(app.glob("*.dist-info")):
        name = info.name.removesuffix(".dist-info")
        texts = [
            path
            for path in sorted(info.rglob("*"))
            if path.is_file() and _LICENCE_FILE.fullmatch(path.relative_to(info).as_posix())
        ]
        own = HERE / "licences" / f"{name.partition('-')[0]}.txt"
        for text in texts or ([own] if own.exists() else []):
            inside = text.relative_to(info).as_posix().removeprefix("licenses/") if text is not own else "LICENSE.txt"
            target = folder / name / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.read_bytes())
        if not texts and not own.exists():
            without.append(name)
    return without


def component(info: Path, *, wheel_sha256: str = "", native: Iterable[dict[str, Any]] = ()) -> dict[str, Any]:
    """The row of one package, from its `.dist-info` folder."""
    metadata = (info / "METADATA").read_text("utf-8")
    told = Parser().parsestr(metadata, headersonly=True)
    name, version = str(told["Name"]), str(told["Version"])
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    row: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if wheel_sha256:
        row["hashes"] = [{"alg": "SHA-256", "content": wheel_sha256}]
    licence = licence_of(metadata)
    if licence:
        is_expression = re.search(r" (OR|AND|WITH) ", licence)
        kind = "id" if licence in IDS else "name"
        row["licenses"] = [{"expression": licence}] if is_expression else [{"license": {kind: licence}}]
    inside = list(native)
    if inside:
        row["components"] = inside
    return row


def native_files(folder: Path, paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The compiled files among `paths`, with their hashes: what a scanner of binaries will meet."""
    return [
        {
            "type": "file",
            "bom-ref": f"file:{path.relative_to(folder).as_posix()}",
            "name": path.relative_to(folder).as_posix(),
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}],
        }
        for path in sorted(paths)
        if _NATIVE.search(path.name)
    ]


def document(
    *,
    version: str,
    platform: str,
    epoch: int,
    components: list[dict[str, Any]],
    needs: Mapping[str, list[str]] | None = None,
) -> dict[str, Any]:
    """The whole of it; the same payload gives the same bytes, its serial number too."""
    subject = f"pkg:generic/tillpoint@{version}?platform={platform}"
    told = json.dumps([subject, components], sort_keys=True)
    references = {row["name"].lower().replace("_", "-"): row["bom-ref"] for row in components}
    graph = {subject: sorted(references.values())} | {
        references[name]: sorted(references[one] for one in wanted if one in references)
        for name, wanted in (needs or {}).items()
        if name in references
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, told)}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": subject,
                "name": "tillpoint",
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
            },
            "properties": [{"name": "tillpoint:platform", "value": platform}],
        },
        "components": components,
        "dependencies": [{"ref": one, "dependsOn": graph[one]} for one in sorted(graph)],
    }


def main(argv: list[str] | None = None) -> int:
    """Print the components of a version folder."""
    words = sys.argv[1:] if argv is None else argv
    if len(words) != 1:
        print("usage: sbom.py VERSION_FOLDER", file=sys.stderr)
        return 2
    told = json.loads((Path(words[0]) / "SBOM.json").read_text("utf-8"))
    for row in told["components"]:
        licences = [one.get("expression") or next(iter(one["license"].values())) for one in row.get("licenses", [])]
        print(f"{row['name']:24} {row['version']:16} {', '.join(licences)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
