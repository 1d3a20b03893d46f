/* Says what follows from the answers so far, and from the one that is chosen. Without it, a button does that. */
"use strict";
const follows = document.getElementById("follows");
const sentence = follows.querySelector("p");
const list = follows.querySelector("ul");
const look = document.getElementById("look");
let asked = null;
const ask = (answer) => {
  if (asked) asked.close();
  asked = new EventSource(follows.dataset.events + (answer ? "?answer=" + encodeURIComponent(answer) : ""));
  asked.onmessage = (message) => {
    asked.close();
    const now = JSON.parse(message.data);
    follows.hidden = !now.words;
    sentence.textContent = now.words;
    list.replaceChildren();
    for (const each of now.possible) {
      const item = document.createElement("li");
      item.textContent = each;
      list.append(item);
    }
  };
  asked.onerror = () => asked.close();
};
if (look) look.remove();
ask("");
for (const choice of document.querySelectorAll("input[type=radio][name=answer]")) {
  choice.addEventListener("change", () => ask(choice.value));
}
