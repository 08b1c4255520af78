// Starts the other scripts.
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

const counts = JSON.parse(document.getElementById("counts").textContent);
const table = document.getElementById("slice-table");
themed();
printable();
if (table) {
  sortable(table);
  filterable(table);
  drill(table, counts);
}
movable(counts);
const charts = document.getElementById("quality-charts");
if (charts) charts.append(...curves(counts.slices[counts.overall]));
