// What makes pages livelier; each of them works without it.

// After a form that was not taken, whoever reads with the keyboard begins at what is wrong.
document.getElementById('faults')?.focus();

// A form is sent once, however often it is pressed; a page that is shown again may be sent again.
for (const form of document.forms) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault();
    else form.dataset.sent = 'yes';
  });
}
addEventListener('pageshow', () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// A box that ticks all the others of its table; without scripts it is not there.
for (const all of document.querySelectorAll('input[data-all]')) {
  all.hidden = false;
  all.addEventListener('change', () => {
    for (const one of all.closest('table').querySelectorAll('tbody input[type=checkbox]')) one.checked = all.checked;
  });
}

// What is at work is looked at again until it is done; without scripts the page is loaded again.
async function follow(part) {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } }).catch(() => null);
  if (answer?.ok) {
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const next = page.querySelector('[data-follow]');
    // Done: the whole page says more than this part of it.
    if (!next) return location.reload();
    if (!part.contains(document.activeElement)) {
      part.replaceWith(next);
      part = next;
    }
  }
  setTimeout(follow, 1000, part);
}
const followed = document.querySelector('[data-follow]');
if (followed) setTimeout(follow, 500, followed);

// A text that is asked for can be read from a file; the file itself goes nowhere.
for (const input of document.querySelectorAll('input[data-into]')) {
  input.closest('.field').hidden = false;
  input.addEventListener('change', async () => {
    const [file] = input.files;
    if (file) document.getElementById(input.dataset.into).value = await file.text();
  });
}

// While the server starts again: goes on once it answers anew, which shows by its asking to sign in.
const waiting = document.querySelector('[data-wait-for]');
if (waiting) {
  const next = waiting.dataset.waitFor;
  setInterval(async () => {
    try {
      const headers = { Accept: 'text/html' };
      const answer = await fetch(next, { cache: 'no-store', redirect: 'manual', headers });
      if (answer.type === 'opaqueredirect') location.assign(next);
    } catch {
      // It is not there yet.
    }
  }, 400);
}
