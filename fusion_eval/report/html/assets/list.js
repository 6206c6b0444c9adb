// The list of items: filters, and as few rows as can be seen, which take the place of each other as the list scrolls.

import { choice, element, number, setText, textNodes } from "./text.js";

const HEIGHT = 68; // of a row, in pixels; style.css has the same number
const MOST_IN_SIGHT = 4; // systems whose columns a screen has room for
const SPARE = 4; // rows drawn above and below those that are seen
const [TASK, DOC, LANGUAGE, PROMPT, VALUES, ANSWERS, FELL_BACK, EXTREMES, DIFFERENT] = [0, 1, 2, 3, 4, 5, 6, 7, 8];

export function valueOf(row, system, metric) {
  return row[VALUES][system].find(([place]) => place === metric)?.[1];
}

export function linkOf(head, row) {
  return `#item=${encodeURIComponent(head.tasks[row[TASK]])}/${row[DOC]}`;
}

// 1 if the system is better than the baseline by this metric, -1 if it is worse, 0 if neither or not known.
export function change(head, row, system, metric) {
  const [one, other] = [valueOf(row, 0, metric), valueOf(row, system, metric)];
  if (one === undefined || other === undefined) return 0;
  return Math.sign(other - one) * (head.metrics[metric].higher ? 1 : -1);
}

function aboveAll(head, row, system, metric) {
  const extremes = row[EXTREMES].find(([place]) => place === metric);
  const value = valueOf(row, system, metric);
  if (!extremes || value === undefined) return false;
  return head.metrics[metric].higher ? value > extremes[2] : value < extremes[1];
}

