// How many cars are free of each location and category, a day a column. The number says it; the
// colour only helps to find the tight days. A cell leads down: to a place, then to its cars.

import { headings } from './bars.js';
import { h } from './dom.js';
import { grid } from './grid.js';
import { go, to } from './route.js';
import { day as dayName, startOf } from './time.js';
import { count } from './words.js';

const MANY = 120;

/** One row a location when there are too many groups to look at. */
function byLocation(groups) {
  const sums = new Map();
  for (const { location, total, free } of groups) {
    const sum = sums.get(location) ?? { location, total: 0, free: free.map(() => 0) };
    sum.total += total;
    free.forEach((n, i) => { sum.free[i] += n; });
    sums.set(location, sum);
  }
  return [...sums.values()];
}

/** 0: nothing free, to 4: more than half. */
function level(free, total) {
  if (free === 0) return 0;
  const share = free / total;
  return share <= 0.1 ? 1 : share <= 0.25 ? 2 : share <= 0.5 ? 3 : 4;
}

const LEVELS = ['none free', 'up to 10 %', 'up to 25 %', 'up to 50 %', 'over half free'];

export function heat(list, groups, query) {
  const sums = !query.location && !query.category && groups.length > MANY;
  const shown = sums ? byLocation(groups) : groups;
  const names = list.map((day) => dayName(startOf(day)));
  const down = (group, from) => to('calendar', { days: query.days, from, location: group.location,
    category: group.category, view: group.category ? 'cars' : 'free' });

  const rows = shown.map((group) => {
    const name = [group.location, group.category].filter(Boolean).join(' ');
    const cells = group.free.map((free, i) => {
      const cell = h('td', { class: `heat level-${level(free, group.total)}`,
        'aria-label': `${name}, ${names[i]}: ${free} of ${group.total} free` },
      free.toLocaleString('en-GB'),
      list.length <= 14
        && h('span', { class: 'of' }, ` of ${group.total.toLocaleString('en-GB')}`));
      cell.href = down(group, list[i]);
      return cell;
    });
    return h('tr', null,
      h('th', { scope: 'row' }, h('a', { href: down(group, query.from) }, name), ' ',
        h('span', { class: 'faint' }, count(group.total, 'car'))),
      cells);
  });
  const table = h('table', { class: `calendar heat-map ${list.length > 28 ? 'many' : ''}`,
    'aria-label': 'Free cars by day' },
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, sums ? 'Location' : 'Place'),
      headings(list))),
    h('tbody', null, rows));
  grid(table, { open: (cell) => go(cell.href) });
  table.addEventListener('click', (event) => {
    const cell = event.target.closest('tbody td');
    if (cell) go(cell.href);
  });
  return [
    h('ul', { class: 'legend', 'aria-label': 'Legend' }, LEVELS.map((text, i) =>
      h('li', null, h('span', { class: `sample heat level-${i}` }), text))),
    h('div', { class: 'sheet' }, table),
    h('p', { class: 'faint' }, 'Keys: arrows walk, Enter leads to the cars.'),
  ];
}
