// The plots of the first page. Without this script, or without figures, the drawn lines stay.

const EVERY_MS = 60_000;
const HEIGHT = 190;
const section = document.getElementById("plots");
const dark = matchMedia("(prefers-color-scheme: dark)");
const plots = new Map();

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const INK = { completed: "--good", failed: "--bad", ready: "--warn", running: "--busy", wait_s: "--accent" };

function options(box) {
  const names = box.dataset.lines.split(" ");
  const labels = box.dataset.labels.split(" ");
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 });
  const moments = new Intl.DateTimeFormat(undefined, latest.span === "week" ? { weekday: "short", day: "numeric" } : { hour: "numeric", minute: "2-digit" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  // A point that stands alone would be no line.
  const alone = (plot, series) => plot.data[series].flatMap((value, at, all) => (value != null && all[at - 1] == null && all[at + 1] == null ? [at] : []));
  const show = (_plot, value) => (value === null || value === undefined ? "–" : whole.format(value));
  return {
    width: Math.max(box.clientWidth, 200),
    height: HEIGHT,
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(high || 0, names[0] === "wait_s" ? 0.1 : 1) * 1.08] } },
    axes: [{ ...axis, space: 60, values: (_plot, ticks) => ticks.map((tick) => moments.format(tick * 1000)) }, { ...axis, size: 52, values: (_plot, ticks) => ticks.map((tick) => whole.format(tick)) }],
    series: [
      { label: "at", value: (_plot, value) => (value == null ? "–" : exact.format(value * 1000)) },
      ...names.map((name, index) => ({
        label: labels[index], stroke: colour(INK[name]), width: 2, value: show, points: { size: 4, filter: alone },
        fill: index === 0 ? `${colour(INK[name])}22` : undefined,
      })),
    ],
  };
}

function draw(box, figures) {
  plots.get(box)?.destroy();
  box.replaceChildren();
  const data = [figures.at, ...box.dataset.lines.split(" ").map((name) => figures[name])];
  // What the canvas shows is told by the sentence below it, and by the table.
  box.setAttribute("role", "img");
  box.setAttribute("aria-labelledby", `caption-${box.dataset.plot} told-${box.dataset.plot}`);
  plots.set(box, new window.uPlot(options(box), data, box));
}

let latest = null;
function drawAll() {
  if (latest) for (const box of section.querySelectorAll(".curve")) draw(box, latest);
}

async function refresh() {
  if (document.hidden && latest) return;
  try {
    const answer = await fetch(section.dataset.figures);
    if (!answer.ok) return;
    const figures = await answer.json();
    if (latest === null) {
      latest = figures;
      drawAll();
      return;
    }
    latest = figures;
    for (const [box, plot] of plots) {
      plot.setData([figures.at, ...box.dataset.lines.split(" ").map((name) => figures[name])]);
    }
  } catch {
    // The server is away: the stream of the page tells so.
  }
}

if (section && window.uPlot) {
  refresh();
  setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);
  dark.addEventListener("change", drawAll);
  new ResizeObserver(() => {
    for (const [box, plot] of plots) {
      if (Math.abs(plot.width - box.clientWidth) > 1) plot.setSize({ width: box.clientWidth, height: HEIGHT });
    }
  }).observe(section);
}
