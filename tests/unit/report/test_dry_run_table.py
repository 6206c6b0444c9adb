"""The table of a dry run: one line for each role, and their sum."""

from __future__ import annotations

from fusion_eval.report.dry_run_table import PlannedCalls, dry_run_table

SAMPLER = PlannedCalls("single", "sampler", 2, 1_500, 240, 0.25)
FUSOR = PlannedCalls("fusion", "fusor", 2, 3_000, 80, 1.0)


def test_each_role_has_a_line_and_the_last_line_is_their_sum() -> None:
    # given two strategies that make calls and one that makes none
    planned = [SAMPLER, FUSOR]
    # when the table is drawn
    table = dry_run_table(planned, ["single", "bon", "fusion"])
    # then there is a line for each, and a sum
    assert table.splitlines() == [
        "strategy  role     calls   read  written    dollars",
        "--------  -------  -----  -----  -------  ---------",
        "single    sampler      2  1,500      240  $0.250000",
        "bon       -            0      0        0      $0.00",
        "fusion    fusor        2  3,000       80      $1.00",
        "all                    4  4,500      320      $1.25",
    ]


def test_a_role_without_a_known_price_makes_the_sum_unknown() -> None:
    unpriced = PlannedCalls("fusion", "fusor", 1, 10, 10, None)
    lines = dry_run_table([SAMPLER, unpriced], ["single", "fusion"]).splitlines()
    assert lines[-1].endswith("price unknown") and lines[2].endswith("$0.250000")


def test_the_first_two_headings_can_be_named() -> None:
    head = dry_run_table([SAMPLER], ["single"], names=("", "judge")).splitlines()[0]
    assert head.split() == ["judge", "calls", "read", "written", "dollars"]
