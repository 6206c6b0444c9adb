"""The prompts for the fusor and for the judge that rates candidates.

A template sees `turns` (the task's messages), `candidates` (texts), `language` (a name, or nothing) and `fence`. The
fence is a word that marks where untrusted text begins and ends; no such text contains it. A template that uses
`analysis` is filled in twice: first with an empty text, to ask for an analysis in JSON, then with that analysis.
"""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.strategies.outlines import outline_of
from fusion_eval.text import templates
from fusion_eval.text.language import NAMES
from fusion_eval.text.templates import Kind, Template, fence_for, fill, load, without_control_characters
from fusion_eval.types import Message, Prompt

FUSORS = ("paper", "direct", "few_shot", "analysis", "agglm", "synthesis")
PACKAGE = "fusion_eval.strategies.prompts"
_FUSOR = Kind(
    option="fusor_prompt=",
    package=PACKAGE,
    shipped=FUSORS,
    trial={
        "turns": (Message("system", "Be brief."), Message("user", "Why?")),
        "candidates": ["…"] * 99,
        "language": "English",
        "fence": "0a1b2c3d",
        "analysis": "",
    },
    required={"candidates": "the candidates"},
    other_trials=({"analysis": "{}"},),
)


def load_template(name: str) -> Template:
    """Load a prompt for the fusor: one that ships with the package, by name, or the user's own, by its file."""
    return load(name, _FUSOR)


def shipped(name: str) -> Template:
    """Load a prompt that ships with the package, for a fusor or for the scorer `judge`."""
    return templates.shipped(PACKAGE, name)


def prompt_to_write(name: str, *, chat: bool) -> Template:
    """Load a strategy's shipped prompt for a model that writes a text out of others.

    A base model gets the plain-text prompt `few_shot` instead. After instructions, it mostly writes an empty line.
    """
    return shipped(name if chat else "few_shot")


def render(
    template: Template,
    prompt: Prompt,
    *,
    candidates: Sequence[str],
    language: str | None,
    examples: int = 0,
    **more: object,
) -> str:
    """Fill in a template.

    Args:
        template: The template.
        prompt: The task's prompt.
        candidates: The texts that the template shows.
        language: ISO code of the answer's language.
        examples: How many characters of a plain-text prompt are worked examples, before the question itself.
        **more: The variables that only this template has.
    """
    turns = _turns(template, prompt, examples)
    shown = [turn.content for turn in turns]
    texts = [without_control_characters(text) for text in candidates]
    own: list[str] = []
    for value in more.values():
        own += [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else ()
    fence = fence_for([*texts, *own, *shown])
    name = NAMES.get(language or "", "")
    if not more:
        outline = outline_of(template, tuple([turn.role for turn in turns]), len(texts), name, fence)
        if outline:
            return outline.fill([*shown, *texts])
    values = {"turns": turns, "candidates": texts, "language": name, "fence": fence, "analysis": ""}
    return fill(template, values | more)


def _turns(template: Template, prompt: Prompt, examples: int) -> tuple[Message, ...]:
    """Return the turns that a template shows.

    A model that follows instructions takes the first of several tasks in one text for the one to do. So worked examples
    are shown apart from the question, except to plain-text models, which go on where the text ends.
    """
    if prompt.messages:
        return prompt.messages
    if not examples or template.stop:
        return (Message("user", prompt.text),)
    shown = Message("worked examples, already answered", prompt.text[:examples].rstrip())
    return shown, Message("the question to answer", prompt.text[examples:])
