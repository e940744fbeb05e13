// The review page: pairs come a few at a time, a key answers one, and the next one is there already. An
// answer is sent at once and again until it is taken; what is on its way survives a reload of the page.

import { facts, filmstrip } from "./facts.js";
import { keep, kept } from "./kept.js";
import { opened } from "./pictures.js";
import { Refused, SIGNED_OUT, ask } from "./service.js";
import { Stage, VIEWS } from "./stage.js";

const AHEAD = 3;
const RENEW = 20_000;
const RETRY = [500, 1000, 2000, 4000];
const WORDS = { 1: "same", 2: "part", 3: "same-design", 4: "different", 0: "unsure" };
const IDLE = 8000;

const root = document.getElementById("review");
const status = document.getElementById("status");
const trouble = document.getElementById("trouble");
const help = document.getElementById("help");
const stage = new Stage(root);

const state = {
  current: null, ready: [], fetching: false, again: false, sending: false, failed: 0, left: null,
  said: "",
};
const idsOf = (pair) => [pair.a.id, pair.b.id].sort().join(" ");
const wordOf = (word) => root.querySelector(`[data-word="${word}"]`).lastChild.textContent.trim();

function say(text) {
  status.textContent = text;
}

function complain(text, signIn = false) {
  trouble.replaceChildren(text);
  if (signIn) {
    const link = document.createElement("a");
    link.href = "/review/login?next=/review";
    link.textContent = "Sign in again";
    trouble.append(" ", link);
  }
  trouble.hidden = !text;
}

// -- pairs come --------------------------------------------------------------------------------------------

async function loaded(pair) {
  const images = [pair.a, pair.b].map((side) => side.thumbnail && opened(`/review/thumbnail/${side.id}`));
  return { ...pair, images: await Promise.all(images) };
}

async function refill() {
  if (root.dataset.single || state.ready.length >= AHEAD) return;
  state.again = state.fetching;
  if (state.fetching) return;
  state.fetching = true;
  try {
    const held = [...(state.current ? [state.current] : []), ...state.ready].map(idsOf);
    const waiting = kept.outbox.map((one) => one.pair);
    const wanted = AHEAD + (state.current ? 0 : 1) - state.ready.length;
    const answer = await ask("/next", { holder: kept.holder, count: wanted, held: [...held, ...waiting] });
    state.left = answer.left;
    state.failed = 0;
    lose(answer.lost);
    if (kept.outbox.length === 0) complain("");
    const known = new Set([...held, ...waiting]);
    const pairs = await Promise.all(answer.pairs.filter((pair) => !known.has(idsOf(pair))).map(loaded));
    state.ready.push(...pairs);
    if (state.current) tell(state.said); // what was said last stays until the next key
    else if (state.ready.length) advance();
    else if (!kept.outbox.length) nothing();
  } catch (error) {
    later(error, refill);
  } finally {
    state.fetching = false;
    if (state.again) refill();
  }
}

// Somebody else has these open now: this tab slept too long.
function lose(lost) {
  state.ready = state.ready.filter((pair) => !lost.includes(idsOf(pair)));
  if (state.current && lost.includes(idsOf(state.current))) {
    advance();
    if (state.current) tell("Somebody else has the last pair open now.");
  }
}

// Try again, unless that cannot help.
function later(error, again) {
  if (error instanceof Refused) {
    const out = error.message === SIGNED_OUT;
    complain(out ? "Your session has ended. Nothing is lost." : error.message, out);
    return;
  }
  const wait = RETRY[Math.min(state.failed++, RETRY.length - 1)];
  const unsent = kept.outbox.length;
  const many = unsent > 1 ? "s are" : " is";
  const safe = unsent ? `${unsent} answer${many} kept here and will be sent.` : "Nothing is lost.";
  complain(`The service does not answer (${error.message}). ${safe} Trying again \u2026`);
  setTimeout(again, wait);
}

function present(pair) {
  state.current = pair;
  stage.show(pair);
  document.getElementById("facts").replaceChildren(...facts(pair));
  document.getElementById("facts").scrollTop = 0;
  document.getElementById("filmstrip").replaceChildren(...filmstrip(pair));
  root.dataset.pair = idsOf(pair);
  root.dataset.shown = String(performance.now());
  buttons();
  keep(state.current);
}

function advance() {
  const pair = state.ready.shift();
  if (pair) {
    present(pair);
    tell();
  } else {
    nothing(root.dataset.single ? "This pair is answered." : "Loading the next pair \u2026");
  }
  refill();
}

// Nothing is on the screen.
function nothing(text = "Nothing is left to review. New pairs appear here by themselves.") {
  state.current = null;
  delete root.dataset.pair;
  document.getElementById("facts").replaceChildren();
  document.getElementById("filmstrip").replaceChildren();
  stage.clear(text);
  say(`${text}${kept.history.length ? ` ${kept.history.length} answered in this tab.` : ""}`);
  buttons();
  keep(state.current);
}

function tell(said = "") {
  state.said = said;
  const left = state.left === null ? "" : `about ${Math.max(1, state.left - kept.outbox.length)} left`;
  const count = kept.history.length ? `${kept.history.length} answered, ` : "";
  say(`${said}${said ? " " : ""}${count}${left}${left || count ? "." : ""}`);
}

