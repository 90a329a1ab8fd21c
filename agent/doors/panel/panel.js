// The cashier's panel: shows the agent's snapshot and sends it what was scanned or typed. It decides nothing.
// Plain ES2019 without libraries: the oldest browsers it must run in are Chrome 109 and Firefox 115, on Windows 7.
import { SETTLE_MS, listen } from "./keys.js";
import { $, isSlipPrinter, renderBar, renderFound, renderReceipt, renderStrip, setText, show, speak } from "./screens.js";
import {
  grouped, hasWords, isWhole, looksLikeGoods, say, setRegion, setWords, submitsItself, time, ungrouped,
} from "./text.js";

const SAME_SCAN_MS = 2000; // the same code again within this is the scanner stuttering
const SEARCHING_MS = 150; // a faster answer needs no "Looking…"
const TOAST_MS = 4000;
const PRODUCT_MS = 2000;
const ANSWER_MS = 6000; // the agent answers within 2 s; this is for a dead connection
const IDLE_MS = 60000; // a number nobody finished does not stay on the screen
const RETRY_MS = [500, 1000, 2000, 5000];
const TYPED_MAX = 40;
const VERDICTS = { not_found: "not_found", blocked: "blocked", not_loyalty: "product" };

const slotButtons = Array.from(document.querySelectorAll(".slot"));

let snap = null; // the newest snapshot
let typed = ""; // what is in the field
let typedAt = 0;
let ask = null; // {code, presented}: another customer is offered while one is at the till
let offered = ""; // digits typed while a customer is at the till, until it is known that they are no scan
let offerTimer = 0;
let toast = { text: "", kind: "", until: 0 };
let foundCode = ""; // the code that found the customer on the screen; kept in memory only
let corrected = ""; // the verdict that the cashier has left to correct the number
let productUntil = 0;
let lost = false; // no stream: the agent is restarting
let refused = false; // the agent answers, but not to us: the session is over
let tries = 0;
let source = null;
let lastScan = { code: "", at: -Infinity };
let chain = Promise.resolve(); // actions reach the agent one after another, in the order of the keys
let keys = null;

// ── What is shown ────────────────────────────────────────────────────────────────────────────────

const verdictNow = () => `${snap.screen} ${snap.mask}`;

function screenNow() {
  if (!snap) return "starting";
  if (ask) return "ask";
  if (snap.customer) return "found";
  if (snap.screen === "not_loyalty") return Date.now() < productUntil ? "product" : "idle";
  return snap.screen in VERDICTS && corrected !== verdictNow() ? snap.screen : "idle";
}

function slots() { // what the four buttons do now: [key, word, action, whether it is the main one]
  switch (screenNow()) {
    case "ask": return [["Enter", "replace_do", replaceCustomer, true], null, null, ["Esc", "keep", keepCustomer]];
    case "found": return [null, null, null, ["F8", "wrong", clearCustomer]];
    case "not_found":
    case "blocked": return [["Enter", "without", goWithout, true], null, null, ["Esc", "correct", leaveVerdict]];
    default: return typed ? [["Enter", "find", submit, true], null, null, ["Esc", "clear", erase]] : idleSlots();
  }
}

function idleSlots() { // the last slip once more, where a printer of ours prints slips
  const canPrint = snap && snap.devices.some(isSlipPrinter) && snap.last_receipt.uid;
  return canPrint ? [null, null, ["F10", "reprint", reprint], null] : [];
}

function render() {
  if (!hasWords()) return;
  show($("overlay"), lost || refused);
  setText($("overlay-text"), refused ? say("no_session") : lost ? say("restarting") : "");
  if (!snap) return;
  const now = screenNow();
  const isEntry = now !== "found" && now !== "ask";
  document.body.dataset.screen = now;
  renderBar(snap);
  renderStrip(snap);
  show($("entry"), isEntry);
  show($("keypad"), isEntry);
  show($("found"), now === "found");
  show($("ask"), now === "ask");
  if (isEntry) renderEntry(now);
  if (now === "found") renderFound(snap);
  if (ask) {
    setText($("ask-what"), say(ask.presented ? "replace" : "replace_typed"));
    setText($("ask-code"), ask.presented ? `****${ask.code.slice(-4)}` : grouped(ask.code));
  }
  renderToast();
  renderSlots();
  if (isEntry && document.activeElement === document.body) $("code").focus();
}

