// Start the page: read the data, draw the table and the list, and follow the address.

import { copy, element, textNodes } from "./text.js";
import { overview, textReader, textSearcher } from "./data.js";
import { comparisonTable } from "./table.js";
import { itemList, linkOf } from "./list.js";
import { itemPage } from "./item.js";

const byId = (name) => document.getElementById(name);

function themeButton() {
  const root = document.documentElement;
  byId("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
}

async function start() {
  themeButton();
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy(byId(button.dataset.copy).textContent, button));
  }
  const data = await overview();
  if (data.rows.length) comparisonTable(byId("table"), data);
  if (data.item_rows.length) items(data);
  document.documentElement.dataset.ready = "yes";
}

function items(data) {
  const head = data.items;
  const list = itemList(byId("list"), data, textSearcher(head.chunk, data.item_rows.length, data.shards));
  const read = textReader(head.chunk, data.shards);
  const places = new Map(data.item_rows.map((row, place) => [linkOf(head, row), place]));
  const [page, main] = [byId("item"), byId("overview")];
  let [opened, scrolled] = [null, 0];

  async function follow() {
    const place = places.get(location.hash);
    if (place === undefined) {
      if (opened !== null) {
        page.hidden = true;
        main.hidden = false;
        scrollTo(0, scrolled);
        opened = null;
      }
      return;
    }
    if (opened === null) scrolled = scrollY;
    opened = place;
    const row = data.item_rows[place];
    const title = `${head.tasks[row[0]]}/${row[1]}`;
    let parts;
    try {
      parts = itemPage(data, row, await read(place));
    } catch (error) {
      parts = [element("p", { class: "worse" }, ...textNodes(error.message))];
    }
    if (opened !== place) return; // another item was opened meanwhile
    byId("item-title").replaceChildren(...textNodes(title));
    byId("item-body").replaceChildren(...parts.filter(Boolean));
    for (const [name, step] of [["previous", -1], ["next", 1]]) {
      const there = neighbour(step);
      byId(name).hidden = there === undefined;
      if (there !== undefined) byId(name).href = linkOf(head, data.item_rows[there]);
    }
    const kept = list.kept();
    byId("item-count").textContent = kept.includes(place) ? `${kept.indexOf(place) + 1} of ${kept.length}` : "";
    [page.hidden, main.hidden] = [false, true];
    scrollTo(0, 0);
    for (const message of page.querySelectorAll(".message")) message.scrollTop = message.scrollHeight; // examples come first
    byId("item-title").focus({ preventScroll: true });
  }

  function neighbour(step) {
    const kept = list.kept();
    const place = kept.indexOf(opened);
    return place < 0 ? undefined : kept[place + step];
  }

  addEventListener("hashchange", follow);
  addEventListener("keydown", (event) => {
    if (opened === null || event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const there = step ? neighbour(step) : undefined;
    if (there !== undefined) location.hash = linkOf(head, data.item_rows[there]);
    if (event.key === "Escape") location.hash = "#items";
  });
  follow();
}

// What is folded on a screen cannot be unfolded on paper.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    part.open = true;
    addEventListener("afterprint", () => { part.open = false; }, { once: true });
  }
});

start().catch((error) => {
  byId("failed").hidden = false;
  byId("failed").append(error.message);
});
