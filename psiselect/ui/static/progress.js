/* Shows how far the work is, as this server says it. Without it, the page loads itself again and again. */
"use strict";
const shown = document.getElementById("progress");
const bar = shown.querySelector("progress");
const words = document.getElementById("progress-words");
const left = document.getElementById("progress-left");
const told = new EventSource(shown.dataset.events);
told.onmessage = (message) => {
  const now = JSON.parse(message.data);
  if (words.textContent !== now.words) words.textContent = now.words;
  left.textContent = [now.percent === null ? "" : `${now.percent} %`, now.left].filter(Boolean).join(", ");
  if (now.percent === null) bar.removeAttribute("value");
  else bar.value = now.percent;
  if (now.over) {
    told.close();
    location.replace(shown.dataset.next);
  }
};
