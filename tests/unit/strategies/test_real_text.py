"""Real news and mathematics in the 11 languages pass through fusor prompts and replies unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fusion_eval.strategies.fused_text import read_fused
from fusion_eval.strategies.fusor_prompt import load_template, render
from fusion_eval.strategies.refusal import is_refusal
from fusion_eval.strategies.sampler import cut_at_stop
from fusion_eval.text.language import NAMES
from fusion_eval.types import Prompt


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module", params=sorted(NAMES))
def texts(request: pytest.FixtureRequest, shared_data: Path) -> list[str]:
    """About 260 texts of one language."""
    language = request.param
    news = [row[language] for row in lines(shared_data / "ntrex" / "en-x.jsonl")]
    return news + [row["question"] for row in lines(shared_data / "polymath" / f"{language}.jsonl")]


def test_an_answer_in_the_form_of_the_prompt_is_read_back_word_for_word(texts):
    for text in texts:
        fused = read_fused(f"Comparison: both are fine.\nAnswer: [[ {text} ]]", bracketed=True)
        assert (fused.answer, fused.departures) == (text.strip(), ())


def test_no_real_text_is_taken_for_a_refusal(texts):
    assert [text for text in texts if is_refusal(text, [])] == []


def test_the_fusor_sees_every_text_unchanged(texts):
    for template in ("paper", "direct"):
        written = render(load_template(template), Prompt(texts[0]), candidates=texts[:50], language=None)
        assert all(text.strip() in written for text in texts[:50])


def test_cutting_at_a_stop_string_keeps_a_prefix(texts):
    for text in texts:
        assert text.startswith(cut_at_stop(text, (". ", "。"))) and cut_at_stop(text, ("\x00",)) == text
