"use strict";
// Without this script every part stands on the page, one under the other; with it, one at a time.
(() => {
  const parts = [...document.querySelectorAll("section.part")];
  const anatomy = document.getElementById("anatomy");
  const tip = document.getElementById("tip");
  const way = document.getElementById("way");
  const colour = document.getElementById("colour");
  const size = document.getElementById("size");
  let zoom = 1;

  const byAnchor = (anchor) => parts.find((part) => part.id === anchor) || parts[0];
  const current = () => byAnchor(decodeURIComponent(location.hash.slice(1)));
  const aside = (part) => parts.filter((other) => other.dataset.up === part.dataset.up);
  const title = (part) => part.querySelector("h2, h3").textContent;

  function show(moveFocus) {
    const shown = current();
    for (const part of parts) part.hidden = part !== shown;
    way.replaceChildren();
    const line = [];
    for (let part = shown; part; part = part.dataset.up && byAnchor(part.dataset.up)) line.unshift(part);
    line.forEach((part, at) => {
      const link = document.createElement("a");
      link.href = "#" + part.id;
      link.textContent = title(part);
      if (part === shown) link.setAttribute("aria-current", "page");
      if (at) way.append(" › ");
      way.append(link);
    });
    tip.textContent = "";
    if (moveFocus) shown.querySelector("h2, h3").focus();
  }

  function scale(to) {
    zoom = Math.min(4, Math.max(0.5, to));
    for (const picture of anatomy.querySelectorAll("svg.anatomy")) {
      const [, , width, height] = picture.getAttribute("viewBox").split(" ");
      picture.setAttribute("width", width * zoom);
      picture.setAttribute("height", height * zoom);
    }
    size.textContent = Math.round(100 * zoom) + " %";
  }

  function paint() {
    anatomy.className = "anatomy by-" + colour.value;
  }

  function beside(step) {
    const row = aside(current());
    const at = row.indexOf(current()) + step;
    if (row[at]) location.hash = row[at].id;
  }

  function up() {
    const above = current().dataset.up;
    if (above) location.hash = above;
  }

  function tell(event) {
    const box = event.target.closest && event.target.closest(".box, a[href]");
    const words = box && box.querySelector("title");
    if (words) tip.textContent = words.textContent;
  }

  anatomy.addEventListener("pointerover", tell);
  anatomy.addEventListener("focusin", tell);
  colour.addEventListener("change", paint);
  document.getElementById("larger").addEventListener("click", () => scale(zoom * 1.25));
  document.getElementById("smaller").addEventListener("click", () => scale(zoom / 1.25));
  addEventListener("hashchange", () => show(true));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input")) return;
    const keys = {
      ArrowLeft: () => beside(-1), ArrowRight: () => beside(1), Escape: up, Backspace: up,
      "+": () => scale(zoom * 1.25), "-": () => scale(zoom / 1.25), 0: () => scale(1),
    };
    if (event.target.closest(".scroll") === event.target && event.key.startsWith("Arrow")) return;
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  document.getElementById("bar").hidden = false;
  paint();
  show(false);
})();
