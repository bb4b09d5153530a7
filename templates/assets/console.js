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
