// What the scripts of the pages ask the service.

// An answer that repeating the question will not change.
export class Refused extends Error {}

export const SIGNED_OUT = "signed out";
const PASSING = [408, 429, 500, 502, 503, 504];

// Ask the service, with a JSON body or without one. Throws Refused, and Error for what may pass.
export async function ask(path, body) {
  const headers = { "Content-Type": "application/json" };
  const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : {};
  const reply = await fetch(`/review${path}`, { ...options, credentials: "same-origin" });
  if (reply.ok) return reply.json();
  if (reply.status === 401) throw new Refused(SIGNED_OUT);
  const told = await reply.json().then((line) => line.error.message, () => `error ${reply.status}`);
  throw PASSING.includes(reply.status) ? new Error(told) : new Refused(told);
}
