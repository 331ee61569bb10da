// A table with one tab stop, whose cells the arrow keys walk (the grid pattern of ARIA's authoring
// practices). Row headings are walked too, where they hold a link.

const PAGE_ROWS = 10;
const STEPS = {
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
  PageUp: [-PAGE_ROWS, 0], PageDown: [PAGE_ROWS, 0],
};

const stop = (cell) => (cell.tagName === 'TH' ? cell.querySelector('a') ?? cell : cell);

/** `open(cell, event)` is what Enter, Space and any other key that `keys` lists do to a cell. With
 * Shift the arrows choose days of a row, which `chosen(cells)` is told at Enter. */
export function grid(table, { open, keys = '', chosen }) {
  table.setAttribute('role', 'grid');
  const body = table.tBodies[0];
  let range = null;

  const mark = (cells) => {
    table.querySelectorAll('[aria-selected]').forEach((c) => c.removeAttribute('aria-selected'));
    cells.forEach((cell) => cell.setAttribute('aria-selected', 'true'));
  };
  const focus = (cell) => {
    table.querySelectorAll('[tabindex="0"]').forEach((e) => e.setAttribute('tabindex', '-1'));
    stop(cell).setAttribute('tabindex', '0');
    stop(cell).focus();
  };
  const between = (a, b) => [...a.parentNode.cells].slice(
    Math.min(a.cellIndex, b.cellIndex), Math.max(a.cellIndex, b.cellIndex) + 1);

  table.addEventListener('keydown', (event) => {
    const cell = event.target.closest('tbody td, tbody th');
    if (!cell) return;
    const row = cell.parentNode;
    let next;
    if (STEPS[event.key]) {
      const [down, right] = STEPS[event.key];
      const index = Math.max(0, Math.min(body.rows.length - 1, row.sectionRowIndex + down));
      next = body.rows[index].cells[Math.max(0, Math.min(row.cells.length - 1,
        cell.cellIndex + right))];
    } else if (event.key === 'Home') {
      next = (event.ctrlKey ? body.rows[0] : row).cells[event.ctrlKey ? 0 : 1];
    } else if (event.key === 'End') {
      const last = event.ctrlKey ? body.rows[body.rows.length - 1] : row;
      next = last.cells[last.cells.length - 1];
    } else if (cell.tagName === 'TD' && (event.key === 'Enter' || event.key === ' '
      || (keys.includes(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey))) {
      event.preventDefault();
      if (range?.length > 1 && chosen) chosen(range);
      else open(cell, event);
      return;
    }
    if (!next) return;
    event.preventDefault();
    if (event.shiftKey && chosen && next.parentNode === row && next.tagName === 'TD'
      && cell.tagName === 'TD') {
      table.anchor ??= cell;
      range = between(table.anchor, next);
    } else {
      table.anchor = null;
      range = null;
    }
    mark(range ?? []);
    focus(next);
  });
  table.addEventListener('focusin', (event) => {
    const cell = event.target.closest('tbody td, tbody th');
    if (cell && event.target === stop(cell)) {
      table.querySelectorAll('[tabindex="0"]').forEach((e) => e.setAttribute('tabindex', '-1'));
      event.target.setAttribute('tabindex', '0');
    }
  });
  for (const row of body.rows) {
    for (const cell of row.cells) stop(cell).setAttribute('tabindex', '-1');
  }
  body.rows[0]?.cells[1]?.setAttribute('tabindex', '0');
  return { mark, between };
}
