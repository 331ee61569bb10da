// The cars, the minutes between two bookings of one, and the fleet file.

import { get, places, post, status, url } from './api.js';
import { choice, field, h, table } from './dom.js';
import { importPanel } from './import.js';
import { notice, problemBox } from './notice.js';
import { go, refresh, to, values } from './route.js';
import { dayOf, now } from './time.js';
import { count, money } from './words.js';

const PAGE = 100;

function turnaround(minutes) {
  const trouble = h('div');
  const input = h('input', { type: 'number', name: 'minutes', min: 0, max: 10080, step: 1,
    value: minutes, required: true });
  const set = async (next, before, text) => {
    await post('/turnaround', { minutes: next });
    notice(text, before === undefined ? undefined : { label: `Undo: back to ${before} min`,
      run: () => set(before, undefined, `The turnaround is ${before} min again.`) });
  };
  return h('section', { class: 'panel' }, h('h2', null, 'Turnaround'),
    h('form', { novalidate: true, onsubmit: async (event) => {
      event.preventDefault();
      trouble.replaceChildren();
      if (!input.validity.valid) {
        input.focus();
        trouble.append(problemBox({ title: 'Not a number of minutes',
          message: 'It is 0 to 10,080 (a week).' }));
        return;
      }
      const next = Number(input.value);
      try {
        // An engine that does not know what it was cannot set it back.
        const was = minutes === undefined ? '' : `; it was ${minutes} min`;
        await set(next, minutes, `The turnaround is ${next} min now${was}. `
          + 'Bookings made before stay as they are.');
        refresh();
      } catch (error) {
        trouble.append(problemBox(error));
      }
    } },
    h('div', { class: 'row' },
      field('Minutes between a return and the next pickup', input), h('button', null, 'Set')),
    h('p', { class: 'faint' }, 'For all cars without one of their own in the fleet file. Bookings '
      + 'made before stay as they are.'), trouble));
}

function filters(query, known) {
  const [location, locations] = choice('location', known.locations, query.location,
    { maxlength: 64 });
  const [category, categories] = choice('category', known.categories, query.category,
    { maxlength: 4 });
  return h('form', { class: 'row controls', 'aria-label': 'Cars', onsubmit: (event) => {
    event.preventDefault();
    go(to('fleet', values(event.target)));
  } },
  field('Car begins with', h('input', { name: 'q', value: query.q, maxlength: 64,
    spellcheck: 'false', autocomplete: 'off' })),
  field('Location', location), locations, field('Category', category), categories,
  h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'withdrawn', value: 'true',
    checked: query.withdrawn === 'true' }), ' withdrawn ones too'),
  h('button', { class: 'primary' }, 'Show'));
}

export async function show({ query }, signal) {
  const { after, ...filter } = query;
  const [now_, answer, known] = await Promise.all([status(signal),
    get('/cars', { ...filter, after, limit: PAGE }, signal), places()]);
  const { cars, next } = answer;
  const summary = `${count(cars.length, 'car')} shown${next ? ', and more' : ''}`;
  return {
    title: 'Fleet',
    summary,
    content: [
      h('h1', { tabindex: '-1' }, 'Fleet', h('span', { class: 'faint' },
        ` ${count(now_.cars, 'car')} offered`)),
      h('div', { class: 'columns even' }, importPanel(), turnaround(now_.turnaround)),
      h('section', { class: 'panel' }, h('h2', null, 'Cars'),
        filters(filter, known),
        h('div', { class: 'bar-line' }, h('p', null, `${summary}.`),
          h('a', { class: 'button', download: `fleet-${dayOf(now())}.csv`,
            href: url('/cars', { ...filter, format: 'csv' }) }, 'Download as a fleet file')),
        cars.length ? table('Cars', [['Car', 'tight'], ['Place', 'tight'], ['Category', 'tight'],
          ['A day', 'number'], ['An hour', 'number'], ['Turnaround', 'number'], ['Offered']],
        cars.map((car) => [
          h('a', { href: to('calendar', { q: car.carid, view: 'cars' }) }, car.carid),
          car.location, car.category, money(car.day_price, car.currency),
          money(car.hour_price, car.currency),
          car.turnaround === undefined ? '' : `${car.turnaround} min`,
          car.offered ? 'yes' : 'withdrawn']))
          : h('p', { class: 'empty' }, 'No car is like that.'),
        h('nav', { class: 'pages', 'aria-label': 'Pages' },
          after && h('a', { class: 'button', href: to('fleet', filter) }, 'First page'),
          next && h('a', { class: 'button', href: to('fleet', { ...filter, after: next }) },
            'Next cars'))),
    ],
  };
}
