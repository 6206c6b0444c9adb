"""Tasks that are one task in several languages are recognized by their names in the harness."""

from __future__ import annotations

import pytest

from fusion_eval.comparison.task_families import Family, families, without_language


@pytest.mark.parametrize(
    ("pattern", "languages", "name"),
    [
        ("mgsm_direct_{}", ["bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh"], "mgsm_direct"),
        ("mgsm_en_cot_{}", ["bn", "de", "en", "sw", "zh"], "mgsm_en_cot"),
        ("belebele_{}", ["eng_Latn", "fra_Latn", "zho_Hans"], "belebele"),
        ("global_mmlu_full_{}_anatomy", ["en", "fr", "sw"], "global_mmlu_full_anatomy"),
        ("wmt24pp_en-{}", ["fr_FR", "de_DE", "zh_CN"], "wmt24pp_en"),
        ("flores_eng-{}", ["fra", "deu", "swh"], "flores_eng"),
        ("flores_eng_Latn-{}", ["fra_Latn", "swh_Latn"], "flores_eng_Latn"),
        ("xnli_{}", ["ar", "bg", "ur"], "xnli"),
        ("ja_leaderboard_{}", ["fr", "de"], "ja_leaderboard"),
        ("fr-quiz-{}", ["it", "pt"], "fr-quiz"),
    ],
)
def test_siblings_differ_in_their_language_only(pattern: str, languages: list[str], name: str) -> None:
    found = families({pattern.format(language): None for language in languages})
    assert found == {pattern.format(language): Family(name, language) for language in languages}


def test_the_language_of_the_metadata_comes_first() -> None:
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
def test_tasks_without_siblings_are_families_of_their_own(names: list[str]) -> None:
    assert families(dict.fromkeys(names)) == {name: Family(name, None) for name in names}


@pytest.mark.parametrize(
    ("name", "language", "expected"),
    [("low-fr-0", "fr", "low-0"), ("fr", "fr", "fr"), ("free-1", "fr", "free-1"), ("x-FR-y", "fr", "x-y")],
)
def test_a_language_is_cut_from_a_name_only_as_a_word(name: str, language: str, expected: str) -> None:
    assert without_language(name, language) == expected
