// The page of one item: prompt, answers with their sources, candidates, reference and verdicts.

import { decimals, element, modelText, number, signed, textNodes } from "./text.js";
import { valueOf } from "./list.js";

const COLOURS = 7;

function colour(candidate) {
  return `c${candidate % COLOURS}`;
}

function badge(candidate) {
  return element("span", { class: `dot ${colour(candidate)}` }, String(candidate + 1));
}

function tag(text) {
  return element("span", { class: "badge" }, ...textNodes(text));
}

function section(title, ...children) {
  return element("section", {}, element("h3", {}, title), ...children);
}

function folded(title, ...children) {
  return element("details", {}, element("summary", {}, ...title), ...children);
}

export function itemPage(overview, row, texts) {
  const head = overview.items;
  return [
    values(head, row),
    section("Prompt", ...texts.prompt.map((message) => element("div", { class: "message", tabindex: "0", role: "group", "aria-label": `message of ${message.role}` },
      texts.prompt.length > 1 || message.role !== "user" ? element("span", { class: "role" }, ...textNodes(message.role)) : null,
      modelText(message.text)))),
    texts.choices.length ? section("Choices", element("ol", {}, ...texts.choices.map((text) => modelText(text, "li")))) : "",
    texts.references.length ? section(texts.references.length > 1 ? "References" : "Reference", ...texts.references.map((text) => modelText(text))) : "",
    section("Answers", element("div", { class: "cards" }, ...texts.answers.map((answer, place) => answerCard(head, row, answer, place)))),
    ...head.traced.filter((system) => texts.answers[system].pool === undefined).map((system) => element("p", { class: "quiet" },
      ...textNodes(`${head.systems[system]} has no candidates here: this item's line in its traces is missing or damaged.`))),
    ...texts.pools.map((pool, place) => candidates(head, texts, pool, place)),
    texts.verdicts.length ? section("Verdicts", ...texts.verdicts.map(verdict)) : "",
  ];
}

function values(head, row) {
  const known = head.metrics.map((metric, place) => [metric, place]).filter(([, place]) => head.systems.some((_, system) => valueOf(row, system, place) !== undefined));
  if (!known.length) return "";
  const cell = (system, place) => {
    const value = valueOf(row, system, place);
    return element("td", { class: "number" }, value === undefined ? "–" : number(value, head.metrics[place].decimals));
  };
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Values" }, element("table", { class: "small" },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Metric"), ...head.systems.map((name) => element("th", { scope: "col", class: "number" }, ...textNodes(name))))),
    element("tbody", {}, ...known.map(([metric, place]) => element("tr", {}, element("th", { scope: "row" }, ...textNodes(metric.name)), ...head.systems.map((_, system) => cell(system, place)))))));
}

function answerCard(head, row, answer, place) {
  const facts = [];
  if (answer.chosen !== undefined) facts.push(element("span", { class: "fact" }, "chose candidate ", badge(answer.chosen)));
  if (answer.fallback) facts.push(tag(`fell back: ${answer.fallback}`));
  if (answer.dropped) facts.push(tag(`${answer.dropped} candidates did not fit`));
  for (const departure of answer.departures ?? []) facts.push(tag(departure));
  if (answer.calls) facts.push(element("span", { class: "fact" }, `${answer.calls} ${answer.calls === 1 ? "call" : "calls"}, ${answer.tokens ?? 0} tokens`));
  const text = answer.spans ? supported(answer) : modelText(answer.text);
  if (answer.chosen !== undefined) text.classList.add("whole", colour(answer.chosen));
  return element("article", { class: "card" },
    element("header", {}, element("h4", {}, ...textNodes(head.systems[place])), ...facts), text,
    answer.spans ? element("p", { class: "quiet" }, answer.spans.length ? "Each coloured part stands in the candidates that its numbers name; the rest is new." : "No longer part of this text stands in a candidate.") : null,
    answer.filtered === undefined ? null : element("p", { class: "filtered" }, element("span", { class: "quiet" }, "scored as "), modelText(answer.filtered, "span")),
    answer.comparison ? folded(["What the fusor wrote about the candidates"], modelText(answer.comparison)) : null);
}

