// Lists with filters and ticks: clean addresses, times in the viewer's zone, what is ticked.

const two = (number) => String(number).padStart(2, "0");
const local = (moment) => `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`
  + `T${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;

for (const field of document.querySelectorAll("input[type=datetime-local]")) {
  const moment = new Date(field.dataset.instant ?? "");
  if (!Number.isNaN(moment.getTime())) field.value = local(moment);
  const zone = field.parentElement.querySelector(".zone");
  if (zone) zone.textContent = "(your time)";
}

for (const form of document.querySelectorAll("form[data-sparse]")) {
  form.addEventListener("formdata", ({ formData }) => {
    for (const field of form.querySelectorAll("input[type=datetime-local]")) {
      const moment = new Date(field.value);
      if (field.value && !Number.isNaN(moment.getTime())) formData.set(field.name, moment.toISOString());
    }
    for (const [name, value] of [...formData]) if (!value) formData.delete(name);
  });
}

const bulk = document.getElementById("bulk");
const boxes = () => [...bulk.querySelectorAll("input[name=id]")];

function tell() {
  const all = boxes();
  const ticked = all.filter((box) => box.checked).length;
  const top = bulk.querySelector("[data-all]");
  if (top) {
    top.checked = ticked > 0 && ticked === all.length;
    top.indeterminate = ticked > 0 && ticked < all.length;
  }
  for (const button of bulk.querySelectorAll("[data-ticked]")) button.disabled = ticked === 0;
  const told = document.getElementById("ticked");
  const text = ticked === 0 ? "Tick jobs to change them:" : `${ticked} ticked:`;
  if (told && told.textContent !== text) told.textContent = text;
}

if (bulk) {
  bulk.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) for (const box of boxes()) box.checked = event.target.checked;
    tell();
  });
  document.addEventListener("refilled", tell);
  addEventListener("pageshow", tell);
  tell();
}
