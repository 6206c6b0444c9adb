"""Shows a pair to a judge, in one order or in both, and reads what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from fusion_eval.errors import ConfigError
from fusion_eval.judging.parsing import read_mark, read_structured, response_format, scale
from fusion_eval.judging.verdicts import First, Order, Pair, Verdict, label, verdict_of
from fusion_eval.models import Model
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.runs.totals import Usage
from fusion_eval.text.language import NAMES
from fusion_eval.text.templates import Kind, Template, fence_for, filled, load, visible
from fusion_eval.types import Candidate, Message, Sampling, prompt_of

Swap = Literal["both", "random", "none"]
REPLY_TOKENS = 1024
"""The most that a judge may write, where nothing else is said."""
TEMPLATES = ("helpfulness", "translation", "reasoning")
_VARIED = 0.7
"""Temperature of a second try."""
_APART = 1_000_000
"""Between the seeds of a reply and of its second try, so that neither is ever the other's in a larger job."""

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
    shown={"turns": "the request", "first": "answer A", "second": "answer B"},
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a judge is asked."""

    template: Template
    swap: Swap = "both"
    steps: Literal[3, 5] = 3
    structured: bool = False
    repeats: int = 1
    max_tokens: int = REPLY_TOKENS
    temperature: float = 0.0
    seed: int = 0
    again: bool = True
    """Whether an unreadable reply is asked for once more."""

    @property
    def marks(self) -> Mapping[str, float]:
        """The verdicts that can be given, and what each is worth to the answer shown first."""
        return scale(self.steps)

    def sampling(self, repeat: int, attempt: int) -> Sampling:
        """Of one reply."""
        extra = (("response_format", response_format(self.marks)),) if self.structured else ()
        seed = self.seed + repeat + attempt * _APART
        # A greedy judge would only write the same once more.
        temperature = max(self.temperature, _VARIED) if attempt else self.temperature
        return Sampling(self.max_tokens, temperature, seed, extra=extra)


def load_protocol_template(name: str) -> Template:
    """A judge's template: one of ours by name, or the user's own by its file; errors name the option."""
    try:
        return load(name, KIND)
    except ConfigError as error:
        if KIND.option in str(error):
            raise
        raise ConfigError(f"{KIND.option}{name}: {error}") from error


async def judged(pair: Pair, judge: Model, protocol: Protocol) -> Verdict:
    """The judge's verdict on a pair, over all orders and repeats; two equal answers are a tie that nobody need be asked for."""
    if pair.answers[0] == pair.answers[1]:
        return replace(verdict_of(pair, judge.name, ()), verdict="tie", score=0.5)
    orders = await gather_or_cancel(
        _order(pair, judge, protocol, first, repeat)
        for repeat in range(protocol.repeats)
        for first in _firsts(pair, protocol, repeat)
    )
    return verdict_of(pair, judge.name, orders)


def _firsts(pair: Pair, protocol: Protocol, repeat: int) -> tuple[First, ...]:
    if protocol.swap == "both":
        return "baseline", "candidate"
    if protocol.swap == "none":
        return ("baseline",)
    # By a hash of the pair, not by the order in which pairs come: the same in every run, whichever is the baseline.
    systems = sorted((pair.baseline, pair.candidate))
    thrown = hashlib.sha256(repr((protocol.seed + repeat, pair.task, pair.item, systems)).encode()).digest()
    return ("baseline" if systems[thrown[0] & 1] == pair.baseline else "candidate",)


async def _order(pair: Pair, judge: Model, protocol: Protocol, first: First, repeat: int) -> Order:
    asked = prompt_of(rendered(pair, protocol, first), chat=judge.chat)
    used = Usage()
    for attempt in range(2 if protocol.again else 1):
        reply = (await judge.sample(asked, protocol.sampling(repeat, attempt), 1))[0]
        used.add(reply)
        order = _read(reply, protocol, first)
        if order.score is not None or order.error:
            break
    return replace(
        order, repeat=repeat, asked=attempt + 1, prompt_tokens=used.prompt_tokens,
        completion_tokens=used.completion_tokens, cost=used.cost,
    )  # fmt: skip


def _read(reply: Candidate, protocol: Protocol, first: First) -> Order:
    """A reply that was cut off has not come to its verdict, whatever its last words look like."""
    if reply.error:
        return Order(first, "invalid", "", error=reply.error)
    read = read_structured if protocol.structured else read_mark
    mark = None if reply.finish_reason == "length" else read(reply.text, protocol.marks)
    if mark is None:
        return Order(first, "invalid", reply.text)
    score = protocol.marks[mark] if first == "candidate" else 1.0 - protocol.marks[mark]
    return Order(first, label(score), reply.text, score, mark)


def rendered(pair: Pair, protocol: Protocol, first: First) -> str:
    """What the judge reads. No answer can close its delimiters: they carry a word that none of the texts holds."""
    baseline, candidate = (visible(answer) for answer in pair.answers)
    one, other = (baseline, candidate) if first == "baseline" else (candidate, baseline)
    # Sorted, so that both orders have one fence, and differ in the order alone.
    texts = [
        *sorted((baseline, candidate)),
        pair.reference,
        pair.source,
        *(turn.content for turn in pair.prompt),
    ]
    return filled(
        protocol.template,
        {
            "turns": pair.prompt,
            "first": one,
            "second": other,
            "source": pair.source,
            "reference": pair.reference,
            "language": NAMES.get(pair.language or "", ""),
            "fence": fence_for(texts),
            "steps": protocol.steps,
            "structured": protocol.structured,
        },
    )
