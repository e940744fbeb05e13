// Ask about a picture: it is sent, searched for and forgotten again, unless it is to be stored.

import { bars, element, list, placesOf } from "./facts.js";
import { opened } from "./pictures.js";
import { Stage, VIEWS } from "./stage.js";

const root = document.getElementById("ask");
const status = document.getElementById("status");
const trouble = document.getElementById("trouble");
const hits = document.getElementById("hits");
const overlay = document.getElementById("overlay");
const drop = document.getElementById("drop");
const stage = new Stage(overlay);
let asked = null;

async function send(path, file) {
  const form = new FormData();
  form.append("image", file, file.name || "pasted picture");
  const reply = await fetch(`/review${path}`, { method: "POST", body: form, credentials: "same-origin" });
  if (reply.ok) return reply.json();
  throw new Error(await reply.json().then((line) => line.error.message, () => `error ${reply.status}`));
}

function complain(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

async function ask(file) {
  if (!file) return;
  asked = file;
  complain("");
  overlay.hidden = true;
  hits.replaceChildren();
  document.getElementById("store").hidden = true;
  status.textContent = "Searching \u2026";
  const address = URL.createObjectURL(file);
  const preview = new Image();
  preview.alt = "The picture that you ask about";
  preview.src = address;
  document.getElementById("preview").replaceChildren(preview);
  let answer;
  try {
    answer = await send("/query", file);
  } catch (error) {
    status.textContent = "";
    return complain(error.message);
  }
  if (asked !== file) return;
  const count = answer.hits.length;
  const are = count === 1 ? "image is" : "images are";
  const found = count ? `${count} ${are} like it: ${answer.decision}.` : "No stored image is like it.";
  const blank = answer.informative ? "" : " The picture shows too little to be recognised.";
  const cut = answer.complete ? "" : " The search was cut short, so there may be more.";
  status.textContent = `${found} ${answer.searched.toLocaleString("en")} images were searched.${blank}${cut}`;
  document.getElementById("store").hidden = root.dataset.write !== "1" || answer.known;
  hits.replaceChildren(...answer.hits.map((hit, number) => card(hit, number, address)));
}

function card(hit, number, address) {
  const name = `Hit ${number + 1}`;
  const about = [
    element("h2", `${name}: ${hit.relation || hit.decision}`),
    element("p", `${Math.round(hit.confidence * 100)} % likely the same source.`),
  ];
  if (hit.id) {
    const look = element("button", "Lay over it", { "aria-label": `Lay ${name} over the picture` });
    look.addEventListener("click", () => show(hit, address));
    const picture = element("img", null, { src: `/review/thumbnail/${hit.id}`, alt: name });
    about.unshift(element("a", [picture], { href: `/review/image/${hit.id}` }));
    about.push(look);
  } else {
    about.push(element("p", "Your key does not see where this picture comes from.", { className: "soft" }));
  }
  if (hit.where) about.push(placesOf(hit.where));
  about.push(list(hit.reasons), element("h3", "What was measured"), list(hit.sentences));
  about.push(bars(hit.contributions));
  return element("li", about);
}

async function show(hit, address) {
  const sources = [address, `/review/thumbnail/${hit.id}`];
  const images = await Promise.all(sources.map(opened));
  overlay.hidden = false;
  const [a] = images;
  const size = { width: a?.naturalWidth ?? 480, height: a?.naturalHeight ?? 320 };
  stage.show({ ...hit, a: size, b: size, images });
  overlay.scrollIntoView({ block: "start" });
}

document.getElementById("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = ""; // so that the same file can be chosen again
  ask(file);
});
document.getElementById("add").addEventListener("click", async () => {
  try {
    const added = await send("/add", asked);
    document.getElementById("store").hidden = true;
    const link = element("a", "All about it", { href: `/review/image/${added.image_id}` });
    status.replaceChildren("It is stored. ", link);
  } catch (error) {
    complain(error.message);
  }
});
for (const name of ["dragover", "dragenter"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  ask(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => ask([...event.clipboardData.files][0]));
overlay.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.view) stage.setView(button.dataset.view);
  else press({ pause: "p", flip: " ", outlines: "o", out: "-", in: "+", fit: "f" }[button.id]);
});

function press(key) {
  if (key === "p") stage.toggle("paused");
  else if (key === "o") stage.toggle("outlines");
  else if (key === "v") stage.setView(VIEWS[(VIEWS.indexOf(stage.view) + 1) % VIEWS.length]);
  else if (key === "+") stage.zoom(1.3);
  else if (key === "-") stage.zoom(1 / 1.3);
  else if (key === "f") stage.fit();
  else if (key === " ") {
    stage.paused = true;
    stage.flip();
  } else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  const busy = event.target instanceof HTMLInputElement || event.target instanceof HTMLButtonElement;
  if (overlay.hidden || busy || event.ctrlKey || event.metaKey || event.altKey) return;
  if (press(event.key.toLowerCase())) event.preventDefault();
});