function renderEntry(now) {
  const isVerdict = now !== "idle";
  if ($("code").value !== grouped(typed)) $("code").value = grouped(typed);
  setText($("entry-hint"), say(submitsItself() ? "entry_hint" : "entry_hint_enter"));
  show($("verdict"), isVerdict);
  setText($("verdict-what"), isVerdict ? say(now) : "");
  setText($("verdict-more"), isVerdict ? snap.mask : "");
  setText($("programme"), isVerdict ? "" : snap.programme_title);
  renderReceipt(isVerdict ? {} : snap.last_receipt);
  speak(isVerdict ? say(now) : "");
}

function renderToast() {
  let { text, kind } = Date.now() < toast.until ? toast : { text: "", kind: "" };
  if (!text && snap.notice && !(snap.notice in VERDICTS)) [text, kind] = [snap.notice, "note"];
  setText($("toast"), text);
  $("toast").dataset.kind = kind;
}

function renderSlots() {
  const now = slots();
  slotButtons.forEach((button, place) => {
    const slot = now[place];
    show(button, Boolean(slot));
    if (!slot) return;
    setText(button.querySelector("kbd"), slot[0]);
    setText(button.querySelector("span"), say(slot[1]));
    button.classList.toggle("main", slot[3] === true);
  });
}

function tell(text, kind, lasts = TOAST_MS) {
  toast = { text, kind, until: Date.now() + lasts };
  setTimeout(render, lasts + 10);
  render();
}

function verdict(screen) { // about a code that changed nothing, because a customer is at the till
  tell(say(VERDICTS[screen]), "bad", screen === "not_loyalty" ? PRODUCT_MS : TOAST_MS);
}

function product() {
  productUntil = Date.now() + PRODUCT_MS;
  setTimeout(render, PRODUCT_MS + 10);
}

// ── What is done ─────────────────────────────────────────────────────────────────────────────────

function accept(fresh) {
  const before = snap;
  const isSameBoot = before && fresh.boot_id === before.boot_id;
  if (isSameBoot && fresh.version < before.version) return;
  const isNew = !isSameBoot || fresh.version !== before.version;
  snap = fresh;
  if (isNew && fresh.screen === "not_loyalty") product();
  if (before && fresh.notice in VERDICTS && fresh.notice !== before.notice) verdict(fresh.notice);
  if (fresh.customer) typed = "";
  else foundCode = "";
  if (!fresh.customer || !before || !before.customer || before.customer.id !== fresh.customer.id) ask = null;
  if (corrected !== verdictNow()) corrected = "";
  render();
}

async function send(path, body) { // to the agent; gives the snapshot, or null when there is none
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ANSWER_MS);
  try {
    const answer = await fetch(path, {
      method: "POST",
      body: JSON.stringify(body),
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-Tillpoint": "1" },
      signal: abort.signal,
    });
    if (answer.ok) {
      const fresh = await answer.json();
      accept(fresh);
      return fresh;
    }
    if (answer.status === 401) refused = true;
    else if (answer.status === 429) tell(say("too_often", { n: answer.headers.get("retry-after") }), "bad");
    else tell(say(answer.status === 503 ? "timeout" : "failed"), "bad");
  } catch (_) {
    if (!lost) tell(say("timeout"), "bad");
  } finally {
    clearTimeout(timer);
  }
  render();
  return null;
}

function post(path, body) {
  chain = chain.then(() => send(path, body));
  return chain;
}

async function identify(code, presented) {
  const searching = setTimeout(() => tell(say("searching"), "note", ANSWER_MS), SEARCHING_MS);
  corrected = "";
  const fresh = await post("/panel/identify", { code, presented });
  clearTimeout(searching);
  if (toast.text === say("searching")) toast.until = 0;
  if (fresh && fresh.customer && fresh.notice in VERDICTS) verdict(fresh.notice);
  else if (fresh && fresh.customer) foundCode = code;
  else if (fresh && fresh.screen === "not_loyalty") product();
  render();
}

function submit() {
  if (typed && !lost) identify(typed, false);
}

function erase() {
  typed = "";
  render();
}

function clearCustomer() {
  typed = "";
  post("/panel/clear", {});
  render();
}

async function reprint() {
  if (await post("/panel/reprint", {})) tell(say("reprinting"), "note");
  render();
}

function leaveVerdict() { // the digits stay, to be corrected
  corrected = verdictNow();
  post("/panel/clear", {});
  render();
}

function goWithout() {
  typed = "";
  leaveVerdict();
}

function keepCustomer() {
  ask = null;
  render();
}

