// The list of items: filters, and rows that are drawn only where they are seen.

import { choice, element, number, decimals, textNodes } from "./text.js";

const HEIGHT = 68; // of a row, in pixels; style.css has the same number
const SPARE = 8; // rows drawn above and below those that are seen
const [TASK, DOC, LANGUAGE, PROMPT, VALUES, ANSWERS, FALLBACKS, EXTREMES] = [0, 1, 2, 3, 4, 5, 6, 7];

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

export function itemList(home, overview) {
  const { items: head, item_rows: rows } = overview;
  const scored = rows.some((row) => row[EXTREMES].length);
  const update = () => { apply(); };
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
  const search = element("input", { type: "search", placeholder: "prompt or answer" });
  for (const input of [from, to, search]) input.addEventListener("input", update);

  const count = element("span", { class: "quiet", role: "status" });
  const canvas = element("div", { class: "canvas", role: "rowgroup" });
  const names = element("div", { class: "row head", role: "row" },
    element("span", { role: "columnheader" }, "Item"),
    ...head.systems.map((name) => element("span", { role: "columnheader" }, ...textNodes(name))));
  const view = element("div", { class: "list", tabindex: "0" },
    element("div", { role: "table", "aria-label": "Items" }, element("div", { role: "rowgroup", class: "top" }, names), canvas));
  view.style.setProperty("--systems", head.systems.length);
  let kept = [];
  const drawn = new Map(); // by place in the list: the row that is drawn there

  function matches(row, wanted) {
    const [place, by] = [Number(system.select.value), Number(metric.select.value)];
    if (language.select.value && row[LANGUAGE] !== Number(language.select.value)) return false;
    if (task.select.value && row[TASK] !== Number(task.select.value)) return false;
    if (from.value || to.value) {
      const value = valueOf(row, place, by);
      if (value === undefined || (from.value && value < Number(from.value)) || (to.value && value > Number(to.value))) return false;
    }
    if (wanted && ![head.tasks[row[TASK]] + "/" + row[DOC], row[PROMPT], ...row[ANSWERS]].some((text) => text.toLowerCase().includes(wanted))) return false;
    switch (show.select.value) {
      case "different": return row[ANSWERS][place] !== row[ANSWERS][0];
      case "fixed": return change(head, row, place, by) > 0;
      case "broken": return change(head, row, place, by) < 0;
      case "above": return aboveAll(head, row, place, by);
      case "fallback": return Boolean(row[FALLBACKS] & (1 << place));
      default: return true;
    }
  }

  function apply() {
    const wanted = search.value.trim().toLowerCase();
    kept = [...rows.keys()].filter((place) => matches(rows[place], wanted));
    sort();
    count.textContent = `${kept.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} items`;
    canvas.style.height = `${kept.length * HEIGHT}px`;
    view.scrollTop = 0;
    drawn.clear();
    canvas.replaceChildren();
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
    const first = Math.max(0, Math.floor(view.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(kept.length, Math.ceil((view.scrollTop + view.clientHeight) / HEIGHT) + SPARE);
    for (const [place, made] of drawn) {
      if (place >= first && place < last) continue;
      made.remove();
      drawn.delete(place);
    }
    for (let place = first; place < last; place += 1) {
      if (drawn.has(place)) continue;
      drawn.set(place, line(rows[kept[place]], place));
      canvas.append(drawn.get(place));
    }
  }

  function line(row, place) {
    const by = Number(metric.select.value);
    const made = element("div", { class: "row", role: "row" },
      element("span", { role: "cell" },
        element("a", { href: linkOf(head, row), "data-place": place },
          ...textNodes(`${head.tasks[row[TASK]]}/${row[DOC]}`)),
        element("span", { class: "snippet", dir: "auto" }, ...textNodes(row[PROMPT]))),
      ...head.systems.map((_, system) => answerCell(row, system, by)));
    made.style.top = `${place * HEIGHT}px`;
    return made;
  }

  function answerCell(row, system, by) {
    const value = valueOf(row, system, by);
    const sign = system ? change(head, row, system, by) : 0;
    const mark = sign > 0 ? " ▲" : sign < 0 ? " ▼" : "";
    const fell = row[FALLBACKS] & (1 << system) ? element("span", { class: "badge" }, "fell back") : null;
    return element("span", { role: "cell", class: sign > 0 ? "better" : sign < 0 ? "worse" : undefined },
      element("span", { class: "value" }, value === undefined ? "–" : number(value, decimals(value)) + mark), fell,
      element("span", { class: "snippet", dir: "auto" }, ...textNodes(row[ANSWERS][system])));
  }

  view.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
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
