// Times in one zone, which the person chooses: an instant is a number of milliseconds, a day is
// "YYYY-MM-DD" on the wall of that zone. A day has 23 or 25 hours when the clocks change.

const STORED = 'booking-desk-zone';
const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

let zone = browserZone();
try {
  const stored = localStorage.getItem(STORED);
  new Intl.DateTimeFormat('en-GB', { timeZone: stored ?? zone });
  zone = stored ?? zone;
} catch {
  // A browser that keeps nothing, or a zone it does not know: its own zone is as good.
}

export const zoneName = () => zone;

export function chooseZone(name) {
  zone = name;
  formats.clear();
  offsets.clear();
  try {
    localStorage.setItem(STORED, name);
  } catch {
    // Then it holds until the page is closed.
  }
}

export function zones() {
  const all = Intl.supportedValuesOf?.('timeZone') ?? [];
  const often = [...new Set([zone, browserZone(), 'UTC'])];
  return { often, others: all.filter((name) => !often.includes(name)) };
}

const formats = new Map();

function format(name, options) {
  if (!formats.has(name)) {
    formats.set(name, new Intl.DateTimeFormat('en-GB',
      { timeZone: zone, hourCycle: 'h23', ...options }));
  }
  return formats.get(name);
}

// Clocks change on quarters of an hour at most, and asking Intl costs microseconds that a calendar
// of 200 cars feels.
const QUARTER = 900000;
const offsets = new Map();

/** Minutes that the zone's wall is ahead of UTC at an instant. */
export function offset(instant) {
  const quarter = Math.floor(instant / QUARTER);
  if (!offsets.has(quarter)) offsets.set(quarter, askOffset(quarter * QUARTER));
  return offsets.get(quarter);
}

function askOffset(instant) {
  const p = {};
  const parts = format('parts', { year: 'numeric', month: 'numeric', day: 'numeric',
    hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(instant);
  for (const { type, value } of parts) p[type] = Number(value);
  const wall = Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second);
  return Math.round((wall - instant) / 60000);
}

const HOUR = 3600000;

/** The instant of "YYYY-MM-DDTHH:MM" on the wall. An hour that the clocks skip gives the time they
 * show then (02:30 is 03:30), an hour that comes twice its first; `odd` says so in words. */
export function fromWall(text) {
  const wall = Date.parse(`${text}Z`);
  if (Number.isNaN(wall)) return { instant: NaN };
  const before = wall - offset(wall - 24 * HOUR) * 60000;
  const after = wall - offset(wall + 24 * HOUR) * 60000;
  const valid = [before, after].filter((at) => at + offset(at) * 60000 === wall);
  if (valid.length === 0) {
    return { instant: before, odd: `The clocks skip that time; taken as ${clock(before)}.` };
  }
  const instant = Math.min(...valid);
  if (valid.length === 2 && before !== after) {
    return { instant, odd: 'The clocks show that time twice; the first is taken.' };
  }
  return { instant };
}

const onWall = (instant) => new Date(instant + offset(instant) * 60000).toISOString();

/** What an input of type datetime-local holds. */
export const toWall = (instant) => onWall(instant).slice(0, 16);
export const dayOf = (instant) => onWall(instant).slice(0, 10);
export const startOf = (day) => fromWall(`${day}T00:00`).instant;
export const addDays = (day, n) =>
  new Date(Date.parse(`${day}T00:00Z`) + n * 24 * HOUR).toISOString().slice(0, 10);
export const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text ?? '')
  && !Number.isNaN(Date.parse(text));
export const hourOf = (instant) => onWall(instant).slice(11, 13);

/** As the API takes it. */
export const rfc3339 = (instant) => new Date(instant).toISOString().replace(/\.\d+Z$/, 'Z');

export const clock = (instant) => onWall(instant).slice(11, 16);
export const day = (instant) => format('day', { weekday: 'short', day: 'numeric', month: 'short',
  year: 'numeric' }).format(instant).replace(/,/g, '');
export const time = (instant) => `${day(instant)}, ${clock(instant)}`;
/** Without the year where it is this one. */
export function shortTime(instant) {
  const year = onWall(instant).slice(0, 4) === onWall(now()).slice(0, 4) ? undefined : 'numeric';
  return `${format(`short ${year}`, { weekday: 'short', day: 'numeric', month: 'short', year })
    .format(instant).replace(/,/g, '')} ${clock(instant)}`;
}
export const weekday = (instant) => format('weekday', { weekday: 'short' }).format(instant);
export const longDay = (instant) => format('long', { weekday: 'long', day: 'numeric', month: 'long',
  year: 'numeric' }).format(instant).replace(/,/g, '');

export function zoneLabel(name = zone) {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: name, timeZoneName: 'shortOffset' })
    .formatToParts(now());
  const shift = parts.find((part) => part.type === 'timeZoneName')?.value.replace('GMT', 'UTC');
  return shift === name ? name : `${name.replaceAll('_', ' ')} (${shift})`;
}

export function duration(milliseconds) {
  const minutes = Math.round(Math.abs(milliseconds) / 60000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} days ${hours % 24} h` : `${days} days`;
}

// The engine's clock decides what is late, not the one of this device.
let ahead = 0;
export const setClock = (instant) => { ahead = instant - Date.now(); };
export const now = () => Date.now() + ahead;
