"""A document that ended, as steps of the conversation in line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drivers.contract import DocumentEnds, ReceiptDropped, Step
from drivers.vocabulary.events import Document
from drivers.vocabulary.receipt import DocumentKind


def endings(documents: Iterable[Document]) -> list[Step]:
    """Hand each one over; a cancelled sale takes the quote that was carried into it along."""
    steps: list[Step] = []
    for document in documents:
        steps.append(DocumentEnds(document=document, render=_nothing))
        if document.quoted and document.kind is DocumentKind.VOID:
            steps.append(ReceiptDropped(document.quoted))
    return steps


def _nothing(lines: Sequence[str]) -> bytes:  # noqa: ARG001 - the shape of render
    """No bytes: a slip of ours between two receipts of the till would take a number of the till's."""
    return b""
