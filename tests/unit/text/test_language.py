"""The expected language is certain or unknown. With a wrong one, the fusor would translate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.text.language import NAMES, language_of, translation_target


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ("mgsm_direct_fr", "fr"),
        ("mgsm_native_cot_zh", "zh"),
        ("fusion_demo_zh", "zh"),
        ("arc_easy_it", "it"),
        ("hellaswag_ar", "ar"),
        ("xnli_de", "de"),
        ("truthfulqa_es_gen", "es"),
        ("truthfulqa-multi_gen_en", "en"),
        ("mmlu_prox_ru_law", "ru"),
        ("mgsm_direct_es_spanish_bench", "es"),
        ("ja_leaderboard_mgsm", "ja"),  # a code counts at the start, too
        ("en_something", "en"),
        ("MMMLU_DE_DE", "de"),
        ("pt", "pt"),
    ],
)
def test_a_code_between_separators_names_the_language(task: str, code: str) -> None:
    assert language_of(task, {}) == code


@pytest.mark.parametrize(
    ("task", "code"),
    [
        ("wmt24pp_en_pt", "pt"),
        ("wmt24pp_en_pt_BR", "pt"),
        ("wmt16-en-de", "de"),
        ("wmt16-ro-en", "en"),
        ("wmt-ro-en-t5-prompt", "en"),
        ("iwslt2017-ar-en", "en"),
        ("translation_dr_en_doda", "en"),
        ("portuguese_bench_flores_es-pt", "pt"),
        ("catalan_bench_flores_de-ca", None),  # Catalan, not German
        ("wmt16-en-ro", None),
        ("phrases_es-va", None),
        ("mafand_en-amh_prompt_1", None),
        ("wmt14-en-fr", "fr"),
        ("wmt14_fr-en", "en"),
        ("flores_eng-fra", "fr"),
        ("flores_fra-eng", "en"),
        ("flores_eng_Latn-fra_Latn", "fr"),
        ("flores200_eng_Latn-zho_Hans_0shot", "zh"),
        ("flores_eng_latn_jpn_jpan", "ja"),
        ("flores_eng-swh", None),
        ("flores_swh_Latn-eng_Latn", "en"),
        ("mafand_amh-en_prompt_1", "en"),
        ("wmt24pp_en-zh_CN", "zh"),
        ("wmt24_fr_FR-de_DE", "de"),
        ("wmt_t5_ro_en", "en"),
        ("translate_en_to_fr", "fr"),
        ("opus100_en2de", "de"),
        ("flores_new_en_fr", "fr"),
        ("flores_es", None),  # ambiguous: source or target
    ],
)
def test_a_translation_task_expects_its_target_language(task: str, code: str | None) -> None:
    assert language_of(task, {}) == code


@pytest.mark.parametrize(
    "task",
    [
        "truthfulqa_gen",
        "gsm8k",
        "fusion_demo",
        "this_or_that",
        "is_it_true",
        "it_support_tickets",
        "do_no_harm",
        "my_hi_la_id",
        "french_bench",
        "frames",
        "zhang",
        "arithmetic_2da",
        "hellaswag_nl",
        "mgsm_en_cot_fr",  # reasons in English about a French question
        "mlqa_en_de",  # a German question on an English text, which contains the answer
        "mlqa_hi_ar",
        "agieval_lsat_ar",  # analytical reasoning
        "",
    ],
)
def test_other_words_in_names_are_not_languages(task: str) -> None:
    assert language_of(task, {}) is None


@pytest.mark.parametrize(
    ("doc", "code"),
    [
        ({"target_language": "ja", "language": "en"}, "ja"),
        ({"language": "ko"}, "ko"),
        ({"lang": "pt-BR"}, "pt"),
        ({"lang": "zh_Hans"}, "zh"),
        ({"language": " FR "}, "fr"),
        ({"language": "German"}, "de"),
        ({"target_language": "deu_Latn"}, "de"),
        ({"lang": "fra"}, "fr"),
        ({"language": "swh_Latn"}, None),
        ({"language": "sql"}, "es"),
        ({"language": "ca"}, None),  # the document overrides the task's name
        ({"language": "Python"}, "es"),
        ({"language": None}, "es"),
        ({"language": 7}, "es"),
        ({"language": "English and French"}, "es"),
        ({}, "es"),
        (None, "es"),
        ("fr", "es"),
    ],
)
def test_a_field_of_the_document_overrides_the_name_of_the_task(doc: object, code: str | None) -> None:
    assert language_of("xnli_es", doc) == code


def test_a_document_of_a_translation_task_may_name_its_source() -> None:
    assert language_of("wmt14-en-fr", {"language": "en"}) == "fr"
    assert language_of("wmt14-en-fr", {"target_language": "German"}) == "de"


@pytest.mark.parametrize(
    ("task", "target"),
    [
        ("wmt16-en-ro", "ro"),
        ("flores_eng-swh", "swh"),
        ("flores_eng_Latn-swh_Latn", "swh_Latn"),
        ("mafand_en-amh", "amh"),
        ("wmt24pp_en_pt_BR", "pt_BR"),
        ("flores_es", None),
        ("mgsm_en_fr", None),
    ],
)
def test_the_target_of_a_translation_task_is_named_as_in_its_name(task: str, target: str | None) -> None:
    assert translation_target(task) == target


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz_-.0123456789"))
def test_any_name_gives_one_of_the_eleven_or_none(task: str) -> None:
    assert language_of(task, {}) in {None, *NAMES}
