"""From run folders to a comparison: items matched by what they are, joined where they are not independent."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from run_folders import samples, write_run

from fusion_eval.compare.compare import compare
from fusion_eval.compare.options import ComparisonOptions
from fusion_eval.errors import ConfigError
from fusion_eval.runs.comparison import Comparison, Row, read_comparison, to_json, write_comparison
from fusion_eval.runs.reading import read_runs


def compared(*paths: Path, **settings: Any) -> Comparison:
    partial = settings.get("allow_partial", False)
    return compare(read_runs(paths, partial), ComparisonOptions(**{"resamples": 500, **settings}))


def run(folder: Path, values: list[Any], metric: str = "acc", task: str = "quiz", **options: Any) -> Path:
    return write_run(folder, {task: samples(values, metric)}, **options)


def only(comparison: Comparison) -> Row:
    (row,) = comparison.rows
    return row


class TestPairing:
    def test_items_are_matched_by_document_and_not_by_place(self, tmp_path: Path) -> None:
        # given two runs that agree on every document, one of them in another order
        values = [1.0, 0.0, 1.0, 0.0]
        first = run(tmp_path / "a", values)
        second = write_run(tmp_path / "b", {"quiz": list(reversed(samples(values)))})
        # then there is no difference on any item
        row = only(compared(first, second))
        assert (row.n, row.ties, row.delta, row.p_value) == (4, 4, 0.0, 1.0)

    def test_a_document_that_is_there_twice_is_two_items_of_one_cluster(self, tmp_path: Path) -> None:
        def twice(values: list[float]) -> list[dict[str, Any]]:
            found = samples(values)
            found[1]["doc"] = found[0]["doc"]
            found[1]["target"] = found[0]["target"]
            return found

        first = write_run(tmp_path / "a", {"quiz": twice([0.0, 0.0, 1.0])})
        second = write_run(tmp_path / "b", {"quiz": twice([1.0, 0.0, 1.0])})
        row = only(compared(first, second))
        assert (row.n, row.clusters, row.wins, row.ties) == (3, 2, 1, 2)

    def test_without_documents_prompt_and_target_match(self, tmp_path: Path) -> None:
        folders = []
        for name, values in (("a", [0.0, 1.0]), ("b", [1.0, 1.0])):
            found = samples(values)
            for sample in found:
                del sample["doc"]
            folders.append(write_run(tmp_path / name, {"quiz": found}))
        assert only(compared(*folders)).wins == 1

    def test_several_filters_are_rows_of_their_own(self, tmp_path: Path) -> None:
        folders = [
            write_run(
                tmp_path / name,
                {
                    "quiz": samples([0.0, strict], filtered="strict")
                    + samples([1.0, 1.0], filtered="flexible")
                },
            )
            for name, strict in (("a", 0.0), ("b", 1.0))
        ]
        rows = {row.filter: row for row in compared(*folders).rows}
        assert (rows["strict"].delta, rows["flexible"].delta) == (0.5, 0.0)

    def test_items_without_a_value_are_left_out_and_counted(self, tmp_path: Path) -> None:
        first = run(tmp_path / "a", [0.5, None, 0.5, 0.1])
        second = run(tmp_path / "b", [0.7, 0.5, float("nan"), 0.4])
        row = only(compared(first, second))
        assert row.n == 2
        assert "2 items without a value" in (row.note or "")


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"versions": {"quiz": 2.0}}, r"quiz .* version is 1.0 in a and 2.0 in b"),
            ({"fewshot": {"quiz": 5}}, r"quiz .* few-shot examples is 0 in a and 5 in b"),
        ],
    )
    def test_another_set_up_of_the_task(self, tmp_path: Path, options: dict[str, Any], said: str) -> None:
        first, second = run(tmp_path / "a", [1.0, 0.0]), run(tmp_path / "b", [1.0, 0.0], **options)
        for allow in (False, True):
            with pytest.raises(ConfigError, match=said):
                compared(first, second, allow_partial=allow)

    def test_another_limit_is_named_and_the_common_items_compared_on_request(self, tmp_path: Path) -> None:
        first, second = run(tmp_path / "a", [1.0, 0.0, 1.0]), run(tmp_path / "b", [1.0, 1.0], limit=2)
        with pytest.raises(
            ConfigError,
            match=r"1 items are in a alone and 0 in b alone \(--limit none and 2\); --allow_partial",
        ):
            compared(first, second)
        comparison = compared(first, second, allow_partial=True)
        assert only(comparison).n == 2
        assert any("1 items are in a alone and 0 in b alone" in note for note in comparison.notes)

    def test_items_that_are_all_different(self, tmp_path: Path) -> None:
        first = run(tmp_path / "a", [1.0])
        second = write_run(tmp_path / "b", {"quiz": samples([1.0], prefix="other")})
        for allow in (False, True):
            with pytest.raises(ConfigError, match="no item in common"):
                compared(first, second, allow_partial=allow)

    def test_documents_with_another_target(self, tmp_path: Path) -> None:
        changed = samples([1.0, 1.0])
        changed[0]["target"] = "another"
        with pytest.raises(ConfigError, match="1 of 2 documents have another target in b than in a"):
            compared(run(tmp_path / "a", [1.0, 0.0]), write_run(tmp_path / "b", {"quiz": changed}))

    def test_a_metric_that_one_run_has(self, tmp_path: Path) -> None:
        both = samples([1.0, 0.0])
        for sample in both:
            sample["f1"] = 0.5
            sample["metrics"] = ["acc", "f1"]
        first, second = write_run(tmp_path / "a", {"quiz": both}), run(tmp_path / "b", [1.0, 0.0])
        with pytest.raises(ConfigError, match=r"metric f1 of quiz is in a and not in b; --allow_partial"):
            compared(first, second)
        assert only(compared(first, second, allow_partial=True)).metric == "acc"

    def test_a_task_that_one_run_has(self, tmp_path: Path) -> None:
        first = write_run(tmp_path / "a", {"quiz": samples([1.0]), "more": samples([1.0])})
        with pytest.raises(ConfigError, match="task more is in a and not in b"):
            compared(first, run(tmp_path / "b", [1.0]))

    def test_nothing_in_common_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="a and b have no task in common"):
            compared(run(tmp_path / "a", [1.0]), run(tmp_path / "b", [1.0], task="other"), allow_partial=True)

    def test_a_metric_that_is_no_mean_of_its_values(self, tmp_path: Path) -> None:
        # given a perplexity, which the harness aggregates by exp(-mean)
        options: dict[str, Any] = {"metric": "perplexity", "reported": {"quiz": {"perplexity,none": 7.4}}}
        with pytest.raises(ConfigError, match=r"perplexity.* is not a mean of these values"):
            compared(
                run(tmp_path / "a", [-2.0, -2.0], **options), run(tmp_path / "b", [-1.0, -2.0], **options)
            )

    def test_an_unknown_metric_is_named_with_the_nearest(self, tmp_path: Path) -> None:
        folder = run(tmp_path / "a", [1.0])
        with pytest.raises(ConfigError, match=r"--metrics ac: .* Did you mean 'acc'"):
            compared(folder, folder, metrics=("ac",))


class TestDefinedAnswers:
    def test_a_run_against_itself_is_no_difference_with_p_1(self, tmp_path: Path) -> None:
        folder = run(tmp_path / "a", [0.1, 0.7, 0.3])
        row = only(compared(folder, folder))
        assert (row.delta, row.p_value, row.ci_low, row.ci_high) == (0.0, 1.0, 0.0, 0.0)
        assert (row.win_rate, row.significant) == (0.5, False)
        assert "p is 1" in (row.note or "")

    def test_one_item_has_no_interval_and_says_so(self, tmp_path: Path) -> None:
        row = only(compared(run(tmp_path / "a", [0.0]), run(tmp_path / "b", [1.0])))
        assert (row.ci_low, row.minimal_detectable_effect) == (None, None)
        assert row.p_value == pytest.approx(0.5)  # mid-p of one discordant item
        assert "one independent item" in (row.note or "")

    def test_too_few_items_for_any_finding_are_said_to_be(self, tmp_path: Path) -> None:
        few = only(compared(run(tmp_path / "a", [0.0] * 5), run(tmp_path / "b", [0.5] * 5)))
        enough = only(compared(run(tmp_path / "c", [0.0] * 6), run(tmp_path / "d", [0.5] * 6)))
        assert (few.p_value, enough.p_value) == (2 / 2**5, 2 / 2**6)
        assert "cannot show a difference" in (few.note or "")
        assert "cannot show" not in (enough.note or "") and "no width" in (enough.note or "")

    def test_0_and_1_are_tested_by_mcnemar_and_numbers_by_permutation(self, tmp_path: Path) -> None:
        binary = only(compared(run(tmp_path / "a", [0, 1, 1]), run(tmp_path / "b", [1, 1, 0])))
        graded = only(compared(run(tmp_path / "c", [0.1, 1, 1]), run(tmp_path / "d", [1, 1, 0])))
        assert (binary.test, graded.test) == ("mcnemar", "permutation")

    def test_where_lower_is_better_a_win_is_the_lower_value(self, tmp_path: Path) -> None:
        options: dict[str, Any] = {"metric": "edits", "directions": {"quiz": {"edits": False}}}
        row = only(
            compared(run(tmp_path / "a", [3.0, 3.0], **options), run(tmp_path / "b", [1.0, 4.0], **options))
        )
        assert (row.delta, row.wins, row.losses) == (-0.5, 1, 1)

    def test_a_metric_without_a_better_end_is_left_out(self, tmp_path: Path) -> None:
        """A length, say: longer answers would count as wins."""
        options: dict[str, Any] = {"directions": {"quiz": {"length": None, "acc": True}}}
        folders = []
        for name, values in (("a", [1.0, 2.0]), ("b", [3.0, 4.0])):
            both = [one | {"metrics": ["acc", "length"], "length": 9} for one in samples(values)]
            folders.append(write_run(tmp_path / name, {"quiz": both}, **options))
        found = compared(*folders)
        assert [row.metric for row in found.rows] == ["acc"]
        assert any("length,none is left out: the task says that neither" in note for note in found.notes)


class TestLanguages:
    @staticmethod
    def parallel(folder: Path, shift: float, **doc: list[Any]) -> Path:
        draw = random.Random(0)
        tasks = {}
        for language in ("fr", "de", "ja"):
            values = [draw.random() + shift * (number % 3 == 0) for number in range(30)]
            tasks[f"quiz_{language}"] = samples(values, prefix=language, **doc)
        return write_run(folder, tasks)

    def test_the_same_question_in_several_languages_is_one_cluster(self, tmp_path: Path) -> None:
        first, second = self.parallel(tmp_path / "a", 0.0), self.parallel(tmp_path / "b", 0.5)
        rows = {row.language: row for row in compared(first, second).rows}
        assert set(rows) == {"fr", "de", "ja", "all"}
        assert (rows["all"].task, rows["all"].n, rows["all"].clusters) == ("quiz", 90, 30)
        assert rows["all"].delta == pytest.approx(sum(rows[x].delta for x in ("fr", "de", "ja")) / 3)

    def test_identities_that_hold_the_language_are_the_same_question(self, tmp_path: Path) -> None:
        folders = []
        for name, shift in (("a", 0.0), ("b", 0.5)):
            tasks = {
                f"quiz_{language}": samples(
                    [shift] * 4, prefix=language, id=[f"low-{language}-{number}" for number in order]
                )
                for language, order in (("fr", [0, 1, 2, 3]), ("de", [3, 2, 1, 0]))
            }
            folders.append(write_run(tmp_path / name, tasks))
        rows = {row.language: row for row in compared(*folders).rows}
        assert (rows["all"].n, rows["all"].clusters) == (8, 4)

    def test_sentences_of_a_document_are_one_cluster(self, tmp_path: Path) -> None:
        documents = [f"d{number // 10}" for number in range(30)]
        first = self.parallel(tmp_path / "a", 0.0, document_id=documents)
        second = self.parallel(tmp_path / "b", 0.5, document_id=documents)
        assert {row.clusters for row in compared(first, second).rows} == {3}
        assert {row.clusters for row in compared(first, second, cluster="none").rows} == {30, 90}

    def test_a_column_of_one_s_own(self, tmp_path: Path) -> None:
        topics = [f"t{number % 5}" for number in range(30)]
        first = self.parallel(tmp_path / "a", 0.0, topic=topics)
        second = self.parallel(tmp_path / "b", 0.5, topic=topics)
        assert {row.clusters for row in compared(first, second, cluster="topic").rows} == {5}
        with pytest.raises(ConfigError, match=r"--cluster topik: .* Did you mean 'topic'"):
            compared(first, second, cluster="topik")

    def test_tasks_of_several_families_have_a_row_over_all(self, tmp_path: Path) -> None:
        folders = [
            write_run(tmp_path / name, {"quiz": samples(values), "exam": samples(values)})
            for name, values in (("a", [0.0, 1.0]), ("b", [1.0, 1.0]))
        ]
        rows = compared(*folders).rows
        assert [(row.task, row.n) for row in rows] == [("quiz", 2), ("exam", 2), ("all", 4)]

    @pytest.mark.parametrize(
        "names",
        [
            [f"mgsm_direct_{code}" for code in ("bn", "en", "sw", "te", "th")],
            [f"mgsm_en_cot_{code}" for code in ("bn", "en", "sw")],
            [f"belebele_{code}" for code in ("eng_Latn", "fra_Latn", "swh_Latn")],
        ],
    )
    def test_parallel_tasks_of_the_harness_are_one_sample_whatever_their_languages(
        self, tmp_path: Path, names: list[str]
    ) -> None:
        # given an effect that belongs to the question, in every language alike
        draw = random.Random(3)
        effects = [draw.gauss(0.1, 1) for _ in range(40)]
        zeros = write_run(tmp_path / "a", {name: samples([0.0] * 40, prefix=name) for name in names})
        effective = write_run(tmp_path / "b", {name: samples(effects, prefix=name) for name in names})
        rows = compared(zeros, effective).rows
        # then more languages make nobody surer
        (overall,) = [row for row in rows if row.language == "all"]
        assert overall.clusters == 40
        assert overall.p_value == pytest.approx(rows[0].p_value, abs=0.06)

    def test_the_same_document_in_two_tasks_is_one_cluster(self, tmp_path: Path) -> None:
        folders = [
            write_run(tmp_path / name, {"quiz_cot": samples(values), "quiz_plain": samples(values)})
            for name, values in (("a", [0.0, 1.0, 0.5]), ("b", [1.0, 1.0, 0.7]))
        ]
        comparison = compared(*folders)
        assert (comparison.rows[-1].n, comparison.rows[-1].clusters) == (6, 3)
        assert any("the same document are one cluster" in note for note in comparison.notes)

    def test_a_document_field_that_is_the_text_itself_is_no_cluster(self, tmp_path: Path) -> None:
        texts = [f"{number} " + "long text " * 1_000 for number in range(6)]
        folders = [
            write_run(tmp_path / name, {"summaries": samples([shift] * 6, document=texts)})
            for name, shift in (("a", 0.0), ("b", 0.5))
        ]
        assert only(compared(*folders)).clusters == 6


class TestOneNameManyMeanings:
    def test_pairs_and_numbers_under_one_name_have_no_common_row(self, tmp_path: Path) -> None:
        folders = [
            write_run(
                tmp_path / name,
                {"t": samples([["the cat", "the dog"]] * 6, "ter"), "u": samples([0.4, 0.5, 0.6], "ter")},
            )
            for name in ("a", "b")
        ]
        comparison = compared(*folders)
        assert [row.task for row in comparison.rows] == ["t", "u"]
        assert any("ter is scored in several ways" in note for note in comparison.notes)

    def test_each_meaning_has_its_ranks(self, tmp_path: Path) -> None:
        folders = [
            write_run(
                tmp_path / name,
                {"t": samples([["the cat", "the dog"]] * 6, "ter"), "u": samples([0.4, 0.5, 0.6], "ter")},
            )
            for name in ("a", "b", "c")
        ]
        assert [place.task for place in compared(*folders).ranks] == ["t"] * 3 + ["u"] * 3

    def test_nor_have_metrics_that_are_better_in_opposite_directions(self, tmp_path: Path) -> None:
        directions = {"t": {"score": True}, "u": {"score": False}}
        folders = [
            write_run(
                tmp_path / name,
                {"t": samples(values, "score"), "u": samples(values, "score", prefix="p")},
                directions=directions,
            )
            for name, values in (("a", [0.1, 0.2]), ("b", [0.3, 0.2]))
        ]
        assert [(row.task, row.wins, row.losses) for row in compared(*folders).rows] == [
            ("t", 1, 0),
            ("u", 0, 1),
        ]

    def test_a_mean_over_tasks_is_tested_as_a_mean_over_tasks(self, tmp_path: Path) -> None:
        # given many items gained in one task and all lost in a small one
        folders = []
        for name, large, small in (("a", [0.0] * 60, [1.0] * 10), ("b", [1.0] * 40 + [0.0] * 20, [0.0] * 10)):
            folders.append(write_run(tmp_path / name, {"t": samples(large), "u": samples(small, prefix="p")}))
        rows = compared(*folders, test="mcnemar").rows
        assert [row.test for row in rows] == ["mcnemar", "mcnemar", "permutation"]
        assert rows[-1].delta < 0


class TestNoise:
    def test_a_difference_of_rounding_is_none(self, tmp_path: Path) -> None:
        row = only(compared(run(tmp_path / "a", [0.3] * 12), run(tmp_path / "b", [0.1 + 0.2] * 12)))
        assert (row.delta, row.p_value, row.ties, row.standard_error) == (0.0, 1.0, 12, 0.0)

    def test_the_order_of_lines_changes_no_byte(self, tmp_path: Path) -> None:
        draw = random.Random(5)
        made = []
        for folder in ("x", "y"):
            for name in ("a", "b"):
                values = random.Random(name)
                tasks = {
                    f"quiz_{code}": samples([values.random() for _ in range(25)], prefix=code)
                    for code in ("fr", "sw")
                }
                if folder == "y":
                    for lines in tasks.values():
                        draw.shuffle(lines)
                write_run(tmp_path / folder / name, tasks)
            comparison = compared(tmp_path / folder / "a", tmp_path / folder / "b")
            made.append([to_json_row(row) for row in comparison.rows])
        assert made[0] == made[1]


def to_json_row(row: Row) -> bytes:
    import msgspec

    return msgspec.json.encode(row)


class TestSeveralRuns:
    def test_where_holm_leaves_no_room_it_says_what_to_ask_for(self, tmp_path: Path) -> None:
        folder = write_run(tmp_path / "a", {f"t{n}": samples([0.1, 0.9], prefix=f"{n}-") for n in range(3)})
        other = write_run(tmp_path / "b", {f"t{n}": samples([0.2, 0.7], prefix=f"{n}-") for n in range(3)})
        notes = compared(folder, other, resamples=50).notes
        assert any(
            "over 4 rows no drawn p-value can be significant: ask for --resamples 800" in note
            for note in notes
        )

    def test_each_candidate_meets_the_baseline_and_all_are_ranked(self, tmp_path: Path) -> None:
        draw = random.Random(1)
        noise = [draw.random() for _ in range(60)]
        low = run(tmp_path / "low", noise)
        same = run(tmp_path / "same", [x + draw.gauss(0, 0.01) for x in noise])
        high = run(tmp_path / "high", [x + 1 + draw.gauss(0, 0.1) for x in noise])
        comparison = compared(low, same, high)
        assert [(row.candidate, row.significant) for row in comparison.rows] == [
            ("same", False),
            ("high", True),
        ]
        ranks = {place.run: place for place in comparison.ranks}
        assert ranks["high"].rank == 1
        assert set(ranks["low"].groups) & set(ranks["same"].groups)
        assert not set(ranks["high"].groups) & set(ranks["low"].groups)

    def test_p_values_are_adjusted_over_all_rows(self, tmp_path: Path) -> None:
        from statsmodels.stats.multitest import multipletests

        draw = random.Random(2)
        base = [draw.random() for _ in range(20)]
        folders = [run(tmp_path / "base", base)] + [
            run(tmp_path / f"r{shift}", [x + draw.gauss(shift / 10, 0.3) for x in base]) for shift in range(4)
        ]
        for name, theirs in (("holm", "holm"), ("bh", "fdr_bh")):
            rows = compared(*folders, correction=name).rows
            expected = multipletests([row.p_value for row in rows], method=theirs)[1]
            assert [row.p_adjusted for row in rows] == pytest.approx(list(expected))


class TestFile:
    def test_a_comparison_reads_back_as_it_was_written(self, tmp_path: Path) -> None:
        comparison = compared(run(tmp_path / "a", [0.1, 0.7]), run(tmp_path / "b", [0.3, 0.7]))
        assert read_comparison(write_comparison(comparison, tmp_path / "out")) == comparison

    def test_the_same_runs_give_the_same_bytes(self, tmp_path: Path) -> None:
        first, second = run(tmp_path / "a", [0.1, 0.7, 0.2]), run(tmp_path / "b", [0.3, 0.7, 0.9])
        assert to_json(compared(first, second)) == to_json(compared(first, second))

    def test_something_else_is_no_comparison(self, tmp_path: Path) -> None:
        path = tmp_path / "comparison.json"
        path.write_text('{"rows": 3}')
        with pytest.raises(ConfigError, match="not a comparison"):
            read_comparison(path)
