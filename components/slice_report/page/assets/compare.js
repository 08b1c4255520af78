// The table of lines: its metrics in a slice, filters, and the runs and slices of one line.
const facts = JSON.parse(document.getElementById("comparison-data").textContent);
const lines = document.getElementById("lines");
const chosen = Object.fromEntries(["find", "slice", "below", "show", "by", "controls"].map((id) => [id, document.getElementById(id)]));
const [MEAN, LOW, HIGH, LEAST, MOST, DEVIATION, CHANGE, FROM, TO, FLAGS] = Array.from({ length: 10 }, (_, at) => at);
const real = (value) => (value === null ? NaN : Number(value));
const signed = (value) => (value > 0 ? `+${number(value)}` : number(value));

const kindOf = (cell) => (cell[FLAGS].includes("b") ? "better" : cell[FLAGS].includes("w") ? "worse" : "differs");

const below = {
  change: (cell, isReference) => {
    if (isReference) return "reference";
    if (cell[CHANGE] === null) return "";
    const ends = cell[FROM] === null ? [] : [`(${signed(real(cell[FROM]))} … ${signed(real(cell[TO]))})`];
    return [signed(real(cell[CHANGE])), ...ends, ...(cell[FLAGS].includes("u") ? ["unpaired"] : [])].join(" ");
  },
  interval: (cell) => (cell[LOW] === null ? "" : `${number(real(cell[LOW]))} … ${number(real(cell[HIGH]))}`),
  range: (cell) => (cell[LEAST] === null ? "one run" : `${number(real(cell[LEAST]))} … ${number(real(cell[MOST]))}, sd ${number(real(cell[DEVIATION]))}`),
};

function flagOf(cell) {
  const side = cell[CHANGE] > 0 ? "higher" : "lower", kind = kindOf(cell);
  const words = `${side} than the reference, ${kind}`;
  return element("span", { class: `flag ${kind}`, title: words, role: "img", "aria-label": words }, side === "higher" ? " ▲" : " ▼");
}

// A scale on which zero and all differences of a column lie.
function scaleOf(cells) {
  const ends = cells.filter((cell) => cell && cell[CHANGE] !== null).flatMap((cell) => [CHANGE, FROM, TO].map((at) => real(cell[at])));
  const known = [0, ...ends.filter(Number.isFinite)], low = Math.min(...known), high = Math.max(...known);
  return ends.length ? (value) => (3 + ((Math.min(Math.max(value, low), high) - low) / (high - low || 1)) * 58).toFixed(1) : null;
}

function whiskerOf(cell, at) {
  const change = cell ? real(cell[CHANGE]) : NaN;
  if (!at || !Number.isFinite(change)) return "";
  const dot = `M${at(0)} 0V2M${at(0)} 8V10M${(at(change) - 2).toFixed(1)} 5a2 2 0 1 0 4 0a2 2 0 1 0 -4 0`;
  return cell[FROM] === null ? dot : `${dot}M${at(cell[FROM])} 5H${at(cell[TO])}M${at(cell[FROM])} 3V7M${at(cell[TO])} 3V7`;
}

// Draws a cell anew, into the nodes that it has: making thousands of nodes takes longer.
function drawCell(td, cell, isReference, scale, kind) {
  td.firstChild.nodeValue = cell ? number(real(cell[MEAN])) : "–";
  td.querySelector(".flag")?.remove();
  if (cell && cell[FLAGS].includes("c")) td.firstChild.after(flagOf(cell));
  td.querySelector("path")?.setAttribute("d", whiskerOf(cell, scale));
  td.lastChild.textContent = cell ? below[kind](cell, isReference) : "";
}

function newCell(cell, isReference, scale) {
  const svg = isReference ? [] : [mark("svg", { class: "w", viewBox: "0 0 64 10", "aria-hidden": "true" }, mark("path", {}))];
  const td = element("td", {}, "–", ...svg, element("small"));
  drawCell(td, cell, isReference, scale, "change");
  return td;
}

const cellOf = (line, slice, metric) => facts.lines[line].slices[slice]?.[2][metric] ?? null;

