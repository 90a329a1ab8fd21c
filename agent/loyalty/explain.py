"""The codes of explanations as sentences, in English, Russian and Thai; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.vocabulary.decision import Explanation

__all__ = ["CODES", "LANGUAGES", "sentence"]

LANGUAGES: Final = ("en", "ru", "th")

#: Code → the sentence in each language; `{name}` stands for a value of the explanation.
CODES: Final[dict[str, tuple[str, str, str]]] = {
    "applied": ("{amount} off", "скидка {amount}", "ลด {amount}"),
    "points_spent": (
        "{points} {unit} spent, worth {worth}",
        "списано {points} {unit} на {worth}",
        "ใช้ {points} {unit} มูลค่า {worth}",
    ),
    "points_earned": ("{points} {unit} earned", "начислено {points} {unit}", "ได้รับ {points} {unit}"),
    "multiplied": ("{unit} times {factor}", "{unit} × {factor}", "{unit} × {factor}"),
    "tier_reached": ("new level: {tier}", "новый уровень: {tier}", "ระดับใหม่: {tier}"),
    "no_customer": (
        "the customer is not identified",
        "покупатель не назвал карту или телефон",
        "ยังไม่ได้ระบุตัวลูกค้า",
    ),
    "only_anonymous": (
        "only for customers without a card",
        "только для покупателей без карты",
        "เฉพาะลูกค้าที่ไม่มีบัตร",
    ),
    "customer_blocked": ("the card is blocked", "карта заблокирована", "บัตรถูกระงับ"),
    "not_this_store": ("not in this store", "не в этом магазине", "ไม่ใช้กับสาขานี้"),
    "not_this_till": ("not at this till", "не на этой кассе", "ไม่ใช้กับเครื่องนี้"),
    "not_yet": ("begins on {from}", "начнётся {from}", "เริ่ม {from}"),
    "over": ("ended on {until}", "закончилось {until}", "สิ้นสุดเมื่อ {until}"),
    "not_today": ("only on {days}", "только по дням: {days}", "เฉพาะวัน {days}"),
    "not_now": ("only at {hours}", "только в часы {hours}", "เฉพาะเวลา {hours}"),
    "not_this_tier": ("only for {tiers}", "только для уровня {tiers}", "เฉพาะระดับ {tiers}"),
    "nothing_for_tier": (
        "nothing for the level {tier}",
        "для уровня {tier} ничего не положено",
        "ไม่มีสิทธิ์สำหรับระดับ {tier}",
    ),
    "not_this_segment": (
        "only for the group {segments}",
        "только для группы {segments}",
        "เฉพาะกลุ่ม {segments}",
    ),
    "birthday_unknown": ("the birthday is not known", "день рождения не указан", "ไม่ทราบวันเกิด"),
    "not_birthday": (
        "only from {before} days before the birthday to {after} days after it",
        "только за {before} дн. до дня рождения и {after} дн. после",
        "เฉพาะ {before} วันก่อนวันเกิดถึง {after} วันหลังวันเกิด",
    ),
    "purchases_unknown": (
        "it is not known how many purchases there were",
        "неизвестно, сколько было покупок",
        "ไม่ทราบจำนวนครั้งที่ซื้อ",
    ),
    "other_purchase": (
        "only for purchase no. {number}, this is no. {now}",
        "только для покупки № {number}, это № {now}",
        "เฉพาะการซื้อครั้งที่ {number} ครั้งนี้คือครั้งที่ {now}",
    ),
    "every_nth_purchase": (
        "every {every} purchases, {left} more to go",
        "за каждую {every}-ю покупку, осталось {left}",
        "ทุก {every} ครั้ง เหลืออีก {left} ครั้ง",
    ),
    "tender_unknown": (
        "when all is paid by: {tenders}",
        "при оплате так: {tenders}",
        "เมื่อชำระด้วย {tenders}",
    ),
    "not_this_tender": (
        "only when all is paid by: {tenders}",
        "только при оплате так: {tenders}",
        "เฉพาะเมื่อชำระด้วย {tenders}",
    ),
    "not_this_channel": ("only for: {channels}", "только для: {channels}", "เฉพาะ {channels}"),
    "no_membership": ("only with a membership", "только по подписке", "เฉพาะสมาชิก"),
    "membership_over": (
        "the membership ended on {until}",
        "подписка закончилась {until}",
        "สมาชิกหมดอายุ {until}",
    ),
    "member_already": ("there is a membership already", "подписка уже есть", "เป็นสมาชิกอยู่แล้ว"),
    "only_staff": ("only for staff", "только для сотрудников", "เฉพาะพนักงาน"),
    "total_too_small": (
        "goods for {from} are needed, there are {have}",
        "нужно товаров на {from}, сейчас {have}",
        "ต้องมีสินค้า {from} ขณะนี้ {have}",
    ),
    "quantity_too_small": (
        "{from} pieces are needed, there are {have}",
        "нужно {from} шт., сейчас {have}",
        "ต้องมี {from} ชิ้น ขณะนี้ {have}",
    ),
    "positions_too_few": (
        "{from} positions are needed, there are {have}",
        "нужно позиций: {from}, сейчас {have}",
        "ต้องมี {from} รายการ ขณะนี้ {have}",
    ),
    "not_for_goods": ("none of these goods", "не для этих товаров", "ไม่ใช้กับสินค้าเหล่านี้"),
    "goods_excluded": (
        "these goods are excluded",
        "эти товары не участвуют",
        "สินค้าเหล่านี้ไม่ร่วมรายการ",
    ),
    "nothing_left": (
        "nothing more may be taken off these goods",
        "цену этих товаров больше снижать нельзя",
        "ลดราคาสินค้าเหล่านี้อีกไม่ได้",
    ),
    "nothing_paid": ("nothing is paid with money", "деньгами ничего не оплачено", "ไม่มียอดชำระเป็นเงิน"),
    "too_little": ("too little for one point", "сумма мала для одного балла", "ยอดน้อยเกินกว่าจะได้คะแนน"),
    "beaten": ("{by} gives more", "выгоднее {by}", "{by} คุ้มกว่า"),
    "beaten_by_exclusive": ("{by} admits no other", "{by} не суммируется с другими", "{by} ใช้ร่วมกับรายการอื่นไม่ได้"),
    "another_rule": (
        "another rule for these points is open",
        "действует другое правило для этих баллов",
        "มีกฎอื่นสำหรับคะแนนนี้",
    ),
    "not_asked": ("up to {most} {unit} can be spent", "можно списать до {most} {unit}", "ใช้ได้ถึง {most} {unit}"),
    "points_were_spent": (
        "nothing is earned on a receipt that spends points",
        "в чеке со списанием баллы не начисляются",
        "บิลที่ใช้คะแนนจะไม่ได้รับคะแนน",
    ),
    "capped_by_share": (
        "at most {most} {unit}: that is the share of the receipt points may pay",
        "не больше {most} {unit}: такую часть чека можно оплатить баллами",
        "ไม่เกิน {most} {unit} ตามสัดส่วนของบิล",
    ),
    "capped_by_goods": (
        "at most {most} {unit}: these goods cannot go below their price",
        "не больше {most} {unit}: ниже минимальной цены нельзя",
        "ไม่เกิน {most} {unit} ตามราคาขั้นต่ำของสินค้า",
    ),
    "capped_by_balance": (
        "at most {most} {unit}: that is the balance",
        "не больше {most} {unit}: столько на счёте",
        "ไม่เกิน {most} {unit} ตามยอดคงเหลือ",
    ),
    "caller_limit": ("at most {most} {unit} here", "здесь не больше {most} {unit}", "ที่นี่ไม่เกิน {most} {unit}"),
    "offline_cap": (
        "at most {most} {unit} without a line to the centre",
        "без связи не больше {most} {unit}",
        "ขณะออฟไลน์ใช้ได้ไม่เกิน {most} {unit}",
    ),
    "lease": (
        "at most {most} {unit}: that is this till's share",
        "не больше {most} {unit}: столько отведено этой кассе",
        "ไม่เกิน {most} {unit} ตามโควตาเครื่องนี้",
    ),
    "rounded_to_step": (
        "rounded down to what may be spent at once",
        "округлено вниз до шага списания",
        "ปัดลงตามขั้นการใช้คะแนน",
    ),
    "below_least": (
        "fewer than {least} {unit} cannot be spent",
        "меньше {least} {unit} списать нельзя",
        "ใช้ขั้นต่ำ {least} {unit}",
    ),
    "unknown_unit": ("the programme knows no {unit}", "в программе нет {unit}", "โปรแกรมไม่มี {unit}"),
    "not_a_sale": ("not a sale", "это не продажа", "ไม่ใช่การขาย"),
    "other_currency": (
        "the receipt is in {currency}, the programme in {wanted}",
        "чек в {currency}, программа в {wanted}",
        "บิลเป็น {currency} แต่โปรแกรมเป็น {wanted}",
    ),
    "time_without_zone": ("the time names no time zone", "время без часового пояса", "เวลาไม่มีเขตเวลา"),
    "time_out_of_range": ("the clock is wrong", "часы показывают невозможное время", "นาฬิกาผิด"),
}


def sentence(explanation: Explanation, *, language: str = "en", titles: Mapping[str, str] | None = None) -> str:
    """One line a person can read: the rule's title and what it did, or why it did nothing.

    `language` is one of LANGUAGES (another is read as English); `titles` is what people call each rule, by its id,
    which stands in where there is none.
    """
    names = titles or {}
    place = LANGUAGES.index(language) if language in LANGUAGES else 0
    texts = CODES.get(explanation.code)
    template = texts[place] if texts is not None else explanation.code
    values = dict(explanation.values)
    if "by" in values:
        values["by"] = names.get(values["by"]) or values["by"]
    return f"{names.get(explanation.rule) or explanation.rule}: {_filled(template, values)}"


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Put the values in; one that is missing leaves an ellipsis rather than an error."""
    text = template
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    while "{" in text and "}" in text.partition("{")[2]:
        before, _, rest = text.partition("{")
        text = f"{before}…{rest.partition('}')[2]}"
    return text
