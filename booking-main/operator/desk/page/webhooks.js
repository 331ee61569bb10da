// What partners are yet to be told, what was given up and why; again, and a test. What a receiver
// answered is shown as text, as all else.

import { get, post } from './api.js';
import { field, h, select, table } from './dom.js';
import { notice, problemBox } from './notice.js';
import { go, refresh, to, values } from './route.js';
import { time } from './time.js';
import { count } from './words.js';

const PAGE = 50;
const STATES = { waiting: 'waits', given_up: 'given up' };

/** A button that does something at the engine, and says so. */
function act(label, path, body, done, trouble, attributes) {
  return h('button', { ...attributes, onclick: async () => {
    trouble.replaceChildren();
    try {
      await post(path, body);
      notice(done);
      refresh();
    } catch (error) {
      trouble.append(problemBox(error));
    }
  } }, label);
}

const stateOf = (webhook) => {
  if (webhook.stopped) return 'stopped: the receiver said 410';
  return webhook.sender ? `sent by ${webhook.sender}` : 'no engine sends';
};

function partners(webhooks, trouble) {
  return table('Partners', [['Partner'], ['State'], ['Wait', 'number'], ['Since', 'tight'],
    ['Given up', 'number'], ['', 'tight']], webhooks.map((webhook) => {
    const { channel } = webhook;
    return [channel, stateOf(webhook), webhook.waiting,
      webhook.waiting_since ? time(Date.parse(webhook.waiting_since)) : '', webhook.given_up,
      h('div', { class: 'buttons' },
        act('Send a test', '/webhooks/test', { channel },
          `A test is sent to ${channel}. While it is in the list, it was not taken.`, trouble,
          { 'aria-label': `Send a test to ${channel}` }),
        webhook.given_up > 0 && act('Send all again', '/webhooks/all/again', { channel },
          `What was given up is sent to ${channel} again.`, trouble,
          { 'aria-label': `Send all that was given up to ${channel} again` }))];
  }));
}

const reasonOf = (delivery) => {
  if (!delivery.attempts) return 'not tried yet';
  return `${delivery.last_error ?? 'no reason'} (${count(delivery.attempts, 'try', 'tries')})`;
};

function deliveries(rows, trouble) {
  return table('Webhooks', [['Id', 'number'], ['Change', 'tight'], ['State', 'tight'], ['Why'],
    ['', 'tight']], rows.map((row) => [
    row.id,
    [h('div', null, `${row.channel} · ${row.type}`), row.booking_id
      && h('a', { href: to('booking', {}, row.booking_id) }, row.booking_id)],
    [h('div', null, STATES[row.state] ?? row.state),
      row.next_at && h('div', { class: 'faint' }, `until ${time(Date.parse(row.next_at))}`)],
    reasonOf(row),
    act('Send again', `/webhooks/${row.id}/again`, {}, `Webhook ${row.id} is sent again.`, trouble,
      { 'aria-label': `Send ${row.id} again` })]));
}

function filters(query, webhooks) {
  const choices = [['', 'all'], ...webhooks.map(({ channel }) => [channel, channel])];
  return h('form', { class: 'row controls', 'aria-label': 'Webhooks', onsubmit: (event) => {
    event.preventDefault();
    go(to('webhooks', values(event.target)));
  } },
  field('Partner', select('channel', choices, query.channel)),
  field('State', select('state', [['', 'all'], ...Object.entries(STATES)], query.state)),
  h('button', { class: 'primary' }, 'Show'));
}

export async function show({ query }, signal) {
  const { after, ...filter } = query;
  const [all, answer] = await Promise.all([get('/webhooks', { limit: 1 }, signal),
    get('/webhooks', { ...filter, after, limit: PAGE }, signal)]);
  const { deliveries: rows, next } = answer;
  const trouble = h('div');
  const summary = `${count(rows.length, 'webhook')} shown${next ? ', and more' : ''}`;
  const heading = h('h1', { tabindex: '-1' }, 'Webhooks');
  if (!all.webhooks.length) {
    return { title: 'Webhooks', content: [heading, h('p', { class: 'empty' },
      'No partner has a webhook: the option --webhook-url of its engines gives it one.')] };
  }
  return {
    title: 'Webhooks',
    summary,
    content: [
      heading, trouble,
      h('section', { class: 'panel' }, h('h2', null, 'Partners'), partners(all.webhooks, trouble)),
      h('section', { class: 'panel' }, h('h2', null, 'Not delivered'),
        filters(filter, all.webhooks), h('p', null, `${summary}.`),
        rows.length ? deliveries(rows, trouble)
          : h('p', { class: 'empty' }, 'Nothing waits, and nothing was given up.'),
        h('nav', { class: 'pages', 'aria-label': 'Pages' },
          after && h('a', { class: 'button', href: to('webhooks', filter) }, 'First page'),
          next && h('a', { class: 'button', href: to('webhooks', { ...filter, after: next }) },
            'Next webhooks'))),
    ],
  };
}
