// The table of the comparison: sorted, filtered, copied, with a picture of each interval.

import { choice, copy, decimals, element, number, pValue, signed, textNodes } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";

export function metricName(row) {
  return row.filter === "none" ? row.metric : `${row.metric},${row.filter}`;
}

function outcome(row) {
  if (!row.significant) return "same";
  return row.delta > 0 === row.higher_is_better ? "better" : "worse";
}

const SIGNS = { better: "▲", worse: "▼", same: "" };

function columns(rows, confidence) {
  const digits = (row) => decimals(row.baseline_value, row.candidate_value);
  const metric = (row) => metricName(row) + (row.higher_is_better ? "" : " ↓");
  const oneMetric = new Set(rows.map(metricName)).size === 1;
  const judged = rows.some((row) => row.invalid !== null); // a judge's values may be graded, so that they are no win rates
  const percent = (share) => Math.round(100 * share);
  const several = (name) => new Set(rows.map((row) => row[name])).size > 1;
  const interval = (row) => row.ci_low === null ? "" : `[${signed(row.ci_low, digits(row))}, ${signed(row.ci_high, digits(row))}]`;
  return [
    { name: "Task", key: (row) => row.task, copiedOnly: languagesNameRows(rows) },
    { name: "Lang", key: (row) => row.language ?? "" },
    { name: "Metric", key: metricName, text: metric, copiedOnly: oneMetric },
    { name: "Baseline", key: (row) => row.baseline, hidden: !several("baseline") },
    { name: "Candidate", key: (row) => row.candidate },
    { name: "n", key: (row) => row.n, text: (row) => row.n.toLocaleString("en"), number: true },
    { name: several("baseline") ? "Base value" : rows[0].baseline, key: (row) => row.baseline_value, text: (row) => number(row.baseline_value, digits(row)), number: true },
    { name: "Value", key: (row) => row.candidate_value, text: (row) => number(row.candidate_value, digits(row)), number: true },
    { name: oneMetric ? `Δ ${metric(rows[0])}` : "Δ", key: (row) => row.delta, text: (row) => signed(row.delta, digits(row)), number: true, strong: true },
    { name: `${confidence} interval`, key: (row) => row.ci_low ?? -Infinity, text: interval, number: true },
    { name: "Picture", picture: true },
    { name: "p adj", key: (row) => row.p_adjusted, text: (row) => pValue(row.p_adjusted), number: true },
    { name: "Sig.", key: (row) => ["better", "worse", "same"].indexOf(outcome(row)), text: (row) => SIGNS[outcome(row)] },
    { name: "Win rate", key: (row) => row.win_rate, text: (row) => `${percent(row.win_rate)}% [${percent(row.win_rate_low)}, ${percent(row.win_rate_high)}]`, number: true, hidden: !judged },
    { name: "Win / tie / loss", key: (row) => row.wins - row.losses, text: (row) => `${row.wins} / ${row.ties} / ${row.losses}`, number: true },
  ].filter((column) => !column.hidden);
}

// Whether rows are languages of one task. Then what is shown needs no column with the names of their tasks.
function languagesNameRows(rows) {
  const start = rows.map((row) => row.task).reduce((one, other) => (other.length < one.length ? other : one));
  return rows.every((row) => row.language && row.task.startsWith(start));
}

