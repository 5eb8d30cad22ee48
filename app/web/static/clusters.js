// The output of a cluster's latest job in a box: opened when asked for, bounded, at its end unless
// the reader has scrolled up or does not want to follow.

const MOST_LINES = 2000;
const section = document.getElementById("output");
const box = document.getElementById("lines");
const button = document.getElementById("listen");
const follows = document.getElementById("follows");
const said = document.getElementById("listening");
let source = null;
let waiting = [];

function write() {
  const lines = waiting;
  waiting = [];
  box.append(...lines.map((text) => {
    const line = document.createElement("div");
    line.textContent = text;
    return line;
  }));
  while (box.childElementCount > MOST_LINES) box.firstElementChild.remove();
  if (follows.checked) box.scrollTop = box.scrollHeight;
}

function stop(text) {
  source?.close();
  source = null;
  button.textContent = "Show the output";
  said.textContent = text;
}

function listen() {
  box.replaceChildren();
  box.hidden = false;
  button.textContent = "Stop";
  said.textContent = "Waiting for lines …";
  source = new EventSource(section.dataset.address);
  source.addEventListener("lines", (event) => {
    if (!waiting.length) requestAnimationFrame(write);
    waiting.push(...JSON.parse(event.data));
    waiting.splice(0, waiting.length - MOST_LINES);
    said.textContent = "Lines appear as they are written.";
  });
  source.addEventListener("end", () => stop("The cluster is gone."));
  source.addEventListener("error", () => { said.textContent = "The server does not answer; it goes on by itself."; });
}

button.addEventListener("click", () => { if (source) stop("Stopped."); else listen(); });
box.addEventListener("scroll", () => {
  if (box.scrollTop + box.clientHeight < box.scrollHeight - 40) follows.checked = false;
});
follows.addEventListener("change", () => { if (follows.checked) box.scrollTop = box.scrollHeight; });
addEventListener("pagehide", () => source?.close());
button.hidden = false;
