"""The report in a real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_page import CHROMIUM, Question, write_comparison_page, write_runs

from fusion_eval.api.reports import write_report
from fusion_eval.report.html.report import Report, write_page
from fusion_eval.runs.reading import read_runs

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the page is tested with playwright: pip install playwright"
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="the page is tested in Debian's package chromium"),
]

HOSTILE = [
    "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">",
    "</script><script>document.title='run'</script>",
    "[click](javascript:document.title='run') <a href=\"javascript:document.title='run'\">x</a>",
    "\u202ereversed\u2066 isolated\u200b hidden",
    "${document.title='run'} {{7*7}} <!-- ]]> --> &lt;b&gt;",
]
ARABIC = "يمكن لأي شخص أن يساعدك في حمل هذه الصناديق"
QUESTIONS = [
    Question(
        f"Say {text}",
        [text, ARABIC, "plain words here"],
        (text, 0.0),
        (f"{text} plain words here", 1.0),
        text,
        comparison=text,
    )
    for text in HOSTILE
] + [Question("Arabic?", [ARABIC, "b", "c"], ("b", 1.0), (ARABIC, 0.0), ARABIC, fallback="no reply")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_runs(tmp_path_factory.mktemp("runs"), "quiz_ar", QUESTIONS, "ar")
    return write_comparison_page(folder).as_uri()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page that fails the test if it logs an error or asks for anything but its own file."""
    context = chromium.new_context(color_scheme="light")
    page, problems = context.new_page(), []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "data:")) else problems.append(request.url),
    )
    yield page
    context.close()
    assert not problems


def opened(page: Any, address: str) -> Any:
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    return page


def test_the_list_is_filtered_and_an_item_opens_by_keys_and_by_link(page: Any, address: str) -> None:
    # given
    opened(page, address)
    # when the items are those that fusion broke
    page.locator("#list select").first.select_option("broken")
    # then
    assert page.locator("#list .canvas .row").count() == 1
    # when it is opened by the keyboard
    page.locator("#list .canvas a").first.press("Enter")
    # then
    page.wait_for_selector("#item:not([hidden]) .card")
    assert (
        page.url.endswith("#item=quiz_ar/5") and "fell back: no reply" in page.locator("#item").inner_text()
    )
    # when, then
    page.keyboard.press("Escape")
    page.wait_for_selector("#overview:not([hidden])")
    # when another item is opened by its link
    page.goto(f"{address}#item=quiz_ar/2")
    page.wait_for_selector("#item-title:text-is('quiz_ar/2')")


def test_arabic_is_drawn_from_right_to_left(page: Any, address: str) -> None:
    # when
    opened(page, f"{address}#item=quiz_ar/5")
    page.wait_for_selector("#item:not([hidden]) .card")
    # then
    text = page.locator("#item .text", has_text="يمكن").last
    assert text.evaluate("one => getComputedStyle(one).direction") == "rtl"


def test_hostile_text_is_shown_as_text(page: Any, address: str) -> None:
    title = opened(page, address).title()
    for number, text in enumerate(HOSTILE):
        # when
        page.goto(f"{address}#item=quiz_ar/{number}")
        page.wait_for_selector(f"#item-title:text-is('quiz_ar/{number}')")
        shown = page.locator("#item .cards.narrow .card").first.inner_text()
        # then
        expected = text
        for sign in "\u202e\u2066\u200b":
            expected = expected.replace(sign, f"U+{ord(sign):04X}")
        assert expected in shown
        assert page.title() == title
        assert page.locator("#item script, #item img, #item a[href^=javascript]").count() == 0


def test_esc_leaves_an_item_from_a_check_box_too(page: Any, address: str) -> None:
    # given
    opened(page, f"{address}#item=quiz_ar/0")
    page.get_by_label("show what fusion left out").check()
    # when
    page.keyboard.press("Escape")
    # then
    page.wait_for_selector("#overview:not([hidden])")


def test_the_table_sorts_and_copies(chromium: Any, page: Any, address: str) -> None:
    # given
    opened(page, address).context.grant_permissions(["clipboard-read", "clipboard-write"])
    # when
    page.get_by_role("button", name="Δ acc", exact=True).click()
    # then
    assert page.locator("#table th[aria-sort=descending]").count() == 1
    for form, start in (
        ("Markdown", r"| Task | Lang |"),
        ("LaTeX", r"\begin{tabular}{llll"),
        ("CSV", '"Task","Lang"'),
    ):
        # when
        page.get_by_role("button", name=f"Copy {form}").click()
        page.wait_for_selector("text=Copied")
        # then
        assert page.evaluate("navigator.clipboard.readText()").startswith(start)
        page.wait_for_selector("text=Copied", state="detached")


def test_texts_beside_the_page_are_read_from_disk(page: Any, tmp_path: Path) -> None:
    # given
    folder = write_runs(tmp_path, "quiz_ar", QUESTIONS, "ar")
    path = write_page(Report(read_runs([folder / "single", folder / "fusion"])), tmp_path, largest=10)[0]
    # when
    opened(page, f"{path.as_uri()}#item=quiz_ar/0")
    # then
    page.wait_for_selector("#item:not([hidden]) .card")
    assert HOSTILE[0] in page.locator("#item").inner_text()


