// Numbers, money, times and phones as the cashier reads them, and what a typed number is. Pure, but for the settings.
// Amounts are worked on as text: no money ever becomes a float.

// First digits → how many digits a phone has; when the last one is typed, the number is looked up by itself.
const LAST_DIGIT = {
  RU: [["9", 10], ["8", 11], ["7", 11]],
  KZ: [["8", 11], ["7", 11]],
  TH: [["06", 10], ["08", 10], ["09", 10]],
};
const GROUPS = { TH: [3, 3, 4], RU: [3, 3, 2, 2], KZ: [3, 3, 2, 2] };

let words = {};
let region = "";
export const setWords = (fresh) => { words = fresh; };
export const setRegion = (fresh) => { region = fresh; };
export const hasWords = () => Boolean(words.locale);
export const hasWord = (key) => key in words;
export const submitsItself = () => region in LAST_DIGIT;
export const say = (key, values) => oneForm(words[key] || key, values).replace(/\{(\w+)\}/g, (_, name) => values[name]);

function oneForm(text, values) { // "попытка|попытки|попыток": the form that stands with {n}, by the browser's own rules
  const forms = text.split("|");
  if (forms.length === 1) return text;
  const n = Number(String(values.n).replace(/\D/g, ""));
  const place = words._forms.split(" ").indexOf(new Intl.PluralRules(words.locale).select(n));
  return place < 0 ? forms[forms.length - 1] : forms[Math.min(place, forms.length - 1)];
}

function part(options, name, value) {
  const found = new Intl.NumberFormat(words.locale, options).formatToParts(value).find((one) => one.type === name);
  return found ? found.value : "";
}

export function whole(text) {
  const sign = text.startsWith("-") ? "−" : "";
  return sign + text.replace("-", "").replace(/\B(?=(\d{3})+$)/g, part({}, "group", 1234567) || "\u00a0");
}

export function money(text) { // "1124.50 RUB", as the agent writes money
  const [number, currency] = text.split(" ");
  const [units, minor] = number.split(".");
  const symbol = part({ style: "currency", currency, currencyDisplay: "narrowSymbol" }, "currency", 0);
  return `${whole(units)}${minor ? part({}, "decimal", 0.5) + minor : ""}\u00a0${symbol}`;
}

export function typedSum(typed) { // as far as it is typed: 1240,5 → 1 240,5
  const [units, minor] = typed.split(/[.,]/);
  return whole(units || "0") + (minor === undefined ? "" : part({}, "decimal", 0.5) + minor);
}

export const isNothing = (text) => /^-?0+(\.0+)?( |$)/.test(text);
export const points = (of) => Object.values(of).map((one) => whole(String(one))).join(" + ") || "0";

export const time = (stamp) =>
  (stamp ? new Date(stamp).toLocaleTimeString(words.locale, { hour: "2-digit", minute: "2-digit" }) : "");

export const day = (stamp) =>
  new Date(stamp).toLocaleDateString(words.locale, { day: "2-digit", month: "2-digit", year: "numeric" });

export function grouped(text) { // as a number is read aloud: 8 916 123-45-67
  const sizes = GROUPS[region] || [];
  const isLong = region !== "TH" && /^\+?[78]/.test(text);
  const digits = text.replace(/^\+/, "");
  const all = isLong ? [1, ...sizes] : sizes;
  if (!/^\d+$/.test(digits) || digits.length > all.reduce((sum, size) => sum + size, 0)) return text;
  let out = text.slice(0, text.length - digits.length);
  for (let place = 0, at = 0; at < digits.length; at += all[place], place += 1) {
    if (place > 0) out += all[place] === 2 ? "-" : " ";
    out += digits.slice(at, at + all[place]);
  }
  return out;
}

export function ungrouped(text) { // what was pasted or typed on an on-screen keyboard
  return /^[\d\s()+\-.]+$/.test(text) ? text.replace(/[^\d+]/g, "") : text.trim();
}

function hasCheckDigit(code) { // GS1 General Specifications §7.9: weights 3 and 1, from the right
  let sum = 0;
  for (let at = code.length - 2, weight = 3; at >= 0; at -= 1, weight = 4 - weight) sum += weight * Number(code[at]);
  return (10 - (sum % 10)) % 10 === Number(code[code.length - 1]);
}

export function isWhole(text) { // the last digit has been typed
  if (!/^\d+$/.test(text)) return false;
  if (text.startsWith("2") && text.length === 13) return hasCheckDigit(text); // an in-store card number
  return (LAST_DIGIT[region] || []).some(([first, size]) => text.startsWith(first) && text.length === size);
}

export function looksLikeGoods(code) { // a product is never offered as another customer's card
  if (code.includes("\u001d") || /^01\d{14}21/.test(code)) return true; // a marking code
  return /^(\d{8}|\d{12,14})$/.test(code) && !/^2\d{12}$/.test(code) && hasCheckDigit(code);
}
