// The table of slices: sort, filter, and the curves of one.
function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => order(a.cells[column].dataset.v, b.cells[column].dataset.v, down ? -1 : 1));
    table.tBodies[0].append(...rows);
  }));
}

// Numbers by size, texts alphabetically; nan and missing values come last in both directions.
function order(a, b, sign) {
  const [left, right] = [a, b].map((text) => (text === "" || text === "nan" ? NaN : Number(text.replace("inf", "Infinity"))));
  if (!Number.isNaN(left) && !Number.isNaN(right)) return sign * (left === right ? 0 : left < right ? -1 : 1);
  if (Number.isNaN(left) !== Number.isNaN(right)) return Number.isNaN(left) ? 1 : -1;
  return sign * a.localeCompare(b);
}

function filterable(table) {
  const get = (id) => document.getElementById(`slice-${id}`);
  const [text, group, below, flagged, large] = ["filter", "group", "below", "flagged", "large"].map(get);
  const rows = [...table.tBodies[0].rows];
  const names = new Map(rows.map((row) => [row, row.cells[0].dataset.v.toLowerCase()]));
  const wanted = (row) => names.get(row).includes(text.value.toLowerCase()) && (!group.value || row.dataset.group === group.value)
    && (!flagged.checked || "flagged" in row.dataset) && (!large.checked || !row.classList.contains("small"));
  const show = () => {
    rows.forEach((row) => { row.hidden = !wanted(row); });
    table.dataset.below = below.value;
    document.getElementById("slices-shown").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} slices shown.`;
  };
  get("controls").hidden = false;
  get("controls").addEventListener("input", show);
  get("controls").addEventListener("submit", (event) => event.preventDefault());
  show();
}

// A dialog with the metrics of a slice and its curves.
function drill(table, counts) {
  const dialog = document.getElementById("drill");
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-slice]");
    if (!button) return;
    const of = counts.slices[Number(button.dataset.slice)];
    const close = element("button", { type: "button" }, "Close");
    close.addEventListener("click", () => dialog.close());
    const title = element("h2", { id: "drill-title" }, button.firstChild.cloneNode(true));
    dialog.replaceChildren(close, title, metricsOf(table, button.closest("tr")), element("div", { class: "charts" }, ...curves(of)));
    dialog.showModal();
  });
}

function metricsOf(table, row) {
  const heads = ["Metric", "Value", "95 % interval", "Δ to all rows", "Δ to baseline"].map((text) => element("th", { scope: "col" }, text));
  const body = [...row.cells].slice(1).map((cell, at) => {
    const below = ["interval", "overall", "baseline"].map((kind) => cell.querySelector(`.${kind}`)?.textContent ?? "");
    const head = element("th", { scope: "row" }, table.tHead.rows[0].cells[at + 1].textContent);
    return element("tr", {}, head, ...[cell.firstChild.textContent, ...below].map((text) => element("td", {}, text)));
  });
  const made = element("table", {}, element("caption", {}, "Metrics of this slice"), element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...body));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Metrics of this slice" }, made);
}
