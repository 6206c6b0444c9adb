"""Sample and fuse from Python, without the harness: `sample("Why?", n=5)`, `fuse("Why?", ["…", "…"])`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from fusion_eval.errors import ConfigError, RequestError
from fusion_eval.model_arguments import ModelArguments, parse
from fusion_eval.models import Model
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.strategies.interface import Strategy, needs_logprobs
from fusion_eval.strategies.question import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE, Question
from fusion_eval.strategies.sampler import check_needs_no_task, draw
from fusion_eval.strategies.solver import Aggregator
from fusion_eval.strategies.specs import load_scorer
from fusion_eval.strategies.system_prompts import read_system_prompts
from fusion_eval.types import (
    Answer,
    Candidate,
    Message,
    Pool,
    Prompt,
    Sampling,
    Trace,
    with_logprobs,
    without_surrogates,
)

Conversation = str | Sequence[Message | Mapping[str, str]]
"""A prompt: a text, or chat messages such as `{"role": "user", "content": "Why?"}`."""

GIVEN = "given"
"""The model of candidates that the caller gave as texts."""


@dataclass(frozen=True, slots=True)
class TracedAnswer:
    """An answer with the record of how it was made; `str()` of it is its text."""

    trace: Trace

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.trace.final

    @property
    def answer(self) -> Answer:
        """What the strategy returned: scores, calls, the reason of a fallback."""
        return self.trace.answer

    def __str__(self) -> str:
        return self.text


async def sample_async(
    prompt: Conversation,
    *,
    n: int | None = None,
    model: str | Sequence[str] = "embedded",
    **model_arguments: object,
) -> Pool:
    """Draw a pool of candidates for one prompt.

    Args:
        prompt: A text, or chat messages.
        n: How many candidates to draw: 5, unless `sampling` says otherwise.
        model: The model that samples, or several, which take turns.
        model_arguments: Other model arguments, such as `base_url`, `temperature`, `seed` and `cache`.

    Returns:
        The candidates in sampling order. Those that failed have an error.

    Raises:
        FusionEvalError: An argument is wrong, the endpoint fails, or every candidate failed.
    """
    arguments = parse({"n": n, "model": model, **model_arguments})
    check_needs_no_task(arguments)
    question = _question(prompt, arguments)
    async with _opened(arguments) as opener:
        models = opener.sampler()
        _check_messages(question.prompt, models)
        systems = read_system_prompts(arguments.system_prompts or (), models)
        how = question.temperatures, question.prompt, question.sampling, arguments.n, systems
        pool = await draw(models, *how)
    if not pool.usable:
        raise RequestError(str(pool.candidates[0].error))
    return pool


def sample(
    prompt: Conversation,
    *,
    n: int | None = None,
    model: str | Sequence[str] = "embedded",
    **model_arguments: object,
) -> Pool:
    """Draw a pool of candidates as `sample_async` does, and wait for it. Works in a notebook too."""
    return run_anywhere(lambda: sample_async(prompt, n=n, model=model, **model_arguments))


async def fuse_async(
    prompt: Conversation,
    candidates: Sequence[str | Candidate] | Pool,
    *,
    fusor: str | None = None,
    strategy: str | Strategy = "fusion",
    language: str | None = None,
    **model_arguments: object,
) -> TracedAnswer:
    """Make one answer out of candidates that are there already.

    Args:
        prompt: What the candidates answer: a text, or chat messages.
        candidates: Texts, candidates, or a pool.
        fusor: The model that fuses; by default the model argument `model`.
        strategy: A strategy as text or as a value: `fusion`, `bon(scorer=chrf)`, `Fusion(fusor_temperature=0.3)`.
        language: ISO code of the language that the answer should have.
        model_arguments: Other model arguments, such as `base_url`, `scorer`, `fusor_prompt` and `cache`.

    Raises:
        FusionEvalError: An argument is wrong, an endpoint fails, or there is no usable candidate.
    """
    if not isinstance(strategy, str) and not callable(strategy):
        raise ConfigError(
            f"strategy={strategy!r} should be a strategy as text, such as 'fusion', or as a value"
        )
    if not isinstance(language, str | None):
        raise ConfigError(f"language={language!r} should be an ISO code such as 'fr', or None")
    given = candidates.candidates if isinstance(candidates, Pool) else _candidates(candidates)
    if not given:
        raise ConfigError("fuse() needs at least one candidate, and there is none")
    arguments = parse(_fusor_first(fusor, model_arguments))
    question = _question(prompt, arguments, language)
    async with _opened(arguments) as opener:
        aggregator = Aggregator(strategy, arguments, opener)
        return TracedAnswer(await aggregator.aggregate(question, Pool(question.prompt, given)))


def fuse(
    prompt: Conversation,
    candidates: Sequence[str | Candidate] | Pool,
    *,
    fusor: str | None = None,
    strategy: str | Strategy = "fusion",
    language: str | None = None,
    **model_arguments: object,
) -> TracedAnswer:
    """Make one answer out of candidates as `fuse_async` does, and wait for it. Works in a notebook too.

    Example:
        Best-of-N by chrF asks no model:

        >>> import fusion_eval as fe
        >>> texts = ["the cat sat", "a dog", "the cat sits"]
        >>> endpoint = {"fusor": "my-model", "base_url": "http://localhost:8000/v1"}  # not asked: chrf needs no model
        >>> str(fe.fuse("Translate: le chat", texts, strategy="bon(scorer=chrf)", cache="off", **endpoint))
        'the cat sits'
    """
    return run_anywhere(
        lambda: fuse_async(
            prompt, candidates, fusor=fusor, strategy=strategy, language=language, **model_arguments
        )
    )


@contextlib.asynccontextmanager
async def _opened(arguments: ModelArguments) -> AsyncIterator[Opener]:
    """Open the store and the models for one call."""
    with open_store(arguments) as store:
        opener = Opener(arguments, store)
        try:
            yield opener
        finally:
            await opener.close()


def _fusor_first(fusor: str | None, arguments: Mapping[str, object]) -> dict[str, object]:
    """Return the model arguments of a call that samples nothing: the fusor is the model if no other is named."""
    merged = dict(arguments)
    if fusor is None or merged.get("model") is not None:
        return merged | {"fusor": fusor}
    address = merged.pop("fusor_base_url", None)
    return merged | {"model": [fusor]} | ({} if address is None else {"base_url": address})


def _question(prompt: Conversation, arguments: ModelArguments, language: str | None = None) -> Question:
    temperatures = arguments.candidate_temperatures or (DEFAULT_TEMPERATURE,)
    return Question(
        task="",
        doc_id=None,
        copy=0,
        language=language,
        prompt=_prompt(prompt),
        sampling=with_logprobs(
            Sampling(
                max_tokens=arguments.max_tokens or DEFAULT_MAX_TOKENS,
                temperature=temperatures[0],
                seed=arguments.seed,
                top_p=arguments.top_p,
                extra=() if arguments.min_p is None else (("min_p", arguments.min_p),),
            ),
            max(arguments.samples_locally, needs_logprobs(load_scorer(arguments.scorer_spec))),
        ),
        temperatures=temperatures,
    )


def _prompt(prompt: Conversation) -> Prompt:
    if not isinstance(prompt, Sequence):
        raise ConfigError(f"prompt={prompt!r} should be a text, or a list of chat messages")
    if isinstance(prompt, str):
        return Prompt(without_surrogates(prompt))
    return Prompt(messages=tuple(_message(turn) for turn in prompt))


def _message(turn: Message | Mapping[str, str]) -> Message:
    if isinstance(turn, Message):
        return turn
    role, content = (turn.get(key) if isinstance(turn, Mapping) else None for key in ("role", "content"))
    if not isinstance(role, str) or not isinstance(content, str):
        raise ConfigError(f'{turn!r} is no chat message; write {{"role": "user", "content": "Why?"}}')
    return Message(role, without_surrogates(content))


def _check_messages(prompt: Prompt, models: Sequence[Model]) -> None:
    for model in models:
        if prompt.messages and not model.chat:
            raise ConfigError(f"{model.name} has no chat template; give the prompt as a text")


def _candidates(given: Sequence[str | Candidate]) -> tuple[Candidate, ...]:
    if isinstance(given, str):
        raise ConfigError('fuse() needs a list of candidates, and got one text; write ["…", "…"]')
    if not isinstance(given, Sequence):
        raise ConfigError(f'fuse() needs a list of candidates, and got {given!r}; write ["…", "…"]')
    for number, candidate in enumerate(given, start=1):
        if not isinstance(candidate, str | Candidate):
            raise ConfigError(f"Candidate {number} of fuse() is {candidate!r}; it should be a text")
    return tuple(
        candidate if isinstance(candidate, Candidate) else Candidate(candidate, GIVEN, seed=0)
        for candidate in given
    )
