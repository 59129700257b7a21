// For browsers without modules (`nomodule`): nothing else runs there.
document.addEventListener('DOMContentLoaded', function () {
  var waiting = document.querySelector('[data-waiting]');
  var sentence = document.querySelector('[data-old-browser]');
  if (waiting) waiting.setAttribute('hidden', '');
  if (sentence) sentence.removeAttribute('hidden');
});
