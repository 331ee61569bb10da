// The fleet by day: a row a car with its bars, or, for a fleet that is too large to look at car by
// car, how many are free of each location and category.

import { get, lastStatus, noteChannels, places, status } from './api.js';
import { bars, legend } from './bars.js';
import { block } from './actions.js';
import { choice, field, h, select } from './dom.js';
import { heat } from './heat.js';
import { go, to, values } from './route.js';
import { addDays, dayOf, isDay, now, offset, rfc3339, startOf, zoneName } from './time.js';
import { count } from './words.js';

const ROWS = 200;
const SPANS = ['7', '14', '28', '42'];

function controls(query, from, days, known) {
  const [location, locations] = choice('location', known.locations, query.location,
    { maxlength: 64 });
  const [category, categories] = choice('category', known.categories, query.category,
    { maxlength: 4 });
  const link = (text, day, label) => h('a', { class: 'button', 'aria-label': label,
    href: to('calendar', { ...query, from: day }) }, text);
  return h('form', { class: 'row controls', 'aria-label': 'Days and cars', onsubmit: (event) => {
    event.preventDefault();
    const { view, ...rest } = values(event.target);
    go(to('calendar', { ...rest, view: rest.q ? 'cars' : query.view }));
  } },
  h('div', { class: 'buttons' }, link('◀', addDays(from, -days), `${days} days earlier`),
    link('Today', ''), link('▶', addDays(from, days), `${days} days later`)),
  field('From', h('input', { type: 'date', name: 'from', value: from })),
  field('Days', select('days', SPANS.map((n) => [n, n]), String(days))),
  field('Location', location), locations, field('Category', category), categories,
  field('Car begins with', h('input', { name: 'q', value: query.q, maxlength: 64,
    spellcheck: 'false', autocomplete: 'off' })),
  h('button', { class: 'primary' }, 'Show'),
  h('button', { type: 'button', onclick: () => block(query.q ?? '') }, 'Block a car…'));
}

/** The switch between cars and free cars, and what it shows now. */
function line(text, query, view) {
  const other = view === 'cars' ? 'free' : 'cars';
  return h('div', { class: 'bar-line' }, h('p', null, text),
    h('a', { href: to('calendar', { ...query, view: other, after: '' }) },
      other === 'cars' ? 'Car by car' : 'Free cars by place'));
}

export async function show({ query }, signal) {
  const days = SPANS.includes(query.days) ? Number(query.days) : 14;
  const from = isDay(query.from) ? query.from : dayOf(now());
  const list = Array.from({ length: days }, (_, i) => addDays(from, i));
  const { cars } = lastStatus() ?? await status(signal);
  const narrow = query.q || (query.location && query.category);
  const view = ['cars', 'free'].includes(query.view) ? query.view
    : cars > ROWS && !narrow ? 'free' : 'cars';
  const page = view === 'free' ? await free(query, list, signal)
    : await rows(query, list, signal);
  const zone = `Times in ${zoneName()}.`;
  return {
    title: 'Calendar',
    summary: page.summary,
    content: [
      h('h1', { tabindex: '-1' }, 'Calendar'),
      controls(query, from, days, await places()),
      line(`${page.summary}. ${page.note ?? ''} ${zone}`, query, view),
      page.content,
    ],
  };
}

async function rows(query, list, signal) {
  const start = startOf(list[0]);
  const end = startOf(addDays(list[list.length - 1], 1));
  const answer = await get('/calendar', { from: rfc3339(start), to: rfc3339(end),
    location: query.location, category: query.category, q: query.q, after: query.after,
    limit: ROWS }, signal);
  noteChannels(answer.rows.flatMap((row) => row.bars));
  return {
    summary: `${count(answer.rows.length, 'car')} shown${answer.next ? ', and more' : ''}`,
    content: answer.rows.length === 0
      ? h('p', { class: 'empty' }, 'No car is like that.')
      : [legend(), bars(list, answer.rows),
        h('p', { class: 'faint' }, 'Keys: arrows walk cars and days, Enter opens what is there or '
          + 'offers a block, B always offers one, Shift with arrows chooses several days.'),
        h('nav', { class: 'pages', 'aria-label': 'Pages' },
          query.after && h('a', { class: 'button',
            href: to('calendar', { ...query, after: '' }) }, 'First page'),
          answer.next && h('a', { class: 'button',
            href: to('calendar', { ...query, after: answer.next }) }, 'Next cars'))],
  };
}

async function free(query, list, signal) {
  const start = startOf(list[0]);
  const { groups } = await get('/occupancy', { from: rfc3339(start), days: list.length,
    location: query.location }, signal);
  const wanted = groups.filter((group) => !query.category || group.category === query.category);
  const shift = offset(startOf(list[list.length - 1])) - offset(start);
  return {
    summary: `${count(wanted.reduce((n, group) => n + group.total, 0), 'car')} in ${
      count(wanted.length, 'group')}`,
    note: shift ? 'The clocks change in these days: each counts 24 hours from the first midnight.'
      : undefined,
    content: wanted.length ? heat(list, wanted, query)
      : h('p', { class: 'empty' }, 'No car is like that.'),
  };
}
