// Curves from counts of rows by score. Bin k of the counts holds the scores in (k / bins, (k + 1) / bins].
const sum = (values) => values.reduce((total, value) => total + value, 0);

// above[k] is the count of rows with a score over k / bins.
function above(counts) {
  const found = new Array(counts.length + 1).fill(0);
  for (let bin = counts.length - 1; bin >= 0; bin--) found[bin] = found[bin + 1] + counts[bin];
  return found;
}

// Rows by label and prediction at the threshold k / bins.
function outcomes(of, k) {
  const tp = above(of.p)[k], fp = above(of.n)[k];
  return { tp, fp, fn: sum(of.p) - tp, tn: sum(of.n) - fp };
}

// Wilson's interval of a share (1927, https://doi.org/10.1080/01621459.1927.10502953).
function wilson(part, of, z = 1.959964) {
  if (!of) return [NaN, NaN];
  const share = part / of, size = 1 + (z * z) / of;
  const middle = (share + (z * z) / (2 * of)) / size;
  const half = (z / size) * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

// Student's quantile for a 95 % interval: the first terms of its expansion at the normal one (Fisher & Cornish 1960).
function student(degrees) {
  const z = 1.959964;
  const terms = [
    z,
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return sum(terms.map((term, power) => term / degrees ** power));
}

function roc(of) {
  const tp = above(of.p), fp = above(of.n), points = tp.map((value, k) => [fp[k] / fp[0], value / tp[0]]);
  const curve = mark("g", { class: "s0" }, mark("path", { d: path(points) }));
  const chance = mark("path", { class: "r", d: path([[0, 0], [1, 1]]) });
  const words = tp[0] && fp[0] ? `${number(tp[0])} positives, ${number(fp[0])} negatives` : "needs rows of both labels";
  return figure("ROC", words, ["model"], axes("false positive rate", "true positive rate"), chance, curve);
}

function precisionRecall(of) {
  const tp = above(of.p), fp = above(of.n), base = tp[0] / (tp[0] + fp[0]);
  const points = tp.map((value, k) => [value / tp[0], value / (value + fp[k])]);
  const curve = mark("g", { class: "s0" }, mark("path", { d: path(points) }));
  const line = mark("path", { class: "r", d: path([[0, base], [1, base]]) });
  return figure("Precision and recall", `base rate ${number(base)}`, ["model"], axes("recall", "precision"), line, curve);
}

function calibration(of) {
  const size = of.p.length / of.s.length, drawn = mark("g", { class: "s0" });
  of.s.forEach((scores, group) => {
    const bins = [group * size, (group + 1) * size], positives = sum(of.p.slice(...bins));
    const rows = positives + sum(of.n.slice(...bins));
    if (!rows) return;
    const mean = scores / rows, [low, high] = of.c ? [NaN, NaN] : wilson(positives, rows);
    const hint = `${number(rows)} rows, predicted ${number(mean)}, observed ${number(positives / rows)}`;
    if (!of.c) drawn.append(mark("path", { d: path([[mean, low], [mean, high]]) }));
    drawn.append(dot(mean, positives / rows, 3, hint));
  });
  const ideal = mark("path", { class: "r", d: path([[0, 0], [1, 1]]) });
  const words = `observed share of positives by mean score, ${of.c ? "without intervals: rows are not independent" : "with 95 % intervals"}`;
  return figure("Calibration", words, ["model"],
    axes("mean score", "share of positives"), ideal, drawn);
}

function scoreHistogram(of) {
  const groups = 20, size = of.p.length / groups;
  const shares = [of.n, of.p].map((counts) => {
    const total = sum(counts) || 1;
    return Array.from({ length: groups }, (_, group) => sum(counts.slice(group * size, (group + 1) * size)) / total);
  });
  const highest = Math.max(...shares.flat()) || 1;
  const drawn = shares.map((label, series) => mark("g", { class: `s${series}` }, ...label.map((share, group) =>
    mark("rect", { x: x(group / groups), width: (x(1) - x(0)) / groups - 1, y: y(share / highest), height: y(0) - y(share / highest) },
      mark("title", {}, `${number(group / groups)} … ${number((group + 1) / groups)}: ${number(share)} of label ${series}`)))));
  return figure("Scores by label", "share of the rows of each label", ["label 0", "label 1"], axes("score", "share", highest), ...drawn);
}

function gain(of) {
  const tp = above(of.p), fp = above(of.n), rows = tp[0] + fp[0];
  const points = tp.map((value, k) => [(value + fp[k]) / rows, value / tp[0]]);
  const curve = mark("g", { class: "s0" }, mark("path", { d: path(points) }));
  finite(points).forEach(([a, b], k) => { if (k % 10 === 0 && a) curve.append(dot(a, b, 2, `lift ${number(b / a)} in the top ${number(a)}`)); });
  return figure("Gain and lift", "share of positives in the highest-scored rows; lift is gain divided by share of rows", ["model"],
    axes("share of rows", "share of positives"), mark("path", { class: "r", d: path([[0, 0], [1, 1]]) }), curve);
}

const curves = (of) => [roc, precisionRecall, calibration, scoreHistogram, gain].map((draw) => draw(of));
