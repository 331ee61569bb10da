"""What makes a page usable without a mouse, without good eyes, or without eyes, as checks of what is
shown: each returns sentences of what is wrong. The criteria are WCAG 2.2's, level AA."""
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from page import OPERABLE

# A name, at level A (4.1.2, 1.3.1): what a screen reader says of a control.
ROLES_WITHOUT_NAMES = {"generic", "none"}

STRUCTURE = r"""
const wrong = [];
const say = (text, e) => wrong.push(`${text}: ${e ? e.outerHTML.slice(0, 120) : ''}`);
if (!document.documentElement.lang) say('the page has no language');
if (!document.title) say('the page has no title');
for (const [name, n] of [['main', 1], ['h1', 1], ['header', 1]]) {
  const there = document.querySelectorAll(name).length;
  if (there !== n) say(`${there} of ${name}`);
}
// Headings go down one level at a time.
let level = 0;
for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
  if (!heading.checkVisibility()) continue;
  const next = Number(heading.tagName[1]);
  if (next > level + 1 && !heading.closest('dialog')) say('a heading skips a level', heading);
  level = next;
  if (!heading.textContent.trim()) say('an empty heading', heading);
}
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
for (const id of new Set(ids)) {
  if (ids.filter((other) => other === id).length > 1) say(`the id ${id} twice`);
}
for (const name of ['for', 'aria-labelledby', 'aria-describedby', 'aria-controls', 'list']) {
  for (const e of document.querySelectorAll(`[${name}]`)) {
    for (const id of e.getAttribute(name).split(/\s+/)) {
      if (!document.getElementById(id)) say(`${name} leads nowhere`, e);
    }
  }
}
// A placeholder is no name: it goes when one types (3.3.2).
for (const e of document.querySelectorAll('input, select')) {
  if (!e.labels.length && !e.getAttribute('aria-label')) say('a field without a label', e);
}
for (const e of document.querySelectorAll('th')) {
  if (!e.scope) say('a heading of no row or column', e);
  if (!e.textContent.trim()) say('an empty heading', e);
}
for (const e of document.querySelectorAll('table')) {
  if (!e.caption && !e.getAttribute('aria-label')) say('a table without a name', e);
}
for (const e of document.querySelectorAll('img, svg')) say('a picture', e);
for (const e of document.querySelectorAll('[style]')) {
  // Set by the page's own script for what depends on data, which is where a bar stands.
  if (!e.closest('.calendar')) say('a style in an attribute', e);
}
for (const e of document.querySelectorAll('[tabindex]')) {
  if (e.tabIndex > 0) say('an order of its own', e);
}
// What looks as if it could be clicked can be reached by keys: itself, or a grid's cell by arrows.
for (const e of document.querySelectorAll('body *')) {
  const cursor = getComputedStyle(e).cursor;
  if ((cursor === 'pointer' || cursor === 'cell')
      && !e.closest('a[href], button, summary, input, select, label, [role=grid] [tabindex]')) {
    say('only for a mouse', e);
  }
}
for (const grid of document.querySelectorAll('[role=grid]')) {
  const stops = grid.querySelectorAll('[tabindex="0"]').length;
  if (stops !== 1) say(`a grid with ${stops} tab stops`);
}
// Nothing is cut off at the side: what is wide scrolls in a box of its own (1.4.10).
if (document.documentElement.scrollWidth > innerWidth) {
  say(`the page is ${document.documentElement.scrollWidth} px wide in a window of ${innerWidth}`);
}
return wrong;
"""

