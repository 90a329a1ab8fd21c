"""What a programme's sentences are made of, in English, Russian and Thai; words only."""

from __future__ import annotations

from typing import Final

from agent.loyalty.describe_personal import PERSONAL_PHRASES
from agent.loyalty.describe_rewards import REWARD_PHRASES
from agent.loyalty.parts import Weekday
from drivers.vocabulary.decision import GiftKind
from drivers.vocabulary.receipt import TenderKind

__all__ = ["DAYS", "GIFTS", "PHRASES", "TENDERS"]

#: Phrase → its text in each of LANGUAGES.
PHRASES: Final[dict[str, tuple[str, str, str]]] = {
    **PERSONAL_PHRASES,
    **REWARD_PHRASES,
    "percent": ("{percent} % off", "скидка {percent} %", "ลด {percent} %"),
    "by_tier": ("off by level: {percents}", "скидка по уровню: {percents}", "ลดตามระดับ: {percents}"),
    "otherwise": ("others {percent} %", "остальным {percent} %", "อื่น ๆ {percent} %"),
    "each_line": ("each position by itself", "по каждой позиции", "แยกทีละรายการ"),
    "whole": (
        "on the sum, shared out over the positions",
        "на сумму, с распределением по позициям",
        "จากยอดรวม เฉลี่ยทุกรายการ",
    ),
    "initial": (
        "worked out on the prices before other discounts",
        "от цены до других скидок",
        "คิดจากราคาก่อนส่วนลดอื่น",
    ),
    "earn_percent": ("earns {percents} in {unit}", "начисляет {percents} в {unit}", "ได้รับ {percents} เป็น {unit}"),
    "earn_per": (
        "earns {points} {unit} for every {per}",
        "начисляет {points} {unit} за каждые {per}",
        "ได้รับ {points} {unit} ทุก {per}",
    ),
    "active": (
        "active from day {days} after the purchase",
        "активны с {days}-го дня после покупки",
        "ใช้ได้หลัง {days} วัน",
    ),
    "expires": (
        "spendable through the end of day {days} after it",
        "действуют до конца {days}-го дня после неё",
        "ใช้ได้ถึงสิ้นวันที่ {days}",
    ),
    "multiply": ("{unit} times {factor}", "{unit} × {factor}", "{unit} × {factor}"),
    "spend": (
        "{unit} pay up to {share} % of the goods",
        "{unit} оплачивают до {share} % товаров",
        "{unit} จ่ายได้ถึง {share} % ของสินค้า",
    ),
    "step": ("in steps of {step}", "с шагом {step}", "ขั้นละ {step}"),
    "least": ("at least {least}", "не меньше {least}", "ขั้นต่ำ {least}"),
    "as_discount": ("as a discount", "как скидка", "เป็นส่วนลด"),
    "as_tender": ("as a payment", "как оплата", "เป็นการชำระเงิน"),
    "no_earning": ("such a receipt earns nothing", "такой чек ничего не начисляет", "บิลนี้ไม่ได้รับคะแนน"),
    "goods": ("goods: {goods}", "товары: {goods}", "สินค้า: {goods}"),
    "except": ("except: {goods}", "кроме: {goods}", "ยกเว้น: {goods}"),
    "skip_discounted": ("not on goods already discounted", "не на уценённые товары", "ไม่รวมสินค้าที่ลดแล้ว"),
    "identified": ("identified customers", "покупателям с картой", "ลูกค้าที่ระบุตัวแล้ว"),
    "anonymous": ("customers without a card", "покупателям без карты", "ลูกค้าที่ไม่มีบัตร"),
    "tiers": ("levels {names}", "уровни {names}", "ระดับ {names}"),
    "segments": ("groups {names}", "группы {names}", "กลุ่ม {names}"),
    "stores": ("stores {names}", "магазины {names}", "สาขา {names}"),
    "tills": ("tills {names}", "кассы {names}", "เครื่อง {names}"),
    "weekdays": ("on {names}", "по дням: {names}", "วัน {names}"),
    "hours": ("at {names}", "в часы {names}", "เวลา {names}"),
    "date_from": ("from {day}", "с {day}", "ตั้งแต่ {day}"),
    "date_until": ("until {day}", "по {day}", "ถึง {day}"),
    "total_from": ("goods for {least} or more", "товаров на {least} и больше", "สินค้าตั้งแต่ {least}"),
    "quantity_from": ("{least} pieces or more", "от {least} шт.", "ตั้งแต่ {least} ชิ้น"),
    "positions_from": ("{least} positions or more", "от {least} позиций", "ตั้งแต่ {least} รายการ"),
    "birthday": (
        "from {before} days before the birthday to {after} days after it",
        "за {before} дн. до дня рождения и {after} дн. после",
        "ตั้งแต่ {before} วันก่อนวันเกิดถึง {after} วันหลังวันเกิด",
    ),
    "purchase_number": ("on purchase no. {number}", "в покупку № {number}", "การซื้อครั้งที่ {number}"),
    "purchase_every": ("every {number} purchases", "за каждую {number}-ю покупку", "ทุก {number} ครั้ง"),
    "tenders": ("when all is paid by {names}", "при оплате так: {names}", "เมื่อชำระด้วย {names}"),
    "fixed_receipt": ("gives {points} {unit}", "даёт {points} {unit}", "ให้ {points} {unit}"),
    "fixed_position": (
        "gives {points} {unit} for each position",
        "даёт {points} {unit} за каждую позицию",
        "ให้ {points} {unit} ต่อรายการ",
    ),
    "fixed_piece": (
        "gives {points} {unit} for each piece",
        "даёт {points} {unit} за каждую штуку",
        "ให้ {points} {unit} ต่อชิ้น",
    ),
    "gift": ("hands out {gift}, {count}", "выдаётся {gift}, {count} шт.", "แจก {gift} {count} ชิ้น"),
    "goods_for": (
        "one piece free for {points} {unit}, the cheapest first",
        "одна штука бесплатно за {points} {unit}, сначала самая дешёвая",
        "ฟรีหนึ่งชิ้นต่อ {points} {unit} เริ่มจากชิ้นที่ถูกที่สุด",
    ),
    "goods_most": ("at most {most} pieces a receipt", "не больше {most} шт. за чек", "ไม่เกิน {most} ชิ้นต่อบิล"),
    "gift_per": ("for every {per}", "за каждые {per}", "ทุก {per}"),
    "gift_most": ("at most {most} times a receipt", "не больше {most} раз за чек", "ไม่เกิน {most} ครั้งต่อบิล"),
    "issue": ("gives the coupon {coupon}", "выдаёт купон {coupon}", "ให้คูปอง {coupon}"),
    "draw": (
        "drawn for one customer in {one_in} a day",
        "по розыгрышу, один покупатель из {one_in} в день",
        "สุ่มวันละหนึ่งใน {one_in} คน",
    ),
    "membership_sale": (
        "sells {days} days of membership",
        "продаёт подписку на {days} дн.",
        "ขายสมาชิก {days} วัน",
    ),
    "same_from": (
        "only products of which there are {least} or more",
        "только товары, которых от {least}",
        "เฉพาะสินค้าเดียวกันตั้งแต่ {least}",
    ),
    "coupons": ("with the coupon {names}", "с купоном {names}", "เมื่อมีคูปอง {names}"),
    "channels": ("channels {names}", "каналы продаж {names}", "ช่องทาง {names}"),
    "member_active": ("with a membership", "по подписке", "เฉพาะสมาชิก"),
    "member_none": ("without a membership", "без подписки", "ผู้ที่ไม่เป็นสมาชิก"),
    "staff": ("staff", "сотрудникам", "พนักงาน"),
    "stack": ("adds up with {group}", "складывается в группе {group}", "รวมกันในกลุ่ม {group}"),
    "best": ("the best of {group}", "лучшее из группы {group}", "ดีที่สุดในกลุ่ม {group}"),
    "list_order": ("the first of {group}", "первое из группы {group}", "อันแรกในกลุ่ม {group}"),
    "exclusive": ("nothing beside {group}", "ничего кроме группы {group}", "ใช้ร่วมกับกลุ่มอื่นไม่ได้ ({group})"),
    "exclusive_inside": (
        "nothing of {outer} beside {group}",
        "в группе {outer} ничего кроме группы {group}",
        "ในกลุ่ม {outer} ใช้ร่วมกับรายการอื่นไม่ได้ ({group})",
    ),
    "inside": ("{group} as one: {how}", "группа {group} как одно целое: {how}", "กลุ่ม {group} นับเป็นหนึ่ง: {how}"),
}
DAYS: Final[dict[Weekday, tuple[str, str, str]]] = {
    Weekday.MON: ("Monday", "понедельник", "จันทร์"),
    Weekday.TUE: ("Tuesday", "вторник", "อังคาร"),
    Weekday.WED: ("Wednesday", "среда", "พุธ"),
    Weekday.THU: ("Thursday", "четверг", "พฤหัสบดี"),
    Weekday.FRI: ("Friday", "пятница", "ศุกร์"),
    Weekday.SAT: ("Saturday", "суббота", "เสาร์"),
    Weekday.SUN: ("Sunday", "воскресенье", "อาทิตย์"),
}


TENDERS: Final[dict[TenderKind, tuple[str, str, str]]] = {
    TenderKind.CASH: ("cash", "наличные", "เงินสด"),
    TenderKind.CARD: ("card", "карта", "บัตร"),
    TenderKind.POINTS: ("points", "баллы", "คะแนน"),
    TenderKind.CERTIFICATE: ("certificate", "сертификат", "บัตรของขวัญ"),
    TenderKind.PREPAID: ("advance", "аванс", "เงินล่วงหน้า"),
    TenderKind.CREDIT: ("credit", "кредит", "เงินเชื่อ"),
    TenderKind.OTHER: ("other means", "иное", "อื่น ๆ"),
}

GIFTS: Final = {GiftKind.PRODUCT: "gift", GiftKind.SERVICE: "service", GiftKind.TICKET: "ticket"}
