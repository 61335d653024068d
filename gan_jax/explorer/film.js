// Plays the frames of a walk; the button pauses it, and the slider goes to a frame.
let due = 0;
const film = () => element.querySelector('.film');
const show = (at) => {
  const frames = film().querySelectorAll('.frame');
  frames.forEach((frame, number) => { frame.hidden = number !== at % frames.length; });
  film().querySelector('.at').value = at % frames.length;
};
const pause = (paused) => {
  film().classList.toggle('paused', paused);
  const button = film().querySelector('.play');
  button.textContent = paused ? '▶' : '❚❚';
  button.setAttribute('aria-label', paused ? 'Play' : 'Pause');
};
element.addEventListener('click', (event) => {
  if (event.target.closest('.play')) pause(!film().classList.contains('paused'));
});
element.addEventListener('input', (event) => {
  if (event.target.closest('.at')) { pause(true); show(Number(event.target.value)); }
});
setInterval(() => {
  const playing = film();
  if (!playing || playing.classList.contains('paused') || performance.now() < due) return;
  due = performance.now() + Number(playing.dataset.milliseconds);
  show(Number(playing.querySelector('.at').value) + 1);
}, 20);
