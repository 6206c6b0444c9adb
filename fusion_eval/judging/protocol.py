"""Ask a judge about a pair, in one order or in both, and read its replies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from fusion_eval.errors import ConfigError
from fusion_eval.judging.pair_verdicts import AnswerPair, label_of, verdict_of
from fusion_eval.judging.parsing import read_mark, read_structured, response_format, scale
from fusion_eval.models import Model
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.runs.usage import Usage
from fusion_eval.runs.verdicts import Judgement, ShownFirst, Verdict
from fusion_eval.text.language import NAMES
from fusion_eval.text.templates import Kind, Template, fence_for, fill, load, without_control_characters
from fusion_eval.types import Candidate, Message, Sampling, prompt_of

Swap = Literal["both", "random"]
REPLY_TOKENS = 1024
"""The default limit on the length of a judge's reply."""
TEMPLATES = ("helpfulness", "translation", "reasoning")
_RETRY_TEMPERATURE = 0.7
"""The lowest temperature of a second attempt. A greedy judge would only write the same reply again."""
_RETRY_SEED_OFFSET = 1_000_000
"""Added to the seed of a second attempt. No other repeat of any job has the resulting seed."""

KIND = Kind(
    option="--judge_prompt ",
    package="fusion_eval.judging.prompts",
    shipped=TEMPLATES,
    trial={
        "turns": (Message("system", "Be brief."), Message("user", "Why?")),
        "first": "…",
        "second": "…",
        "source": "…",
        "reference": "…",
        "language": "English",
        "fence": "0a1b2c3d",
        "steps": 3,
        "structured": False,
    },
    other_trials=({"steps": 5}, {"structured": True}, {"reference": "", "source": "", "language": ""}),
    required={"turns": "the request", "first": "answer A", "second": "answer B"},
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a judge is asked about a pair."""

    template: Template
    swap: Swap = "both"
    """`both`: ask in both orders. `random`: ask in one order, which a hash of the pair chooses."""
    steps: Literal[3, 5] = 3
    structured: bool = False
    """Whether the judge replies with a JSON object."""
    repeats: int = 1
    max_tokens: int = REPLY_TOKENS
    temperature: float = 0.0
    seed: int = 0
    retry_unreadable: bool = True
    """Whether to ask once more after a reply that cannot be read."""

    @property
    def marks(self) -> Mapping[str, float]:
        """The possible verdicts, with their worth to the answer shown first."""
        return scale(self.steps)

    def sampling(self, repeat: int, attempt: int) -> Sampling:
        """Return the sampling parameters of one reply; the second attempt is number 1."""
        extra = (("response_format", response_format(self.marks)),) if self.structured else ()
        seed = self.seed + repeat + attempt * _RETRY_SEED_OFFSET
        temperature = max(self.temperature, _RETRY_TEMPERATURE) if attempt else self.temperature
        return Sampling(self.max_tokens, temperature, seed, extra=extra)


def load_judge_template(name: str) -> Template:
    """Load a judge's template: a shipped one by its name, or a user's file by its path.

    Raises:
        ConfigError: There is no such template, or it is not valid. The message names the option.
    """
    try:
        return load(name, KIND)
    except ConfigError as error:
        if KIND.option in str(error):
            raise
        raise ConfigError(f"{KIND.option}{name}: {error}") from error


async def judge_pair(pair: AnswerPair, judge: Model, protocol: Protocol) -> Verdict:
    """Return the judge's verdict on a pair over all orders and repeats. Two equal answers are a tie without a call."""
    if pair.answers[0] == pair.answers[1]:
        return replace(verdict_of(pair, judge.name, ()), verdict="tie", score=0.5)
    judgements = await gather_or_cancel(
        _ask(pair, judge, protocol, first, repeat)
        for repeat in range(protocol.repeats)
        for first in _orders(pair, protocol, repeat)
    )
    return verdict_of(pair, judge.name, judgements)


def _orders(pair: AnswerPair, protocol: Protocol, repeat: int) -> tuple[ShownFirst, ...]:
    if protocol.swap == "both":
        return "baseline", "candidate"
    # A hash of the pair gives the same order in every run, whatever the order of the pairs and of the runs.
    systems = sorted((pair.baseline, pair.candidate))
    digest = hashlib.sha256(repr((protocol.seed + repeat, pair.task, pair.item, systems)).encode()).digest()
    return ("baseline" if systems[digest[0] & 1] == pair.baseline else "candidate",)


async def _ask(
    pair: AnswerPair, judge: Model, protocol: Protocol, first: ShownFirst, repeat: int
) -> Judgement:
    prompt = prompt_of(render_prompt(pair, protocol, first), chat=judge.chat)
    usage = Usage()
    for attempt in range(2 if protocol.retry_unreadable else 1):
        reply = (await judge.sample(prompt, protocol.sampling(repeat, attempt), 1))[0]
        usage.add(reply)
        judgement = _read(reply, protocol, first)
        if judgement.score is not None or judgement.error:
            break
    return replace(
        judgement, repeat=repeat, asked=attempt + 1, prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens, cost=usage.cost,
    )  # fmt: skip


def _read(reply: Candidate, protocol: Protocol, first: ShownFirst) -> Judgement:
    if reply.error:
        return Judgement(first, "invalid", "", error=reply.error)
    read = read_structured if protocol.structured else read_mark
    # A reply that was cut off has not reached its verdict, whatever its last words look like.
    mark = None if reply.finish_reason == "length" else read(reply.text, protocol.marks)
    if mark is None:
        return Judgement(first, "invalid", reply.text)
    score = protocol.marks[mark] if first == "candidate" else 1.0 - protocol.marks[mark]
    return Judgement(first, label_of(score), reply.text, score, mark)


def render_prompt(pair: AnswerPair, protocol: Protocol, first: ShownFirst) -> str:
    """Return the prompt that shows a pair to the judge.

    Each text stands between lines that carry a word which none of the texts contains. So no answer can close its
    delimiters.
    """
    baseline, candidate = (without_control_characters(answer) for answer in pair.answers)
    shown = (baseline, candidate) if first == "baseline" else (candidate, baseline)
    # The answers are sorted, so that both orders get the same fence.
    texts = [
        *sorted((baseline, candidate)),
        pair.reference,
        pair.source,
        *(turn.content for turn in pair.prompt),
    ]
    return fill(
        protocol.template,
        {
            "turns": pair.prompt,
            "first": shown[0],
            "second": shown[1],
            "source": pair.source,
            "reference": pair.reference,
            "language": NAMES.get(pair.language or "", ""),
            "fence": fence_for(texts),
            "steps": protocol.steps,
            "structured": protocol.structured,
        },
    )
