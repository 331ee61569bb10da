// Requests to the desk's API (docs/desk-api.md). A problem document becomes a Problem; no answer at
// all an Unreachable, of which the page hears by an event as well.

export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || `The engine answered ${status}.`);
    this.status = status;
    this.title = document.title || `Error ${status}`;
    this.name = (document.type || '').split(':').pop();
    this.document = document;
  }
}

export class Unreachable extends Error {
  constructor(asked) {
    super(asked ? 'The engine does not answer.' : 'The engine did not answer, so it is not known '
      + 'whether it did that. Look before you do it again.');
    this.title = 'No answer';
  }
}

const PATIENCE_MS = 30000;

// The whole address, without a name and key that may stand in the page's own: fetch() takes none.
const API = `${location.origin}/api`;

export function url(path, query = {}) {
  const set = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return set.length ? `${API}${path}?${new URLSearchParams(set)}` : `${API}${path}`;
}

async function send(method, address, body, signal) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  const leave = () => patience.abort();
  signal?.addEventListener('abort', leave);
  try {
    const answer = await fetch(address, {
      method,
      body: body && JSON.stringify(body),
      headers: body ? { 'Content-Type': 'application/json' } : {},
      signal: patience.signal,
    });
    return await read(answer.status, await answer.text());
  } catch (error) {
    if (error instanceof Problem || signal?.aborted) throw error;
    throw lost(method === 'GET');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', leave);
  }
}

function lost(asked) {
  document.dispatchEvent(new CustomEvent('desk:unreachable'));
  return new Unreachable(asked);
}

function read(status, text) {
  let value;
  try {
    value = text ? JSON.parse(text) : {};
  } catch {
    value = { detail: `The engine answered ${status} and no JSON.` };
    if (status < 400) throw new Problem(status, value);
  }
  if (status >= 400) throw new Problem(status, value);
  return value;
}

export const get = (path, query, signal) => send('GET', url(path, query), undefined, signal);
export const post = (path, body) => send('POST', url(path), body);
export const remove = (path, body) => send('DELETE', url(path), body);

/** Sends a file, telling how much of it is on its way: fetch() cannot say that. */
export function upload(path, query, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', url(path, query));
    request.setRequestHeader('Content-Type', 'text/csv');
    request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onerror = () => reject(lost(query.dry_run));
    request.onload = () => {
      try {
        resolve(read(request.status, request.responseText));
      } catch (problem) {
        reject(problem);
      }
    };
    request.send(file);
  });
}

/** The fleet file as it is now. */
export async function fleetFile() {
  const answer = await fetch(url('/cars', { format: 'csv' })).catch(() => { throw lost(true); });
  if (!answer.ok) read(answer.status, await answer.text());
  return answer.blob();
}

// Locations, categories and channels to choose from. They change seldom, and a person can type any
// other: a failure only costs the suggestions.
let known;
const channels = new Set();

export const noteChannels = (bookings) =>
  bookings.forEach((booking) => booking.channel && channels.add(booking.channel));
export const knownChannels = () => [...channels].sort();

export async function places() {
  if (!known || Date.now() - known.at > 300000) {
    const from = `${new Date().toISOString().slice(0, 10)}T00:00:00Z`;
    try {
      const { groups } = await get('/occupancy', { from, days: 1 });
      const names = (key) => [...new Set(groups.map((group) => group[key]))].sort();
      known = { at: Date.now(), locations: names('location'), categories: names('category') };
    } catch {
      return { locations: [], categories: [] };
    }
  }
  return known;
}

let current;
export async function status(signal) {
  current = await get('/status', {}, signal);
  return current;
}
export const lastStatus = () => current;
