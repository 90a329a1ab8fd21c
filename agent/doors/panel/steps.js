// The steps beside finding a customer: how many points (REDEEM), somebody new (ENROL).
// What is typed here is kept here until it is sent; everything else is the agent's snapshot.
import { $, fill, setText, show, speak } from "./screens.js";
import { day, hasWord, say, whole } from "./text.js";

const AMOUNT_MAX = 9;
const PIN_MAX = 12;

let amount = ""; // "" is the most there may be
let pin = "";
let code = ""; // what the customer reads out
let mode = ""; // what digits are now: "pin", "amount", or "" for the code that was sent, if there is one

// ── How many points ──────────────────────────────────────────────────────────────────────────────

export function forget() { // whatever was typed on another screen
  amount = "";
  pin = "";
  code = "";
  mode = "";
}

export const mark = () => ({ amount, pin, code, mode }); // to be given back when what was typed was a scan
export const restore = (was) => { ({ amount, pin, code, mode } = was); };

export function startAmount() { // digits replace what stands there
  amount = "";
  mode = "amount";
}

export const wantsCode = (snap) => snap.redeem.can_code && !snap.redeem.code;
const isCoding = (snap) => snap.redeem.needs_proof && snap.redeem.code && mode === "";

export function nextProof(snap) { // a code is under way: between it and the supervisor
  mode = isCoding(snap) || !snap.redeem.code ? "pin" : "";
  pin = "";
}

export const proofWord = (snap) => // what F10 offers
  (wantsCode(snap) ? "send_code" : mode === "" || !snap.redeem.code ? "supervisor" : "type_code");

export const mayAskAgain = (snap) => isCoding(snap) && snap.redeem.can_code && /^(sent|failed)$/.test(snap.redeem.code.state)
  && !(snap.redeem.code.again_at && Date.now() < Date.parse(snap.redeem.code.again_at));

export function codeBody(snap) { // the code leaves this page with its last digit
  if (!isCoding(snap) || snap.redeem.code.state !== "sent" || code.length < snap.redeem.code.digits) return null;
  const body = { do: "try_code", code };
  if (amount) body.points = Number(amount);
  code = "";
  return body;
}

export function typeDigit(digit, snap) {
  if (!/^\d$/.test(digit)) return;
  if (mode === "pin") pin = (pin + digit).slice(0, PIN_MAX);
  else if (isCoding(snap)) code = snap.redeem.code.state === "sent" ? code + digit : "";
  else if (amount || digit !== "0") amount = (amount + digit).slice(0, AMOUNT_MAX);
}

export function eraseDigit(snap) {
  if (mode === "pin") pin = pin.slice(0, -1);
  else if (isCoding(snap)) code = code.slice(0, -1);
  else amount = amount.slice(0, -1);
}

export function typePin(digit) {
  if (/^\d$/.test(digit)) pin = (pin + digit).slice(0, PIN_MAX);
}

export const erasePin = () => { pin = pin.slice(0, -1); };
export const pinIsLong = () => pin.length >= 4;
const pinDots = () => "●".repeat(pin.length) || "····";

export function pinBody(body) { // the PIN leaves this page at once and is not kept
  const said = { ...body, pin };
  pin = "";
  return said;
}

export const LIMIT_KEYS = [["F2", "several"], ["F7", "family"], ["F9", "other"]];

function limitText({ limit }) { // a hard one asks for a person, and not why
  const word = limit.is_hard ? "limit_met_hard" : `limit_met_${limit.limit}`;
  return say(hasWord(word) ? word : "limit_met", { n: limit.count });
}

export function renderCase(now, snap, isVouched) { // one question, or one answer, in the middle
  const what = { limit: () => limitText(snap), reissue: () => say(isVouched ? "proof_pin" : "reissue_scan"), withdrawn: () => say("withdrawn") };
  setText($("ask-what"), what[now]());
  const pinLine = now === "limit" ? `${say("proof_pin")} ${pinDots()}` : pinDots();
  setText($("ask-code"), isVouched ? pinLine : now === "withdrawn" ? snap.case.number : "");
}

export const pickRows = (snap) => snap.picks.map((one) =>
  [one.name, one.phone, say("pick_seen", { d: day(one.seen_at) })].filter(Boolean).join(" · "));

export const caseRows = (snap) => [
  ["case_card", { do: "lost_card" }],
  ["case_messages", { do: "withdraw", everything: false }],
  ["case_forget", { do: "withdraw", everything: true }],
].filter(([word]) => word !== "case_messages" || snap.case.may_withdraw_offers);

