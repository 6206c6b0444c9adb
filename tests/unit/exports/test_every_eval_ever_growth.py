"""The export of many items: its time grows with their number, and its memory does not."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from every_eval_ever_files import export_one
from growth import grows_less_than
from run_folders import samples, write_run

from fusion_eval.exports.every_eval_ever.item_file import write_items

REPORTED = {"quiz": {"acc,none": 1.0}}


def test_the_time_of_an_export_is_linear_in_its_items(tmp_path: Path) -> None:
    # given
    for name, count in (("small", 500), ("large", 2_000)):
        write_run(tmp_path / name, {"quiz": samples([1.0] * count)}, reported=REPORTED)

    # when
    def export(name: str) -> None:
        export_one(tmp_path / name, tmp_path / "out")

    # then
    assert grows_less_than(10, export, ["small"] * 4, ["large"] * 4)


def test_items_are_written_before_the_next_is_read(tmp_path: Path) -> None:
    # given items of 20 MB in all
    items = ({"text": f"{number}" * 10_000} for number in range(500))
    # when
    tracemalloc.start()
    try:
        written = write_items(tmp_path, items, "{}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # then
    assert written.path
    assert written.count == 500
    assert peak < written.path.stat().st_size / 4


def test_no_items_leave_no_file(tmp_path: Path) -> None:
    assert write_items(tmp_path, [], "{}").path is None
    assert not list(tmp_path.iterdir())


def test_characters_that_end_a_line_elsewhere_are_escaped(tmp_path: Path) -> None:
    written = write_items(tmp_path, [{"text": "a\x85b\u2028c\u2029d é"}], "{}")

    assert written.path
    lines = written.path.read_text(encoding="utf-8").splitlines()
    assert lines == ['{"text":"a\\u0085b\\u2028c\\u2029d é"}']
