// A row a car, a column a day. A bar stands in the cell of its first day and reaches over the
// others; each cell says in words what the car does that day, so that nothing hangs on the picture.

import { block } from './actions.js';
import { h } from './dom.js';
import { grid } from './grid.js';
import { go, to } from './route.js';
import { addDays, clock, day as dayName, dayOf, now, startOf, weekday } from './time.js';
import { isBlock, isLate, linkTo, nameOf, period, pickupOf, returnOf, stateName } from './words.js';

export function legend() {
  return h('ul', { class: 'legend', 'aria-label': 'Legend' },
    [['booked', 'booked'], ['late', 'late'], ['held', 'held'], ['blocked', 'out of service'],
      ['turnaround', 'turnaround']].map(([kind, text]) =>
      h('li', null, h('span', { class: `bar sample ${kind}` }), text)));
}

function kindOfDay(day) {
  if (day === dayOf(now())) return 'today';
  return ['Sat', 'Sun'].includes(weekday(startOf(day))) ? 'weekend' : null;
}

export function headings(list) {
  return list.map((day) => {
    const at = startOf(day);
    const kind = kindOfDay(day);
    return h('th', { scope: 'col', class: kind, 'aria-current': kind === 'today' ? 'date' : null },
    h('span', { 'aria-hidden': 'true' }, weekday(at).slice(0, list.length > 28 ? 1 : 3), ' ',
      h('strong', null, Number(day.slice(8)))),
    h('span', { class: 'hidden' }, dayName(at)));
  });
}

const ends = (bar) => returnOf(bar) + (bar.turnaround ?? 0) * 60000;

const inWords = (bar) => `${isLate(bar) ? 'late' : stateName(bar.status).toLowerCase()}${
  isBlock(bar) ? '' : ` by ${bar.channel}`}, ${isBlock(bar) ? bar.reason : nameOf(bar)}, ${
  period(bar)}`;

/** Where an instant is, in days from the first: days of 23 and 25 hours are as wide as others. */
function scale(edges) {
  return (instant) => {
    if (instant <= edges[0]) return 0;
    const last = edges.length - 1;
    if (instant >= edges[last]) return last;
    const i = edges.findIndex((edge) => edge > instant) - 1;
    return i + (instant - edges[i]) / (edges[i + 1] - edges[i]);
  };
}

function draw(cells, bar, words, where, edges) {
  const part = (from, to, kind, content) => {
    const [left, right] = [where(from), where(to)];
    if (right <= left) return;
    const first = Math.min(Math.floor(left), cells.length - 1);
    content.className = `bar ${kind}`;
    content.style.left = `${(left - first) * 100}%`;
    content.style.width = `${(right - left) * 100}%`;
    cells[first].append(content);
  };
  const label = isBlock(bar) ? bar.reason : bar.channel;
  const link = linkTo(bar, h('span', null, label));
  link.tabIndex = -1;
  link.title = words;
  if (pickupOf(bar) < edges[0]) link.dataset.from = 'before';
  part(pickupOf(bar), returnOf(bar), isLate(bar) ? 'late' : bar.status, link);
  if (bar.turnaround > 0) {
    const gap = h('span', { title: `turnaround until ${clock(ends(bar))}` });
    part(returnOf(bar), ends(bar), 'turnaround', gap);
  }
}

