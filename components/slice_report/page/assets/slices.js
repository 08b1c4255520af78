// The table of slices: filter, and the curves of one.
function filterable(table) {
  const get = (id) => document.getElementById(`slice-${id}`);
  const [text, group, below, flagged, large] = ["filter", "group", "below", "flagged", "large"].map(get);
  const rows = [...table.tBodies[0].rows];
  const names = new Map(rows.map((row) => [row, row.cells[0].dataset.v.toLowerCase()]));
  const wanted = (row) => names.get(row).includes(text.value.toLowerCase()) && (!group.value || row.dataset.group === group.value)
    && (!flagged.checked || "flagged" in row.dataset) && (!large.checked || !row.classList.contains("small"));
  const show = (all) => {
    rows.forEach((row) => { row.hidden = !all && !wanted(row); });
    table.dataset.below = below.value;
    document.getElementById("slices-shown").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} slices shown.`;
  };
  addEventListener("beforeprint", () => show(true));
  addEventListener("afterprint", () => show(false));
  get("controls").hidden = false;
  get("controls").addEventListener("input", () => show(false));
  get("controls").addEventListener("submit", (event) => event.preventDefault());
  show(false);
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
    const charts = element("div", { class: "charts" }, ...curves(of));
    dialog.replaceChildren(close, title, metricsOf(table, button.closest("tr")), charts, ...worstRows(Number(button.dataset.slice)));
    dialog.querySelectorAll(".scroll").forEach(shaded);
    dialog.showModal();
  });
}

function metricsOf(table, row) {
  const heads = ["Metric", "Value", "95 % interval", "Δ to other rows", "Δ to baseline"].map((text) => element("th", { scope: "col" }, text));
  const body = [...row.cells].slice(1).map((cell, at) => {
    const below = ["interval", "rest", "baseline"].map((kind) => cell.querySelector(`.${kind}`)?.textContent ?? "");
    const head = element("th", { scope: "row" }, table.tHead.rows[0].cells[at + 1].textContent);
    return element("tr", {}, head, ...[cell.firstChild.textContent, ...below].map((text) => element("td", {}, text)));
  });
  const made = element("table", {}, element("caption", {}, "Metrics of this slice"), element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...body));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Metrics of this slice" }, made);
}

// The rows of a slice with the highest loss, if the report has them.
function worstRows(slice) {
  const data = document.getElementById("worst"), worst = data && JSON.parse(data.textContent);
  if (!worst || !worst.slices[slice].length) return [];
  const rows = worst.slices[slice].map((at) => element("tr", {}, ...worst.rows[at].map((text) => element("td", {}, text))));
  const heads = worst.heads.map((text) => element("th", { scope: "col" }, text));
  const words = "Rows of this slice with the highest loss";
  const made = element("table", {}, element("caption", {}, words), element("thead", {}, element("tr", {}, ...heads)), element("tbody", {}, ...rows));
  return [element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": words }, made)];
}
