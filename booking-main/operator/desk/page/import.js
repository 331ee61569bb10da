// A fleet file: first what it would change, then, if it is wanted, the change.

import { fleetFile, upload } from './api.js';
import { field, h, say } from './dom.js';
import { notice, problemBox } from './notice.js';
import { refresh, to } from './route.js';
import { dayOf, now } from './time.js';
import { count } from './words.js';

const linksTo = ({ count: total, first }, text) => h('li', null,
  h('strong', null, count(total, 'booking')), ` ${text}: `,
  first.map((id) => [h('a', { href: to('booking', {}, id) }, id), ' ']),
  total > first.length && `and ${total - first.length} more`);

/** What a file changes, or changed. */
function report({ added, changed, withdrawn, unchanged, repriced, moved, stranded, warnings }) {
  return [
    h('ul', { class: 'tiles' }, [
      ['added', added], ['changed', changed], ['withdrawn', withdrawn], ['unchanged', unchanged],
    ].map(([name, n]) => h('li', null, h('strong', null, n.toLocaleString('en-GB')), ` ${name}`))),
    h('ul', { class: 'plain' },
      repriced > 0 && h('li', null, `${count(repriced, 'price')} to less than half or more than `
        + 'double.'),
      stranded.count > 0 && linksTo(stranded, 'of cars that are withdrawn; they stay booked'),
      moved.count > 0 && linksTo(moved, 'of cars whose place or category changes'),
      stranded.count + moved.count === 0 && h('li', null, 'No booking is at risk.'),
      warnings.map((text) => h('li', null, `Warning: ${text}`)))];
}

export function importPanel() {
  const input = h('input', { type: 'file', name: 'file', accept: '.csv,.txt,text/csv' });
  const check = h('button', { class: 'primary' }, 'Show what it would change');
  const result = h('div', { 'aria-live': 'polite' });
  const progress = h('progress', { 'aria-label': 'Upload', hidden: true });
  let kept = '';

  const send = async (query, file) => {
    progress.removeAttribute('value');
    progress.hidden = false;
    try {
      return await upload('/fleet', query, file, (loaded, total) => {
        if (loaded < total) {
          progress.max = total;
          progress.value = loaded;
        } else {
          progress.removeAttribute('value');
        }
      });
    } finally {
      progress.hidden = true;
    }
  };

  const apply = async (file, force, button) => {
    button.disabled = true;
    button.textContent = 'Importing…';
    try {
      // The way back is the file as it is now, so it is fetched while there is one.
      if (kept) URL.revokeObjectURL(kept);
      kept = URL.createObjectURL(await fleetFile());
      const done = await send(force ? { force: 'true' } : {}, file);
      notice(`Imported ${file.name}: ${done.added} added, ${done.changed} changed, ${
        done.withdrawn} withdrawn.`, { text: 'To undo, import the fleet as it was before:',
        link: h('a', { class: 'button', href: kept, download: `fleet-before-${dayOf(now())}.csv` },
          'Download it') });
      refresh();
    } catch (error) {
      // The fleet changed since it was looked at, so that the same file changes more of it now.
      if (error.name === 'needs-force') offer(file, error.document);
      else result.prepend(problemBox(error));
      button.disabled = false;
      button.textContent = 'Import it';
    }
  };

  /** The report of a dry run, and the button that does it. */
  const offer = (file, found) => {
    const force = h('input', { type: 'checkbox', name: 'force' });
    const button = h('button', { class: 'primary', disabled: Boolean(found.needs_force),
      onclick: () => apply(file, force.checked, button) }, 'Import it');
    force.addEventListener('change', () => { button.disabled = !force.checked; });
    const nothing = found.added + found.changed + found.withdrawn === 0;
    result.replaceChildren(
      h('h3', null, `What ${file.name} would change`),
      ...(found.added === undefined ? [] : report(found)),
      found.needs_force ? h('div', { class: 'problem' }, h('p', null, found.needs_force),
        h('label', { class: 'check' }, force, ' Yes, import it all the same')) : '',
      nothing ? h('p', null, 'Nothing: the fleet is like that already.')
        : h('div', { class: 'buttons' }, button,
          h('button', { onclick: () => result.replaceChildren() }, 'Do nothing')));
    say(`${file.name}: ${found.added} added, ${found.changed} changed, ${
      found.withdrawn} withdrawn.`);
  };

  return h('section', { class: 'panel' }, h('h2', null, 'Import a fleet file'),
    h('form', { onsubmit: async (event) => {
      event.preventDefault();
      const file = input.files[0];
      if (!file) {
        input.focus();
        result.replaceChildren(problemBox({ title: 'No file',
          message: 'Choose a CSV file first.' }));
        return;
      }
      check.disabled = true;
      result.replaceChildren();
      try {
        offer(file, await send({ dry_run: 'true' }, file));
      } catch (error) {
        result.replaceChildren(problemBox(error));
      }
      check.disabled = false;
    } },
    h('div', { class: 'row' }, field('CSV file', input), check)),
    h('p', { class: 'faint' }, 'Nothing changes before you have seen what it would change. Cars '
      + 'that are not in the file are withdrawn; their bookings stay.'),
    progress, result);
}