function drawLines() {
  const slice = Number(chosen.slice.value);
  const scales = facts.metrics.map((_, metric) => scaleOf(facts.lines.map((_, line) => cellOf(line, slice, metric))));
  for (const row of lines.tBodies[0].rows) {
    const line = Number(row.dataset.line);
    row.classList.toggle("gone", !facts.lines[line].slices[slice]);
    for (const td of row.querySelectorAll("td[data-metric]")) {
      const metric = Number(td.dataset.metric), cell = cellOf(line, slice, metric);
      td.dataset.v = cell ? real(cell[MEAN]) : "";
      drawCell(td, cell, line === facts.reference, scales[metric], chosen.below.value);
    }
  }
}

function showLines(all) {
  const words = chosen.find.value.toLowerCase().split(/\s+/), slice = Number(chosen.slice.value), by = Number(chosen.by.value);
  const rows = [...lines.tBodies[0].rows];
  const wanted = (row) => {
    const cell = cellOf(Number(row.dataset.line), slice, by), is = chosen.show.value;
    const clear = cell && cell[FLAGS].includes("c") ? kindOf(cell) : "";
    return words.every((word) => row.dataset.words.includes(word)) && (!is || clear === is);
  };
  rows.forEach((row) => { row.hidden = !all && !wanted(row); });
  const count = rows.filter((row) => !row.hidden).length;
  document.getElementById("lines-shown").textContent = `${count} of ${rows.length} settings shown; rows: ${facts.slices[slice]}.`;
}

function scrolling(caption, heads, rows) {
  const head = element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text))));
  const made = element("table", {}, element("caption", {}, caption), head, element("tbody", {}, ...rows));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, made);
}

function runsOf(line) {
  const heads = ["Run", "Seeds", "Verdict", ...facts.metrics.map(([, title]) => title), "Test rows"];
  const rows = facts.lines[line].runs.map((run) => element("tr", {},
    element("th", { scope: "row" }, element("bdi", {}, run.name)),
    element("td", {}, run.seeds || "none"),
    element("td", {}, run.blessed === null ? "none" : run.blessed ? "✓ blessed" : "✗ not blessed"),
    ...run.values.map((value) => element("td", {}, number(real(value)))),
    element("td", { class: "text" }, run.why || "those of the reference")));
  return scrolling("Runs of this setting", heads, rows);
}

function slicesOf(line) {
  const isReference = line === facts.reference, found = facts.lines[line].slices;
  // The wide intervals of small slices do not count, as in the report.
  const large = found.filter((slice) => slice && !slice[1]);
  const scales = facts.metrics.map((_, metric) => scaleOf(large.map((slice) => slice[2][metric])));
  const rows = found.flatMap((slice, at) => (slice ? [element("tr", slice[1] ? { class: "small" } : {},
    element("th", { scope: "row" }, element("bdi", {}, facts.slices[at]), element("small", {}, slice[1])),
    element("td", {}, number(slice[0])),
    ...facts.metrics.map((_, metric) => newCell(slice[2][metric], isReference, scales[metric])))] : []));
  return scrolling("Slices of this setting", ["Slice", "Rows", ...facts.metrics.map(([, title]) => title)], rows);
}

function open(button) {
  const dialog = document.getElementById("line"), line = Number(button.dataset.line);
  const close = element("button", { type: "button" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const title = element("h2", { id: "line-title" }, button.firstChild.cloneNode(true));
  dialog.replaceChildren(close, title, runsOf(line), slicesOf(line));
  dialog.showModal();
}

themed();
printable();
sortable(lines);
chosen.controls.hidden = false;
chosen.controls.addEventListener("input", (event) => {
  if (event.target === chosen.slice || event.target === chosen.below) drawLines();
  showLines(false);
});
chosen.controls.addEventListener("submit", (event) => event.preventDefault());
addEventListener("beforeprint", () => showLines(true));
addEventListener("afterprint", () => showLines(false));
lines.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-line]");
  if (button) open(button);
});
showLines(false);
