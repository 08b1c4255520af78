// Starts the other scripts.
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
