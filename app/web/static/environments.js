// The page of environments: a client of the dialect like any other. What it shows is what the
// websocket said last; who it is, it keeps in the browser, so that a closed tab loses nothing.

const $ = (id) => document.getElementById(id);
const { prefix, extends: extendable, wantsToken } = $("page").dataset;
const JOB = `${prefix}/api/v2/job`;
const KEEP = `jobyard.environment${prefix}`;
const WEB = new Set(["hmi-user", "core-file", "core-policy", "core-store"]);
const LONGEST_PAUSE_MS = 5000;
const QUEUE_MS = 10000;

const REASONS = {
  deleted: "It was given back.",
  inactive: "It was taken back, since nobody used it.",
  start_failed: "It could not be started.",
  exited: "It has ended by itself.",
  shutdown: "The machine it ran on was stopped.",
};

let socket = null;
let endsAt = null;       // of what is counted down, as Date.now() has it
let counting = () => "";
let pauseMs = 250;

// -- talking to the server ----------------------------------------------------------------------

async function call(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (wantsToken === "true") headers.Authorization = `Bearer ${$("token").value.trim()}`;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Error("The server does not answer.");
  }
  const text = await answer.text();
  if (answer.ok) return text.startsWith("{") ? JSON.parse(text) : {};
  throw new Error(worded(text) || `The server answers ${answer.status}.`);
}

function worded(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return "";
  }
}

async function attempt(work) {
  fault("");
  try {
    await work();
  } catch (error) {
    fault(error.message);
  }
}

function fault(text) {
  $("fault").textContent = text;
  $("fault").hidden = !text;
}

// -- who asks -----------------------------------------------------------------------------------

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEEP)) || {};
  } catch {
    return {};
  }
}

function keep(values) {
  localStorage.setItem(KEEP, JSON.stringify({ ...kept(), ...values }));
}

function madeUp() {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function who() {
  return wantsToken === "true" ? {} : { id: $("user").value };
}

// -- what can be had ----------------------------------------------------------------------------

function fill(select, values) {
  select.replaceChildren(...values.map((value) => new Option(value, value)));
}

function offer(options) {
  fill($("core-version"), options.core.versions);
  fill($("core-build"), options.core.builds);
  fill($("hmi-type"), options.hmis.map((each) => each.type));
  const versions = () => {
    const chosen = options.hmis.find((each) => each.type === $("hmi-type").value);
    fill($("hmi-version"), chosen ? chosen.versions : []);
  };
  $("hmi-type").addEventListener("change", versions);
  versions();
}

async function showQueue() {
  try {
    const { waiting, starting, running, slots } = await call("GET", `${prefix}/api/v2/queue`);
    const used = starting + running;
    const of = slots === null ? "" : ` of ${slots}`;
    $("queue").textContent = `${waiting} waiting, ${used}${of} in use`;
  } catch {
    $("queue").textContent = "\u00a0";
  }
}

// -- the websocket ------------------------------------------------------------------------------

function follow(passcode) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}${JOB}/${passcode}`);
  const own = socket;
  own.addEventListener("message", (event) => {
    pauseMs = 250;
    if (own === socket) hear(JSON.parse(event.data));
  });
  own.addEventListener("close", (event) => {
    if (own !== socket) return;
    if (event.code === 1008) {
      over("It is gone.");
      return;
    }
    $("eta").textContent = "The connection was cut; trying again…";
    stopCounting();
    setTimeout(() => own === socket && follow(passcode), pauseMs);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  });
}

function hear({ type, data }) {
  if (type === "position") place(data);
  else if (type === "services") open(data);
  else if (type === "activity") warn(data);
  else if (type === "dead") over(REASONS[data.reason] || "It is gone.", data.detail);
}

function say(text, title) {
  $("standing").textContent = text;
  document.title = `${title} – Jobyard`;
  showQueue();
}

function place({ position, wait, eta_seconds: eta }) {
  $("addresses").hidden = true;
  $("leave").textContent = wait ? "Leave the line" : "Give it back";
  $("extend").hidden = true;
  stopCounting();
  if (!wait) {
    say("Your environment is being started.", "starting");
  } else {
    const ahead = position === 1 ? "1 is ahead of you." : `${position} are ahead of you.`;
    say(position ? ahead : "You are next.", position ? `${position} ahead` : "next");
    if (eta !== undefined) countDown(eta, (left) => (left > 0 ? `About ${length(left)} to go.` : "Any moment now."));
  }
}

function open(services) {
  stopCounting();
  say("Your environment is ready.", "ready");
  $("addresses").replaceChildren(
    ...Object.entries(services).flatMap(([name, address]) => {
      const term = document.createElement("dt");
      const value = document.createElement("dd");
      term.textContent = name;
      value.append(WEB.has(name) ? link(address) : address);
      return [term, value];
    }),
  );
  $("addresses").hidden = false;
  $("leave").textContent = "Give it back";
  $("extend").hidden = extendable !== "true";
}

function link(address) {
  const made = document.createElement("a");
  const url = address.includes("://") ? address : `http://${address}`;
  made.textContent = address;
  if (/^https?:/.test(url)) made.href = url;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

function warn({ remainingTime }) {
  // Apart from the time that runs, which would be read out every second.
  $("warning").textContent = "Nobody seems to use it, so it is taken back soon.";
  $("warning").hidden = false;
  countDown(remainingTime, (left) => `${length(Math.max(0, left))} left.`);
}

function over(text, detail) {
  socket = null;
  keep({ asked: false });
  stopCounting();
  document.title = "Environments – Jobyard";
  $("mine").hidden = true;
  $("ask").hidden = false;
  fault(detail ? `${text} ${detail}` : text);
  $("core-version").focus();
  showQueue();
}

// -- time that runs -----------------------------------------------------------------------------

function countDown(seconds, word) {
  endsAt = Date.now() + seconds * 1000;
  counting = word;
  tick();
}

function stopCounting() {
  endsAt = null;
  $("eta").textContent = "\u00a0";
  $("warning").hidden = true;
}

function tick() {
  if (endsAt !== null) $("eta").textContent = counting(Math.ceil((endsAt - Date.now()) / 1000)) || "\u00a0";
}

function length(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

// -- what the user does -------------------------------------------------------------------------

function begin(passcode) {
  keep({ asked: true, ...who() });
  $("ask").hidden = true;
  $("mine").hidden = false;
  $("standing").textContent = "Asked for.";
  follow(passcode);
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const { passcode } = await call("POST", JOB, {
      ...who(),
      core: { version: $("core-version").value, build: $("core-build").value },
      hmi: { type: $("hmi-type").value, version: $("hmi-version").value },
    });
    begin(passcode);
    $("standing").focus();
  });
});

$("extend").addEventListener("click", () => {
  if (socket && socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify({ type: "activity" }));
    stopCounting();
    $("eta").textContent = "Noted: its time begins anew.";
  }
});

$("leave").addEventListener("click", () => attempt(() => call("DELETE", JOB, who())));

attempt(async () => {
  if (wantsToken !== "true") $("user").value = kept().id || madeUp();
  offer(await call("GET", JOB));
  $("ask").hidden = false;
  showQueue();
  if (wantsToken !== "true" && kept().asked) {
    try {
      begin((await call("POST", `${prefix}/api/v2/info`, who())).passcode);
    } catch {
      keep({ asked: false });
    }
  }
});

setInterval(tick, 1000);
setInterval(showQueue, QUEUE_MS);
