// What is drawn is kept as lines, so that it stays sharp in any size; what is asked about is always a picture of one size.

const element = (id) => document.getElementById(id);
const paper = element("paper");
const rows = [...element("probabilities").rows];
const maxBytes = Number(paper.dataset.maxBytes);

const SIDE = 280; // of the picture that is sent, in pixels
const PEN = 20 / SIDE; // the pen's width as a share of the side
const LONGEST = 2000; // the longest side that a picture too large to be sent is brought to, in pixels
const RETRY = 2000; // ms until a program that does not answer is asked again
const PATIENCE = 15000; // ms for an answer

let strokes = []; // each a list of [x, y] in 0..1
let picture = null; // what is opened in place of a drawing: the bytes to send, and a bitmap if the browser can show it
let pointer = null; // the one that draws
let version = 0; // of what is on the paper
let asking = false;
let retry = null;

function paint(canvas, side) {
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, side, side);
  if (picture?.bitmap) {
    const { width, height } = picture.bitmap;
    const scale = side / Math.max(width, height);
    const [w, h] = [width * scale, height * scale];
    pen.drawImage(picture.bitmap, (side - w) / 2, (side - h) / 2, w, h);
  }
  pen.lineWidth = PEN * side;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "#000";
  for (const stroke of strokes) {
    pen.beginPath();
    stroke.forEach(([x, y]) => pen.lineTo(x * side, y * side));
    // A line that ends where it begins is not drawn, and a dot is one.
    const [x, y] = stroke.at(-1);
    pen.lineTo(x * side + 0.01, y * side);
    pen.stroke();
  }
}

const isBlank = () => !strokes.length && !picture;

function repaint() {
  paint(paper, Math.max(1, Math.round(paper.clientWidth * devicePixelRatio)));
  element("hint").hidden = !isBlank();
}

function changed() {
  version += 1;
  repaint();
  if (isBlank()) show(null);
  ask();
}

function clear() {
  strokes = [];
  picture = null;
  pointer = null;
  changed();
}

// One question at a time: while an answer is out, the drawing goes on, and then the newest is asked about.
async function ask() {
  clearTimeout(retry);
  if (isBlank() || asking) return;
  asking = true;
  const asked = version;
  try {
    const body = picture ? picture.blob : drawn();
    const response = await fetch("classify", { method: "POST", body, signal: AbortSignal.timeout(PATIENCE) });
    const answer = await response.json();
    if (asked === version) show(answer);
  } catch {
    if (asked === version) {
      show({ error: "The program no longer answers. Once tf-mnist draw runs again, this page goes on." });
      retry = setTimeout(ask, RETRY);
    }
  } finally {
    asking = false;
  }
  if (asked !== version) ask();
}

// At once; canvas.toBlob waits until the browser is idle, which may take seconds while a hand draws.
function encoded(canvas, type) {
  const [, base64] = canvas.toDataURL(type, 0.9).split(",");
  return new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], { type });
}

function drawn() {
  const canvas = document.createElement("canvas");
  paint(canvas, SIDE);
  return encoded(canvas, "image/png");
}

function show(answer) {
  const { probabilities = [], image = "", warnings = [], error = "" } = answer ?? {};
  const most = Math.max(...probabilities);
  const best = probabilities.indexOf(most);
  rows.forEach((row, place) => {
    const share = probabilities[place];
    const text = share === undefined ? "" : `${(100 * share).toFixed(1)} %`;
    row.classList.toggle("best", place === best);
    row.querySelector(".bar").style.width = `${100 * (share ?? 0)}%`;
    row.querySelector(".share").textContent = text;
  });
  const label = best < 0 ? "?" : rows[best].cells[0].textContent;
  element("likeliest").textContent = label;
  document.body.classList.toggle("unsure", best < 0 || warnings.length > 0 || most < 0.5);
  element("seen").hidden = !image;
  if (image) element("seen").src = image;
  element("warnings").replaceChildren(
    ...warnings.map((warning) => Object.assign(document.createElement("li"), { textContent: warning })),
  );
  const trouble = element("trouble");
  trouble.hidden = !error;
  if (trouble.textContent !== error) trouble.textContent = error;
  // Read out once the hand rests.
  if (pointer === null) {
    const said = best < 0 ? "" : [`${label}, ${(100 * most).toFixed(0)} percent`, ...warnings].join(". ");
    element("spoken").textContent = said;
  }
}

// A picture that the browser can show, as a JPEG file small enough to be sent.
function shrunk(bitmap) {
  for (let longest = LONGEST; ; longest *= 0.7) {
    const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff"; // what is transparent would be black
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = encoded(canvas, "image/jpeg");
    if (blob.size <= maxBytes) return blob;
  }
}

// The bytes to send for a file: its own where that is a picture that is read as it is, or else what the browser makes of it.
async function content(file, bitmap) {
  const isRead = ["image/png", "image/jpeg"].includes(file.type);
  if (bitmap && (!isRead || file.size > maxBytes)) return shrunk(bitmap);
  if (file.size > maxBytes) throw new Error(`${file.name} has more than 1 MB and is no picture that the browser can make smaller.`);
  const bytes = await file.arrayBuffer().catch(() => null);
  if (!bytes) throw new Error(`${file.name} cannot be read: it is a folder, or gone.`);
  return new Blob([bytes]);
}

function refuse(error) {
  clear();
  show({ error });
}

async function open(files) {
  if (files.length > 1) return refuse("One picture at a time: several were opened.");
  const [file] = files;
  const opened = (version += 1);
  const bitmap = await createImageBitmap(file).catch(() => null);
  const blob = await content(file, bitmap).catch((error) => error);
  // Another picture was opened meanwhile, or something was drawn.
  if (opened !== version) return;
  if (blob instanceof Error) return refuse(blob.message);
  strokes = [];
  picture = { blob, bitmap };
  changed();
}

function place(event) {
  const box = paper.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

paper.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button !== 0) return;
  event.preventDefault();
  pointer = event.pointerId;
  paper.setPointerCapture(pointer);
  picture = null;
  strokes.push([place(event)]);
  changed();
});
paper.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents?.() ?? [];
  strokes.at(-1).push(...(events.length ? events : [event]).map(place));
  changed();
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    changed();
  });
}

function undo() {
  if (picture) return clear();
  pointer = null;
  strokes.pop();
  changed();
}

element("clear").addEventListener("click", clear);
element("undo").addEventListener("click", undo);
element("choose").addEventListener("click", () => element("file").click());
element("file").addEventListener("change", (event) => {
  if (event.target.files.length) open([...event.target.files]);
  event.target.value = ""; // so that the same file can be opened again
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clear();
  if ((event.ctrlKey || event.metaKey) && event.key === "z") undo();
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) open([...event.clipboardData.files]);
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", name === "dragover");
    if (name !== "drop") return;
    const files = [...event.dataTransfer.files];
    if (files.length) open(files);
    else refuse("That is no file: save the picture first, and drop its file.");
  });
}
new ResizeObserver(repaint).observe(paper);
show(null);
