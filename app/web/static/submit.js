// Forms for new jobs: rows come and go without a new page, texts have line numbers and are checked while
// somebody types. All of it works without this script, by sending the form.

const csrf = document.querySelector("meta[name=csrf-token]").content;
const CHECK_MS = 500;

// Rows: the server gives the page with one more or less, whose group takes the place of this one. What
// somebody types elsewhere meanwhile stays; the group itself takes nothing until then.
async function change(form, button) {
  const words = new FormData(form, button);
  const [verb, path] = [button.value.split(":")[0], button.value.slice(button.value.indexOf(":") + 1)];
  const around = verb === "add" ? path : path.slice(0, path.lastIndexOf("["));
  const old = document.getElementById(around);
  old.disabled = true;
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(words) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const group = page.getElementById(around);
  if (!group) throw new Error("not the page that was asked for");
  old.replaceWith(group);
  if (document.activeElement !== document.body) return; // somebody has gone on elsewhere
  const rows = group.querySelectorAll(":scope > .rows > .row");
  const target = verb === "add" ? rows[rows.length - 1]?.querySelector("input:not([type=hidden]), textarea, select") : null;
  (target ?? group.querySelector(":scope > button")).focus();
}

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!event.target.matches("form.submit") || !/^(add|remove):/.test(button?.value ?? "")) return;
  event.preventDefault();
  change(event.target, button).catch(() => {
    // The server is away, or refuses: nothing is lost, and pressing once more tries again.
    for (const each of event.target.querySelectorAll("fieldset:disabled")) each.disabled = false;
    button.focus();
  });
});

function editor(root) {
  const area = root.querySelector("textarea");
  const numbers = root.querySelector(".numbers");
  const told = root.querySelector("#faults");
  let faulty = new Set([...told.querySelectorAll("b")].map((each) => Number(each.textContent.replace(/\D/g, ""))));
  let count = 0;
  let timer = 0;
  let asked = 0;
  let leaves = false;

  function number() {
    const lines = area.value.split("\n").length;
    count = lines;
    numbers.replaceChildren(...Array.from({ length: lines }, (_, at) => {
      const wrong = faulty.has(at + 1);
      const line = wrong ? document.createElement("b") : new Text(`${at + 1}\n`);
      if (!wrong) return line;
      line.textContent = String(at + 1);
      const both = new DocumentFragment();
      both.append(line, "\n");
      return both;
    }));
    numbers.scrollTop = area.scrollTop;
  }

  function jump(line, column) {
    const lines = area.value.split("\n");
    const at = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + Math.max(column - 1, 0);
    area.focus();
    area.setSelectionRange(at, at);
    const height = parseFloat(getComputedStyle(area).lineHeight);
    area.scrollTop = Math.max(0, (line - 4) * height);
  }

  function tell(faults) {
    faulty = new Set(faults.map((each) => each.line));
    area.toggleAttribute("aria-invalid", false);
    if (faults.length) area.setAttribute("aria-invalid", "true");
    const list = document.createElement(faults.length ? "ul" : "p");
    list.className = faults.length ? "wrongs" : "fine";
    if (!faults.length) list.textContent = "Nothing is wrong with it.";
    for (const each of faults) {
      const item = document.createElement("li");
      if (each.line) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = `Line ${each.line}, column ${each.column}`;
        button.addEventListener("click", () => jump(each.line, each.column));
        item.append(button, " ");
      }
      if (each.path) {
        const path = document.createElement("code");
        path.textContent = each.path;
        item.append(path, ": ");
      }
      item.append(each.text);
      list.append(item);
    }
    told.replaceChildren(list);
    number();
  }

  async function check() {
    const turn = ++asked;
    const words = new URLSearchParams({ type: root.dataset.type, text: area.value });
    try {
      const answer = await fetch("/ui/submit/check", { method: "POST", body: words, headers: { "X-CSRF-Token": csrf } });
      if (!answer.ok || turn !== asked) return;
      tell((await answer.json()).faults);
    } catch {
      // The server is away; what was found last stands until it answers again.
    }
  }

  area.addEventListener("input", () => {
    if (area.value.split("\n").length !== count) number();
    clearTimeout(timer);
    timer = setTimeout(check, CHECK_MS);
  });
  area.addEventListener("scroll", () => { numbers.scrollTop = area.scrollTop; });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { leaves = true; return; }
    if (event.key === "Tab" && !leaves && !event.shiftKey) {
      event.preventDefault();
      area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
      area.dispatchEvent(new Event("input"));
    }
    if (event.key !== "Tab" && event.key !== "Shift") leaves = false;
  });
  area.addEventListener("blur", () => { leaves = false; });
  number();
}

for (const each of document.querySelectorAll(".editor")) editor(each);
