// One booking or block: what it is, what can be done, what happened to it.

import { get } from './api.js';
import { actionsFor } from './actions.js';
import { h, table } from './dom.js';
import { to } from './route.js';
import { dayOf, addDays, duration, time, zoneName } from './time.js';
import { badge, isBlock, money, nameOf, pickupOf, place, returnOf, situation } from './words.js';

const WHAT = {
  held: 'Held', booked: 'Booked', confirmed: 'Confirmed', cancelled: 'Cancelled',
  expired: 'Expired', changed: 'Changed', returned: 'Car back', blocked: 'Blocked',
  released: 'Released',
};
const BY = { partner: 'partner', operator: 'operator', expiry: 'by itself' };

/** The store's words for a change have times in UTC; here they are in the chosen zone. */
const inZone = (detail) => (detail ?? '').replace(
  /\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z/g, (at) => time(Date.parse(at)))
  .replaceAll('return_at ', 'return ').replaceAll('carid ', 'car ').replaceAll('->', '→');

function facts(booking) {
  const rows = [
    ['Status', [badge(booking), ' ', situation(booking)]],
    ['Car', [h('a', { href: to('calendar', { q: booking.carid, view: 'cars',
      from: addDays(dayOf(pickupOf(booking)), -2) }) }, booking.carid), ` · ${place(booking)}`]],
    [isBlock(booking) ? 'From' : 'Pickup', time(pickupOf(booking))],
    [isBlock(booking) ? 'To' : 'Return', [time(returnOf(booking)), h('span',
      { class: 'tight faint' }, ` · ${duration(returnOf(booking) - pickupOf(booking))}`)]],
    booking.turnaround > 0 && ['Turnaround', `${duration(booking.turnaround * 60000)} after it`],
    !isBlock(booking) && ['Price', [money(booking.price, booking.currency),
      booking.day_price !== undefined && h('span', { class: 'faint' },
        ` · ${money(booking.day_price, booking.currency)} a day`)]],
    booking.channel && ['Partner', booking.channel],
    booking.reference && ['Reference', h('code', null, booking.reference)],
    ['Id', h('code', null, booking.id)],
    ['Made', time(Date.parse(booking.created_at))],
    booking.reason && [isBlock(booking) ? 'Reason' : 'Last reason', booking.reason],
  ].filter(Boolean);
  return h('dl', { class: 'facts' }, rows.map(([name, value]) =>
    h('div', null, h('dt', null, name), h('dd', null, value))));
}

export async function show({ id }, signal) {
  const { booking, history } = await get(`/bookings/${encodeURIComponent(id)}`, {}, signal);
  const actions = actionsFor(booking);
  const kind = isBlock(booking) ? 'Block' : booking.status === 'held' ? 'Hold' : 'Booking';
  const title = isBlock(booking) ? `${kind} of ${booking.carid}` : `${kind} ${nameOf(booking)}`;
  return {
    title,
    summary: situation(booking),
    content: [
      h('h1', { tabindex: '-1' }, title),
      h('div', { class: 'columns' },
        h('section', { class: 'panel', 'aria-label': 'Facts' }, facts(booking)),
        h('section', { class: 'panel' }, h('h2', null, 'What can be done'),
          actions.length ? h('div', { class: 'buttons column' }, actions.map(([label, act, name]) =>
            h('button', { class: name, onclick: () => act(booking) }, label)))
            : h('p', { class: 'faint' }, 'Nothing: it is over. Its history stays.'))),
      h('section', { class: 'panel' }, h('h2', null, 'History'),
        table(`History, times in ${zoneName()}`,
          [['When', 'tight'], ['What', 'tight'], ['Who', 'tight'], ['Why and how']],
          history.map((entry) => [
            time(Date.parse(entry.at)), WHAT[entry.what] ?? entry.what,
            entry.actor ? `${entry.actor} (${BY[entry.by] ?? entry.by})` : BY[entry.by] ?? entry.by,
            [entry.reason, entry.reason && entry.detail && ' · ',
              h('span', { class: 'faint' }, inZone(entry.detail))],
          ]))),
    ],
  };
}
