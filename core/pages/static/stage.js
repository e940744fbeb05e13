// The two pictures of a pair, one laid over the other. Both lie in a world whose unit is a pixel of A's
// thumbnail; B is warped onto A by the engine's transform, as a CSS matrix. Zoom and position belong to the
// world, so both move in step, in two panes, too.

const SVG = "http://www.w3.org/2000/svg";
const MOST_ZOOM = 16;
export const VIEWS = ["blink", "slide", "difference", "side"];
// Milliseconds that each picture is shown. WCAG 2.3.1 allows three flashes a second.
const BLINK = 800;

// The CSS matrix of a 3x3 transform between unit squares, from a picture of one size to a world of another.
export function cssMatrix(matrix, from, to) {
  const [a, b, c, d, e, f, g, h, i] = matrix;
  const [w, k] = from, [x, y] = to;
  const columns = [
    [(a * x) / w, (d * y) / w, 0, g / w],
    [(b * x) / k, (e * y) / k, 0, h / k],
    [0, 0, 1, 0],
    [c * x, f * y, 0, i],
  ];
  return `matrix3d(${columns.flat().join(",")})`;
}

export class Stage {
  constructor(root) {
    this.root = root;
    this.panes = [root.querySelector("#pane-a"), root.querySelector("#pane-b")];
    this.worlds = this.panes.map((pane) => pane.querySelector(".world"));
    this.slider = root.querySelector("#slider");
    this.chip = root.querySelector("#chip");
    this.view = "blink";
    this.outlines = true;
    this.showsB = false;
    this.paused = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.pointers = new Map();
    this.pair = null;
    this.slider.querySelector("input").addEventListener("input", () => this.draw());
    for (const pane of this.panes) this.#listen(pane);
    new ResizeObserver(() => this.fit()).observe(this.panes[0]);
    setInterval(() => {
      if (!this.paused && this.view === "blink" && this.pair) this.flip();
    }, BLINK);
  }

