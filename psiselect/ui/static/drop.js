/* Sends a form when its file is chosen, or dropped anywhere on the page. Without it, the button does that. */
"use strict";
const told = document.getElementById("sends");
const button = document.getElementById(told.dataset.button);
const field = button.form.querySelector("input[type=file]");
const send = () => {
  if (field.files.length !== 1) return;
  told.textContent = "The file is being read.";
  button.form.requestSubmit(button);
};
told.hidden = false;
field.addEventListener("change", send);
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => {
    if (event.target === field || !event.dataTransfer.types.includes("Files")) return; // the field takes it by itself
    event.preventDefault();
    if (name === "dragover") return;
    field.files = event.dataTransfer.files;
    send();
  });
}
