"""Contrast of text against what is painted behind it, from computed styles, where axe-core cannot tell."""

from playwright.sync_api import Page

# Colours are composed over the backgrounds of all ancestors, then compared by WCAG's formula for relative luminance
# (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio); large text needs 3, other text 4.5. Text in SVG has its fill.
MEASURE = """() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => {
    const mix = (one, other) => one * top.a + other * (1 - top.a);
    return { r: mix(top.r, below.r), g: mix(top.g, below.g), b: mix(top.b, below.b), a: 1 };
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.unshift(parse(getComputedStyle(at).backgroundColor));
      if (at.tagName === "DIALOG") break;
    }
    return layers.reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
  };
  const light = ({ r, g, b }) => {
    const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [r, g, b].map((part) => linear(part / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("script, style, noscript, title")) continue;
    if (!element.checkVisibility({ checkVisibilityCSS: true })) continue;
    const style = getComputedStyle(element), ground = behind(element);
    const front = over(parse(element.closest("svg") ? style.fill : style.color), ground);
    const [high, low] = [light(front), light(ground)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const text = walker.currentNode.data.trim().slice(0, 40);
    found.push({ text, ratio: (high + 0.05) / (low + 0.05), need: large ? 3 : 4.5 });
  }
  return found;
}"""


def contrasts(page: Page) -> list[tuple[str, float, float]]:
    """The visible texts of a page, each with its contrast and the one it needs."""
    return [(item["text"], item["ratio"], item["need"]) for item in page.evaluate(MEASURE)]
