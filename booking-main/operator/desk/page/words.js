// How bookings, money and states read.

import { h } from './dom.js';
import { to } from './route.js';
import { clock, dayOf, duration, now, shortTime, time } from './time.js';

const STATES = {
  booked: 'Booked', held: 'Held', cancelled: 'Cancelled', expired: 'Expired', blocked: 'Blocked',
};
export const stateName = (state) => STATES[state] ?? state;
export const states = Object.entries(STATES);

export const pickupOf = (booking) => Date.parse(booking.pickup_at);
export const returnOf = (booking) => Date.parse(booking.return_at);
export const isBlock = (booking) => !booking.channel;
export const isLate = (booking) => booking.status === 'booked' && !booking.returned_at
  && returnOf(booking) < now();
export const isOut = (booking) => booking.status === 'booked' && !booking.returned_at
  && pickupOf(booking) <= now();

export function money(amount, currency) {
  if (amount === undefined) return '';
  try {
    return new Intl.NumberFormat('en-GB', { style: 'currency', currency }).format(amount);
  } catch {
    return `${amount} ${currency ?? ''}`;
  }
}

/** What a booking is called: the partner's reference, else its id. */
export const nameOf = (booking) => (isBlock(booking) ? `block of ${booking.carid}`
  : booking.reference || booking.id);

export const linkTo = (booking, text) =>
  h('a', { href: to('booking', {}, booking.id) }, text ?? nameOf(booking));

export function badge(booking) {
  const late = isLate(booking);
  return h('span', { class: `badge ${late ? 'late' : booking.status}` },
    late ? 'Late' : stateName(booking.status));
}

export const period = (booking) =>
  `${shortTime(pickupOf(booking))} – ${dayOf(pickupOf(booking)) === dayOf(returnOf(booking))
    ? clock(returnOf(booking)) : shortTime(returnOf(booking))}`;

export const place = (booking) => `${booking.location} · ${booking.category}`;

/** A time in a list, without its weekday where the room is short. */
export function when(instant) {
  const text = shortTime(instant);
  return [h('span', { class: 'wide' }, text.slice(0, 4)), text.slice(4)];
}

/** A car and where it belongs, which may stand below it where the room is short. */
export const carAt = (booking) => [h('span', { class: 'tight' }, booking.carid), ' ',
  h('span', { class: 'tight faint' }, place(booking))];

/** One booking in a line, as a link: in lists of what is in the way, say. */
export function line(booking) {
  return [linkTo(booking), ' ', badge(booking), ' ',
    isBlock(booking) ? booking.reason : booking.channel, `, ${booking.carid}, `, period(booking)];
}

/** What its state means just now. */
export function situation(booking) {
  const pickup = pickupOf(booking);
  const back = returnOf(booking);
  if (booking.status === 'cancelled') return 'Cancelled: the car is free for others.';
  if (booking.status === 'expired') return 'The hold ran out before it was confirmed.';
  if (booking.status === 'blocked') {
    if (back <= now()) return 'The block is over.';
    return pickup > now() ? `Out of service in ${duration(pickup - now())}.`
      : `Out of service for another ${duration(back - now())}.`;
  }
  if (booking.status === 'held') {
    return `Held until ${time(Date.parse(booking.expires_at))}, then free unless it is confirmed.`;
  }
  if (booking.returned_at) return `The car came back ${time(Date.parse(booking.returned_at))}.`;
  if (back < now()) return `Late: it was due back ${duration(now() - back)} ago.`;
  if (pickup <= now()) return `On the road, due back in ${duration(back - now())}.`;
  return `Goes out in ${duration(pickup - now())}.`;
}

export const count = (n, one, many = `${one}s`) =>
  `${n.toLocaleString('en-GB')} ${n === 1 ? one : many}`;
