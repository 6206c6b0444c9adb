"""A source that cannot be imported is refused in one sentence with file and line; nothing is guessed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fusion_eval as fe
from fusion_eval.cli.main import main

POOLED = {"prompt": "?", "language_code": "de", "input_hash": "h"}


def part(text: str | None) -> dict[str, object]:
    return {"completion": text, "score": 0.5, "selection_method": "rm", "teachers": []}


def cohere(*teachers: str, **changed: Any) -> dict[str, Any]:
    return {
        **POOLED,
        "BoN": part("a"),
        "Fusion": part("f"),
        **{name: part(name) for name in teachers},
        **changed,
    }


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: Any, name: str = "source.jsonl") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return path

    return write


def refusal(source: Path | str, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Import a source by the command, and return what it says on standard error."""
    output = Path(str(source)).parent / "out"
    assert main(["import", str(source), "--output", str(output), *options]) == 2
    assert not output.exists() or not any(output.rglob("samples_*"))
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    return said


def test_a_pool_with_a_hole_is_named_with_its_line(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = lines(cohere("a", "b"), cohere("a", "b"), cohere("a", b=part(None), input_hash="third"))
    assert "source.jsonl, line 3: the pool of 'third' has 1 candidate, and others have 2" in refusal(
        source, capsys
    )


def test_items_with_holes_can_be_left_out(lines: Callable[..., Path], tmp_path: Path) -> None:
    source = lines(cohere("a", "b"), cohere("a", "b"), cohere("a", b=part(None)))
    result = fe.import_pools(source, tmp_path / "out", allow_partial=True)
    assert result.items == 2
    assert "1 items are left out" in result.notes[0]


def test_a_line_that_is_cut_off_is_named(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "source.jsonl, line 2 is not a JSON object, or is cut off" in refusal(
        lines(cohere("a"), '{"prompt": "'), capsys
    )


def test_a_missing_field_is_named(lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(lines(cohere("a"), cohere("a", language_code=None)), capsys)
    assert "source.jsonl, line 2: the field 'language_code' is missing" in said


def test_a_score_that_is_no_number_is_named(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(lines(cohere("a"), cohere(a={"completion": "!", "score": "high"})), capsys)
    assert "source.jsonl, line 2, a: the field 'score' is 'high', and should be a number" in said


def test_a_file_that_is_no_json_is_told_so_without_a_list_of_kinds(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(lines("a,b", "1,2"), capsys).endswith("line 1 is not a JSON object, or is cut off\n")
    assert refusal(lines(name="none.jsonl"), capsys).endswith("none.jsonl is empty\n")


def test_a_column_without_its_role_is_told_the_form(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(lines({"question": "?"}), capsys, "--columns", "question")
    assert "'question' should be ROLE=COLUMN, such as prompt=question" in said


def test_a_wrong_kind_is_told_what_the_content_is(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(lines(cohere("a")), capsys, "--from", "alpaca-eval")
    assert (
        "line 1: the field 'instruction' is missing. By its content it is cohere-fusion, not alpaca-eval;"
        in said
    )


def test_the_number_0_is_an_id(lines: Callable[..., Path], tmp_path: Path) -> None:
    # given
    answer = {"model_id": "m", "choices": [{"turns": [{"content": "!"}]}]}
    arena = lines(*({"question_id": i, **answer} for i in range(2)), name="arena.jsonl")
    plain = lines(*({"q": "?", "a": text, "i": 0} for text in "xy"), name="plain.jsonl")
    # when
    questions = fe.import_pools(arena, tmp_path / "arena")
    pools = fe.import_pools(plain, tmp_path / "plain", columns={"prompt": "q", "answer": "a", "id": "i"})
    # then
    assert questions.items == 2
    assert (pools.items, pools.candidates) == (1, 2)


def test_a_verdict_that_is_none_is_refused(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"question_id": "1", "prompt": "?", "language_code": "en", "judge_model_name": "j", "BoN": "win"}
    said = refusal(lines(row, {**row, "BoN": "wins"}), capsys)
    assert "line 2: the verdict of BoN is 'wins'. Did you mean 'win'?" in said


def test_an_answer_without_its_question_is_refused(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines({"question_id": "q1", "turns": [{"content": "?"}]}, name="arena/question.jsonl")
    answer = {"model_id": "m", "choices": [{"turns": [{"content": "!"}]}]}
    source = lines(
        {"question_id": "q1", **answer}, {"question_id": "q2", **answer}, name="arena/answers.jsonl"
    )
    said = refusal(source.parent, capsys)
    assert "answers.jsonl, line 2: the answer is to question 'q2', which is not among the questions" in said


def test_seeds_of_other_problems_are_no_pool(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lines({"problem": "1?", "generation": "1"}, name="math/output-rs0.jsonl")
    other = lines({"problem": "2?", "generation": "1"}, name="math/output-rs1.jsonl")
    assert "output-rs1.jsonl, line 1: the problem is not the one of" in refusal(other.parent, capsys)


def test_a_seed_that_ends_early_is_named(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"problem": "1?", "generation": "1"}
    lines(row, row, name="math/output-rs0.jsonl")
    other = lines(row, name="math/output-rs1.jsonl")
    said = refusal(other.parent, capsys)
    assert "output-rs0.jsonl, line 2" in said and "output-rs1.jsonl ends before this line" in said


def test_greedy_answers_beside_sampled_ones_are_no_pool(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"problem": "1?", "generation": "1"}
    lines(row, name="math/output.jsonl")
    source = lines(row, name="math/output-rs0.jsonl")
    message = refusal(source.parent, capsys)
    assert "output.jsonl has greedy answers and" in message and "output-rs0.jsonl sampled ones" in message


def test_an_unknown_kind_names_the_known_ones(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = lines({"question": "?", "reply": "!"})
    said = refusal(source, capsys)
    assert "its first record has question, reply" in said and "--columns" in said
    assert "Did you mean 'inspect'?" in refusal(source, capsys, "--from", "inspct")


def test_columns_that_do_not_fit_are_named(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = lines({"q": "?", "a": "!", "s": "high"})
    assert "names no answer" in refusal(source, capsys, "--columns", "prompt=q")
    assert "Did you mean 'prompt'?" in refusal(source, capsys, "--columns", "promt=q,answer=a")
    assert "line 1: the column 's' holds no number" in refusal(
        source, capsys, "--columns", "prompt=q,answer=a,score=s"
    )
    assert "line 1 has no column 'z'." in refusal(source, capsys, "--columns", "prompt=q,answer=z")


def test_an_absent_source_names_the_nearest(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = lines(cohere("a"))
    assert "Did you mean" in refusal(source.with_name("sorce.jsonl"), capsys)


def test_a_second_import_does_not_mix_with_the_first(lines: Callable[..., Path], tmp_path: Path) -> None:
    source = lines(cohere("a"))
    fe.import_pools(source, tmp_path / "out")
    with pytest.raises(fe.FusionEvalError, match="holds a run already"):
        fe.import_pools(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"q": "?", "a": "x", "t": "a b"}, {"q": "!", "a": "y", "t": "a/b"}],
            "'a b' and 'a/b' would both be a_b",
        ),
        ([{"q": "?", "a": "x", "m": "a/b"}, {"q": "?", "a": "y", "m": "a__b"}], "would both be"),
        (
            [{"q": "?", "a": "x", "i": 1}, {"q": "!", "a": "y", "i": 1}],
            "line 2: '1' has another prompt than in",
        ),
        ([{"q": "?", "a": ["x", "y"], "s": 1}], "there are 2 answers and 1 scores"),
    ],
)
def test_lines_that_would_be_mixed_up_are_refused(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str], rows: list[Any], message: str
) -> None:
    # given
    names = {"q": "prompt", "a": "answer", "t": "task", "m": "model", "i": "id", "s": "score"}
    columns = ",".join(f"{names[column]}={column}" for column in rows[0])
    source = lines(*rows)
    # when
    code = main(["import", str(source), "--columns", columns, "--output", str(source.parent / "out")])
    # then
    assert code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("preference", [0.5, 2.5, True, "1"])
def test_a_preference_that_is_none_is_refused(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str], preference: object
) -> None:
    row = {"instruction": "?", "output_1": "a", "output_2": "b", "preference": preference}
    source = lines(row)
    assert main(["import", str(source), "--output", str(source.parent / "out")]) == 2
    assert "is no number from 1 to 2" in capsys.readouterr().err


@pytest.mark.parametrize("role", ["answer", "score", "language"])
def test_a_column_that_no_line_has_is_named_with_the_nearest(
    lines: Callable[..., Path], capsys: pytest.CaptureFixture[str], role: str
) -> None:
    # given
    source = lines({"q": "?", "outputs": ["a", "b"], "rewards": [1, 2], "lang": "de"})
    columns = {"prompt": "q", "answer": "outputs", "score": "rewards", "language": "lang"}
    misspelled = f"{columns[role]}s"
    # when
    said = refusal(
        source,
        capsys,
        "--columns",
        ",".join(f"{name}={misspelled if name == role else column}" for name, column in columns.items()),
    )
    # then
    assert f"'{misspelled}'. Did you mean '{columns[role]}'?" in said


def test_an_optional_column_may_be_missing_in_some_lines(lines: Callable[..., Path], tmp_path: Path) -> None:
    source = lines({"q": "a?", "a": "x", "meta": {"lang": None}}, {"q": "b?", "a": "y"})
    result = fe.import_pools(
        source, tmp_path / "out", columns={"prompt": "q", "answer": "a", "language": "meta.lang"}
    )
    assert result.items == 2


def test_generations_that_nobody_has_scored_are_noted(lines: Callable[..., Path], tmp_path: Path) -> None:
    source = lines(
        {"problem": "1 + 1?", "generation": "2", "expected_answer": "2"}, name="aime/output-rs0.jsonl"
    )
    result = fe.import_pools(source.parent, tmp_path / "out")
    assert "no line says whether it is correct" in result.notes[0]
