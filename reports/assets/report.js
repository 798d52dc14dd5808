"use strict";
// The report is complete without this: it filters findings, keeps the filter in the address, and unfolds what is linked.
const form = document.querySelector(".filter");
const fields = ["text", "severity", "verdict"].map((name) => form.elements[name]);
const findings = [...document.querySelectorAll(".cluster details[id]")];
const containers = [...document.querySelectorAll(".fold, .cluster")];
const texts = new Map();

function textOf(finding) {
  if (!texts.has(finding)) {
    const cluster = finding.closest(".cluster").querySelector("h3").textContent;
    texts.set(finding, (cluster + " " + finding.textContent).toLowerCase());
  }
  return texts.get(finding);
}

function filter() {
  const [text, severity, verdict] = fields.map((field) => field.value);
  const wanted = text.trim().toLowerCase();
  const active = Boolean(wanted || severity || verdict);
  let shown = 0;
  for (const finding of findings) {
    const [v, s] = finding.firstElementChild.children;
    const match = (!severity || s.textContent === severity) && (!verdict || v.textContent === verdict)
      && (!wanted || textOf(finding).includes(wanted));
    finding.hidden = !match;
    shown += match;
  }
  for (const container of containers) {
    container.hidden = active && !container.querySelector("details[id]:not([hidden])");
    if (container.matches(".fold")) container.open = active;
  }
  form.querySelector("output").textContent = active ? `${shown} of ${findings.length} findings` : "";
}

function remember() {
  const state = new URLSearchParams(fields.filter((field) => field.value).map((field) => [field.name, field.value]));
  history.replaceState(null, "", state.size ? `#?${state}` : "#clusters");
}

function follow() {
  if (location.hash.startsWith("#?")) {
    const state = new URLSearchParams(location.hash.slice(2));
    for (const field of fields) field.value = state.get(field.name) ?? "";
    filter();
    return;
  }
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let place = target; place; place = place.parentElement) if (place.localName === "details") place.open = true;
  if (target) target.scrollIntoView();
}

let pending;
form.addEventListener("input", () => {
  clearTimeout(pending);
  pending = setTimeout(() => { filter(); remember(); }, 120);
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    folded.dataset.printed = "";
  }
});
addEventListener("afterprint", () => {
  for (const folded of document.querySelectorAll("details[data-printed]")) {
    folded.open = false;
    delete folded.dataset.printed;
  }
});
form.hidden = false;
follow();
