// Where the person is: #/view/id?name=value. Links can be kept and shared, and back works.

export function parse(hash) {
  const [path, query] = hash.replace(/^#\/?/, '').split('?');
  const [view, ...rest] = path.split('/');
  let id = rest.join('/');
  try {
    id = decodeURIComponent(id);
  } catch {
    // As it stands, then: there is no such booking.
  }
  return { view: view || 'today', id, query: Object.fromEntries(new URLSearchParams(query)) };
}

export function to(view, query = {}, id = '') {
  const set = Object.entries(query).filter(([, value]) =>
    value !== undefined && value !== null && value !== '');
  const path = id ? `${view}/${encodeURIComponent(id)}` : view;
  return set.length ? `#/${path}?${new URLSearchParams(set)}` : `#/${path}`;
}

export const go = (hash) => { location.hash = hash; };

/** Shows the same place again, as it is now. */
export const refresh = () => document.dispatchEvent(new CustomEvent('desk:refresh'));

/** What a form holds, empty fields left out. */
export const values = (form) => Object.fromEntries([...new FormData(form)]
  .map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