export function comparisonTable(home, overview) {
  const rows = overview.rows;
  const every = columns(rows, overview.confidence);
  const all = every.filter((column) => !column.copiedOnly);
  const written = every.filter((column) => !column.picture);
  const state = { sorted: null, descending: false };
  const distinct = (read) => [...new Set(rows.map(read))];
  const draw = () => body.replaceChildren(...shown().map(line));
  const filters = [
    ["Task", (row) => row.task],
    ["Language", (row) => row.language ?? "–"],
    ["Metric", metricName],
    ["Candidate", (row) => row.candidate],
  ].filter(([, read]) => distinct(read).length > 1).map(([label, read]) => {
    const made = choice(label, [["", "all"], ...distinct(read).map((value) => [value, value])], draw);
    if (label === "Metric") made.select.value = metricName(rows.find((row) => row.family === "primary") ?? rows[0]);
    return { ...made, read };
  });
  const significant = element("input", { type: "checkbox" });
  significant.addEventListener("change", draw);

  // Rows over all languages come first, then those that are significant.
  const inOrder = [...rows].sort((one, other) => rank(one) - rank(other));

  function shown() {
    let kept = inOrder.filter((row) => filters.every(({ select, read }) => !select.value || read(row) === select.value));
    if (significant.checked) kept = kept.filter((row) => row.significant);
    if (state.sorted) {
      const sign = state.descending ? -1 : 1;
      kept = [...kept].sort((one, other) => {
        const [a, b] = [state.sorted.key(one), state.sorted.key(other)];
        return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
      });
    }
    count.textContent = `${kept.length} of ${rows.length} rows`;
    return kept;
  }

  function sortBy(column, cell) {
    state.descending = state.sorted === column ? !state.descending : Boolean(column.number) && column.name !== "p adj";
    state.sorted = column;
    for (const other of head.children) other.removeAttribute("aria-sort");
    cell.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
    draw();
  }

  function line(row) {
    const name = outcome(row);
    return element("tr", { class: name }, ...all.map((column) => {
      if (column.picture) return element("td", { class: "picture" }, interval(row, scales.get(metricName(row))));
      const text = column.text ? column.text(row) : column.key(row);
      const title = column.name === "Sig." && name !== "same" ? `significantly ${name}` : undefined;
      return element("td", { class: [column.number ? "number" : "", column.strong ? "strong" : "", column.name === "Sig." ? "sign" : ""].join(" ").trim() || undefined, title, "aria-label": title }, ...textNodes(text));
    }));
  }

  const scales = scalesOf(rows);
  const head = element("tr");
  for (const column of all) {
    const cell = element("th", { scope: "col", class: column.number ? "number" : undefined });
    if (column.picture) cell.append(column.name);
    else cell.append(element("button", { type: "button", onclick: () => sortBy(column, cell) }, ...textNodes(column.name)));
    head.append(cell);
  }
  const count = element("span", { class: "quiet", role: "status" });
  const body = element("tbody");
  const copies = [["Markdown", markdown], ["LaTeX", latex], ["CSV", csv]].map(([name, form]) =>
    element("button", { type: "button", onclick: (event) => copy(form(written, shown()), event.currentTarget) }, `Copy ${name}`));
  home.replaceChildren(
    element("div", { class: "controls" }, ...filters.map((filter) => filter.box),
      element("label", { class: "check" }, significant, element("span", {}, "significant only")), count,
      element("span", { class: "push" }, ...copies)),
    element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Comparison table" },
      element("table", {}, element("thead", {}, head), body)),
  );
  draw();
}

function rank(row) {
  return (row.language === "all" ? 0 : 2) + (row.significant ? 0 : 1);
}

function cells(columns, row) {
  return columns.map((column) => String(column.text ? column.text(row) : column.key(row)));
}

export function markdown(columns, rows) {
  const safe = (text) => text.replace(/[\\|<>`*_[\]]/g, "\\$&").replace(/\s+/g, " ");
  const lines = rows.map((row) => `| ${cells(columns, row).map(safe).join(" | ")} |`);
  const rule = columns.map((column) => (column.number ? "---:" : "---"));
  return [`| ${columns.map((column) => safe(column.name)).join(" | ")} |`, `| ${rule.join(" | ")} |`, ...lines].join("\n");
}

export function latex(columns, rows) {
  const names = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "-": "$-$", "Δ": "$\\Delta$", "▲": "$\\uparrow$", "▼": "$\\downarrow$", "↓": "$\\downarrow$" };
  const safe = (text) => text.replace(/(?<=^|[ [])-(?=\d)|[\\~^Δ▲▼↓]|[&%$#_{}]/g, (sign) => names[sign] ?? `\\${sign}`);
  const lines = rows.map((row) => `${cells(columns, row).map(safe).join(" & ")} \\\\`);
  const form = columns.map((column) => (column.number ? "r" : "l")).join("");
  return [`\\begin{tabular}{${form}}`, "\\toprule", `${columns.map((column) => safe(column.name)).join(" & ")} \\\\`, "\\midrule", ...lines, "\\bottomrule", "\\end{tabular}"].join("\n");
}

export function csv(columns, rows) {
  const safe = (text) => (/^[=+\-@]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text);
  const quoted = (text) => `"${safe(text).replaceAll('"', '""')}"`;
  return [columns.map((column) => quoted(column.name)), ...rows.map((row) => cells(columns, row).map(quoted))].map((line) => line.join(",")).join("\n");
}

// Rows of one metric share a scale, so that their pictures can be compared.
function scalesOf(rows) {
  const scales = new Map();
  for (const row of rows) {
    const ends = [row.delta, row.ci_low ?? row.delta, row.ci_high ?? row.delta].map(Math.abs);
    scales.set(metricName(row), Math.max(scales.get(metricName(row)) ?? 0, ...ends));
  }
  return scales;
}

function interval(row, scale) {
  const [width, height, middle] = [140, 18, 9];
  const at = (value) => (scale ? (value / scale) * (width / 2 - 5) : 0) + width / 2;
  const svg = document.createElementNS(SVG, "svg");
  const draw = (name, attributes) => {
    const part = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    svg.append(part);
  };
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" })) svg.setAttribute(key, value);
  draw("line", { x1: width / 2, x2: width / 2, y1: 0, y2: height, class: "zero" });
  if (row.ci_low !== null) draw("line", { x1: at(row.ci_low), x2: at(row.ci_high), y1: middle, y2: middle, class: "whisker" });
  draw("circle", { cx: at(row.delta), cy: middle, r: 4, class: row.significant ? "point" : "point open" });
  return svg;
}
