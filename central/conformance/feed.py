"""What one till of the suite hears from the server: pages of changes, put together as a till's replica is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from central.conformance.outcome import Failed, expect
from central.conformance.till import Till
from drivers.vocabulary import codec
from drivers.vocabulary.customer import Customer

__all__ = ["Feed"]

PAGES_MAX: Final = 20_000  # of 500 documents: ten million
CHANGES_MARGIN_S: Final = 15.0  # on top of the wait, as tills have it

Seen = tuple[str, str, int]  # collection, key, version


@dataclass(slots=True, kw_only=True)
class Feed:
    """One till's reading of the changes; only documents of the suite's own customers are kept.

    Attributes:
        watched: keys of documents to keep.
        documents: the present body of each.
        seen: every document of ours as it came by, in order.
        reflects: what the last page said: (epoch, sequence).
        strange: what no page may say, in words.
        private: words that no page may hold.
    """

    till: Till
    watched: set[str]
    private: list[str]
    cursor: str = ""
    documents: dict[tuple[str, str], Any] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    reflects: tuple[int, int] = (0, 0)
    strange: list[str] = field(default_factory=list)

    def begin(self, progress: Callable[[int], None]) -> None:
        """Come up to the present: with a snapshot's cursor where there is one, else from the beginning.

        A member the operator named is looked for in the snapshot's parts.
        """
        manifest = self.till.get("snapshot")
        if manifest.status == 200:
            self.cursor = str(manifest.get("cursor", ""))
            if self.watched:
                self._look_in_parts(manifest.value, progress)
        for pages in range(PAGES_MAX):
            progress(pages)
            if not self.read():
                return
        raise Failed("a feed that ends", f"{PAGES_MAX} pages, and more")

    def _look_in_parts(self, manifest: dict[str, Any], progress: Callable[[int], None]) -> None:
        for number in range(len(manifest.get("parts", ()))):
            progress(number)
            part = self.till.wire.ask(
                "GET",
                "/v1/tills/{till}/snapshot/{id}/{number}",
                names={"till": self.till.name, "id": str(manifest.get("id")), "number": str(number)},
                headers=self.till.authorization,
            )
            self._keep(part.get("changes", []))

    def read(self, *, wait_s: int = 0) -> bool:
        """Take one page; True when another one is ready at once."""
        query = {"wait": str(wait_s)} | ({"cursor": self.cursor} if self.cursor else {})
        sent = self.till.sequence
        answer = self.till.get("changes", deadline_s=wait_s + CHANGES_MARGIN_S, **query)
        expect(answer.status == 200, "200 with a page of changes", answer)
        page = answer.value
        expect(isinstance(page, dict) and isinstance(page.get("changes"), list), "a page of changes", answer)
        self._keep(page["changes"])
        self.cursor, self.reflects = str(page.get("cursor", "")), (page.get("epoch", 0), page.get("reflects", 0))
        newest = max(sent, self.till.sequence)
        if self.reflects > (self.till.epoch, newest):
            self.strange.append(f"reflects {self.reflects}, but till {self.till.name} has sent through {newest}")
        text = answer.body.decode("utf-8", "replace")
        self.strange += [f"a page holds {word!r}" for word in self.private if word in text]
        return bool(page.get("more"))

    def catch_up(self) -> None:
        """Read all there is."""
        while self.read():
            pass

    def _keep(self, changes: list[Any]) -> None:
        for change in changes:
            if not isinstance(change, dict) or change.get("key") not in self.watched:
                continue
            name = (str(change.get("collection")), str(change["key"]))
            self.documents[name] = change.get("body")
            self.seen.append((*name, change.get("version", 0)))

    # ── Customers ───────────────────────────────────────────────────────────────────────────────

    def customer(self, name: str) -> Customer:
        """A customer as a till reads one.

        Raises:
            Failed: there is none, or a till could not read it.
        """
        name = self.owner(name)
        body = self.documents.get(("customer", name))
        expect(body is not None, f"a document customer/{name} in the changes", "none")
        try:
            return codec.convert(body, Customer)
        except codec.WireError as error:
            raise Failed(f"a document customer/{name} that tills can read", str(error)) from None

    def owner(self, name: str) -> str:
        """The customer this name stands for: itself, or the one it was merged into."""
        other = self.documents.get(("merged", name))
        return other if isinstance(other, str) else name

    def balance(self, name: str, unit: str) -> int:
        """Points that may be spent now, less what is owed."""
        customer, now = self.customer(name), datetime.now(UTC)
        there = sum(
            lot.amount
            for lot in customer.lots
            if lot.unit == unit
            and (lot.active_from is None or lot.active_from <= now)
            and (lot.expires_at is None or lot.expires_at > now)
        )
        return there - customer.deficits.get(unit, 0)
