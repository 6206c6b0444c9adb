"""Which tasks are one task in several languages: by names as the harness has them."""

from __future__ import annotations

import pytest

from fusion_eval.compare.task_families import Family, families


@pytest.mark.parametrize(
    ("pattern", "languages", "name"),
    [
        ("mgsm_direct_{}", ["bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh"], "mgsm_direct"),
        ("mgsm_en_cot_{}", ["bn", "de", "en", "sw", "zh"], "mgsm_en_cot"),
        ("belebele_{}", ["eng_Latn", "fra_Latn", "zho_Hans"], "belebele"),
        ("global_mmlu_full_{}_anatomy", ["en", "fr", "sw"], "global_mmlu_full_anatomy"),
        ("wmt24pp_en-{}", ["fr_FR", "de_DE", "zh_CN"], "wmt24pp_en"),
        ("xnli_{}", ["ar", "bg", "ur"], "xnli"),
        ("ja_leaderboard_{}", ["fr", "de"], "ja_leaderboard"),
        ("fr-quiz-{}", ["it", "pt"], "fr-quiz"),
    ],
)
def test_sisters_differ_in_their_language_alone(pattern: str, languages: list[str], name: str) -> None:
    found = families({pattern.format(language): None for language in languages})
    assert found == {pattern.format(language): Family(name, language) for language in languages}


def test_the_language_that_the_metadata_say_comes_first() -> None:
    found = families(
        {
            "quiz_French": "French",
            "quiz_Bengali": "Bengali",
            "belebele_fra_Latn": "fr",
            "belebele_deu_Latn": "de",
        }
    )
    assert found["quiz_French"] == Family("quiz", "French")
    assert found["belebele_fra_Latn"] == Family("belebele", "fr")


@pytest.mark.parametrize("names", [["mmlu_anatomy", "mmlu_virology"], ["arc_easy", "arc_challenge"], ["quiz_fr"], ["quiz_fr", "exam_de"], ["bigbench_is_x", "bigbench_x"]])  # fmt: skip
def test_other_tasks_are_families_of_their_own(names: list[str]) -> None:
    assert families(dict.fromkeys(names)) == {name: Family(name, None) for name in names}
