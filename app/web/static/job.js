// A job's and a task's pages: the axis in the viewer's zone, copying, and output that is followed,
// searched and read backwards.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const blink = new Intl.DateTimeFormat(undefined, { minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1 });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "short" });

function tellAxis() {
  const marks = [...document.querySelectorAll("text[data-at]")];
  const span = marks.length > 1 ? new Date(marks.at(-1).dataset.at) - new Date(marks[0].dataset.at) : 0;
  for (const mark of marks) mark.textContent = (span > 86400000 ? day : span < 4000 ? blink : clock).format(new Date(mark.dataset.at));
}
document.addEventListener("refilled", tellAxis);
tellAxis();

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // Not every connection lets pages write there: what is selected can be copied by hand.
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
  });
}

const MOST = 5000; // lines that are shown while more come
const FAR = 20000; // lines that are shown when somebody reads backwards
const LONGEST = 4000; // characters of a line, as on the server
const output = document.getElementById("output");
if (output) read(output);

function read(output) {
  const lines = document.getElementById("lines");
  const base = output.dataset.base;
  const follow = document.getElementById("follow");
  const earlier = document.getElementById("earlier");
  const seek = document.getElementById("seek");
  const found = document.getElementById("seek-found");
  const unfinished = new Map();
  let position = output.dataset.position;
  let source = null;
  let hits = [];
  let at = -1;
  let behind = false;

  const count = () => {
    document.getElementById("no-output").hidden = lines.childElementCount > 0;
    document.getElementById("line-count").textContent = `${lines.childElementCount.toLocaleString()} lines shown`;
  };

  function made(task, before) {
    const line = document.createElement("div");
    line.className = "written-line";
    line.dataset.task = task;
    if (before) line.dataset.before = before;
    const by = document.createElement("a");
    by.className = "by";
    by.href = `/ui/tasks/${task}`;
    by.tabIndex = -1;
    by.title = `Task ${task}`;
    by.textContent = task;
    const text = document.createElement("span");
    text.className = "text";
    line.append(by, text);
    return line;
  }

  function add(line, piece, hidden = 0) {
    const text = line.querySelector(".text");
    const now = text.textContent;
    const room = Math.max(0, LONGEST - now.length);
    text.textContent = now + piece.slice(0, room);
    const cut = Number(line.dataset.hidden ?? 0) + Math.max(0, piece.length - room) + hidden;
    line.dataset.hidden = cut;
    if (cut) {
      const told = line.querySelector(".cut") ?? line.appendChild(document.createElement("em"));
      told.className = "cut";
      told.textContent = ` … ${cut.toLocaleString()} more characters`;
    }
  }

  for (const line of lines.querySelectorAll("[data-open]")) unfinished.set(line.dataset.task, line);

  function put({ task, text }, place) {
    const pieces = text.split("\n");
    const rest = pieces.pop();
    const whole = pieces.length;
    if (rest) pieces.push(rest);
    let before = place;
    pieces.forEach((piece, number) => {
      let line = number === 0 ? unfinished.get(String(task)) : undefined;
      unfinished.delete(String(task));
      if (!line?.isConnected) {
        line = made(task, before);
        before = "";
        lines.append(line);
      }
      add(line, piece);
      if (number === whole) unfinished.set(String(task), line);
      if (seek.value) mark(line, seek.value.toLowerCase());
    });
  }

  // What is dropped can be read again: parts are dropped as a whole.
  function trim() {
    if (lines.childElementCount <= MOST) return;
    while (lines.childElementCount > MOST) lines.firstElementChild.remove();
    while (lines.firstElementChild && !lines.firstElementChild.dataset.before) lines.firstElementChild.remove();
    earlier.dataset.before = lines.firstElementChild?.dataset.before ?? position;
    earlier.hidden = false;
  }

  const isAtEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
  const toEnd = () => { lines.scrollTop = lines.scrollHeight; };
  let waiting = [];

  function flush() {
    const stick = isAtEnd();
    for (const [part, place] of waiting) put(part, place);
    waiting = [];
    trim();
    if (seek.value) gather(false);
    count();
    if (stick) toEnd();
  }

  function listen() {
    source = new EventSource(`${base}/log/stream?last_event_id=${encodeURIComponent(position)}`);
    source.addEventListener("log", (event) => {
      position = event.lastEventId;
      if (!waiting.length) requestAnimationFrame(flush);
      waiting.push([JSON.parse(event.data), event.lastEventId]);
    });
    source.addEventListener("end", () => { stop(); over(); });
  }

  function stop() {
    source?.close();
    source = null;
  }

  // The work is over: what stands at the top of the page is asked for once more.
  async function over() {
    document.getElementById("following").hidden = true;
    try {
      const answer = await fetch(location.pathname);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const head = page.getElementById("head");
      if (!answer.ok || !head) return;
      const { refill } = await import("/ui/static/pages.js");
      refill(document.getElementById("head"), head.innerHTML);
    } catch { /* it stays as it is until the page is loaded again */ }
  }

  follow.addEventListener("change", () => {
    if (!follow.checked) { stop(); return; }
    if (behind) { location.assign(`${base}/log`); return; }
    toEnd();
    listen();
  });

  earlier.addEventListener("click", async (event) => {
    event.preventDefault();
    earlier.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(`${base}/log/earlier?before=${encodeURIComponent(earlier.dataset.before)}`);
      if (!answer.ok) throw new Error(answer.statusText);
      const { before, lines: more } = await answer.json();
      const height = lines.scrollHeight;
      const first = lines.firstElementChild;
      for (const [task, text, place, hidden] of more) {
        const line = made(task, place);
        add(line, text, hidden);
        lines.insertBefore(line, first);
      }
      if (lines.childElementCount > FAR) {
        // Far from the end: what comes is no longer appended, and the way back is a new page.
        while (lines.childElementCount > FAR) lines.lastElementChild.remove();
        behind = true;
        follow.checked = false;
        stop();
      } else if (lines.childElementCount > MOST) {
        follow.checked = false;
        stop();
      }
      lines.scrollTop += lines.scrollHeight - height;
      earlier.dataset.before = before ?? "";
      earlier.hidden = !before;
      if (seek.value) gather(true);
      count();
    } catch {
      earlier.textContent = "That did not work; try again";
    }
    earlier.removeAttribute("aria-busy");
  });

  // -- search ---------------------------------------------------------------------------------

  function mark(line, word) {
    const text = line.querySelector(".text");
    const whole = text.textContent;
    const low = whole.toLowerCase();
    const had = text.firstElementChild !== null;
    if (!word || low.length !== whole.length || !low.includes(word)) {
      if (had) text.textContent = whole;
      return;
    }
    const pieces = [];
    let from = 0;
    for (let place = low.indexOf(word); place >= 0; place = low.indexOf(word, from)) {
      const hit = document.createElement("mark");
      hit.textContent = whole.slice(place, place + word.length);
      pieces.push(whole.slice(from, place), hit);
      from = place + word.length;
    }
    text.replaceChildren(...pieces, whole.slice(from));
  }

  function gather(anew) {
    const word = seek.value.toLowerCase();
    if (anew) for (const line of lines.children) mark(line, word);
    const present = hits[at];
    hits = word ? [...lines.getElementsByTagName("mark")] : [];
    at = hits.indexOf(present);
    tell();
  }

  function tell() {
    const place = at >= 0 ? `${at + 1} of ` : "";
    found.textContent = seek.value ? (hits.length ? `${place}${hits.length} found` : "not found") : "";
  }

  function go(step) {
    if (!hits.length) return;
    hits[at]?.classList.remove("here");
    // The first look begins at the end, where a log is read.
    at = at < 0 ? (step < 0 ? hits.length - 1 : 0) : (at + step + hits.length) % hits.length;
    hits[at].classList.add("here");
    const line = hits[at].getBoundingClientRect();
    const box = lines.getBoundingClientRect();
    lines.scrollTop += line.top - box.top - box.height / 2;
    tell();
  }

  let typed = 0;
  seek.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(() => { at = -1; gather(true); go(1); }, 150);
  });
  seek.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    go(event.shiftKey ? -1 : 1);
  });
  document.getElementById("seek-on").addEventListener("click", () => go(1));
  document.getElementById("seek-back").addEventListener("click", () => go(-1));

  count();
  if (!("part" in output.dataset)) {
    toEnd();
    if (!("over" in output.dataset)) {
      document.getElementById("following").hidden = false;
      listen();
    }
  }
  addEventListener("pagehide", stop);
}