function buttons() {
  for (const button of root.querySelectorAll(".answer")) button.disabled = !state.current;
  document.getElementById("undo").disabled = kept.history.length === 0;
}

// -- answers go --------------------------------------------------------------------------------------------

function answer(word) {
  const pair = state.current;
  if (!pair) return;
  root.dataset.pressed = String(performance.now());
  const sides = { pair: idsOf(pair), word };
  kept.history.push({ ...sides, shown: [pair.a.id, pair.b.id] });
  kept.outbox.push({ ...sides, kind: "answer" });
  remember(pair);
  advance();
  if (state.current) tell(`Answered: ${wordOf(word)}.`);
  send();
}

const seen = new Map();

// Pairs that were answered lately are at hand when they are undone.
function remember(pair) {
  seen.set(idsOf(pair), pair);
  if (seen.size > 20) seen.delete(seen.keys().next().value);
}

async function undo() {
  const last = kept.history.pop();
  if (!last) return;
  const unsent = kept.outbox.findLastIndex((one) => one.pair === last.pair && one.kind === "answer");
  if (unsent > 0 || (unsent === 0 && !state.sending)) kept.outbox.splice(unsent, 1);
  else kept.outbox.push({ pair: last.pair, kind: "undo" });
  if (state.current) state.ready.unshift(state.current);
  const pair = seen.get(last.pair);
  if (pair) present(pair);
  else {
    state.current = null;
    keep(state.current);
    await send();
    try {
      present(await loaded(await ask(`/one/${last.shown.join("-")}`)));
    } catch (error) {
      complain(`This pair cannot be shown: ${error.message}`);
      return advance();
    }
  }
  tell(`Took back: ${wordOf(last.word)}.`);
  send();
}

// Send what waits, one after the other, in order.
async function send() {
  keep(state.current);
  if (state.sending) return;
  state.sending = true;
  try {
    while (kept.outbox.length) {
      const { kind, ...body } = kept.outbox[0];
      try {
        await ask(`/${kind}`, { holder: kept.holder, ...body });
      } catch (error) {
        if (!(error instanceof Refused) || error.message === SIGNED_OUT) throw error;
        complain(`One answer was not taken: ${error.message}`);
      }
      kept.outbox.shift();
      keep(state.current);
      if (state.failed) complain("");
      state.failed = 0;
    }
    root.dataset.sent = String(kept.history.length);
    refill();
  } catch (error) {
    later(error, send);
  } finally {
    state.sending = false;
  }
}

// -- keys and buttons --------------------------------------------------------------------------------------

function cycle() {
  stage.setView(VIEWS[(VIEWS.indexOf(stage.view) + 1) % VIEWS.length]);
}

const KEYS = {
  u: undo, "?": () => help.showModal(), " ": () => { stage.paused = true; stage.flip(); },
  p: () => stage.toggle("paused"), v: cycle, o: () => stage.toggle("outlines"),
  "+": () => stage.zoom(1.3), "=": () => stage.zoom(1.3), "-": () => stage.zoom(1 / 1.3),
  f: () => stage.fit(),
  ArrowLeft: () => stage.move(60, 0), ArrowRight: () => stage.move(-60, 0),
  ArrowUp: () => stage.move(0, 60), ArrowDown: () => stage.move(0, -60),
};

const BUTTONS = {
  pause: KEYS.p, flip: KEYS[" "], outlines: KEYS.o, out: KEYS["-"], in: KEYS["+"], fit: KEYS.f, undo,
  keys: KEYS["?"],
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  const at = event.target, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const typing = at instanceof HTMLInputElement || at.id === "facts";
  // A focused button keeps Space, a slider and the list of facts keep the arrows.
  if (key === " " && at instanceof HTMLButtonElement) return;
  if (typing && (key === " " || key.startsWith("Arrow"))) return;
  if (key in WORDS && !event.repeat) answer(WORDS[key]);
  else if (KEYS[key] && !(event.repeat && key === "u")) KEYS[key]();
  else return;
  event.preventDefault();
});

root.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || help.contains(button)) return;
  if (button.dataset.word) answer(button.dataset.word);
  else if (button.dataset.view) stage.setView(button.dataset.view);
  else BUTTONS[button.id]?.();
});

// -- begin -------------------------------------------------------------------------------------------------

setInterval(() => {
  if (document.hidden || root.dataset.single) return;
  const held = [...(state.current ? [state.current] : []), ...state.ready].map(idsOf);
  if (!held.length) return;
  const renewed = ask("/next", { holder: kept.holder, more: false, held });
  renewed.then((answer) => lose(answer.lost), () => {});
}, RENEW);

// Somebody may link pictures while nothing is left.
setInterval(() => {
  if (!document.hidden && !state.current && !kept.outbox.length) refill();
}, IDLE);

async function begin() {
  const wanted = root.dataset.single ? root.dataset.single.split(" ") : kept.current;
  if (wanted) {
    try {
      const pair = await ask(`/one/${wanted.join("-")}`);
      if (root.dataset.single || pair.said === null) present(await loaded(pair));
      const said = pair.said ? `Somebody said: ${wordOf(pair.said)}. Another answer replaces it.` : "";
      if (root.dataset.single) say(said);
    } catch (error) {
      if (root.dataset.single) return complain(error.message);
    }
  }
  buttons();
  if (kept.outbox.length) send();
  await refill();
}

begin();
