// A day at the desk: what goes out and comes back, by hour and place; what needs somebody.

import { get, noteChannels, places } from './api.js';
import { returned } from './actions.js';
import { choice, field, h, table } from './dom.js';
import { go, refresh, to, values } from './route.js';
import { addDays, clock, dayOf, duration, hourOf, isDay, longDay, now, rfc3339, shortTime, startOf,
  zoneName } from './time.js';
import { badge, count, isLate, isOut, linkTo, money, pickupOf, place, returnOf, when }
  from './words.js';

const LISTED = 500;

function controls(day, location, locations) {
  const [input, list] = choice('location', locations, location, { maxlength: 64 });
  const link = (text, date, label) => h('a', { class: 'button', 'aria-label': label,
    href: to('today', { date, location }) }, text);
  return h('form', { class: 'row controls', 'aria-label': 'Day and place', onsubmit: (event) => {
    event.preventDefault();
    go(to('today', values(event.target)));
  } },
  h('div', { class: 'buttons' }, link('◀', addDays(day, -1), 'The day before'),
    link('Today', ''), link('▶', addDays(day, 1), 'The day after')),
  field('Day', h('input', { type: 'date', name: 'date', value: day })),
  field('Location', input), list,
  h('button', { class: 'primary' }, 'Show'),
  h('button', { type: 'button', onclick: refresh }, 'Refresh'));
}

/** Bookings under the hour at which each is due. */
function byHour(caption, bookings, total, at, all) {
  const sorted = [...bookings].sort((a, b) => at(a) - at(b)
    || a.location.localeCompare(b.location));
  const hours = groups(sorted, at);
  return h('section', { class: 'panel' },
    h('h2', null, caption, ' ', h('span', { class: 'faint' }, total.toLocaleString('en-GB'))),
    sorted.length === 0 && h('p', { class: 'empty' }, 'None.'),
    hours.map(([hour, due]) => h('div', { class: 'hour' },
      h('h3', null, `${hour} h`, h('span', { class: 'faint' }, ` ${due.length}`)),
      h('ul', null, due.map((booking) => h('li', null,
        h('span', { class: 'at' }, clock(at(booking))),
        h('span', { class: 'where' }, booking.location),
        h('span', { class: 'car' }, `${booking.carid} `,
          h('span', { class: 'faint' }, booking.category)),
        h('span', { class: 'whom' }, linkTo(booking), ' ',
          h('span', { class: 'faint' }, booking.channel)),
        mark(booking)))))),
    total > bookings.length && h('p', null, `The first ${LISTED} of ${total}. `,
      h('a', { href: all }, 'All of them')));
}

/** Only what is not as one expects at that hour. */
function mark(booking) {
  if (booking.returned_at) return h('span', { class: 'badge' }, 'Back');
  if (isLate(booking)) return badge(booking);
  return isOut(booking) ? h('span', { class: 'badge' }, 'Out') : '';
}

function groups(bookings, at) {
  const hours = new Map();
  for (const booking of bookings) {
    const hour = hourOf(at(booking));
    hours.set(hour, [...(hours.get(hour) ?? []), booking]);
  }
  return [...hours];
}

function list(id, caption, bookings, total, columns, cells, none) {
  return h('section', { class: 'panel', id },
    h('h2', null, caption, ' ', h('span', { class: 'faint' }, total.toLocaleString('en-GB'))),
    bookings.length ? table(caption, columns, bookings.map(cells))
      : h('p', { class: 'empty' }, none),
    total > bookings.length && h('p', { class: 'faint' }, `The first ${bookings.length}.`));
}

const soonest = (holds) => [...holds].sort((a, b) =>
  Date.parse(a.expires_at) - Date.parse(b.expires_at));

function tiles(counts) {
  return h('ul', { class: 'tiles' }, [
    ['Going out', counts.pickups, ''], ['Coming back', counts.returns, ''],
    ['Late', counts.late, counts.late && 'alarm'], ['In the workshop', counts.blocks, ''],
    ['Held', counts.holds, ''],
  ].map(([name, n, mood]) => h('li', { class: mood || null },
    h('strong', null, n.toLocaleString('en-GB')), ` ${name}`)));
}

export async function show({ query }, signal) {
  const day = isDay(query.date) ? query.date : dayOf(now());
  const [from, end] = [startOf(day), startOf(addDays(day, 1))];
  const [view, known] = await Promise.all([get('/day', { from: rfc3339(from), to: rfc3339(end),
    location: query.location }, signal), places()]);
  const { counts, sales, currency } = view;
  noteChannels([...view.pickups, ...view.returns, ...sales]);
  const all = (name) => to('bookings', { [`${name}_from`]: day, [`${name}_to`]: day,
    location: query.location, state: 'booked', order: 'pickup' });
  const today = day === dayOf(now());
  const title = today ? 'Today' : longDay(from);
  return {
    title,
    summary: `${count(counts.pickups, 'pickup')}, ${count(counts.returns, 'return')}, ${
      counts.late} late`,
    content: [
      h('h1', { tabindex: '-1' }, title,
        h('span', { class: 'faint' }, today ? ` ${longDay(from)}` : '',
          query.location ? ` in ${query.location}` : '')),
      controls(day, query.location, known.locations),
      h('p', { class: 'faint' }, `As of ${clock(now())}. Times in ${zoneName()}.`),
      tiles(counts),
      counts.late > 0 && list('late', 'Late returns', view.late, counts.late,
        [['Booking'], ['Car', 'tight'], ['Place', 'tight'], ['Due back', 'tight'],
          ['Late by', 'tight'], ['Partner'],
          [h('span', { class: 'hidden' }, 'Action')]],
        (b) => [linkTo(b), b.carid, place(b), shortTime(returnOf(b)),
          duration(now() - returnOf(b)), b.channel,
          h('button', { class: 'small', onclick: () => returned(b),
            'aria-label': `${b.carid} is back` }, 'Is back')], ''),
      h('div', { class: 'columns even' },
        byHour('Going out', view.pickups, counts.pickups, pickupOf, all('pickup')),
        byHour('Coming back', view.returns, counts.returns, returnOf, all('return'))),
      h('div', { class: 'columns even' },
        list('workshop', 'In the workshop', view.blocks, counts.blocks,
          [['Car', 'tight'], ['Until', 'tight'], ['Reason']],
          (b) => [linkTo(b, b.carid), shortTime(returnOf(b)), b.reason],
          'No car is out of service.'),
        list('holds', 'Held now', soonest(view.holds), counts.holds,
          [['Booking'], ['Runs out', 'tight'], ['Car', 'tight'], ['Partner']],
          (b) => [linkTo(b), when(Date.parse(b.expires_at)), b.carid, b.channel],
          'No car is held.')),
      h('section', { class: 'panel' }, h('h2', null, 'Sold this day'),
        sales.length ? table('Sales by partner',
          [['Partner'], ['Bookings', 'number'], ['Total', 'number']],
          [...sales.map((s) => [s.channel, s.count.toLocaleString('en-GB'),
            money(s.total, currency)]),
          ['All', sales.reduce((n, s) => n + s.count, 0).toLocaleString('en-GB'),
            money(sales.reduce((n, s) => n + s.total, 0), currency)]], { class: 'totals' })
          : h('p', { class: 'empty' }, 'Nothing was booked.')),
    ],
  };
}
