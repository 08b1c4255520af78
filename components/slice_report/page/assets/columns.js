// Wide tables: which columns are shown, and the sign that there is more to the side.
const HIDDEN = "mainline-hidden-columns:";

// A browser may refuse its storage to a file; the choice then lasts as long as the page. Null if nothing was chosen.
function remembered(key) {
  try {
    const names = JSON.parse(localStorage.getItem(HIDDEN + key));
    return Array.isArray(names) ? names : null;
  } catch { return null; }
}

function remember(key, names) {
  try { localStorage.setItem(HIDDEN + key, JSON.stringify(names)); } catch { return; }
}

// The spare columns of a table that does not fit its frame, from the last to the first, until the others do.
function tooWide(frame, heads) {
  let over = frame.scrollWidth - frame.clientWidth;
  return [...heads].reverse().filter((head) => {
    if (over <= 0 || !("spare" in head.dataset)) return false;
    over -= head.offsetWidth;
    return true;
  });
}

// A folded list of columns before a table with data-columns; the first column always stays.
function pickable(table) {
  const heads = [...table.tHead.rows[0].cells].slice(1), names = heads.map((head) => head.textContent);
  const frame = table.parentElement, key = table.dataset.columns, before = remembered(key);
  const left = before ?? tooWide(frame, heads).map((head) => head.textContent);
  const boxes = names.map((name) => element("input", { type: "checkbox", value: name }));
  const status = element("p", { class: "muted left-out", role: "status" });
  boxes.forEach((box) => { box.checked = !left.includes(box.value); });
  const hidden = () => names.filter((_, at) => !boxes[at].checked);
  const all = element("button", { type: "button" }, "all columns");
  const show = (why) => {
    [...table.rows].forEach((row) => [...row.cells].slice(1).forEach((cell, at) => { cell.hidden = !boxes[at].checked; }));
    status.replaceChildren(...(hidden().length ? [`Columns ${why}: ${hidden().join(", ")}.`] : []));
  };
  const choose = () => { show("not shown"); remember(key, hidden()); };
  all.addEventListener("click", () => { boxes.forEach((box) => { box.checked = true; }); choose(); });
  const choices = boxes.map((box) => element("label", {}, box, ` ${box.value}`));
  const list = element("fieldset", { class: "controls" }, element("legend", {}, table.caption.textContent), ...choices, all);
  list.addEventListener("change", choose);
  frame.before(element("details", { class: "columns" }, element("summary", {}, "Columns"), list), status);
  show(before ? "not shown" : "without a bound or mark that do not fit");
  if (!before && hidden().length) {
    const more = element("button", { type: "button", class: "link" }, "Show all columns");
    more.addEventListener("click", () => all.click());
    status.append(" ", more);
  }
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
