"use strict";
// Sorting, filtering and opening all. Without this file the report is whole: it only adds.
//
// There may be fifty thousand workflows. So what is below a person whose details are closed is taken out of the page before lines are
// moved or hidden, which otherwise costs the browser a visit to each of its elements; it is put back when it is opened or printed.
(() => {
  const tools = document.querySelector(".tools");
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true, sensitivity: "base" });
  const plain = (text) => text.toLowerCase().normalize("NFC");
  const once = (read) => { let known; return () => (known === undefined ? (known = read()) : known); };

  // A line of a table, or a person with what was found: what is read of it is read once.
  const lineOf = (line) => {
    const cells = (line.tagName === "TBODY" ? line.rows[0] : line).cells;
    const keys = [];
    return {
      line,
      state: line.dataset.state,
      key: (column) => {
        if (keys[column] === undefined) keys[column] = cells[column] === undefined ? "" : (cells[column].dataset.s || cells[column].textContent).trim();
        return keys[column];
      },
      text: once(() => plain(cells[0].parentNode.textContent)),
    };
  };
  const personOf = (body) => {
    const person = lineOf(body);
    const details = body.querySelector("tr.what > td > details");
    const inner = details && details.lastElementChild;
    return Object.assign(person, {
      details,
      rows: once(() => (inner ? Array.from(inner.tBodies[0].rows, lineOf) : [])),
      below: once(() => (inner ? plain(inner.textContent) : "")),
      states: once(() => new Set(person.rows().map((row) => row.state))),
      isPartly: false,
      takeOut: () => { if (inner && !details.open) inner.remove(); },
      putBack: () => { if (inner && !inner.isConnected) details.append(inner); },
    });
  };

  const read = (table) => once(() => (table.classList.contains("people") ? Array.from(table.tBodies, personOf) : Array.from(table.tBodies[0] ? table.tBodies[0].rows : [], lineOf)));
  const outer = Array.from(document.querySelectorAll("main > section > .scroll > table.data"), (table) => ({ table, lines: read(table) }));
  const people = (outer.find(({ table }) => table.classList.contains("people")) || { lines: () => [] }).lines;
  const personWith = once(() => new Map(people().map((person) => [person.details, person])));
  const takeOut = () => people().forEach((person) => person.takeOut());

  // Laying thousands of lines out takes seconds: the first of them are shown at once, and the others a portion at a time behind them.
  const PORTION = 400;
  const waitingLines = new Map();
  const showNext = (table) => {
    const { lines } = waitingLines.get(table);
    for (const line of lines.splice(0, PORTION)) line.classList.remove("later");
    if (lines.length > 0) waitingLines.get(table).timer = setTimeout(showNext, 0, table);
  };
  const showFirst = (table, ordered) => {
    if (waitingLines.has(table)) clearTimeout(waitingLines.get(table).timer);
    let place = 0;
    const lines = ordered.filter((line) => {
      const isLater = !line.hidden && place++ >= PORTION;
      if (line.classList.contains("later") !== isLater) line.classList.toggle("later", isLater);
      return isLater;
    });
    waitingLines.set(table, { lines, timer: lines.length > 0 ? setTimeout(showNext, 0, table) : 0 });
  };
  const showAll = () => waitingLines.forEach((waiting) => waiting.lines.splice(0).forEach((line) => line.classList.remove("later")));

  const sort = (table, lines, column, header) => {
    const down = header.getAttribute("aria-sort") === "ascending";
    const sorted = lines.map((line, place) => ({ line: line.line, place, key: line.key(column) }));
    sorted.sort((a, b) => {
      // What is empty stays below, whichever way.
      if ((a.key === "") !== (b.key === "")) return a.key === "" ? 1 : -1;
      const order = collator.compare(a.key, b.key);
      return (down ? -order : order) || a.place - b.place;
    });
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", down ? "descending" : "ascending");
    const isPeople = table.classList.contains("people");
    if (isPeople) takeOut();
    const moved = document.createDocumentFragment();
    for (const { line } of sorted) moved.append(line);
    showFirst(table, Array.from(moved.children));
    (isPeople ? table : table.tBodies[0]).append(moved);
  };
  const arm = (table, lines) => {
    if (table.dataset.armed || !table.tHead) return;
    table.dataset.armed = "1";
    Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = tools.dataset.sort;
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, lines(), column, header));
      header.append(button);
    });
  };
  outer.forEach(({ table, lines }) => arm(table, lines));
  // The tables inside of people are armed when they are opened: there may be thousands.
  const armInside = (details) => details.querySelectorAll("table.data").forEach((table) => arm(table, read(table)));
  document.addEventListener("toggle", ({ target }) => {
    if (!target.open || target.classList.contains("fold")) return;
    if (target.childElementCount === 1 && personWith().has(target)) personWith().get(target).putBack();
    armInside(target);
  }, true);
  document.querySelectorAll("details[open]").forEach(armInside);

  const find = document.getElementById("find");
  const state = document.getElementById("state");
  const shown = document.getElementById("shown");
  const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, tools.dataset.thousands);
  const show = (line, fit) => { if (line.hidden === fit) line.hidden = !fit; };
  const filter = () => {
    const words = plain(find.value).split(/\s+/).filter(Boolean);
    const wanted = state.value;
    const active = words.length > 0 || wanted !== "";
    const fits = (line) => !active || (wanted === "" || line.state === wanted) && words.every((word) => line.text().includes(word));
    // Somebody whose own line fits is shown with everything, otherwise with the workflows that fit.
    const fitsPerson = (person) => {
      const own = words.filter((word) => !person.text().includes(word));
      const isWhole = !active || (wanted === "" && own.length === 0);
      if (isWhole) {
        if (person.isPartly) person.rows().forEach((row) => show(row.line, true));
        person.isPartly = false;
        return true;
      }
      if ((wanted !== "" && !person.states().has(wanted)) || !own.every((word) => person.below().includes(word))) return false;
      let some = false;
      for (const row of person.rows()) {
        const hit = (wanted === "" || row.state === wanted) && own.every((word) => row.text().includes(word));
        show(row.line, hit);
        some = some || hit;
      }
      person.isPartly = true;
      return some;
    };
    takeOut();
    let visible = 0;
    let all = 0;
    for (const { table, lines } of outer) {
      if (table.classList.contains("legend")) continue;
      const isFit = table.classList.contains("people") ? fitsPerson : fits;
      for (const line of lines()) {
        const fit = isFit(line);
        show(line.line, fit);
        all += 1;
        if (fit) visible += 1;
      }
      showFirst(table, Array.from(table.classList.contains("people") ? table.tBodies : table.tBodies[0].rows));
    }
    shown.textContent = active ? (visible === 0 ? tools.dataset.none : tools.dataset.shown.replace("{n}", number(visible)).replace("{of}", number(all))) : "";
  };
  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(filter, 80); };
  find.addEventListener("input", soon);
  state.addEventListener("change", filter);
  tools.addEventListener("reset", () => setTimeout(filter, 0));
  tools.addEventListener("submit", (event) => { event.preventDefault(); filter(); });

  const putBack = () => people().forEach((person) => person.putBack());
  const setAll = (open) => people().forEach(({ details }) => { if (details) details.open = open; });
  document.getElementById("open").addEventListener("click", () => { putBack(); setAll(true); });
  document.getElementById("close").addEventListener("click", () => setAll(false));
  // Paper shows everything.
  let closed = [];
  addEventListener("beforeprint", () => {
    showAll();
    putBack();
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    closed.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => {
    closed.forEach((details) => { details.open = false; });
    closed = [];
  });
  tools.hidden = false;
})();
