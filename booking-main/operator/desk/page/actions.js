// What an operator can do to a booking. Each sends the version that the person saw, says what it
// did, and offers the way back where there is one.

import { get, post, remove } from './api.js';
import { choice, field, h } from './dom.js';
import { ask } from './dialog.js';
import { notice, whatIsNow } from './notice.js';
import { refresh } from './route.js';
import { addDays, dayOf, fromWall, now, rfc3339, startOf, time, toWall, zoneLabel, zoneName }
  from './time.js';
import { isBlock, nameOf, pickupOf, returnOf } from './words.js';

const reasonField = (value, autofocus) => field('Reason', h('input', { name: 'reason',
  required: true, maxlength: 200, value, autofocus }),
  'Kept in the history, where every operator can read it.');

const utf8 = new TextEncoder();

/** A text of at most 200 bytes, which is what the store keeps: an undo's own reason may be long. */
function short(reason) {
  let text = reason;
  while (utf8.encode(text).length > 200) text = text.slice(0, -1);
  return text;
}

export function timeField(label, name, instant) {
  const words = h('small', { role: 'status' });
  const input = h('input', { type: 'datetime-local', name, required: true,
    value: toWall(instant) });
  const tell = () => {
    const { instant: at, odd } = fromWall(input.value);
    words.textContent = Number.isNaN(at) ? '' : `${time(at)}. ${odd ?? ''}`;
  };
  tell();
  input.addEventListener('input', tell);
  return h('div', null, field(`${label} (${zoneName()})`, input), words);
}

/** A change that carries what was seen. When somebody else was faster, what is now is shown, and
 * sending again means that. */
function carefully(booking, path, bodyOf, done) {
  let seen = booking;
  return {
    send: async (values) => {
      const answer = await post(path, { ...bodyOf(values), seen: seen.version });
      done(answer.booking ?? booking, seen);
      refresh();
    },
    explain: (error) => {
      const current = error.document?.booking;
      if (!current || current.version === seen.version || current.id !== seen.id) return null;
      const box = whatIsNow(seen, current);
      seen = current;
      refresh();
      return box;
    },
  };
}

const changePath = (booking) => `/bookings/${encodeURIComponent(booking.id)}`;

export function cancel(booking) {
  const held = booking.status === 'held';
  const does = held ? 'Release' : 'Cancel';
  ask({
    title: `${does} ${nameOf(booking)}`,
    text: `${booking.channel} is told, and the car is free for others at once. `
      + 'That cannot be taken back: the partner would have to book again.',
    fields: reasonField(),
    submit: `${does} the ${held ? 'hold' : 'booking'}`,
    danger: true,
    ...carefully(booking, `${changePath(booking)}/cancel`, ({ reason }) => ({ reason }), () =>
      notice(`${held ? 'Released' : 'Cancelled'} ${nameOf(booking)}. ${booking.carid} is free.`,
        { text: 'There is no undo: only the partner can book it again.' })),
  });
}

async function undoChange(booking, body, text) {
  await post(`${changePath(booking)}/change`,
    { ...body, reason: short('Undone by the operator'), seen: booking.version });
  notice(text);
}

export function changeReturn(booking) {
  const before = returnOf(booking);
  const input = timeField('Return', 'return_at', before);
  const shift = (days) => {
    const control = input.querySelector('input');
    const at = control.value || toWall(before);
    control.value = addDays(at.slice(0, 10), days) + at.slice(10);
    control.dispatchEvent(new Event('input'));
  };
  ask({
    title: `Change the return of ${nameOf(booking)}`,
    text: `Now ${time(before)}. The price stays what was booked.`,
    fields: [input, h('div', { class: 'buttons' },
      h('button', { type: 'button', onclick: () => shift(-1) }, 'A day earlier'),
      h('button', { type: 'button', onclick: () => shift(1) }, 'A day later')), reasonField()],
    submit: 'Change the return',
    ...carefully(booking, `${changePath(booking)}/change`,
      // A time that the clocks show twice stays the one it was, unless it is written anew.
      ({ return_at: at, reason }) => ({ reason,
        return_at: at === toWall(before) ? booking.return_at : rfc3339(fromWall(at).instant) }),
      (changed, seen) => {
        const was = time(returnOf(seen));
        notice(`The return of ${nameOf(booking)} is now ${time(returnOf(changed))}; it was ${was}.`,
          { label: `Undo: back to ${was}`,
            run: () => undoChange(changed, { return_at: seen.return_at },
              `The return of ${nameOf(booking)} is ${was} again.`) });
      }),
  });
}

/** Cars that look free over the booking's whole period; the store decides when it is moved. */
async function freeCars(booking, location, category) {
  const from = Math.max(pickupOf(booking) - 2 * 86400000, returnOf(booking) - 92 * 86400000);
  const { rows } = await get('/calendar', { from: rfc3339(from), to: booking.return_at,
    location, category, limit: 200 });
  return rows.filter((row) => row.offered && row.carid !== booking.carid && row.bars.every((bar) =>
    returnOf(bar) + (bar.turnaround ?? 0) * 60000 <= pickupOf(booking)
    || pickupOf(bar) >= returnOf(booking) + (booking.turnaround ?? 0) * 60000));
}

