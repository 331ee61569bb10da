// The page's frame: views by the address, the search box, the zone, and whether the engine answers.

import { get, status, Unreachable } from './api.js';
import { byId, h, say, standIn } from './dom.js';
import { problemBox } from './notice.js';
import { go, parse, refresh, to } from './route.js';
import { chooseZone, setClock, zoneLabel, zoneName, zones } from './time.js';
import * as booking from './booking.js';
import * as bookings from './bookings.js';
import * as calendar from './calendar.js';
import * as fleet from './fleet.js';
import * as today from './today.js';
import * as webhooks from './webhooks.js';

const views = { booking, bookings, calendar, fleet, today, webhooks };
const main = byId('main');
let shown = { hash: null, view: null };
let leaving = new AbortController();
let shownAt = 0;

async function render() {
  const hash = location.hash || '#/today';
  const route = parse(hash);
  const same = hash === shown.hash;
  const sameView = route.view === shown.view && route.id === shown.id;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  // Quick answers need no bar, which would only flicker.
  const slow = setTimeout(() => { byId('busy').hidden = false; }, 250);
  main.setAttribute('aria-busy', 'true');
  document.querySelectorAll('header nav a').forEach((link) => {
    const here = link.hash === `#/${route.view}`;
    if (here) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  });
  let page;
  try {
    page = views[route.view] ? await views[route.view].show(route, signal) : missing();
  } catch (error) {
    page = failed(error);
  }
  clearTimeout(slow);
  if (signal.aborted) return;
  byId('busy').hidden = true;
  main.removeAttribute('aria-busy');
  const held = sameView && main.contains(document.activeElement)
    ? standIn(document.activeElement) : null;
  const searching = document.activeElement === byId('search-text');
  main.replaceChildren(...page.content.flat(Infinity).filter(Boolean));
  document.title = `${page.title} – Booking desk`;
  if (page.summary) say(page.summary);
  if (!same && !sameView) scrollTo(0, 0);
  const focus = held?.() ?? (sameView ? null : main.querySelector('h1'));
  // The first view leaves the focus in the search box, where the day begins.
  if (shown.hash !== null || !searching) focus?.focus({ preventScroll: sameView });
  shown = { hash, view: route.view, id: route.id };
  shownAt = Date.now();
}

const missing = () => ({ title: 'No such view', content: [
  h('h1', { tabindex: '-1' }, 'No such view'),
  h('p', null, 'The address leads nowhere. ', h('a', { href: to('today') }, 'To today'))] });

const failed = (error) => ({ title: error.title ?? 'Trouble', content: [
  h('h1', { tabindex: '-1' }, error.status === 404 ? 'Not found' : 'That could not be shown'),
  problemBox(error, h('div', { class: 'buttons' },
    h('button', { onclick: refresh }, 'Try again')))] });

// --- search --------------------------------------------------------------------------------------

byId('search').addEventListener('submit', async (event) => {
  event.preventDefault();
  const q = byId('search-text').value.trim();
  if (!q) return;
  try {
    const { bookings: found } = await get('/bookings', { q, limit: 2 });
    if (found.length === 1) return openBooking(found[0].id);
    // A block is no booking, but its id leads to it all the same.
    if (found.length === 0 && /^[\w-]{22}$/.test(q)) {
      const known = await get(`/bookings/${q}`).catch(() => null);
      if (known) return openBooking(q);
    }
  } catch (error) {
    if (!(error instanceof Unreachable)) say(error.message);
    // The list says what is wrong, where the person looks.
  }
  const hash = to('bookings', { q });
  if (location.hash === hash) refresh();
  else go(hash);
});

function openBooking(id) {
  byId('search-text').value = '';
  go(to('booking', {}, id));
}

// --- zone ----------------------------------------------------------------------------------------

function fillZones() {
  const option = (name) => h('option', { value: name, selected: name === zoneName() },
    zoneLabel(name));
  const { often, others } = zones();
  byId('zone').replaceChildren(
    h('optgroup', { label: 'Often used' }, often.map(option)),
    h('optgroup', { label: 'All' }, others.map((name) => h('option', { value: name },
      name.replaceAll('_', ' ')))));
}

byId('zone').addEventListener('change', (event) => {
  chooseZone(event.target.value);
  fillZones();
  say(`Times are in ${zoneName()} now.`);
  refresh();
});

// --- is the engine there? ------------------------------------------------------------------------

let retry = null;
const PAUSES_S = [2, 4, 8, 15];

function banner(text, ...more) {
  const box = byId('banner');
  box.hidden = !text;
  box.replaceChildren(...(text ? [h('p', null, text), ...more] : []));
}

async function look() {
  try {
    const state = await status();
    setClock(Date.parse(state.now));
    byId('about').textContent = `booking-main ${state.version} · ${state.operator
      ? `signed in as ${state.operator}` : 'no names: reached over loopback'} · channel ${
      state.channel}`;
    banner(state.store === 'down' ? 'The database does not answer the engine: what is shown may be '
      + 'old, and nothing can be changed.' : '');
    return true;
  } catch (error) {
    return !(error instanceof Unreachable);
  }
}

function lost(tries = 0) {
  if (retry && tries === 0) return;
  const again = async () => {
    clearTimeout(retry);
    if (await look()) {
      retry = null;
      banner('');
      refresh();
    } else {
      lost(tries + 1);
    }
  };
  const pause = PAUSES_S[Math.min(tries, PAUSES_S.length - 1)];
  retry = setTimeout(again, pause * 1000);
  // The words stay the same from try to try, so that a screen reader says them once.
  if (byId('banner').hidden) {
    banner('The engine does not answer. This page keeps trying.',
      h('button', { onclick: again }, 'Try now'));
  }
}

document.addEventListener('desk:unreachable', () => lost());
document.addEventListener('desk:refresh', render);
window.addEventListener('hashchange', render);
document.addEventListener('visibilitychange', () => {
  // Back from another tab, the day has gone on.
  if (!document.hidden && Date.now() - shownAt > 60000 && !document.querySelector('dialog[open]')
    && !main.querySelector('form :focus')) {
    look().then(render);
  }
});
byId('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
setInterval(() => { if (!retry && !document.hidden) look(); }, 60000);

fillZones();
byId('search-text').focus();
await look();
await render();
