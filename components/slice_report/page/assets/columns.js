// Wide tables: which columns are shown, and the sign that there is more to the side.
const HIDDEN = "mainline-hidden-columns:";

// A browser may refuse its storage to a file; the choice then lasts as long as the page.
function remembered(key) {
  try {
    const names = JSON.parse(localStorage.getItem(HIDDEN + key));
    return Array.isArray(names) ? names : [];
  } catch { return []; }
}

function remember(key, names) {
  try { localStorage.setItem(HIDDEN + key, JSON.stringify(names)); } catch { return; }
}

// A folded list of columns before a table with data-columns; the first column always stays.
function pickable(table) {
  const heads = [...table.tHead.rows[0].cells].slice(1), names = heads.map((head) => head.textContent);
  const before = remembered(table.dataset.columns);
  const boxes = names.map((name) => element("input", { type: "checkbox", value: name }));
  const status = element("p", { class: "muted left-out", role: "status" });
  boxes.forEach((box) => { box.checked = !before.includes(box.value); });
  const show = () => {
    const hidden = names.filter((_, at) => !boxes[at].checked);
    [...table.rows].forEach((row) => [...row.cells].slice(1).forEach((cell, at) => { cell.hidden = !boxes[at].checked; }));
    status.textContent = hidden.length ? `Columns not shown: ${hidden.join(", ")}.` : "";
    remember(table.dataset.columns, hidden);
  };
  const all = element("button", { type: "button" }, "all columns");
  all.addEventListener("click", () => { boxes.forEach((box) => { box.checked = true; }); show(); });
  const choices = boxes.map((box) => element("label", {}, box, ` ${box.value}`));
  const list = element("fieldset", { class: "controls" }, element("legend", {}, table.caption.textContent), ...choices, all);
  list.addEventListener("change", show);
  const frame = table.parentElement;
  frame.before(element("details", { class: "columns" }, element("summary", {}, "Columns"), list), status);
  show();
}

// A shadow at the sides where a table goes on.
function shaded(frame) {
  const show = () => {
    const left = frame.scrollWidth - frame.clientWidth - frame.scrollLeft;
    frame.classList.toggle("more-right", left > 1);
    frame.classList.toggle("more-left", frame.scrollLeft > 1);
  };
  frame.addEventListener("scroll", show, { passive: true });
  new ResizeObserver(show).observe(frame);
  [...frame.children].forEach((child) => new ResizeObserver(show).observe(child));
}

document.querySelectorAll("table[data-columns]").forEach(pickable);
document.querySelectorAll(".scroll").forEach(shaded);
