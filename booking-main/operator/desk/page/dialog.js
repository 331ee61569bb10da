// Forms in a <dialog>: the browser keeps the keyboard inside and gives the focus back afterwards.

import { h, newId, standIn } from './dom.js';
import { problemBox } from './notice.js';

/** Asks for what an action needs. `send(values)` does it; what it throws is shown in the dialog,
 * beside `explain(error)` if that returns something. Closed by Escape, Cancel, or success. */
export function ask({ title, text, fields, submit, danger, send, explain }) {
  const heading = h('h2', { id: newId('dialog-title') }, title);
  const trouble = h('div');
  const go = h('button', { class: danger ? 'danger' : 'primary' }, submit);
  const form = h('form', { novalidate: true }, fields, trouble,
    h('div', { class: 'buttons' }, go,
      h('button', { type: 'button', onclick: () => dialog.close() }, 'Do nothing')));
  const dialog = h('dialog', { 'aria-labelledby': heading.id }, heading,
    text && h('p', null, text), form);

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    form.querySelectorAll('[aria-invalid]').forEach((e) => e.removeAttribute('aria-invalid'));
    trouble.replaceChildren();
    const missing = [...form.elements].find((control) => !control.validity.valid);
    if (missing) {
      point(missing);
      trouble.append(problemBox({ title: 'Not complete', message: missing.validationMessage }));
      return;
    }
    go.disabled = true;
    go.textContent = 'Sending…';
    try {
      await send(Object.fromEntries(new FormData(form)));
      dialog.close();
    } catch (error) {
      trouble.replaceChildren(problemBox(error, explain?.(error)));
      const wrong = error.document?.parameter && form.elements[error.document.parameter];
      if (wrong) point(wrong);
    }
    go.disabled = false;
    go.textContent = submit;
  });
  const point = (control) => {
    control.setAttribute('aria-invalid', 'true');
    control.focus();
  };
  // A link in the dialog leads to another view: the form would hide it.
  dialog.addEventListener('click', (event) => event.target.closest('a') && dialog.close());
  const opener = standIn(document.activeElement);
  dialog.addEventListener('close', () => {
    dialog.remove();
    // The view may have been made anew behind the dialog, and the button with it.
    if (document.activeElement === document.body) opener()?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