export function renderRows(label, rows, choose) { // keys 1 to 3, as many as rows
  setText($("pick-label"), say(label));
  fill($("picks"), rows.map((text, place) => [text, place + 1]), "li", (item, [text, row]) => {
    if (!item.firstChild) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(document.createElement("kbd"), document.createElement("span"));
      button.addEventListener("click", () => item.choose(Number(button.firstChild.textContent)));
      item.append(button);
    }
    setText(item.firstChild.firstChild, String(row));
    setText(item.firstChild.lastChild, text);
    item.choose = choose;
  });
  speak(say(label));
}

export const canSpend = (snap) => snap.redeem && (!snap.redeem.needs_proof || pin.length >= 4);

export function spendBody() { // the PIN leaves this page at once and is not kept
  const body = { do: "spend" };
  if (amount) body.points = Number(amount);
  if (pin) body.pin = pin;
  pin = "";
  return body;
}

export function renderRedeem(snap) {
  const { most, unit, needs_proof: needsProof, has_receipt: hasReceipt } = snap.redeem;
  const asked = amount ? Math.min(Number(amount), most) : most;
  setText($("redeem-who"), say("redeem_who", { name: snap.customer.name || snap.customer.phone }));
  setText($("redeem-number"), whole(String(asked)));
  setText($("redeem-most"), say(hasReceipt ? "redeem_most" : "redeem_balance", { n: whole(String(most)), unit }));
  setText($("redeem-capped"), amount && Number(amount) > most ? say("redeem_capped", { n: whole(String(most)) }) : "");
  const coding = isCoding(snap);
  const proof = !needsProof ? "proof_shown" : mode === "pin" ? "proof_pin" : "proof_needed";
  setText($("redeem-proof"), coding ? codeText(snap.redeem.code) : say(proof));
  $("redeem-proof").dataset.state = needsProof ? "wanted" : "good";
  const typed = mode === "pin" ? "●".repeat(pin.length) || "····" : code.padEnd(coding ? snap.redeem.code.digits : 0, "·");
  show($("redeem-pin"), needsProof && (mode === "pin" || (coding && snap.redeem.code.state === "sent")));
  setText($("redeem-pin"), typed);
  speak(`${$("redeem-number").textContent} ${$("redeem-most").textContent}. ${$("redeem-proof").textContent}`);
}

function codeText(one) { // what became of the code, in one line
  const word = `code_no_${one.reason}`;
  if (one.state === "failed" || one.reason === "wrong") return say(hasWord(word) ? word : "code_no_not_sent", { n: one.tries_left });
  if (one.state === "sent") return say(one.reason ? "code_unheard" : "code_sent", { x: one.mask });
  return say(`code_${one.state}`);
}

export function renderWish(snap) {
  const { wish } = snap;
  show($("wish"), Boolean(wish));
  if (!wish) return;
  const spent = snap.quote ? Object.values(snap.quote.spend)[0] : 0;
  const n = wish.points === null && !spent ? say("wish_most") : whole(String(spent || wish.points));
  setText($("wish"), say(wish.is_in_quote ? "wish_counts" : "wish_waits", { n, unit: wish.unit }));
  $("wish").dataset.state = wish.is_in_quote ? "good" : "";
}

export function renderNotes(snap) {
  fill($("notes"), snap.quote ? snap.quote.notes : [], "li", setText);
  show($("notes"), Boolean(snap.quote && snap.quote.notes.length));
}

// ── Somebody new ─────────────────────────────────────────────────────────────────────────────────

const TICK_KEYS = ["F2", "F7"];

export const tickBody = (snap, key) => {
  const one = snap.consents[TICK_KEYS.indexOf(key)];
  return one && { do: "tick", purpose: one.purpose, given: !one.given };
};

export const isAgreed = (snap) => snap.consents.every((one) => one.given || !one.required);

export function renderEnrol(snap, typed, act) {
  show($("enrol-phone"), snap.has_phone);
  setText($("enrol-phone"), snap.mask);
  show($("code"), !snap.has_phone);
  fill($("consents"), snap.consents, "button", (button, one) => {
    const place = snap.consents.indexOf(one);
    if (!button.firstChild) {
      button.type = "button";
      button.setAttribute("role", "checkbox");
      button.append(document.createElement("i"), document.createElement("span"), document.createElement("kbd"));
      button.addEventListener("click", () => act(button.dataset.key, Number(button.dataset.place)));
    }
    button.dataset.key = TICK_KEYS[place] || "";
    button.dataset.place = place;
    button.setAttribute("aria-checked", String(one.given));
    const word = `consent_${one.purpose}`;
    const text = one.text || (hasWord(word) ? say(word) : one.purpose);
    setText(button.children[1], `${text} ${say(one.required ? "consent_required" : "consent_optional")}`);
    setText(button.children[2], TICK_KEYS[place] || "");
  });
}
