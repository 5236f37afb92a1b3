"""What a person without a mouse, or with weak eyes, meets on a page: stops of the Tab key, and contrasts of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

# Numbers what the keyboard should reach, and returns how much there is. Closed parts are not shown.
_NUMBER = """() => {
  const wanted = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const shown = Array.from(document.querySelectorAll(wanted)).filter((node) =>
    !node.disabled && (node.matches(".skip") || node.checkVisibility({ visibilityProperty: true })));
  shown.forEach((node, index) => { node.dataset.stop = index; });
  return shown.map((node) => node.outerHTML.slice(0, 160));
}"""

_STOP = """() => {
  const node = document.activeElement;
  if (node === document.body) return null;
  const style = getComputedStyle(node), box = node.getBoundingClientRect();
  const words = [node.getAttribute("aria-label"), node.textContent, node.placeholder, node.title,
    ...Array.from(node.labels || [], (label) => label.textContent),
    ...(node.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)?.textContent)];
  const inside = (low, high, end) => high > 0 && low < end && high - low > 0;
  return {
    stop: Number(node.dataset.stop ?? -1),
    html: node.outerHTML.slice(0, 160),
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    name: words.filter(Boolean).join(" ").trim(),
    seen: inside(box.top, box.bottom, innerHeight) && inside(box.left, box.right, innerWidth),
  };
}"""

_CONTRASTS = """(all) => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number)
      .map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? behind(node.parentElement) : colour;
  };
  return all.filter((node) => node.checkVisibility() && node.textContent.trim()).map((node) => {
    const [a, b] = [light(getComputedStyle(node).color), light(behind(node))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
}"""


def stops(page: Page) -> list[dict[str, Any]]:
    """Press Tab from the top of the page to its end, and return what was met, each with ``stop``, ``html``, ``outline``
    (width in pixels), accessible ``name`` and whether it was ``seen`` in the window.

    Fails if a control that is shown was not reached.
    """
    controls: list[str] = page.evaluate(_NUMBER)
    met: list[dict[str, Any]] = []
    for _ in range(len(controls) + 3):
        page.keyboard.press("Tab")
        found = page.evaluate(_STOP)
        if found is None or (met and found["stop"] == met[0]["stop"]):
            break
        met.append(found)
    missed = set(range(len(controls))) - {found["stop"] for found in met}
    assert not missed, [controls[number] for number in sorted(missed)]
    return met


def contrasts(texts: Locator) -> list[float]:
    """The contrast of each text that is shown with what is behind it, as WCAG defines it: 1 to 21."""
    return [float(value) for value in texts.evaluate_all(_CONTRASTS)]
