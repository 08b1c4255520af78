// What every page has: its theme, its print, and tables that sort by a heading.
function themed() {
  const button = document.getElementById("theme"), root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; });
}

// A printed page is light and unfolded.
function printable() {
  let opened = [], theme;
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((part) => { part.open = true; });
    theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    opened.forEach((part) => { part.open = false; });
    if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
  });
}

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    // Of several values in a cell, the one that the table shows below, if it is a difference.
    const shown = (row) => row.cells[column].dataset[table.dataset.below] ?? row.cells[column].dataset.v;
    rows.sort((a, b) => order(shown(a), shown(b), down ? -1 : 1));
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