async function replaceCustomer() {
  const { code, presented } = ask;
  ask = null;
  render();
  if (presented || isWhole(code)) {
    identify(code, presented);
    return;
  }
  await post("/panel/clear", {}); // a number begun: it goes on in the field
  typed = code;
  render();
}

function scanned(code, at) {
  const isStutter = code === lastScan.code && at - lastScan.at < SAME_SCAN_MS;
  if (code && !lost && !isStutter) {
    lastScan = { code, at };
    if (!snap || !snap.customer) identify(code, true);
    else if (looksLikeGoods(code)) verdict("not_loyalty");
    else if (code !== foundCode) ask = { code, presented: true };
  }
  render(); // in any case: the characters have been taken back
}

function type(character) { // one character, by a key or by the keypad
  typedAt = Date.now();
  if (ask) {
    if (!ask.presented) ask = { code: (ask.code + character).slice(0, TYPED_MAX), presented: false };
  } else if (snap && snap.customer) {
    offered += character; // wait a moment: it may be a scan
    clearTimeout(offerTimer);
    offerTimer = setTimeout(offer, SETTLE_MS);
  } else if (character !== " " || typed) {
    if (snap && screenNow() !== "idle") corrected = verdictNow();
    typed = (typed + character).slice(0, TYPED_MAX);
    if (isWhole(typed) && !keys.isScan()) submit();
  }
  render();
}

function offer() {
  if (snap.customer) ask = { code: offered, presented: false };
  offered = "";
  render();
}

function backspace(isRepeat) {
  if (ask) {
    if (!ask.presented) ask = { code: ask.code.slice(0, -1), presented: false };
  } else if (typed) {
    if (screenNow() !== "idle") corrected = verdictNow();
    typed = typed.slice(0, -1);
  } else if (snap && snap.customer && !isRepeat) clearCustomer();
  render();
}

function press(key) {
  if (!$("help").hidden && (key === "Esc" || key === "F1")) help(false);
  else if (key === "F1") help(true);
  else if (key === "Backspace" || key === "Erase") backspace(key === "Erase");
  else run(slots().find((slot) => slot && slot[0] === key));
}

function run(slot) {
  if (slot && !lost) slot[2]();
}

function help(on) {
  show($("help"), on);
  for (const node of document.querySelectorAll("header, main, footer")) node.inert = on;
  $(on ? "help-close" : "help-open").focus();
}

// ── The live stream, the clock, the start ────────────────────────────────────────────────────────

function connect() {
  source = new EventSource("/panel/stream");
  source.addEventListener("hello", (event) => {
    if (JSON.parse(event.data).mark !== document.documentElement.dataset.mark) location.reload(); // an update came
    tries = 0;
    lost = false;
    refused = false;
  });
  source.addEventListener("snapshot", (event) => accept(JSON.parse(event.data)));
  source.onerror = () => {
    refused = source.readyState === EventSource.CLOSED; // answered with an error: this is no restart
    lost = !refused;
    source.close();
    setTimeout(connect, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    tries += 1;
    render();
  };
}

function tick() {
  const now = new Date();
  setText($("clock"), time(now));
  if (typed && now.getTime() - typedAt > IDLE_MS) erase();
  setTimeout(tick, 1000 - now.getMilliseconds());
}

async function start() {
  setRegion(document.documentElement.dataset.region);
  keys = listen($("code"), {
    character: type,
    key: press,
    scan: (code, at) => scanned(code.trim(), at),
    mark: () => ({ typed, ask, corrected }),
    back: (mark) => {
      ({ typed, ask, corrected } = mark);
      clearTimeout(offerTimer);
      offered = "";
    },
  });
  $("code").addEventListener("input", () => { // pasted, or typed on an on-screen keyboard
    typed = ungrouped($("code").value).slice(0, TYPED_MAX);
    typedAt = Date.now();
    if (isWhole(typed)) submit();
    render();
  });
  $("keypad").addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  $("keypad").addEventListener("click", (event) => {
    const { key } = (event.target.closest("button") || $("keypad")).dataset;
    if (/^\d$/.test(key)) type(key);
    else if (key) press(key);
  });
  slotButtons.forEach((button, place) => button.addEventListener("click", () => run(slots()[place])));
  $("help-open").addEventListener("click", () => help(true));
  $("help-close").addEventListener("click", () => help(false));
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  connect();
  setWords(await (await fetch("/panel/words.json")).json());
  tick();
  render();
}

start();
