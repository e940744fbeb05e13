// The graph on a canvas. The server says where the dots lie; here they are drawn, moved and clicked.

const canvas = document.getElementById("graph");
const status = document.getElementById("status");
const context = canvas.getContext("2d");
const COLOURS = ["#7fc4ff", "#ffcf6b", "#9ee6a0", "#f5a3d0", "#c9b8ff", "#ff9d80", "#d8dde3"];
const view = { x: 0, y: 0, scale: 10 };
let graph = null, visible = [], asked = false, dragged = 0;
const pointers = new Map();

function filter() {
  const host = document.getElementById("host").value, since = document.getElementById("since").value;
  const day = since ? Math.floor(Date.parse(since) / 86_400_000) : 0;
  visible = graph.ids.map((_, n) => (host === "" || graph.host[n] === Number(host)) && graph.day[n] >= day);
  const count = visible.filter(Boolean).length;
  const cut = graph.more ? " The store has more; these are the first." : "";
  const pairs = graph.edges.length.toLocaleString("en");
  status.textContent = `${count.toLocaleString("en")} images, ${pairs} pairs between clusters.${cut}`;
  draw();
}

function draw() {
  if (asked || !graph) return;
  asked = true;
  requestAnimationFrame(paint);
}

function paint() {
  asked = false;
  const ratio = devicePixelRatio;
  const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio);
  const { x, y, host, edges } = graph, wanted = document.getElementById("lines").value;
  for (const [kind, colour] of [[1, "#39c5ff"], [0, "#ffb347"]]) {
    if (wanted === "none" || (wanted === "match" && !kind) || (wanted === "review" && kind)) continue;
    context.beginPath();
    for (const [a, b, match] of edges) {
      if (match !== kind || !visible[a] || !visible[b]) continue;
      context.moveTo(x[a], y[a]);
      context.lineTo(x[b], y[b]);
    }
    context.strokeStyle = colour;
    context.lineWidth = 1 / view.scale;
    context.stroke();
  }
  // Squares look like dots at this size, and thousands of them are one path.
  const side = Math.max(0.36, 2.2 / view.scale);
  const [left, top] = [-view.x / view.scale, -view.y / view.scale];
  const [right, bottom] = [left + canvas.clientWidth / view.scale, top + canvas.clientHeight / view.scale];
  for (let kind = 0; kind < graph.hosts.length; kind += 1) {
    context.beginPath();
    for (let n = 0; n < x.length; n += 1) {
      if (host[n] !== kind || !visible[n]) continue;
      if (x[n] < left - 1 || x[n] > right + 1 || y[n] < top - 1 || y[n] > bottom + 1) continue;
      context.rect(x[n] - side / 2, y[n] - side / 2, side, side);
    }
    context.fillStyle = COLOURS[kind % COLOURS.length];
    context.fill();
  }
  canvas.dataset.frames = String(Number(canvas.dataset.frames ?? 0) + 1);
}

function fit() {
  const right = Math.max(1, ...bounds(graph.x)), bottom = Math.max(1, ...bounds(graph.y));
  view.scale = Math.min(canvas.clientWidth / (right + 2), canvas.clientHeight / (bottom + 2), 40);
  view.x = (canvas.clientWidth - right * view.scale) / 2;
  view.y = (canvas.clientHeight - bottom * view.scale) / 2;
  draw();
}

const bounds = (numbers) => [numbers.reduce((most, one) => Math.max(most, one), 0)];

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const scale = Math.min(200, Math.max(0.2, view.scale * factor));
  view.x = x - ((x - view.x) * scale) / view.scale;
  view.y = y - ((y - view.y) * scale) / view.scale;
  view.scale = scale;
  draw();
}

function move(x, y) {
  view.x += x;
  view.y += y;
  draw();
}

function at(event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function open(event) {
  const [px, py] = at(event), x = (px - view.x) / view.scale, y = (py - view.y) / view.scale;
  let best = -1, least = Math.max(0.5, 8 / view.scale);
  for (let n = 0; n < graph.x.length; n += 1) {
    const distance = Math.hypot(graph.x[n] - x, graph.y[n] - y);
    if (visible[n] && distance < least) [best, least] = [n, distance];
  }
  if (best >= 0) location.href = `/review/image/${graph.ids[best]}`;
}

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 500), ...at(event));
}, { passive: false });
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, at(event));
  dragged = 0;
});
canvas.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId), now = at(event);
  if (!before) return;
  const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
  pointers.set(event.pointerId, now);
  dragged += Math.hypot(now[0] - before[0], now[1] - before[1]);
  if (!other) return move(now[0] - before[0], now[1] - before[1]);
  const spread = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
  zoom(spread(now) / spread(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, (event) => {
    pointers.delete(event.pointerId);
    if (name === "pointerup" && graph && dragged < 4) open(event);
  });
}
const KEYS = {
  ArrowLeft: () => move(60, 0), ArrowRight: () => move(-60, 0),
  ArrowUp: () => move(0, 60), ArrowDown: () => move(0, -60),
  "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), f: fit,
};
canvas.addEventListener("keydown", (event) => {
  if (!graph || !KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  KEYS[event.key]();
  event.preventDefault();
});
document.getElementById("in").addEventListener("click", () => zoom(1.3));
document.getElementById("out").addEventListener("click", () => zoom(1 / 1.3));
document.getElementById("fit").addEventListener("click", () => graph && fit());
for (const id of ["lines", "host", "since"]) {
  document.getElementById(id).addEventListener("change", () => graph && filter());
}
new ResizeObserver(draw).observe(canvas);

async function begin() {
  const reply = await fetch("/review/graph-data", { credentials: "same-origin" });
  const answer = await reply.json();
  if (!reply.ok) {
    status.textContent = answer.error.message;
    return;
  }
  graph = answer;
  graph.hosts.forEach((name, n) => document.getElementById("host").append(new Option(name, String(n))));
  filter();
  fit();
  canvas.dataset.ready = "1";
}

begin();