// `searchTexts(wanted, tell)` looks for a text in everything that items hold, and calls `tell` with the items of each part.
export function itemList(home, overview, searchTexts) {
  const { items: head, item_rows: rows } = overview;
  const scored = rows.some((row) => row[EXTREMES].length);
  const found = new Set(); // items whose full texts hold what is searched for
  const update = () => apply();
  const others = head.systems.map((name, place) => [place, name]).slice(1);
  const base = head.systems[0];
  const show = choice("Show", [
    ["all", "all items"],
    ...(others.length ? [["different", "different answers"], ["fixed", `fixed: better than ${base}`], ["broken", `broken: worse than ${base}`]] : []),
    ...(scored ? [["above", "right where all candidates are wrong"]] : []),
    ["fallback", "fell back"],
  ], update);
  const system = choice("System", others.length ? [...others].reverse() : [[0, base]], update);
  const metric = choice("Metric", head.metrics.map((one, place) => [place, one.name]), update);
  const language = choice("Language", [["", "all"], ...head.languages.map((name, place) => [place, name || "–"])], update);
  const task = choice("Task", [["", "all"], ...head.tasks.map((name, place) => [place, name])], update);
  const order = choice("Order", [["file", "as in the run"], ["gain", "largest gain"], ["loss", "largest loss"], ["high", "highest value"], ["low", "lowest value"]], update);
  const [from, to] = ["from", "to"].map((name) => element("input", { type: "number", step: "any", "aria-label": `value ${name}`, placeholder: name }));
  const search = element("input", { type: "search", placeholder: "any text of an item" });
  for (const input of [from, to]) input.addEventListener("input", update);
  search.addEventListener("input", searchAll);

  const count = element("span", { class: "quiet", role: "status" });
  const canvas = element("div", { class: "canvas", role: "rowgroup" });
  const names = element("div", { class: "row head", role: "row" },
    element("span", { role: "columnheader" }, "Item"),
    ...head.systems.map((name) => element("span", { role: "columnheader" }, ...textNodes(name))));
  const view = element("div", { class: head.systems.length > MOST_IN_SIGHT ? "list many" : "list", tabindex: "0" },
    element("div", { role: "table", "aria-label": "Items", "aria-rowcount": rows.length + 1 }, element("div", { role: "rowgroup", class: "top" }, names), canvas));
  view.style.setProperty("--systems", head.systems.length);
  let kept = [];
  let settling;
  let [drawnFirst, flungBefore] = [0, false]; // the first row of the last frame, and whether it shared no row with the one before
  const lines = []; // the rows of the page; the row of a place in the list is lines[place % lines.length]

  // Show at once what the rows hold, and soon after what stands in longer texts, candidates and references.
  let searching = 0;
  async function searchAll() {
    const mine = ++searching;
    const wanted = search.value.trim().toLowerCase();
    found.clear();
    apply();
    if (!wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
    let drawn = performance.now();
    await searchTexts(wanted, (items, share) => {
      if (mine !== searching) return false;
      for (const item of items) found.add(item);
      if (share < 1 && performance.now() - drawn < 500) return true;
      drawn = performance.now();
      apply({ stay: true });
      if (share < 1) count.textContent += `, searching: ${Math.round(100 * share)}%`;
      return true;
    });
  }

  function matches(place, wanted) {
    const row = rows[place];
    return matchesFilters(row) && (!wanted || found.has(place)
      || [head.tasks[row[TASK]] + "/" + row[DOC], row[PROMPT], ...row[ANSWERS]].some((text) => text.toLowerCase().includes(wanted)));
  }

  function matchesFilters(row) {
    const [place, by] = [Number(system.select.value), Number(metric.select.value)];
    if (language.select.value && row[LANGUAGE] !== Number(language.select.value)) return false;
    if (task.select.value && row[TASK] !== Number(task.select.value)) return false;
    if (from.value || to.value) {
      const value = valueOf(row, place, by);
      if (value === undefined || (from.value && value < Number(from.value)) || (to.value && value > Number(to.value))) return false;
    }
    switch (show.select.value) {
      case "different": return row[DIFFERENT].includes(place);
      case "fixed": return change(head, row, place, by) > 0;
      case "broken": return change(head, row, place, by) < 0;
      case "above": return aboveAll(head, row, place, by);
      case "fallback": return row[FELL_BACK].includes(place);
      default: return true;
    }
  }

  function apply({ stay = false } = {}) {
    const wanted = search.value.trim().toLowerCase();
    kept = [...rows.keys()].filter((place) => matches(place, wanted));
    sort();
    count.textContent = `${kept.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} items`;
    canvas.style.height = `${kept.length * HEIGHT}px`;
    if (!stay) view.scrollTop = 0;
    for (const line of lines) line.place = -1;
    draw();
  }

  function sort() {
    const [place, by] = [Number(system.select.value), Number(metric.select.value)];
    const better = head.metrics[by]?.higher ? 1 : -1;
    const value = (item) => valueOf(rows[item], place, by) ?? NaN;
    const gain = (item) => better * (value(item) - (valueOf(rows[item], 0, by) ?? NaN));
    const keys = { gain: (item) => -gain(item), loss: gain, high: (item) => -value(item), low: value };
    const key = keys[order.select.value];
    if (!key) return;
    const worth = new Map(kept.map((item) => [item, Number.isNaN(key(item)) ? Infinity : key(item)]));
    kept.sort((one, other) => (worth.get(one) - worth.get(other)) || 0);
  }

  function draw() {
    const seen = Math.ceil(view.clientHeight / HEIGHT) + 1 + 2 * SPARE;
    if (lines.length < seen) {
      while (lines.length < seen) lines.push(newLine());
      for (const line of lines) line.place = -1;
    }
    const first = Math.max(0, Math.floor(view.scrollTop / HEIGHT) - SPARE);
    // Rows that are gone with the next frame have no texts, since laying them out is what scrolling costs most.
    const flung = Math.abs(first - drawnFirst) >= lines.length;
    const hurried = flung && flungBefore;
    [drawnFirst, flungBefore] = [first, flung];
    for (let place = first; place < first + lines.length; place += 1) {
      const line = lines[place % lines.length];
      if (line.place !== place || (line.hurried && !hurried)) fill(line, place, hurried);
    }
    clearTimeout(settling);
    settling = setTimeout(settle, 120);
  }

  function settle() {
    flungBefore = false;
    view.classList.remove("moving");
    if (lines.some((line) => line.hurried)) draw();
    putInOrder();
  }

  // Rows that took another's place stand in the page where they stood before. Keys and screen readers go by that order.
  function putInOrder() {
    const order = lines.map((line) => line.row).filter((row) => row.isConnected);
    order.sort((one, other) => one.ariaRowIndex - other.ariaRowIndex);
    if (order.every((row, place) => row === canvas.children[place])) return;
    const focused = order.find((row) => row.contains(document.activeElement)); // moving it would take the focus away
    for (const row of order.slice(0, Math.max(0, order.indexOf(focused)))) canvas.insertBefore(row, focused);
    canvas.append(...order.slice(order.indexOf(focused) + 1));
  }

  // A row without content. Its parts stay, only what they say changes.
  function newLine() {
    const link = element("a", {});
    const prompt = element("span", { class: "snippet", dir: "auto" });
    const cells = head.systems.map(() => {
      const [value, badge, answer] = [element("span", { class: "value" }), element("span", { class: "badge" }, "fell back"), element("span", { class: "snippet", dir: "auto" })];
      return { box: element("span", { role: "cell" }, value, badge, answer), value, badge, answer };
    });
    const row = element("div", { class: "row", role: "row" }, element("span", { role: "cell" }, link, prompt), ...cells.map((cell) => cell.box));
    return { row, link, prompt, cells, place: -1, hurried: false };
  }

  function fill(line, place, hurried) {
    if (line.row.contains(document.activeElement)) view.focus({ preventScroll: true }); // its item scrolls out of sight
    line.place = place;
    line.hurried = hurried;
    if (place >= kept.length) return line.row.remove();
    if (!line.row.isConnected) canvas.append(line.row);
    const row = rows[kept[place]];
    const by = Number(metric.select.value);
    line.row.style.transform = `translateY(${place * HEIGHT}px)`;
    line.row.ariaRowIndex = place + 2; // after the head
    line.link.href = linkOf(head, row);
    line.link.dataset.place = place;
    setText(line.link, `${head.tasks[row[TASK]]}/${row[DOC]}`);
    setText(line.prompt, hurried ? "" : shortened(row[PROMPT]));
    for (const [system, cell] of line.cells.entries()) fillAnswer(cell, row, system, by, hurried);
  }

  // A row draws no more characters than its columns can show.
  function shortened(text) {
    const most = head.systems.length > 1 ? 100 : 160;
    return text.length > most ? `${text.slice(0, most)}…` : text;
  }

  function fillAnswer(cell, row, system, by, hurried) {
    const value = valueOf(row, system, by);
    const sign = system ? change(head, row, system, by) : 0;
    const mark = sign > 0 ? " ▲" : sign < 0 ? " ▼" : "";
    cell.box.className = sign > 0 ? "better" : sign < 0 ? "worse" : "";
    cell.value.textContent = value === undefined ? "–" : number(value, head.metrics[by].decimals) + mark;
    cell.badge.hidden = !row[FELL_BACK].includes(system);
    setText(cell.answer, hurried ? "" : shortened(row[ANSWERS][system]));
  }

  let waiting = false;
  view.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    view.classList.add("moving"); // no text needs its ellipsis meanwhile
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  }, { passive: true });
  view.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const place = Number(document.activeElement?.dataset?.place ?? (step > 0 ? -1 : NaN));
    if (!step || Number.isNaN(place) || !kept[place + step] && kept[place + step] !== 0) return;
    event.preventDefault();
    const top = (place + step) * HEIGHT;
    if (top < view.scrollTop) view.scrollTop = top;
    if (top + 2 * HEIGHT > view.scrollTop + view.clientHeight) view.scrollTop = top + 2 * HEIGHT - view.clientHeight;
    draw();
    canvas.querySelector(`[data-place="${place + step}"]`)?.focus();
  });
  home.replaceChildren(
    element("div", { class: "controls" }, show.box, others.length > 1 ? system.box : null,
      head.metrics.length > 1 ? metric.box : null, head.languages.length > 1 ? language.box : null,
      head.tasks.length > 1 ? task.box : null, order.box,
      element("fieldset", {}, element("legend", {}, "Value"), from, to),
      element("label", {}, element("span", {}, "Search"), search), count),
    view);
  new ResizeObserver(draw).observe(view);
  apply();
  return { kept: () => kept };
}
