/* Says what the slider for epsilon is at. Without it, the button "Show what to expect" does that. */
"use strict";
const slider = document.getElementById("epsilon");
const words = document.getElementById("epsilon-now");
const mark = document.getElementById("curve-mark");
const factors = slider.dataset.factors.split(" ");
const chances = slider.dataset.chances.split(" ");
slider.addEventListener("input", () => {
  const place = Math.round((slider.value - slider.min) / slider.step);
  const chance = chances[place];
  words.textContent =
    `Epsilon ${slider.value}: one person\u2019s ballot multiplies or divides the chance of any result by at most ` +
    `${factors[place]}.` + (chance ? ` The right result comes out at least ${chance} times in 100.` : "");
  if (mark) {
    mark.setAttribute("x1", 40 + (350 * place) / 49);
    mark.setAttribute("x2", 40 + (350 * place) / 49);
  }
});