def test_the_page_prints(page: Any, address: str) -> None:
    assert opened(page, address).pdf()[:4] == b"%PDF"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Any, address: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="needs pip install axe-core-python")
    page.emulate_media(color_scheme=scheme)
    for target in (address, f"{address}#item=quiz_ar/0"):
        # when
        opened(page, target)
        # then: the page's policy forbids the checker's script, so it runs by the browser's own door
        page.evaluate(Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8"))
        found = page.evaluate("axe.run()")["violations"]
        serious = [
            (one["id"], [node["target"] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert not serious


@pytest.fixture(scope="module")
def long_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of 10,000 items; what the last one's second candidate says stands in no row of the list."""
    questions = [
        Question(
            f"Question {number}?",
            ["one answer", "another answer" if number < 9_999 else "the needle in the haystack"],
            ("one answer", number % 2),
            ("another answer", 1 - number % 2),
            fallback="so that no parts are looked for, which takes long",
        )
        for number in range(10_000)
    ]
    folder = write_runs(tmp_path_factory.mktemp("long"), "quiz_en", questions)
    return write_page(Report(read_runs([folder / "single", folder / "fusion"])), folder)[0].as_uri()


def test_while_ten_thousand_items_scroll_the_page_has_a_few_rows_in_their_order(
    page: Any, long_address: str
) -> None:
    # given
    opened(page, long_address)
    print(f"10,000 items are ready after {page.evaluate('performance.now()'):.0f} ms")
    # when they are scrolled to the end, with rows counted as they go
    most = page.evaluate(
        """async () => {
          const list = document.querySelector(".list");
          let most = 0;
          for (let top = 0; top < list.scrollHeight; top += 17000) {
            list.scrollTop = top;
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            most = Math.max(most, list.querySelectorAll(".canvas .row").length);
          }
          list.scrollTop = 300000;
          return most;
        }"""
    )
    # then
    assert 0 < most < 40
    page.wait_for_selector("text=quiz_en/4420")
    # and where the list stands still, the rows of the page are in the order of the list
    page.wait_for_timeout(300)
    numbers = [int(text.split("/")[1]) for text in page.locator("#list .canvas a").all_inner_texts()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) and 4420 in numbers


def test_keys_go_through_rows_that_take_each_others_place(page: Any, long_address: str) -> None:
    # given
    opened(page, long_address)
    page.locator("#list .canvas a").first.focus()
    # when
    for _ in range(60):
        page.keyboard.press("ArrowDown")
    # then
    assert page.evaluate("document.activeElement.textContent") == "quiz_en/60"
    # when a row with the focus scrolls out of sight
    page.locator(".list").evaluate("list => { list.scrollTop = 0; }")
    page.wait_for_selector("#list .canvas a:text-is('quiz_en/0')")
    # then the list has the focus, and no other item
    page.wait_for_selector(".list:focus")


def test_a_search_finds_what_stands_in_a_candidate_alone(page: Any, long_address: str) -> None:
    # given
    opened(page, long_address)
    # when
    page.locator("#list input[type=search]").fill("NEEDLE in the")
    # then
    page.wait_for_selector("#list [role=status]:text-is('1 of 10,000 items')")
    assert page.locator("#list .canvas a").all_inner_texts() == ["quiz_en/9999"]
    # when
    page.locator("#list input[type=search]").fill("")
    # then
    page.wait_for_selector("#list [role=status]:text-is('10,000 of 10,000 items')")


def test_an_item_whose_trace_is_damaged_says_so(page: Any, tmp_path: Path) -> None:
    # given
    folder = write_runs(tmp_path, "quiz_ar", QUESTIONS, "ar")
    path = folder / "fusion" / "traces.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0][:50] + b"\n", *lines[1:]]))
    address = write_comparison_page(folder).as_uri()
    # when
    opened(page, f"{address}#item=quiz_ar/0")
    # then
    page.wait_for_selector("#item:not([hidden]) .card")
    assert "fusion has no candidates here" in page.locator("#item").inner_text()
    page.goto(address)
    assert "fusion: 1 item has no candidates" in page.locator(".notes").inner_text()


def test_screenshots(chromium: Any, tmp_path: Path) -> None:
    """Write the pictures of the documentation where REPORT_SCREENSHOTS names a run and a folder, separated by a colon."""
    if not (wanted := os.environ.get("REPORT_SCREENSHOTS")):
        pytest.skip("set REPORT_SCREENSHOTS=RUN:FOLDER to draw the pictures of the documentation")
    run, folder = map(Path, wanted.split(":"))
    address = write_report(run, output=tmp_path).as_uri()
    for scheme in ("light", "dark"):
        context = chromium.new_context(color_scheme=scheme, viewport={"width": 1200, "height": 900})
        page = opened(context.new_page(), address)
        page.screenshot(path=folder / f"report-{scheme}.png")
        page.goto(f"{address}#item=fusion_demo_en/1")
        page.wait_for_selector("#item:not([hidden]) .card")
        page.screenshot(path=folder / f"report-item-{scheme}.png")
        context.close()