// The answer's text, in which each part that stands in candidates has the colour of the first of them.
function supported(answer) {
  const box = element("div", { class: "text", dir: "auto" });
  let last = firstSign(answer.text);
  for (const [start, end, holders] of answer.spans) {
    box.append(...textNodes(answer.text.slice(last, start)));
    box.append(element("mark", { class: colour(holders[0]), title: `candidates ${holders.map((one) => one + 1).join(", ")}` },
      ...textNodes(answer.text.slice(start, end)), element("sup", {}, holders.map((one) => one + 1).join(" "))));
    last = end;
  }
  box.append(...textNodes(answer.text.slice(last).trimEnd()));
  return box;
}

// Where a text begins behind its blank lines.
function firstSign(text) {
  return text.length - text.trimStart().length;
}

function candidates(head, texts, pool, place) {
  const users = texts.answers.map((answer, system) => [answer, system]).filter(([answer]) => answer.pool === place);
  const fused = users.filter(([answer]) => answer.kept);
  const cards = element("div", { class: "cards narrow" });
  const draw = (kept) => cards.replaceChildren(...pool.map((candidate, number) => candidateCard(head, texts, candidate, number, place, users, kept?.[number])));
  draw();
  const dissent = fused.map(([answer, system]) => {
    const box = element("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      for (const other of cards.parentElement.querySelectorAll("input")) if (other !== box) other.checked = false;
      draw(box.checked ? answer.kept : undefined);
    });
    return element("label", { class: "check" }, box, element("span", {}, ...textNodes(`show what ${head.systems[system]} left out`)));
  });
  const title = texts.pools.length > 1 ? `Candidates of ${users.map(([, system]) => head.systems[system]).join(", ")}` : "Candidates";
  return section(title, element("div", { class: "controls" }, ...dissent), cards);
}

function candidateCard(head, texts, candidate, place, pool, users, kept) {
  const facts = [];
  const scores = pool === 0 ? Object.entries(texts.scores) : [];
  for (const [name, values] of scores) {
    if (values[place] === undefined || values[place] === null) continue;
    const digits = head.metrics.find((metric) => metric.name === name)?.decimals || (Number.isInteger(values[place]) ? 0 : decimals(values[place]));
    facts.push(element("span", { class: "fact strong" }, ...textNodes(`${name} ${number(values[place], digits)}`)));
  }
  for (const [answer, system] of users) {
    const score = answer.scores?.[place];
    if (score !== undefined && score !== null) facts.push(element("span", { class: "fact" }, ...textNodes(`score of ${head.systems[system]}: ${signed(score, 3)}`)));
    if (answer.chosen === place) facts.push(tag(`chosen by ${head.systems[system]}`));
  }
  if (candidate.tokens) facts.push(element("span", { class: "fact" }, `${candidate.tokens} tokens`));
  if (candidate.finish) facts.push(tag(candidate.finish === "length" ? "cut off at the token limit" : candidate.finish));
  return element("article", { class: "card" },
    element("header", {}, badge(place), element("span", { class: "fact" }, ...textNodes(candidate.model)), ...facts),
    candidate.error ? element("p", { class: "worse" }, ...textNodes(`failed: ${candidate.error}`)) : kept ? leftOut(candidate.text, kept) : modelText(candidate.text),
    candidate.reasoning ? folded(["Reasoning"], modelText(candidate.reasoning)) : null);
}

// A candidate's text, in which all that the answer does not have is marked.
function leftOut(text, kept) {
  const box = element("div", { class: "text", dir: "auto" });
  let last = firstSign(text);
  const add = (start, end) => {
    const part = text.slice(start, end);
    if (part.trim()) box.append(element("mark", { class: "left-out" }, ...textNodes(part)));
    else box.append(part);
  };
  for (const [start, end] of kept) {
    add(last, start);
    box.append(...textNodes(text.slice(start, end)));
    last = end;
  }
  add(last, text.trimEnd().length);
  return box;
}

// Return who is better of a pair, in words, by a verdict about its candidate.
function inWords(label, one) {
  if (label === "win") return `prefers ${one.candidate} to ${one.baseline}`;
  if (label === "loss") return `prefers ${one.baseline} to ${one.candidate}`;
  if (label === "tie") return `calls ${one.candidate} and ${one.baseline} equal`;
  return `gives no verdict on ${one.candidate} and ${one.baseline}`;
}

function verdict(one) {
  return element("article", { class: "card" },
    element("p", {}, element("strong", {}, ...textNodes(one.judge)), ...textNodes(` ${inWords(one.verdict, one)}`)),
    ...one.orders.map((order) => folded(textNodes(`${one[order.first] ?? order.first} shown first: ${inWords(order.verdict, one)}`), modelText(order.error ?? order.reply))));
}
