"""Shipped prompts that are filled in without Jinja: each says exactly what Jinja would write."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.strategies.fusor_prompt import PACKAGE, render, shipped
from fusion_eval.strategies.outlines import outline_of
from fusion_eval.text.templates import Template
from fusion_eval.types import Message, Prompt

NAMES = sorted(
    file.name.removesuffix(".j2") for file in files(PACKAGE).iterdir() if file.name.endswith(".j2")
)
OTHERWISE = {"few_shot", "chops", "council_chairman", "refine"}
"""Prompts that indent a text, or that show other variables."""
OTHER_VARIABLES: dict[str, dict[str, object]] = {
    "analysis": {"analysis": "they agree"},
    "chops": {"checklist": "be brief"},
    "council_chairman": {"ranks": []},
    "refine": {"feedback": "shorter", "history": []},
}
TEXTS = st.text() | st.sampled_from(
    ["", "q7x", "{{ fence }}", "\x000\x00", "one\ntwo", "日本語\n--- request q7x ---"]
)
PROMPTS = st.builds(Prompt, TEXTS) | st.builds(
    lambda *messages: Prompt(messages=messages),
    st.builds(Message, st.sampled_from(["system", "user"]), TEXTS),
    st.builds(Message, st.just("user"), TEXTS),
)


@pytest.mark.parametrize("name", NAMES)
@given(
    prompt=PROMPTS,
    candidates=st.lists(TEXTS, min_size=1, max_size=5),
    language=st.sampled_from([None, "de", "xx"]),
    examples=st.integers(0, 3),
)
def test_a_shipped_prompt_says_what_jinja_writes(
    name: str, prompt: Prompt, candidates: list[str], language: str | None, examples: int
) -> None:
    # given the same template as if it were a user's, which Jinja fills in each time
    template = shipped(name)
    by_jinja = Template(template.name, template.source)
    more = OTHER_VARIABLES.get(name, {})
    # then
    one, other = (
        render(each, prompt, candidates=candidates, language=language, examples=examples, **more)
        for each in (template, by_jinja)
    )
    assert one == other


@pytest.mark.parametrize("role", ["\x000\x00", "\x0099\x00", "\0", "{{ fence }}", ""])
def test_a_strange_role_is_shown_as_it_is(role: str) -> None:
    prompt = Prompt(messages=(Message(role, "one"), Message("user", "two")))
    written = render(shipped("paper"), prompt, candidates=["a"], language=None)
    assert f"[{role}]\none\n[user]\ntwo\n" in written


def test_all_shipped_prompts_but_those_that_do_more_than_show_texts_have_an_outline() -> None:
    without = {name for name in NAMES if outline_of(shipped(name), ("user",), 2, "", "q7x") is None}
    assert without == OTHERWISE


@pytest.mark.parametrize(
    "source",
    [
        "{{ candidates[0] | upper }}",  # a text that stands for another one would pass through unchanged
        "{{ candidates[0] }}",
    ],
)
def test_a_users_template_has_none(source: str) -> None:
    assert outline_of(Template("mine.j2", source), ("user",), 2, "", "q7x") is None


@pytest.mark.parametrize(
    "source",
    [
        "{% if candidates[0] %}a{% endif %}",
        "{{ candidates[0] == candidates[1] }}",
        "{{ candidates[0] | length }}",
        "{{ candidates[0][:3] }}",
        "{{ candidates[0] | indent }}",
        "{{ 'a' in candidates[0] }}",
        "{{ turns[0].content < 'a' }}",
        "{{ candidates | sort }}",
        "{{ candidates | unique | list }}",
        "{{ candidates[0].upper() }}",
    ],
)
def test_a_template_whose_writing_depends_on_a_text_has_none(source: str) -> None:
    assert outline_of(Template("some", source, trusted=True), ("user",), 2, "", "q7x") is None
