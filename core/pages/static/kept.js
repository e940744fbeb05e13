// What a reload of a tab must not lose: who the tab is, what was answered (to undo it), what is still to be
// sent, and which pair was on the screen. It lies in the tab's own memory, which ends with the tab.

const NAME = "quaid-review";
const MOST = 200;

export const kept = { holder: token(), history: [], outbox: [], current: null, ...restored() };
// At once, so that a reload before the first pair comes is not somebody else.
sessionStorage.setItem(NAME, JSON.stringify(kept));

// Write it down; `current`: the pair on the screen, if any.
export function keep(current) {
  kept.history = kept.history.slice(-MOST);
  kept.current = current && [current.a.id, current.b.id];
  sessionStorage.setItem(NAME, JSON.stringify(kept));
}

function token() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function restored() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME)) ?? {};
  } catch {
    return {};
  }
}
