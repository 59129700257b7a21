// For browsers without modules (`nomodule`), in which no other script runs.
document.addEventListener('DOMContentLoaded', function () {
  var waiting = document.querySelector('[data-waiting]');
  var sentence = document.querySelector('[data-old-browser]');
  if (waiting) waiting.setAttribute('hidden', '');
  if (sentence) sentence.removeAttribute('hidden');
});
