// The list of bookings: filters, pages, and the same as a file.

import { get, knownChannels, noteChannels, places, url } from './api.js';
import { choice, field, h, select, table } from './dom.js';
import { go, to, values } from './route.js';
import { addDays, dayOf, isDay, now, rfc3339, startOf, zoneName } from './time.js';
import { badge, carAt, count, linkTo, money, pickupOf, returnOf, states, when } from './words.js';

const PAGE = 50;
const DAYS = ['pickup_from', 'pickup_to', 'return_from', 'return_to'];
const MORE = ['carid', 'category', 'return_from', 'return_to', 'order'];

/** The filter as the API takes it. A "to" day is meant to the end. */
function forApi({ after, ...filter }) {
  const query = { ...filter };
  for (const name of DAYS) {
    if (!isDay(filter[name])) delete query[name];
    else query[name] = rfc3339(startOf(addDays(filter[name], name.endsWith('_to') ? 1 : 0)));
  }
  return query;
}

function filters(query, { locations, categories }) {
  const text = (label, name) => field(label, h('input', { name, value: query[name],
    maxlength: 128, spellcheck: 'false', autocomplete: 'off' }));
  const dates = (label, name) => field(label, h('input', { type: 'date', name,
    value: query[name] }));
  const pick = (label, name, choices) => {
    const [input, list] = choice(name, choices, query[name], { maxlength: 64 });
    return [field(label, input), list];
  };
  return h('form', { class: 'filters panel', 'aria-label': 'Filter', onsubmit: (event) => {
    event.preventDefault();
    go(to('bookings', values(event.target)));
  } },
  h('div', { class: 'row' },
    text('Reference, id or car', 'q'),
    field('State', select('state', [['', 'Any but blocks'], ...states], query.state)),
    pick('Partner', 'channel', knownChannels()), pick('Location', 'location', locations),
    dates('Pickup from', 'pickup_from'), dates('Pickup to', 'pickup_to'),
    h('div', { class: 'buttons' }, h('button', { class: 'primary' }, 'Show'),
      h('a', { class: 'button', href: to('bookings') }, 'Clear'))),
  h('details', { open: MORE.some((name) => query[name]) },
    h('summary', null, 'More filters'),
    h('div', { class: 'row' },
      text('Car', 'carid'), pick('Category', 'category', categories),
      dates('Return from', 'return_from'), dates('Return to', 'return_to'),
      field('Order', select('order', [['', 'Newest first'], ['pickup', 'By pickup']],
        query.order)))));
}

function presets() {
  const today = dayOf(now());
  const month = `${today.slice(0, 7)}-01`;
  const next = `${addDays(month, 31).slice(0, 7)}-01`;
  return h('p', { class: 'presets' }, [
    ["Today's pickups", { pickup_from: today, pickup_to: today, state: 'booked', order: 'pickup' }],
    ["Today's returns", { return_from: today, return_to: today, state: 'booked' }],
    ['This month', { pickup_from: month, pickup_to: addDays(next, -1), order: 'pickup' }],
    ['Holds', { state: 'held' }],
    ['Blocks', { state: 'blocked', order: 'pickup' }],
  ].map(([label, query]) => h('a', { href: to('bookings', query) }, label)));
}

export async function show({ query }, signal) {
  const filter = forApi(query);
  const [answer, known] = await Promise.all([
    get('/bookings', { ...filter, after: query.after, limit: PAGE }, signal), places()]);
  const { bookings, next } = answer;
  noteChannels(bookings);
  const more = next ? ', and more' : '';
  const summary = `${count(bookings.length, 'booking')} shown${more}`;
  return {
    title: 'Bookings',
    summary,
    content: [
      h('h1', { tabindex: '-1' }, 'Bookings'),
      presets(),
      filters(query, known),
      h('div', { class: 'bar-line' },
        h('p', null, `${summary}. Times in ${zoneName()}.`),
        query.q && h('a', { href: to('calendar', { q: query.q, view: 'cars' }) },
          `Cars that begin with ${query.q}`),
        h('a', { class: 'button', download: 'bookings.csv',
          href: url('/bookings', { ...filter, format: 'csv' }) },
        'Download CSV of all of them')),
      bookings.length ? table('Bookings',
        [['Booking'], ['Status', 'tight'], ['Pickup', 'tight'], ['Return', 'tight'], ['Car'],
          ['Partner'], ['Price', 'number']],
        bookings.map((booking) => [
          linkTo(booking), badge(booking), when(pickupOf(booking)),
          when(returnOf(booking)), carAt(booking),
          booking.channel || booking.reason, money(booking.price, booking.currency)]))
        : h('p', { class: 'empty' }, 'No booking is like that. Clear a filter, or look for a block '
          + 'by its state.'),
      h('nav', { class: 'pages', 'aria-label': 'Pages' },
        query.after && h('a', { class: 'button', href: to('bookings', { ...query, after: '' }) },
          'First page'),
        next && h('a', { class: 'button', href: to('bookings', { ...query, after: next }) },
          'Next page')),
    ],
  };
}
