// The workbench of the directory, live: each step is shown when it has ended, and buttons fill the form
// without a new page, so that passwords stay typed. Without this module the page comes at the end.

const form = document.getElementById('directory');
const attempt = document.getElementById('attempt');
const progress = document.getElementById('progress');
let going = false;

function show(line) {
  const { status, html } = JSON.parse(line);
  progress.textContent = status;
  if (!html) return;
  // Parsed apart from the page: nothing in it runs.
  attempt.replaceChildren(...new DOMParser().parseFromString(html, 'text/html').body.childNodes);
}

async function go() {
  const answer = await fetch(form.dataset.steps, {
    method: 'POST',
    body: new URLSearchParams(new FormData(form)),
  });
  if (!answer.headers.get('Content-Type')?.startsWith('application/x-ndjson')) {
    // Signed out meanwhile, or the form is too old.
    location.reload();
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    lines.forEach(show);
  }
  attempt.scrollIntoView({ block: 'start' });
}

form?.addEventListener('submit', async (event) => {
  if (event.submitter?.name !== 'try') return;
  event.preventDefault();
  if (going) return;
  going = true;
  form.setAttribute('aria-busy', 'true');
  try {
    await go();
  } catch {
    progress.textContent = progress.dataset.broken;
  }
  form.removeAttribute('aria-busy');
  going = false;
  delete form.dataset.sent;
});

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('button[name="fix"]');
  if (!button || !form) return;
  event.preventDefault();
  for (const [name, value] of new URLSearchParams(button.value)) {
    const field = form.elements[name];
    if (!field) continue;
    if (field.type === 'checkbox') field.checked = value !== '';
    else field.value = value;
    const closed = field.closest('details');
    if (closed) closed.open = true;
  }
  progress.textContent = progress.dataset.filled;
  document.getElementById('try').focus();
});