# Contrast of each text with what is behind it (1.4.3), of a control's border with what is around
# it (1.4.11): ratios as WCAG defines them.
CONTRAST = r"""
const parse = (text) => {
  const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
  return [r, g, b, a];
};
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
const light = (rgb) => rgb.map((v) => v / 255)
  .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ratio = (one, other) => {
  const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
};
const behind = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    layers.push(parse(getComputedStyle(e).backgroundColor));
  }
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const canvas = dark ? [18, 18, 18] : [255, 255, 255];
  return layers.reverse().reduce((under, top) => over(top, under), canvas);
};
const wrong = [];
let texts = 0;
const walker = document.createTreeWalker(
  document.querySelector('dialog[open]') ?? document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const e = node.parentElement;
  if (!node.data.trim() || !e.checkVisibility()
      || e.closest('option, noscript, .hidden, :disabled')) {
    continue;
  }
  texts += 1;
  const style = getComputedStyle(e);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const back = behind(e);
  const found = ratio(over(parse(style.color), back), back);
  if (found < (large ? 3 : 4.5)) {
    wrong.push(`a contrast of ${found.toFixed(2)}: ${e.outerHTML.slice(0, 120)}`);
  }
}
for (const e of document.querySelectorAll('main button, main input, main select, dialog input')) {
  const style = getComputedStyle(e);
  const around = behind(e.parentElement);
  if (!e.checkVisibility() || e.disabled || e.type === 'checkbox') continue;
  const found = Math.max(ratio(over(parse(style.borderTopColor), around), around),
    ratio(behind(e), around));
  if (found < 3 && e.textContent === '') {
    wrong.push(`a border's contrast of ${found.toFixed(2)}: ${e.outerHTML.slice(0, 120)}`);
  }
}
return [texts, wrong];
"""

# Puts the focus before all there is, so that the next Tab leads to the first.
BEGIN = """
    const before = document.createElement('span');
    before.tabIndex = -1;
    (document.querySelector('dialog[open]') ?? document.body).prepend(before);
    before.focus();
    before.remove();"""

# Notes each stop of the focus, and whether it can be seen there (2.4.7).
LISTEN = """
    window.stops = [];
    window.onstop ??= addEventListener('focusin', ({ target }) => {
      const style = getComputedStyle(target);
      window.stops.push([target, style.outlineStyle !== 'none'
                                 && parseFloat(style.outlineWidth) >= 2]);
    }) ?? true;"""


def names(page):
    """Controls that have no name, or no role that a screen reader could say."""
    wrong = []
    for element in page.script(OPERABLE):
        role = element.aria_role
        name = (element.accessible_name or "").strip()
        if not name or role in ROLES_WITHOUT_NAMES:
            wrong.append(f"'{name}' of role {role}: {start_of(element)}")
    return wrong


def structure(page):
    return page.script(STRUCTURE)


def contrast(page):
    texts, wrong = page.script(CONTRAST)
    assert texts > 5, "hardly any text was looked at"
    return wrong


def keyboard(page):
    """Tab reaches all that can be operated, in the order in which one reads, and shows where it
    is."""
    wanted = [element for element in page.script(OPERABLE)
              if element.get_attribute("tabindex") != "-1"]
    # From before the first to the last: past it the focus is the browser's own, which gives it back
    # when it likes. A date has a stop for each of its parts.
    page.script(BEGIN)
    page.script(LISTEN)
    for _ in range(7 * len(wanted)):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        if page.script("return document.activeElement === arguments[0]", wanted[-1]):
            break
    stops = page.script("return window.stops")
    wrong = [f"a focus that cannot be seen: {start_of(element)}"
             for element, seen in stops if not seen]
    reached = list(dict.fromkeys(element for element, seen in stops))
    wrong += [f"Tab does not reach {start_of(element)}"
              for element in wanted if element not in reached]
    order = [element for element in reached if element in wanted]
    if order != [element for element in wanted if element in reached]:
        wrong.append("Tab goes another way than one reads")
    return wrong


def start_of(element):
    return element.get_attribute("outerHTML")[:120]


CHECKS = {"names": names, "structure": structure, "contrast": contrast, "keyboard": keyboard}


def all_wrong(page, *checks):
    """What is wrong with what is shown, by all checks or by these."""
    return [f"{name}: {sentence}" for name in checks or CHECKS
            for sentence in CHECKS[name](page)]