  // Show a pair whose pictures were loaded: `pair.images` holds an <img>, or null where none was kept.
  show(pair) {
    this.pair = pair;
    this.showsB = false;
    const [a, b] = pair.images;
    this.size = a ? [a.naturalWidth, a.naturalHeight] : [pair.a.width, pair.a.height];
    const layers = [this.#layer(a, "A"), this.#layer(b, "B")];
    if (b) {
      const from = [b.naturalWidth, b.naturalHeight];
      const matrix = pair.matrix ?? [1, 0, 0, 0, 1, 0, 0, 0, 1];
      b.style.transform = cssMatrix(matrix, from, this.size);
    }
    layers[1].classList.toggle("inverted", pair.inverted);
    this.layers = layers;
    this.marks = [this.#marks(pair), this.#marks(pair)];
    for (const world of this.worlds) {
      world.style.width = `${this.size[0]}px`;
      world.style.height = `${this.size[1]}px`;
    }
    this.fit();
    this.setView(!pair.matrix && this.view !== "side" ? "side" : (this.wanted ?? "blink"), false);
  }

  clear(text) {
    this.pair = null;
    this.setView("blink", false);
    for (const world of this.worlds) world.replaceChildren();
    const note = document.createElement("p");
    note.className = "done";
    note.textContent = text;
    this.worlds[0].style.cssText = "";
    this.worlds[0].style.width = this.worlds[0].style.height = "100%";
    this.worlds[0].append(note);
  }

  setView(view, chosen = true) {
    this.view = view;
    if (chosen) this.wanted = view;
    for (const button of this.root.querySelectorAll("[data-view]")) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    }
    const wasHidden = this.panes[1].hidden;
    this.panes[1].hidden = view !== "side";
    this.slider.hidden = view !== "slide";
    if (this.pair) {
      this.worlds[0].replaceChildren(this.layers[0], this.marks[0]);
      if (view === "side") this.worlds[1].replaceChildren(this.layers[1], this.marks[1]);
      else this.worlds[0].insertBefore(this.layers[1], this.marks[0]);
    }
    if (wasHidden !== this.panes[1].hidden) this.fit();
    this.draw();
  }

  flip() {
    if (this.view !== "blink") this.setView("blink");
    this.showsB = !this.showsB;
    this.draw();
  }

  toggle(name) {
    this[name] = !this[name];
    if (name === "paused" && this.paused) this.showsB = false;
    this.draw();
  }

  // Whole picture in the pane, tall ones by their width.
  fit() {
    if (!this.pair) return;
    const pane = this.panes[0], [w, h] = this.size;
    const scale = Math.min(pane.clientWidth / w, Math.max(pane.clientHeight / h, pane.clientWidth / w / 3));
    this.scale = Math.max(scale, 0.01);
    this.least = this.scale / 2;
    this.x = (pane.clientWidth - w * this.scale) / 2;
    this.y = Math.max(0, (pane.clientHeight - h * this.scale) / 2);
    this.draw();
  }

  zoom(factor, x, y) {
    if (!this.pair) return;
    const pane = this.panes[0];
    x ??= pane.clientWidth / 2;
    y ??= pane.clientHeight / 2;
    const scale = Math.min(MOST_ZOOM, Math.max(this.least, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.draw();
  }

  move(x, y) {
    if (!this.pair) return;
    this.x += x;
    this.y += y;
    this.draw();
  }

  draw() {
    if (!this.pair) return;
    for (const world of this.worlds) {
      world.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
      world.style.clipPath = "none";
    }
    const [a, b] = this.layers, blink = this.view === "blink";
    b.style.visibility = blink && !this.showsB ? "hidden" : "visible";
    b.style.clipPath = "none";
    b.classList.toggle("difference", this.view === "difference");
    if (this.view === "slide") {
      b.style.clipPath = `inset(-999px -999px -999px ${this.slider.querySelector("input").value}%)`;
    }
    if (this.view === "difference" && this.pair.outline.length) {
      const points = this.pair.outline.map(([x, y]) => `${x * 100}% ${y * 100}%`);
      this.worlds[0].style.clipPath = `polygon(${points.join(",")})`;
    }
    for (const marks of this.marks) marks.style.display = this.outlines ? "" : "none";
    const names = { blink: this.showsB ? "B" : "A", slide: "A | B", difference: "A \u2212 B", side: "A" };
    this.chip.textContent = names[this.view];
    this.chip.classList.toggle("b", blink && this.showsB);
    this.root.querySelector("#pause").setAttribute("aria-pressed", String(this.paused));
    this.root.querySelector("#outlines").setAttribute("aria-pressed", String(this.outlines));
  }

  #layer(image, name) {
    const layer = document.createElement("div");
    layer.className = "layer";
    if (image) layer.append(image);
    else {
      const note = document.createElement("p");
      note.className = "done";
      note.textContent = `No thumbnail was kept of picture ${name}.`;
      layer.append(note);
    }
    return layer;
  }

  #marks(pair) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 1 1");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    if (pair.outline.length) {
      const shape = document.createElementNS(SVG, "polygon");
      shape.setAttribute("points", pair.outline.map((point) => point.join(",")).join(" "));
      svg.append(shape);
    }
    for (const [left, top, right, bottom] of pair.differences) {
      const shape = document.createElementNS(SVG, "rect");
      shape.setAttribute("x", left);
      shape.setAttribute("y", top);
      shape.setAttribute("width", right - left);
      shape.setAttribute("height", bottom - top);
      svg.append(shape);
    }
    return svg;
  }

  // Drag moves, wheel and two fingers zoom.
  #listen(pane) {
    pane.addEventListener("wheel", (event) => {
      event.preventDefault();
      const box = pane.getBoundingClientRect();
      this.zoom(Math.exp(-event.deltaY / 500), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    pane.addEventListener("pointerdown", (event) => {
      pane.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      pane.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    pane.addEventListener("pointermove", (event) => {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const now = [event.clientX, event.clientY];
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      this.pointers.set(event.pointerId, now);
      if (!other) return this.move(now[0] - before[0], now[1] - before[1]);
      const box = pane.getBoundingClientRect();
      const spread = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
      const middle = [(now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top];
      this.zoom(spread(now) / spread(before), ...middle);
    });
  }
}
