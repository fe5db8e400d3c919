"use strict";
// Replaces a section when the server sends a new one, unless somebody is typing in it; adds the name to every form.
const who = document.getElementById("who");
const link = document.getElementById("link");
const waiting = new Map();
who.value = sessionStorage.getItem("who") || "";
who.addEventListener("input", () => sessionStorage.setItem("who", who.value));

function busy(section) {
  return section.contains(document.activeElement) ||
    [...section.querySelectorAll("input:not([type=hidden])")].some((input) => input.value !== "");
}

function put(name, html) {
  const section = document.getElementById(name);
  if (busy(section)) { waiting.set(name, html); } else { section.innerHTML = html; waiting.delete(name); }
}

document.addEventListener("submit", (event) => {
  const hidden = event.target.querySelector("input.who");
  if (!hidden) { return; }
  hidden.value = who.value;
  if (who.value.trim() === "") { event.preventDefault(); who.focus(); who.classList.add("missing"); }
});
document.addEventListener("focusout", () => setTimeout(() => waiting.forEach((html, name) => put(name, html)), 0));

const source = new EventSource("/page/stream");
for (const name of ["alarms", "prompt", "doubts", "batches", "commands"]) {
  source.addEventListener(name, (event) => put(name, event.data));
}
source.onopen = () => { link.textContent = "live"; link.className = "live"; };
source.onerror = () => { link.textContent = "connection lost: what you see is old"; link.className = "lost"; };
