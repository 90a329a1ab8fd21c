"""One-time codes that a POS asks for itself, before points pay on a receipt of its own: one for each receipt at a time.

Kept in memory: a code is good for three minutes, and after a restart another one may be asked for. The till asks beside
its own thread; the code itself is never here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from agent.clock import uuid7
from agent.snapshot import LinkState
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["NO_LINE", "SaleCode", "judged", "sent", "tried", "want"]

NO_LINE: Final = "no_line"
LASTS_S: Final = 180.0  # of a code whose sending was never answered
KEPT_MAX: Final = 100  # receipts in progress; a till has one, a restaurant some dozens


class SaleCode(Struct, frozen=True, kw_only=True):
    """A code that was asked for.

    Attributes:
        asked_s: at which uptime.
        told: what the centre said of the sending; None while it has not.
        is_proven: it was right.
    """

    id: str
    customer_id: str
    asked_s: float
    told: CodeSent | None = None
    is_proven: bool = False


def want(desk: DeskState, uid: str, customer_id: str) -> tuple[CodeWanted | None, CodeSent | None]:
    """(what the centre is to be asked, what is known of the sending; neither while it is under way)."""
    kept, now_s = desk.sale_codes.get(uid), desk.clock.uptime_s()
    if kept is not None and kept.customer_id == customer_id and not _is_over(kept, now_s):
        return None, kept.told
    if kept is not None and kept.told is not None and kept.told.reason and kept.customer_id == customer_id:
        del desk.sale_codes[uid]  # said once; the next time it is asked for anew
        return None, kept.told
    if not desk.rules.codes or desk.link is not LinkState.ONLINE:
        return None, CodeSent(reason=NO_LINE)
    wanted = CodeWanted(
        id=uuid7(desk.clock.now(), desk.clock.random_bytes(10)),
        customer_id=customer_id,
        language=desk.rules.slip.language,
    )
    desk.sale_codes.pop(uid, None)
    desk.sale_codes[uid] = SaleCode(id=wanted.id, customer_id=customer_id, asked_s=now_s)
    while len(desk.sale_codes) > KEPT_MAX:
        del desk.sale_codes[next(iter(desk.sale_codes))]
    return wanted, None


def sent(desk: DeskState, name: str, answer: CodeSent | None) -> bool:
    """What became of the sending; False when the code is none of these."""
    for uid, kept in desk.sale_codes.items():
        if kept.id == name:
            desk.sale_codes[uid] = replace(kept, told=answer if answer is not None else CodeSent(reason=NO_LINE))
            return True
    return False


def tried(desk: DeskState, uid: str, customer_id: str, code: str) -> CodeTried | CodeVerdict:
    """The question for the centre, or its answer where that is known."""
    kept = desk.sale_codes.get(uid)
    if kept is None or kept.customer_id != customer_id:
        return CodeVerdict(reason="unknown")
    if kept.is_proven:
        return CodeVerdict(is_right=True)
    if not (code.isascii() and code.isdigit() and 4 <= len(code) <= 6):
        return CodeVerdict(reason="wrong")
    return CodeTried(id=kept.id, customer_id=customer_id, code=code)


def judged(desk: DeskState, uid: str, verdict: CodeVerdict) -> None:
    """The centre's word on what was read out; a code that is over makes room for another."""
    kept = desk.sale_codes.get(uid)
    if kept is None:
        return
    if verdict.is_right:
        desk.sale_codes[uid] = replace(kept, is_proven=True)
    elif verdict.reason in {"expired", "no_tries", "unknown"}:
        del desk.sale_codes[uid]


def _is_over(kept: SaleCode, now_s: float) -> bool:
    if kept.is_proven:
        return False
    lasts_s = LASTS_S if kept.told is None else kept.told.expires_s
    return now_s - kept.asked_s > lasts_s or (kept.told is not None and bool(kept.told.reason))
