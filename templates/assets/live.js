// What of a page stays up to date while somebody looks at it. The server tells a fragment of the page;
// each part that has an id of its own takes the place of the one before, if it says something new.

const root = document.querySelector('[data-live]');
const note = document.getElementById('live-off');
let source;

function take(text) {
  const told = new DOMParser().parseFromString(text, 'text/html');
  for (const part of told.querySelectorAll('[id^="live-"]')) {
    const old = document.getElementById(part.id);
    if (!old) continue;
    const now = document.importNode(part, true);
    if (old.isEqualNode(now)) continue;
    // Whoever stands on something with the keyboard stands there afterwards.
    const focused = old.contains(document.activeElement) ? document.activeElement.id : null;
    old.replaceWith(now);
    if (focused !== null) (document.getElementById(focused) ?? now.querySelector('a, button'))?.focus();
  }
}

function begin() {
  if (source) return;
  source = new EventSource(root.dataset.live);
  source.addEventListener('message', (event) => {
    if (note) note.hidden = true;
    take(event.data);
  });
  source.addEventListener('error', () => {
    if (note) note.hidden = false;
  });
}

function rest() {
  source?.close();
  source = undefined;
}

if (root) {
  document.addEventListener('visibilitychange', () => (document.hidden ? rest() : begin()));
  addEventListener('pagehide', rest);
  addEventListener('pageshow', () => { if (!document.hidden) begin(); });
  if (!document.hidden) begin();
}