export function bars(list, rows) {
  const edges = [...list.map(startOf), startOf(addDays(list[list.length - 1], 1))];
  const names = list.map((day) => dayName(startOf(day)));
  const where = scale(edges);
  const classes = list.map(kindOfDay);
  const shownRows = new Map();

  const body = rows.map((row) => {
    const words = new Map(row.bars.map((bar) => [bar, inWords(bar)]));
    const cells = list.map((_, i) => {
      const here = row.bars.filter((bar) => pickupOf(bar) < edges[i + 1] && ends(bar) > edges[i]);
      const cell = h('td', { class: classes[i], 'aria-label': `${row.carid}, ${
        names[i]}: ${here.map((bar) => words.get(bar)).join('; ') || 'free'}` });
      cell.here = here;
      return cell;
    });
    row.bars.forEach((bar) => draw(cells, bar, words.get(bar), where, edges));
    const line = h('tr', { class: row.offered ? null : 'withdrawn' },
      h('th', { scope: 'row' },
        h('a', { href: to('bookings', { carid: row.carid, order: 'pickup' }) }, row.carid), ' ',
        h('span', { class: 'faint' }, `${row.location} `, h('span', null, row.category),
          row.offered ? '' : ' withdrawn')),
      cells);
    shownRows.set(line, row);
    return line;
  });
  const table = h('table', { class: `calendar ${list.length > 28 ? 'many' : ''}`,
    'aria-label': 'Cars by day' },
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Car'), headings(list))),
    h('tbody', null, body));

  /** What is free of [from, to) around `at`: what a block is offered for. */
  const gap = (row, from, to, at) => {
    const before = row.bars.filter((bar) => ends(bar) <= at).map(ends);
    const after = row.bars.filter((bar) => pickupOf(bar) > at).map(pickupOf);
    const start = Math.max(from, ...before, from <= now() && now() < to ? minute(now()) : 0);
    return [start, Math.max(start + 60000, Math.min(to, ...after))];
  };
  const offer = (cells, at) => {
    const row = shownRows.get(cells[0].parentNode);
    const [first, last] = [cells[0].cellIndex - 1, cells[cells.length - 1].cellIndex - 1];
    const middle = at ?? freeMoment(row, edges[first], edges[last + 1]);
    block(row.carid, ...(cells.length > 1 ? [edges[first], edges[last + 1]]
      : gap(row, edges[first], edges[last + 1], middle)));
  };
  const keys = grid(table, {
    keys: 'bB',
    chosen: offer,
    open: (cell, event) => {
      const here = cell.here;
      if (event.key.toLowerCase() === 'b' || here.length === 0) offer([cell]);
      else go(to('booking', {}, here[0].id));
    },
  });
  byMouse(table, keys, offer, (cell, x) => {
    const i = cell.cellIndex - 1;
    const box = cell.getBoundingClientRect();
    return edges[i] + ((x - box.left) / box.width) * (edges[i + 1] - edges[i]);
  });
  return h('div', { class: 'sheet' }, table);
}

const minute = (instant) => Math.ceil(instant / 60000) * 60000;

/** The first moment of a period at which the car has nothing, else its begin. */
function freeMoment(row, from, to) {
  const candidates = [from, ...row.bars.map(ends).filter((end) => end > from && end < to)];
  return candidates.find((at) => row.bars.every((bar) => pickupOf(bar) > at || ends(bar) <= at))
    ?? from;
}

/** A click on an empty stretch offers a block of it, a drag over several days one of those. */
function byMouse(table, keys, offer, momentAt) {
  let start = null;
  const cellOf = (event) => (event.target.closest('a') ? null : event.target.closest('tbody td'));
  table.addEventListener('pointerdown', (event) => {
    start = event.button === 0 && event.pointerType === 'mouse' ? cellOf(event) : null;
  });
  table.addEventListener('pointermove', (event) => {
    const cell = start && event.target.closest('tbody td');
    if (cell && cell.parentNode === start.parentNode) keys.mark(keys.between(start, cell));
  });
  table.addEventListener('click', (event) => {
    const cell = cellOf(event);
    if (cell) offer([cell], momentAt(cell, event.clientX));
  });
  document.addEventListener('pointerup', (event) => {
    if (!start || !table.isConnected) return;
    const cell = event.target.closest?.('tbody td');
    keys.mark([]);
    if (cell && cell !== start && cell.parentNode === start.parentNode) {
      offer(keys.between(start, cell));
    }
    start = null;
  });
}
