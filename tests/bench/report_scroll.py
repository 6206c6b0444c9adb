"""Measure how the report's list of items scrolls in real Chromium: `python tests/bench/report_scroll.py [ITEMS]`.

It prints the time until the page is ready, frames per second, and the milliseconds of the page's main thread per frame: all
tasks, and of them script, style and layout. A machine without a GPU draws in software, so its frames per second say more
about the machine than about the page. The main thread must stay below 20 ms a frame for 50 frames a second.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.sync_api import sync_playwright
from report_page import CHROMIUM, Question, write_runs

from fusion_eval.report.html.report import Report, write_page
from fusion_eval.runs.reading import read_runs

FRAMES = 300
STEPS = {"slow": 34, "fast": 340, "fling": 3400}
"""Pixels of each frame: half a row, five rows, fifty rows."""
METRICS = ("TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration")
SCROLL = """async ([frames, step]) => {
  const list = document.querySelector(".list");
  list.scrollTop = 0;
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  const started = performance.now();
  for (let done = 0; done < frames; done += 1) { list.scrollTop += step; await frame(); }
  return performance.now() - started;
}"""


def page_of(items: int, folder: Path) -> Path:
    """Write the page of two runs with answers of some length."""
    words = (
        "An answer of a model that has some length, as answers have, and so fills the row of the list. " * 3
    )
    questions = [
        Question(
            f"Question {number}? {words}",
            ["one answer", "another answer"],
            (f"{words}{number}", number % 2),
            (f"{number} {words}", 1 - number % 2),
            fallback="so that no parts are looked for, which takes long",
        )
        for number in range(items)
    ]
    write_runs(folder, "quiz_en", questions)
    return write_page(Report(read_runs([folder / "single", folder / "fusion"])), folder)[0]


def measured(page: Any, session: Any, step: int) -> str:
    """Scroll, and return frames per second with the main thread's milliseconds per frame."""

    def durations() -> dict[str, float]:
        return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}

    before = durations()
    milliseconds = page.evaluate(SCROLL, [FRAMES, step])
    after = durations()
    parts = [
        f"{name.removesuffix('Duration')} {1000 * (after[name] - before[name]) / FRAMES:.2f}"
        for name in METRICS
    ]
    return f"{1000 * FRAMES / milliseconds:.0f} frames/s; ms a frame: {', '.join(parts)}"


def main() -> None:
    """Write a page, open it, scroll, and print what it took."""
    items = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        address = page_of(items, Path(folder)).as_uri()
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})  # time on the processor
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        print(f"{items:,} items are ready after {page.evaluate('performance.now()'):.0f} ms")
        page.locator("#list").scroll_into_view_if_needed()
        for name, step in STEPS.items():
            print(f"{name} ({step} px a frame): {measured(page, session, step)}")
        print(f"rows in the page: {page.locator('#list .canvas .row').count()}")
        browser.close()


if __name__ == "__main__":
    main()
