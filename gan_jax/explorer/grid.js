// A click on a sample makes it the current one.
element.addEventListener('click', (event) => {
  const cell = event.target.closest('.cell');
  if (!cell) return;
  element.querySelectorAll('.cell').forEach((other) => other.setAttribute('aria-pressed', other === cell));
  trigger('select', {number: Number(cell.dataset.number)});
});
