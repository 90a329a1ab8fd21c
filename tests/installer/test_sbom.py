"""The bill of what is inside: licences, hashes, and a document that auditors' programs read."""

from __future__ import annotations

import pytest


@pytest.fixture
def sbom(build_tool):
    return build_tool("sbom")


def _package(app, name, metadata="License-Expression: MIT", licence="the text"):
    info = app / f"{name}-1.0.dist-info"
    (info / "licenses").mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{metadata}\n\nLong words\n")
    if licence:
        (info / "licenses/LICENSE.txt").write_text(licence)
    return info


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("License-Expression: Apache-2.0 OR BSD-3-Clause", "Apache-2.0 OR BSD-3-Clause"),
        ("License: LGPLv2+", "LGPL-2.1-or-later"),
        ("Classifier: License :: OSI Approved :: BSD License", "BSD-3-Clause"),
        ("License: any-OSI", "any-OSI"),
        ("License: Not any word of ours\nClassifier: License :: OSI Approved :: MIT License", "MIT"),
        ("Summary: nothing said", ""),
    ],
)
def test_licences_in_the_words_of_spdx(sbom, metadata, expected):
    """Older packages say it in words of their own."""
    assert expected == sbom.licence_of(f"Name: x\n{metadata}\n")


def test_every_package_has_its_text(sbom, tmp_path):
    """One without a text is named, so that the build can stop; pyserial's is kept by us."""
    app = tmp_path / "app"
    _package(app, "one")
    _package(app, "none", licence="")
    _package(app, "pyserial", licence="")

    assert ["none-1.0"] == sbom.collect_licences(app, tmp_path / "LICENSES")
    assert "the text" == (tmp_path / "LICENSES/one-1.0/LICENSE.txt").read_text()
    assert "Chris Liechti" in (tmp_path / "LICENSES/pyserial-1.0/LICENSE.txt").read_text()


def test_the_document_is_cyclonedx(sbom, tmp_path):
    """What the format asks for, a hash for every package and for what is compiled in it, and who needs whom."""
    native = tmp_path / "app/One/core.so"
    info = _package(tmp_path / "app", "One")
    native.parent.mkdir()
    native.write_bytes(b"\x7fELF")
    row = sbom.component(info, wheel_sha256="ab" * 32, native=sbom.native_files(tmp_path, [native, info / "METADATA"]))
    other = sbom.component(_package(tmp_path / "app", "two", "License: any-OSI"))
    told = sbom.document(version="9", platform="p", epoch=0, components=[row, other], needs={"one": ["two"]})

    assert ("CycloneDX", "1.5", 1) == (told["bomFormat"], told["specVersion"], told["version"])
    assert "1970-01-01T00:00:00Z" == told["metadata"]["timestamp"]
    assert "pkg:pypi/one@1.0" == row["purl"]
    assert [{"alg": "SHA-256", "content": "ab" * 32}] == row["hashes"]
    assert ["app/One/core.so"] == [one["name"] for one in row["components"]]
    assert [{"license": {"id": "MIT"}}] == row["licenses"]
    assert [{"license": {"name": "any-OSI"}}] == other["licenses"]
    graph = {one["ref"]: one["dependsOn"] for one in told["dependencies"]}
    assert ["pkg:pypi/two@1.0"] == graph["pkg:pypi/one@1.0"]
    assert ["pkg:pypi/one@1.0", "pkg:pypi/two@1.0"] == graph["pkg:generic/tillpoint@9?platform=p"]


def test_its_number_is_that_of_its_contents(sbom, tmp_path):
    """The same twice, another when a component differs."""
    row = sbom.component(_package(tmp_path / "app", "one"))
    words = {"version": "9", "platform": "p", "epoch": 0}
    first = sbom.document(components=[row], **words)["serialNumber"]

    assert first == sbom.document(components=[row], **words)["serialNumber"]
    assert first != sbom.document(components=[{**row, "version": "2.0"}], **words)["serialNumber"]
