"use strict";
// Sorting, filtering and opening all. Without this file the report is whole: it only adds.
(() => {
  const tools = document.querySelector(".tools");
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true, sensitivity: "base" });
  const tables = Array.from(document.querySelectorAll("table.data"));

  // A table whose lines come in bodies of their own (a person and what was found) sorts and hides those.
  const own = (table) => (table.tBodies.length > 1 || table.classList.contains("people") ? Array.from(table.tBodies) : Array.from(table.tBodies[0] ? table.tBodies[0].rows : []));
  const first = (line) => (line.tagName === "TBODY" ? line.rows[0] : line);

  const key = (line, column) => {
    const cell = first(line).cells[column];
    return cell === undefined ? "" : (cell.dataset.s || cell.textContent).trim();
  };
  const sort = (table, column, header) => {
    const down = header.getAttribute("aria-sort") === "ascending";
    const lines = own(table).map((line, place) => ({ line, place, key: key(line, column) }));
    lines.sort((a, b) => {
      // What is empty stays below, whichever way.
      if ((a.key === "") !== (b.key === "")) return a.key === "" ? 1 : -1;
      const order = collator.compare(a.key, b.key);
      return (down ? -order : order) || a.place - b.place;
    });
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const parent = table.classList.contains("people") ? table : table.tBodies[0];
    const moved = document.createDocumentFragment();
    for (const { line } of lines) moved.append(line);
    parent.append(moved);
  };
  const arm = (table) => {
    if (table.dataset.armed || !table.tHead) return;
    table.dataset.armed = "1";
    Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = tools.dataset.sort;
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, column, header));
      header.append(button);
    });
  };
  // The tables inside of people are armed when they are opened: there may be thousands.
  tables.filter((table) => !table.closest("details")).forEach(arm);
  const armInside = (details) => details.querySelectorAll("table.data").forEach(arm);
  document.addEventListener("toggle", (event) => { if (event.target.open) armInside(event.target); }, true);
  document.querySelectorAll("details[open]").forEach(armInside);

  const find = document.getElementById("find");
  const state = document.getElementById("state");
  const shown = document.getElementById("shown");
  const texts = new WeakMap();
  const text = (line) => {
    let known = texts.get(line);
    if (known === undefined) {
      known = line.textContent.toLocaleLowerCase().normalize("NFC");
      texts.set(line, known);
    }
    return known;
  };
  const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, tools.dataset.thousands);
  const outer = tables.filter((table) => !table.closest("details") && !table.classList.contains("legend"));
  const filter = () => {
    const words = find.value.toLocaleLowerCase().normalize("NFC").split(/\s+/).filter(Boolean);
    const wanted = state.value;
    const active = words.length > 0 || wanted !== "";
    const fits = (line) => (wanted === "" || line.dataset.state === wanted) && words.every((word) => text(line).includes(word));
    let visible = 0;
    let all = 0;
    for (const table of outer) {
      for (const line of own(table)) {
        all += 1;
        let fit = !active;
        if (line.tagName === "TBODY") {
          const inner = Array.from(line.querySelectorAll("table.inner > tbody > tr"));
          // Somebody whose own line fits is shown with everything, otherwise with the workflows that fit.
          const person = active && wanted === "" && words.every((word) => text(line.rows[0]).includes(word));
          let some = false;
          for (const row of inner) {
            const hit = !active || (person && wanted === "") || (wanted === "" || row.dataset.state === wanted) && words.every((word) => text(row).includes(word) || text(line.rows[0]).includes(word));
            if (row.hidden === hit) row.hidden = !hit;
            some = some || hit;
          }
          fit = fit || person || some && inner.length > 0;
        } else {
          fit = fit || fits(line);
        }
        if (line.hidden === fit) line.hidden = !fit;
        if (fit) visible += 1;
      }
    }
    shown.textContent = active ? (visible === 0 ? tools.dataset.none : tools.dataset.shown.replace("{n}", number(visible)).replace("{of}", number(all))) : "";
  };
  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(filter, 80); };
  find.addEventListener("input", soon);
  state.addEventListener("change", filter);
  tools.addEventListener("reset", () => setTimeout(filter, 0));
  tools.addEventListener("submit", (event) => { event.preventDefault(); filter(); });

  const people = () => document.querySelectorAll(".people details:not(.fold)");
  document.getElementById("open").addEventListener("click", () => people().forEach((details) => { details.open = true; }));
  document.getElementById("close").addEventListener("click", () => people().forEach((details) => { details.open = false; }));
  // Paper shows everything.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    closed.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => {
    closed.forEach((details) => { details.open = false; });
    closed = [];
  });
  tools.hidden = false;
})();
