// Elements without innerHTML: what the API answers is always text here, never markup.

export function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

export const byId = (id) => document.getElementById(id);

let lastId = 0;
export const newId = (stem) => `${stem}-${++lastId}`;

/** Tells a screen reader what is new; others see it in the page itself. */
export function say(text) {
  byId('said').textContent = text;
}

/** Finds the control that stands in a new view where this one stood: by its name, or its words; a
 * table's cell by its place, since its words are what changed. */
export function standIn(element) {
  const main = byId('main');
  if (element.tagName === 'TD') {
    const [row, column] = [element.parentNode.sectionRowIndex, element.cellIndex];
    return () => main.querySelector('table')?.tBodies[0].rows[row]?.cells[column];
  }
  const wordsOf = (other) => other.getAttribute('aria-label') ?? other.textContent.trim();
  const words = wordsOf(element);
  const { tagName, name } = element;
  return () => [...main.querySelectorAll(tagName)].find((other) =>
    (name ? other.name === name : wordsOf(other) === words))
    ?? main.querySelector('h1');
}

/** A label above its control, with a hint that a screen reader reads after it. */
export function field(label, control, hint) {
  control.id ||= newId(control.name || 'field');
  const parts = [h('label', { for: control.id }, label), control];
  if (hint) {
    const text = h('small', { id: `${control.id}-hint` }, hint);
    control.setAttribute('aria-describedby', text.id);
    parts.push(text);
  }
  return h('div', { class: 'field' }, parts);
}

export function select(name, options, chosen) {
  return h('select', { name }, options.map(([value, text]) =>
    h('option', { value, selected: value === (chosen ?? '') }, text)));
}

/** A text control that offers `choices` but takes any other text too. */
export function choice(name, choices, value, attributes) {
  const list = h('datalist', { id: newId(`${name}-choices`) }, choices.map((c) =>
    h('option', { value: c })));
  return [h('input', { name, value, list: list.id, spellcheck: 'false', autocomplete: 'off',
    ...attributes }), list];
}

/** A table: columns are [heading, class], rows are arrays of what stands in the cells. A row's
 * first cell is its heading. */
export function table(caption, columns, rows, attributes) {
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h('table', attributes,
      h('caption', { class: 'hidden' }, caption),
      h('thead', null, h('tr', null, columns.map(([heading, name]) =>
        h('th', { scope: 'col', class: name }, heading)))),
      h('tbody', null, rows.map((cells) => h('tr', null, cells.map((cell, i) =>
        h(i ? 'td' : 'th', { scope: i ? null : 'row', class: columns[i][1] }, cell)))))));
}
