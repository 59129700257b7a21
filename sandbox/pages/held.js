// Copies a value. If the browser offers no clipboard (plain http except localhost), it selects the value.

for (const button of document.querySelectorAll('[data-copy]')) {
  const input = document.getElementById(button.dataset.copy);
  input.addEventListener('focus', () => input.select());
  button.addEventListener('click', () => void copy(input, button));
}

async function copy(input, button) {
  input.focus();
  await navigator.clipboard?.writeText(input.value);
  button.textContent = navigator.clipboard ? '已复制' : '已选中';
  button.setAttribute('aria-label', `${button.textContent} ${input.id}`);
}
