// What an action did and how to undo it, and what is wrong with a request.

import { byId, h } from './dom.js';
import { refresh } from './route.js';
import { line, nameOf, place, money, period, stateName } from './words.js';

/** Says at the top what was done. `undo` is { label, run, text }: a button that takes it back, or
 * text alone where only a person can. */
export function notice(text, undo) {
  const box = byId('notice');
  const content = [h('p', null, text, undo?.text ? ` ${undo.text}` : null)];
  if (undo?.link) content.push(undo.link);
  if (undo?.run) {
    content.push(h('button', { onclick: async (event) => {
      const button = event.currentTarget;
      button.disabled = true;
      try {
        await undo.run();
      } catch (error) {
        box.replaceChildren(problemBox(error), dismiss());
      }
      refresh();
    } }, undo.label));
  }
  box.replaceChildren(...content, dismiss());
}

const dismiss = () => h('button', { class: 'quiet',
  onclick: () => byId('notice').replaceChildren() }, 'Dismiss');

/** A problem document, with the bookings that are in the way as links. */
export function problemBox(error, extra) {
  const { in_the_way: way = [], in_the_way_count: total = way.length } = error.document ?? {};
  return h('div', { class: 'problem', role: 'alert' },
    h('p', null, h('strong', null, `${error.title ?? 'Something went wrong'}. `), error.message),
    way.length > 0 && [
      total > way.length && h('p', null, `The first ${way.length} of ${total}:`),
      h('ul', null, way.map((booking) => h('li', null, line(booking)))),
    ],
    extra);
}

const FACTS = [
  ['status', (b) => stateName(b.status)], ['car', (b) => b.carid], ['place', place],
  ['period', period], ['price', (b) => money(b.price, b.currency)], ['reason', (b) => b.reason],
  ['back', (b) => b.returned_at],
];

/** What somebody else changed since it was seen. */
export function whatIsNow(seen, current) {
  const changed = FACTS.filter(([, read]) => read(seen) !== read(current));
  return h('div', null,
    h('p', null, `This is what ${nameOf(current)} is now:`),
    h('ul', null, changed.length
      ? changed.map(([name, read]) =>
        h('li', null, `${name}: ${read(current) || 'none'} (you saw: ${read(seen) || 'none'})`))
      : h('li', null, 'the same period, car and state; see its history')),
    h('p', null, 'Send it again if that is still what you want.'));
}
