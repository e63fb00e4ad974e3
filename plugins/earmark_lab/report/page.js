// A cursor that goes with the sound, and a click that goes there. No network, nothing stored.
for (const clip of document.querySelectorAll(".clip")) {
  const audio = clip.querySelector("audio");
  const over = clip.querySelector(".over");
  if (!audio || !over) continue;
  const cursor = over.querySelector(".cursor");
  const duration = Number(clip.dataset.duration);
  const draw = () => {
    cursor.hidden = false;
    cursor.style.left = `${100 * Math.min(1, audio.currentTime / duration)}%`;
    if (!audio.paused) requestAnimationFrame(draw);
  };
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    draw();
  });
  audio.addEventListener("seeked", draw);
  audio.addEventListener("timeupdate", draw);
  over.classList.add("seekable");
  over.addEventListener("click", (event) => {
    const place = over.getBoundingClientRect();
    audio.currentTime = Math.max(0, Math.min(1, (event.clientX - place.left) / place.width)) * duration;
    draw();
  });
}
