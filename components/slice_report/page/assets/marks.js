// Parts of a chart: elements, formatted numbers, axes from 0 to 1.
const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 360, HEIGHT = 250, LEFT = 54, RIGHT = 12, TOP = 10, BOTTOM = 38;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function mark(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Writes a number with some decimals; between two that are equally near, the even one, as Python does.
function fixed(value, decimals) {
  if (Math.abs((value * 2 ** (decimals + 1)) % 2) !== 1) return value.toFixed(decimals);
  const below = Math.floor(Math.abs(value) * 10 ** decimals);
  return ((Math.sign(value) * (below + (below % 2))) / 10 ** decimals).toFixed(decimals);
}

// Formats numbers like formats.py.
function number(value) {
  if (Number.isNaN(value)) return "undefined";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value), short = () => Number(value.toPrecision(3)).toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  const text = size >= 1e15 || (size > 0 && size < 5e-5) ? short()
    : Number.isInteger(value) ? value.toLocaleString("en-US")
    : size >= 1e4 ? Number(fixed(value, 0)).toLocaleString("en-US") : fixed(value, size >= 1e3 ? 1 : 4);
  return text.replaceAll("-", "−");
}

const x = (value) => LEFT + value * (WIDTH - LEFT - RIGHT);
const y = (value) => HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM);
const finite = (points) => points.filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b));
const path = (points) => finite(points).map(([a, b], at) => `${at ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");

function axes(across, up, highest = 1) {
  const drawn = mark("g");
  drawn.append(mark("path", { class: "axis", d: `M${x(0)} ${y(1)}V${y(0)}H${x(1)}` }));
  for (const part of [0, 0.5, 1]) {
    drawn.append(
      mark("path", { class: "tick", d: `M${x(0)} ${y(part)}H${x(1)}` }),
      mark("text", { class: "middle", x: x(part), y: y(0) + 14 }, String(part)),
      mark("text", { class: "end", x: x(0) - 5, y: y(part) + 4 }, String(Number((part * highest).toPrecision(2)))),
    );
  }
  drawn.append(
    mark("text", { class: "middle", x: x(0.5), y: HEIGHT - 6 }, across),
    mark("text", { class: "middle", x: 0, y: 0, transform: `translate(10 ${y(0.5)}) rotate(-90)` }, up),
  );
  return drawn;
}

// A chart with a text alternative.
function figure(title, words, keys, ...parts) {
  const drawn = mark("svg", { class: "c", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${words}` }, ...parts);
  const legend = keys.map((key, index) => element("span", { class: `key s${index}` }, key));
  return element("figure", {}, drawn, element("figcaption", {}, title, ...legend));
}

function dot(a, b, radius, hint) {
  return mark("circle", { cx: x(a).toFixed(1), cy: y(b).toFixed(1), r: radius }, mark("title", {}, hint));
}
