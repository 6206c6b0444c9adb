"""A model that replies what a test scripts, for tests whose subject is the strategy around it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from fusion_eval.strategies.fusor_prompt import shipped
from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.specs import load_scorer
from fusion_eval.types import Candidate, Pool, Prompt, Sampling


class Scripted:
    """A model that records its requests in `requests`; a request for n replies counts as n.

    `reply` is a text, or maps the prompt's text to a text, a candidate or an error to raise.
    """

    identity = name = "scripted"
    max_n: int | None = None

    def __init__(
        self, reply: Callable[[str], str | Candidate | Exception] | str, *, chat: bool = True
    ) -> None:
        self.chat = chat
        self.requests: list[tuple[Prompt, Sampling]] = []
        self._reply = reply

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        candidates = []
        for seed in range(sampling.seed, sampling.seed + n):
            self.requests.append((prompt, dataclasses.replace(sampling, seed=seed)))
            reply = self._reply if isinstance(self._reply, str) else self._reply(text_of(prompt))
            if isinstance(reply, Exception):
                raise reply
            candidates.append(Candidate(reply, self.name, seed) if isinstance(reply, str) else reply)
        return candidates

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    @property
    def prompt_texts(self) -> list[str]:
        return [text_of(prompt) for prompt, _ in self.requests]


def text_of(prompt: Prompt) -> str:
    return prompt.text or "\n".join(message.content for message in prompt.messages)


def tools(
    model: Scripted | None = None,
    *,
    template: str = "paper",
    scorer: str = "chrf",
    language: str | None = None,
    seed: int = 0,
    stop: tuple[str, ...] = (),
    fusor_max_tokens: int | None = None,
    extract: Callable[[str], str | None] | None = None,
) -> Tools:
    """Return tools with `model` as the fusor and the scorer's model."""
    model = model or Scripted("never asked")
    return Tools(
        fusor=model,
        scorer_model=model,
        template=shipped(template),
        scorer=load_scorer(scorer),
        fusor_max_tokens=fusor_max_tokens,
        sampling=Sampling(max_tokens=100, temperature=0.7, seed=seed, stop=stop),
        language=language,
        samplers=(model,),
        extract=extract,
    )


def pool_of(*texts: str | Candidate, prompt: Prompt | None = None) -> Pool:
    """Return a pool of these texts, each from a different model."""
    candidates = [
        c if isinstance(c, Candidate) else Candidate(c, f"vendor/model-{i}", i) for i, c in enumerate(texts)
    ]
    return Pool(prompt or Prompt("What is 6 · 7?"), tuple(candidates))
