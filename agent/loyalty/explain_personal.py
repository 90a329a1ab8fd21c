"""What is said of counters, limits, personal offers, partners, referral and donation, in English, Russian and Thai."""

from __future__ import annotations

from typing import Final

__all__ = ["PERSONAL_CODES", "PERSONAL_HINTS"]

#: Code → the sentence in each language; `{name}` stands for a value of the explanation.
PERSONAL_CODES: Final[dict[str, tuple[str, str, str]]] = {
    "counter_below": (
        "{counter}: {have} of the {from} that are needed",
        "{counter}: {have} из нужных {from}",
        "{counter}: {have} จากที่ต้องมี {from}",
    ),
    "counter_full": (
        "only while {counter} is below {below}, it is {have}",
        "только пока {counter} меньше {below}, сейчас {have}",
        "เฉพาะเมื่อ {counter} ต่ำกว่า {below} ขณะนี้ {have}",
    ),
    "limit_reached": (
        "the limit of {most} is used up ({counter}){until_tail}",
        "лимит {most} исчерпан ({counter}){until_tail}",
        "ใช้ครบ {most} แล้ว ({counter}){until_tail}",
    ),
    "offer_none": (
        "only with the personal offer {offer}",
        "только по персональному предложению {offer}",
        "เฉพาะผู้ที่มีข้อเสนอส่วนบุคคล {offer}",
    ),
    "offer_not_yet": (
        "the personal offer {offer} begins on {from}",
        "персональное предложение {offer} начнёт действовать {from}",
        "ข้อเสนอส่วนบุคคล {offer} เริ่ม {from}",
    ),
    "offer_over": (
        "the personal offer {offer} ended on {until}",
        "персональное предложение {offer} закончилось {until}",
        "ข้อเสนอส่วนบุคคล {offer} สิ้นสุดเมื่อ {until}",
    ),
    "not_this_partner": (
        "only with a card of {partners}",
        "только по карте партнёра {partners}",
        "เฉพาะบัตรของ {partners}",
    ),
    "partner_unknown": (
        "the card of {partner} does not take part here",
        "карта партнёра {partner} здесь не участвует",
        "บัตรของ {partner} ไม่ร่วมรายการที่นี่",
    ),
    "no_referrer": (
        "no friend brought this customer",
        "покупателя никто не приглашал",
        "ไม่มีเพื่อนแนะนำลูกค้ารายนี้",
    ),
    "friend_thanked": (
        "{points} {unit} for the friend who brought the customer",
        "{points} {unit} другу, который пригласил покупателя",
        "{points} {unit} ให้เพื่อนที่แนะนำ",
    ),
    "points_donated": (
        "{points} {unit} given to {fund}",
        "передано {points} {unit}: {fund}",
        "บริจาค {points} {unit} ให้ {fund}",
    ),
    "donation_not_asked": (
        "up to {most} {unit} can be given to {fund}",
        "можно передать до {most} {unit}: {fund}",
        "บริจาคได้ถึง {most} {unit} ให้ {fund}",
    ),
    "donation_most": (
        "at most {most} {unit} on one receipt",
        "не больше {most} {unit} в одном чеке",
        "ไม่เกิน {most} {unit} ต่อบิล",
    ),
    "donation_least": (
        "fewer than {least} {unit} cannot be given",
        "меньше {least} {unit} передать нельзя",
        "บริจาคขั้นต่ำ {least} {unit}",
    ),
    "service_due": (
        "to do for the customer: {gift}, {count}",
        "оказать услугу: {gift}, {count} шт.",
        "ให้บริการ {gift} {count} ครั้ง",
    ),
    "ticket_due": (
        "ticket to give: {gift}, {count}",
        "выдать билет: {gift}, {count} шт.",
        "มอบบัตรเข้าร่วม {gift} {count} ใบ",
    ),
    "coupon_held": (
        "today's coupon was given on an earlier receipt",
        "сегодняшний купон уже выдан в другом чеке",
        "คูปองของวันนี้ออกให้ในบิลก่อนหน้าแล้ว",
    ),
}

#: Code of a hint → the sentence in each language, as in explain.py.
PERSONAL_HINTS: Final[dict[str, tuple[str, str, str]]] = {
    "counter_money": (
        "{missing} more{through_tail}{reward} ({have} of {need})",
        "ещё {missing}{through_tail}{reward} ({have} из {need})",
        "อีก {missing}{through_tail}{reward} ({have} จาก {need})",
    ),
    "counter_purchases": (
        "{missing} more {purchases}{through_tail}{reward} ({have} of {need})",
        "ещё {missing} {purchases}{through_tail}{reward} ({have} из {need})",
        "อีก {missing} {purchases}{through_tail}{reward} ({have} จาก {need})",
    ),
    "counter_uses": (
        "{missing} more {times}{through_tail}{reward} ({have} of {need})",
        "ещё {missing} {times}{through_tail}{reward} ({have} из {need})",
        "อีก {missing} {times}{through_tail}{reward} ({have} จาก {need})",
    ),
}
