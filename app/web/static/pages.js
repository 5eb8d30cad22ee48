// What every page does in the browser: parts that follow the server, times in the viewer's zone,
// a question before what cannot be undone, a sign of life while something takes long.

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const short = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });

function tellTimes(root) {
  for (const each of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(each.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    each.textContent = short.format(moment);
    each.title = exact.format(moment);
  }
}

// Puts new HTML into an element; what was opened stays open, what had the focus keeps it.
export function refill(element, html) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...element.querySelectorAll("details[open][id]")].map((each) => each.id);
  const at = [...element.querySelectorAll("[data-scrolls][id]")].map((each) => [each.id, each.scrollTop, each.scrollLeft]);
  const ticked = new Set([...element.querySelectorAll("input[type=checkbox]:checked")].map((each) => each.value));
  element.innerHTML = html;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const [id, top, left] of at) document.getElementById(id)?.scrollTo(left, top);
  for (const each of element.querySelectorAll("input[type=checkbox]")) each.checked ||= ticked.has(each.value);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  tellTimes(element);
  element.dispatchEvent(new CustomEvent("refilled", { bubbles: true }));
}

function follow(address) {
  const source = new EventSource(address);
  const cut = document.getElementById("cut-off");
  let heard = new Date();
  source.addEventListener("parts", (event) => {
    heard = new Date();
    cut.hidden = true;
    for (const [id, html] of Object.entries(JSON.parse(event.data))) {
      const element = document.getElementById(id);
      if (element) refill(element, html);
    }
  });
  source.addEventListener("end", () => source.close());
  source.addEventListener("open", () => { cut.hidden = true; });
  source.addEventListener("error", () => {
    const time = cut.querySelector("time");
    time.dateTime = heard.toISOString();
    tellTimes(cut);
    cut.hidden = false;
  });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

// A form or button with `data-ask` asks before it sends; `{n}` in the question is the number of ticked boxes.
function askFirst(event) {
  const button = event.submitter;
  const question = button?.dataset.ask ?? event.target.dataset.ask;
  if (!question || event.target.dataset.sure) return;
  event.preventDefault();
  const dialog = document.getElementById("question");
  const count = document.querySelectorAll("input[type=checkbox][name=id]:checked").length;
  document.getElementById("question-text").textContent = question.replace("{n}", count);
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") { button?.focus(); return; }
    event.target.dataset.sure = "yes";
    event.target.requestSubmit(button);
    delete event.target.dataset.sure;
  }, { once: true });
}

function showBusy(event) {
  if (event.defaultPrevented) return;
  const button = event.submitter;
  setTimeout(() => { button?.setAttribute("aria-busy", "true"); }, 400);
}

document.addEventListener("submit", askFirst);
document.addEventListener("submit", showBusy);
addEventListener("pageshow", () => {
  for (const each of document.querySelectorAll("[aria-busy]")) each.removeAttribute("aria-busy");
});
tellTimes(document);
// Wide windows show the menu always; it is a list that opens only where there is little room.
const wide = matchMedia("(min-width: 60rem)");
const fit = () => { document.getElementById("menu")?.toggleAttribute("open", wide.matches); };
wide.addEventListener("change", fit);
fit();
const live = document.querySelector("main[data-live]");
if (live) follow(live.dataset.live);
