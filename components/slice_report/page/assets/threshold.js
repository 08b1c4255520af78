// Updates the confusion matrix and the rates and gaps of groups at another threshold.
const WHISKER = [3, 61], MIN_ROWS = 5;

function ratesOf(of, k) {
  const { tp, fp, fn, tn } = outcomes(of, k);
  return { selection: [tp + fp, tp + fp + fn + tn], tpr: [tp, tp + fn], fpr: [fp, fp + tn], fnr: [fn, tp + fn], ppv: [tp, tp + fp] };
}

function whisker(value, [low, high]) {
  const [a, b, at] = [low, high, value].map((part) => (WHISKER[0] + part * (WHISKER[1] - WHISKER[0])).toFixed(1));
  return mark("svg", { class: "w", viewBox: "0 0 64 10", "aria-hidden": "true" },
    mark("path", { d: `M${a} 5H${b}M${a} 2V8M${b} 2V8M${(at - 2).toFixed(1)} 5a2 2 0 1 0 4 0a2 2 0 1 0 -4 0` }));
}

// What the page was written with, by cell: the report's threshold has intervals by unit, thresholds by group and the baseline.
const written = new WeakMap();
function replace(cell, ...children) {
  if (!written.has(cell)) written.set(cell, [...cell.childNodes]);
  cell.replaceChildren(...children);
}

// Of rows in units only the counts are known here, which give no interval; with fewer than five rows it is not exact.
function drawRate(cell, [part, of], group, units) {
  const value = part / of;
  if (!of) return replace(cell, "undefined", element("small"));
  if (units || of < MIN_ROWS) return replace(cell, number(value));
  // As in intervals.py: a share between 0 and 1 has the variance of one row fewer.
  const size = part % of ? of * (group - 1) / group : of;
  const [low, high] = wilson(value * size, size, student(of - 1));
  replace(cell, number(value), whisker(value, [low, high]), element("small", {}, `${number(low)} … ${number(high)}`));
}

// As in fairness.py: the best rate is the highest, for fpr and fnr the lowest; the ratio is worst divided by best.
function gapOf(rate, rates) {
  const known = rates.filter(([, [, of]]) => of).map(([group, [part, of]]) => [group.name, part / of]);
  if (known.length < 2) return null;
  known.sort((a, b) => (["fpr", "fnr"].includes(rate) ? a[1] - b[1] : b[1] - a[1]));
  const [best, high] = known[0], [worst, low] = known[known.length - 1];
  return { best, worst, difference: Math.abs(high - low), ratio: high === low ? 1 : low / high };
}

function drawFeature(part, groups, k, moved) {
  const cells = [...part.querySelectorAll("[data-rate] td, td[data-rate]")];
  if (!moved) return cells.forEach((cell) => written.has(cell) && cell.replaceChildren(...written.get(cell)));
  const rates = groups.map((group) => ratesOf(group, k));
  const [rows, gaps] = ["groups", "gaps"].map((kind) => [...part.querySelector(`table.${kind}`).tBodies[0].rows]);
  rows.forEach((row, at) => row.querySelectorAll("[data-rate]").forEach((cell) => drawRate(cell, rates[at][cell.dataset.rate], rates[at].selection[1], groups[at].units)));
  gaps.forEach((row) => {
    const rate = row.dataset.rate;
    const gap = gapOf(rate, groups.map((group, at) => [group, rates[at][rate]]).filter(([group]) => group.compared));
    const texts = gap ? [gap.best, gap.worst, number(gap.difference), number(gap.ratio)] : ["–", "–", "–", "–"];
    [...row.cells].slice(1).forEach((cell, at) => replace(cell, element("bdi", {}, texts[at])));
  });
}

function drawConfusion(of, k) {
  const counts = outcomes(of, k), { tp, fp, fn, tn } = counts;
  document.querySelectorAll("#confusion [data-count]").forEach((cell) => { cell.textContent = number(counts[cell.dataset.count]); });
  const rates = { Accuracy: (tp + tn) / (tp + tn + fp + fn), Precision: tp / (tp + fp), Recall: tp / (tp + fn),
    Specificity: tn / (tn + fp), F1: (2 * tp) / (2 * tp + fp + fn) };
  document.getElementById("confusion-rates").replaceChildren(...Object.entries(rates).map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, number(value)))));
}

// All sliders set the same threshold.
function movable(counts) {
  const sliders = [...document.querySelectorAll("input.threshold")];
  const overall = counts.slices[counts.overall];
  const show = (k) => {
    sliders.forEach((slider) => {
      slider.value = k;
      slider.setAttribute("aria-valuetext", number(k / slider.max));
      slider.form.querySelector("output").textContent = number(k / slider.max);
    });
    const { max, defaultValue } = sliders[0], stays = k === Number(defaultValue), moved = stays ? "" : `, moved from ${number(defaultValue / max)}`;
    document.querySelectorAll(".at").forEach((part) => { part.textContent = `${number(k / max)}${moved}`; });
    if (document.getElementById("confusion")) drawConfusion(overall, k);
    document.querySelectorAll(".sensitive").forEach((part) => drawFeature(part, counts.sensitive[part.dataset.feature], k, !stays));
  };
  sliders.forEach((slider) => {
    slider.form.hidden = false;
    slider.addEventListener("input", () => show(Number(slider.value)));
    slider.form.addEventListener("submit", (event) => event.preventDefault());
    slider.form.addEventListener("reset", (event) => { event.preventDefault(); show(Number(slider.defaultValue)); });
  });
  if (document.getElementById("confusion")) drawConfusion(overall, Number(sliders[0].value));
}