export function move(booking) {
  const free = h('div', { 'aria-live': 'polite' }, 'Looking for free cars…');
  const [input, list] = choice('carid', [], '', { required: true, maxlength: 64 });
  const offer = (cars, what) => {
    list.replaceChildren(...cars.map((car) => h('option', { value: car.carid })));
    free.replaceChildren(cars.length
      ? h('p', null, `Free all that time (${what}):`)
      : h('p', null, `No car is free all that time (${what}).`),
    h('div', { class: 'buttons' }, cars.slice(0, 8).map((car) => h('button', { type: 'button',
      onclick: () => { input.value = car.carid; } },
    [car.carid, car.category, car.location !== booking.location && car.location]
      .filter(Boolean).join(' ')))));
  };
  (async () => {
    const { location, category } = booking;
    let cars = await freeCars(booking, location, category);
    if (cars.length) return offer(cars, `${location}, ${category}`);
    cars = await freeCars(booking, location);
    if (cars.length) return offer(cars, `${location}, other categories`);
    return offer(await freeCars(booking), 'at other places');
  })().catch((error) => { free.textContent = `Free cars are not known: ${error.message}`; });

  ask({
    title: `Move ${nameOf(booking)} to another car`,
    text: `Now ${booking.carid}, ${booking.location}, ${booking.category}. Period and price stay.`,
    fields: [field('Car', input), list, free, reasonField()],
    submit: 'Move the booking',
    ...carefully(booking, `${changePath(booking)}/change`,
      ({ carid, reason }) => ({ carid: carid.trim(), reason }),
      (changed, { carid }) => notice(
        `${nameOf(booking)} has ${changed.carid} now; it had ${carid}.`,
        { label: `Undo: back to ${carid}`,
          run: () => undoChange(changed, { carid }, `${nameOf(booking)} has ${carid} again.`) })),
  });
}

export function returned(booking) {
  ask({
    title: `${booking.carid} is back`,
    text: `${nameOf(booking)} ends now, ${time(now())}, and the car can be booked again.`,
    fields: field('Note', h('input', { name: 'reason', maxlength: 200 }), 'May stay empty.'),
    submit: 'The car is back',
    ...carefully(booking, `${changePath(booking)}/returned`,
      ({ reason }) => (reason ? { reason } : {}),
      () => notice(`${booking.carid} is back; ${nameOf(booking)} is over.`,
        { text: 'There is no undo for this one; if the car is still out, block it.' })),
  });
}

export function block(carid, from, to, reason) {
  const [start, end] = [from ?? now(), to ?? startOf(addDays(dayOf(from ?? now()), 1))];
  ask({
    title: `Take ${carid || 'a car'} out of service`,
    text: `Nobody can book it in that time. Times in ${zoneLabel()}.`,
    fields: [
      field('Car', h('input', { name: 'carid', value: carid, required: true, maxlength: 64 })),
      h('div', { class: 'pair' }, timeField('From', 'from', start), timeField('To', 'to', end)),
      reasonField(reason, Boolean(carid))],
    submit: 'Block the car',
    send: async (values) => {
      const { booking } = await post('/blocks', { carid: values.carid.trim(),
        from: rfc3339(fromWall(values.from).instant), to: rfc3339(fromWall(values.to).instant),
        reason: values.reason });
      notice(`${booking.carid} is out of service from ${time(pickupOf(booking))} to `
        + `${time(returnOf(booking))}: ${values.reason}.`,
      { label: 'Undo: release it', run: async () => {
        await remove(`/blocks/${encodeURIComponent(booking.id)}`, { reason: 'Undone' });
        notice(`${booking.carid} is in service again.`);
      } });
      refresh();
    },
  });
}

export function release(booking) {
  const begun = pickupOf(booking) < now();
  ask({
    title: `Release ${booking.carid}`,
    text: begun ? 'The block ends now, and the car can be booked.'
      : 'The block is taken back before it begins.',
    fields: field('Note', h('input', { name: 'reason', maxlength: 200 }), 'May stay empty.'),
    submit: 'Release the car',
    send: async ({ reason }) => {
      await remove(`/blocks/${encodeURIComponent(booking.id)}`, reason ? { reason } : {});
      notice(`${booking.carid} is in service again.`, { label: 'Undo: block it again…',
        run: async () => block(booking.carid, Math.max(pickupOf(booking), now()),
          returnOf(booking), booking.reason) });
      refresh();
    },
  });
}

/** The actions that make sense for a booking as it is; the engine has the last word. */
export function actionsFor(booking) {
  if (isBlock(booking)) {
    return booking.status === 'blocked' && returnOf(booking) > now()
      ? [['Release the car', release]] : [];
  }
  if (booking.status === 'held') {
    return [['Change the return', changeReturn], ['Move to another car', move],
      ['Release the hold', cancel, 'danger']];
  }
  if (booking.status !== 'booked' || booking.returned_at) return [];
  const ahead = returnOf(booking) > now();
  return [
    pickupOf(booking) <= now() && ['The car is back', returned],
    ['Change the return', changeReturn], ahead && ['Move to another car', move],
    ahead && ['Cancel the booking', cancel, 'danger'],
  ].filter(Boolean);
}
