// What is known about a pair, as text. Everything is set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, content, ...rest) {
  const made = document.createElement(name);
  const { className, ...attributes } = rest[0] ?? {};
  if (className) made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat().filter((part) => part !== null && part !== undefined));
  return made;
}

export function list(sentences) {
  return element("ul", sentences.map((sentence) => element("li", sentence)));
}

// A bar to the right speaks for the same picture, to the left against it.
export function bars(contributions) {
  const most = Math.max(1, ...contributions.map((one) => Math.abs(one.weight)));
  const rows = contributions.flatMap(({ name, weight }) => {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 200 10");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    const bar = document.createElementNS(SVG, "rect"), length = (98 * Math.abs(weight)) / most;
    bar.setAttribute("class", weight > 0 ? "for" : "against");
    bar.setAttribute("x", weight > 0 ? 100 : 100 - length);
    bar.setAttribute("width", length);
    bar.setAttribute("height", 10);
    const axis = document.createElementNS(SVG, "line");
    axis.setAttribute("class", "axis");
    const ends = { x1: 100, x2: 100, y1: 0, y2: 10 };
    for (const [key, value] of Object.entries(ends)) axis.setAttribute(key, value);
    svg.append(bar, axis);
    const signed = `${weight > 0 ? "+" : "\u2212"}${Math.abs(weight).toFixed(1)}`;
    return [element("dt", name), element("dd", [svg]), element("dd", signed, { className: "number" })];
  });
  return element("dl", rows, { className: "bars" });
}

function labels(given) {
  return given.map(({ name, value }) => element("div", `${name}: ${value}`, { className: "label" }));
}

function place(one) {
  const name = element("bdi", one.text);
  const link = { href: one.url, rel: "noopener noreferrer", target: "_blank" };
  const shown = one.url ? element("a", [name], link) : name;
  return element("li", [shown, ...labels(one.labels)]);
}

// Where a picture was seen, and which collections hold it.
export function placesOf(known) {
  const more = known.more > 0 ? [element("li", `and ${known.more} more`)] : [];
  const where = known.collections.map((one) =>
    element("li", ["in collection ", element("bdi", one.name), ...labels(one.labels)]));
  const all = [...known.occurrences.map(place), ...more, ...where];
  if (all.length) return element("ul", all, { className: "places" });
  return element("p", "Where it was seen is not known here.", { className: "soft" });
}

function side(name, known) {
  const [first, last] = [known.first, known.last].map((time) => time?.slice(0, 10));
  const dates = first ? `, seen ${first}${last === first ? "" : ` to ${last}`}` : "";
  const label = `All about picture ${name}`;
  const link = { href: `/review/image/${known.id}`, target: "_blank", rel: "noopener", "aria-label": label };
  return [
    element("h2", `Picture ${name}`),
    element("p", [
      `${known.width} \u00d7 ${known.height} pixels${dates}. `,
      element("a", "All about it", link),
    ]),
    placesOf(known),
  ];
}

export function facts(pair) {
  const percent = Math.round(pair.confidence * 100), relation = pair.relation ? `: ${pair.relation}` : "";
  const settles = `Your answer settles ${pair.settles} pairs.`;
  return [
    element("p", `${percent} % likely the same source${relation}`, { className: "verdict" }),
    pair.settles > 1 ? element("p", settles, { className: "soft" }) : null,
    pair.reasons.length ? list(pair.reasons) : null,
    element("h2", "What was measured"),
    list(pair.sentences),
    element("h2", "What speaks for and against it"),
    bars(pair.contributions),
    ...side("A", pair.a),
    ...side("B", pair.b),
  ].filter(Boolean);
}

// The members of both clusters: the pictures that an answer is about.
export function filmstrip(pair) {
  const sides = [["A", pair.a], ["B", pair.b]].filter(([, known]) => known.size > 1);
  return sides.map(([name, known]) => element("div", [
    `The answer holds for all ${known.size} copies of ${name}: `,
    ...known.members.map((id) =>
      element("img", null, { src: `/review/thumbnail/${id}`, alt: "", loading: "lazy" })),
  ]));
}
