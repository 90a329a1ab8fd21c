// Keys, and the scanner that types: tells a burst from a person, and keeps its closing Enter away from every button.
// One listener in the capture phase hears all keys of the page; what they mean is told to `on`.

const BURST_MIN = 6; // characters; no loyalty code is shorter, and nobody types six within a third of a second
const BURST_GAP_MS = 55; // mean gap; scanners send a character in up to 50 ms, the fastest typists need 80
const SILENCE_MS = 100; // a longer gap between the stamps of two keys ends a burst
const PATIENCE_MS = 200; // how long a burst without a suffix is waited for: a busy till delivers keys late
const TRAIL_MS = 300; // an Enter that trails a burst ended by silence is still the scanner's
const PAIR_MS = 40; // a suffix of two keys (CR LF) comes at the scanner's pace
export const SETTLE_MS = SILENCE_MS + 10; // after so long a character is known to be no part of a burst

// Physical keys → plain and shifted character: a Russian or Thai layout must not turn CARD-17 into Cyrillic.
const KEYS = {
  Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}", Backslash: "\\|", Semicolon: ";:", Quote: "'\"",
  Comma: ",<", Period: ".>", Slash: "/?", Backquote: "`~", Space: "  ", NumpadAdd: "++", NumpadSubtract: "--",
  NumpadDecimal: "..", NumpadMultiply: "**", NumpadDivide: "//",
};
const SHIFTED_DIGITS = ")!@#$%^&*(";
const OURS = /^(Escape|F(1|2|4|7|8|9|10))$/; // F3, F5, F6, F11, F12, Ctrl and Alt belong to the browser and the system

function characterOf(event) {
  const code = event.code || "";
  if (event.ctrlKey && code === "BracketRight") return "\u001d"; // GS, as scanners type it
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  const digit = /^(Digit|Numpad)(\d)$/.exec(code);
  if (digit) return event.shiftKey && digit[1] === "Digit" ? SHIFTED_DIGITS[digit[2]] : digit[2];
  if (/^Key[A-Z]$/.test(code)) return event.shiftKey ? code[3] : code[3].toLowerCase();
  if (code in KEYS) return KEYS[code][event.shiftKey ? 1 : 0];
  return !code && event.key.length === 1 ? event.key : null; // an on-screen keyboard has no physical keys
}

const isField = (node) => /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName);
const isButton = (node) => node.tagName === "BUTTON";

/**
 * @param field the one field whose content the panel keeps itself; keys meant for it never reach it.
 * @param on character(c, at), key(name, at), scan(code, at), mark() → what to give back(mark) when characters were a scan.
 */
export function listen(field, on) {
  const held = new Set(); // keys whose release must not reach a button either
  let text = ""; // the burst so far
  let first = 0;
  let last = -Infinity;
  let timer = 0;
  let swallowUntil = -Infinity;
  let before = null; // how things were when it began

  const isScan = () => text.length >= BURST_MIN && last - first <= BURST_GAP_MS * (text.length - 1);
  const isForeign = (node) => isField(node) && node !== field;

  function take(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
    held.add(event.code);
  }

  function add(character, at) {
    if (at - last > SILENCE_MS) {
      if (isScan()) end(last, PAIR_MS);
      const node = document.activeElement;
      text = "";
      first = at;
      before = { mark: on.mark(), node: node && isForeign(node) ? node : null, value: node ? node.value : "" };
    }
    text += character;
    last = at;
    clearTimeout(timer);
    if (isScan()) timer = setTimeout(() => end(last, TRAIL_MS), PATIENCE_MS);
  }

  function end(at, swallowMs) { // take back what the scanner typed, wherever it typed it
    const code = text;
    clearTimeout(timer);
    if (before.node) before.node.value = before.value;
    on.back(before.mark);
    text = "";
    last = -Infinity;
    swallowUntil = at + swallowMs;
    on.scan(code, at);
  }

  function onCharacter(event, character) {
    if (event.repeat) { // a key held down is neither a number nor a scan
      if (!isForeign(event.target)) take(event);
      return;
    }
    add(character, event.timeStamp);
    if (character === " " && text.length === 1 && isButton(event.target)) return; // a person presses that button
    if (isForeign(event.target)) return;
    take(event);
    on.character(character, event.timeStamp);
  }

  document.addEventListener("keydown", (event) => {
    const { key, timeStamp: at } = event;
    if (event.isComposing) return;
    if (key === "Enter" || key === "Tab") {
      if (isScan() && at - last <= TRAIL_MS) {
        take(event);
        end(at, PAIR_MS);
        return;
      }
      if (at < swallowUntil || event.repeat) {
        take(event);
        return;
      }
    }
    const character = characterOf(event);
    if (character !== null) onCharacter(event, character);
    else if (OURS.test(key)) {
      take(event);
      if (!event.repeat) on.key(key === "Escape" ? "Esc" : key, at);
    } else if (key === "Backspace" && !isForeign(event.target)) {
      take(event);
      on.key(event.repeat ? "Erase" : key, at);
    } else if (key === "Enter" && !isButton(event.target)) {
      take(event);
      on.key(key, at);
    }
  }, true);

  document.addEventListener("keyup", (event) => {
    if (!held.delete(event.code)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  return { isScan };
}
