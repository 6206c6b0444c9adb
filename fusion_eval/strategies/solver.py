"""From questions to answers: one stream, without a barrier between sampling and aggregating."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from fusion_eval import __version__
from fusion_eval.errors import ConfigError, RequestError
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models import Model
from fusion_eval.models.opener import Opener
from fusion_eval.strategies.adaptive import draw_adaptively
from fusion_eval.strategies.cross_lingual import draw_cross_lingually
from fusion_eval.strategies.fusor_prompt import load_template
from fusion_eval.strategies.interface import (
    HasOwnTools,
    Strategy,
    Tools,
    check_installed,
    needs_references,
    smallest_pool,
)
from fusion_eval.strategies.log_probabilities import check_known
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.sampler import cut_at_stop, cut_pool, draw
from fusion_eval.strategies.scorers.task import REFUSAL
from fusion_eval.strategies.specs import format_spec, load_scorer, load_strategy
from fusion_eval.strategies.system_prompts import read_system_prompts
from fusion_eval.types import Pool, Trace


class Aggregator:
    """A strategy with its models, ready to make answers out of pools.

    Args:
        strategy: The strategy, as a value or as text.
        arguments: The defaults of the strategy's options.
        opener: Opens the fusor and the judge.

    Raises:
        ConfigError: A name or a file is wrong; no request has been sent then.
    """

    def __init__(self, strategy: Strategy | str, arguments: ModelArguments, opener: Opener) -> None:
        self.strategy = load_strategy(strategy) if isinstance(strategy, str) else strategy
        self.spec = format_spec(self.strategy)
        """The strategy as text, with its options."""
        self.arguments = arguments
        self.models: tuple[Model, ...] = opener.sampler()
        fusor = opener.fusor()
        tools = Tools(
            fusor=fusor,
            scorer_model=opener.judge(),
            template=load_template(arguments.fusor_prompt or ("paper" if fusor.chat else "few_shot")),
            scorer=load_scorer(arguments.scorer_spec),
            fusor_temperature=arguments.fusor_temperature,
            fusor_max_tokens=arguments.fusor_max_tokens,
            samplers=opener.sampler(urgent=True),
            open_model=opener.open_model,
        )
        self.tools = self.strategy.own_tools(tools) if isinstance(self.strategy, HasOwnTools) else tools
        if needs_references(self.strategy) or needs_references(self.tools.scorer):
            raise ConfigError(REFUSAL)
        if not arguments.offline and "scorer" in getattr(self.strategy, "uses", ()):
            check_installed(self.tools.scorer, asks=opener.asks)

    async def aggregate(self, question: Question, pool: Pool) -> Trace:
        """Make one answer out of the pool, and record how.

        Raises:
            RequestError: No candidate of the pool is usable.
        """
        if not pool.usable:
            raise RequestError(str(pool.candidates[0].error))
        stops = question.sampling.stop
        pool = cut_pool(pool, stops)
        tools = msgspec.structs.replace(
            self.tools,
            sampling=question.sampling,
            temperatures=question.temperatures,
            language=question.language,
            examples=question.examples,
            extract=question.extract,
            source=question.source,
        )
        answer = await self.strategy(pool, tools)
        return Trace(
            task=question.task,
            doc_id=question.doc_id,
            copy=question.copy,
            strategy=self.spec,
            language=question.language,
            pool=pool,
            answer=answer,
            final=cut_at_stop(answer.text, stops),
        )

    def signature_parts(self) -> list[str]:
        """Return what else decides the answers, as far as the strategy uses it: `fusor:c`, `prompt:c6fe9ee0`."""
        parts = {
            "fusor": self.tools.fusor.name,
            "prompt": self.tools.template.digest,
            "scorer": format_spec(self.tools.scorer),
        }
        return [f"{part}:{parts[part]}" for part in getattr(self.strategy, "uses", ())]


class Solver(Aggregator):
    """An aggregator that draws the pools itself.

    Raises:
        ConfigError: Also if the strategy needs larger pools than `n` makes.
    """

    def __init__(self, strategy: Strategy | str, arguments: ModelArguments, opener: Opener) -> None:
        super().__init__(strategy, arguments, opener)
        fewest = smallest_pool(self.strategy)
        if fewest > arguments.n:
            raise ConfigError(
                f"{self.spec} needs pools of {fewest} candidates, and n={arguments.n}; raise n to {fewest} or more, or "
                "lower the strategy's own number"
            )
        if check := getattr(self.strategy, "check_pool_size", None):
            check(arguments.n)
        if fewest > 1 and arguments.adaptive:
            raise ConfigError(
                f"{self.spec} needs pools of {fewest} candidates, and adaptive=true may stop before; leave it out"
            )
        check_known(self, opener.without_logprobs())
        self.system_prompts = read_system_prompts(arguments.system_prompts or (), self.models)

    async def solve(self, question: Question) -> Trace:
        """Draw the pool for a question and make its answer.

        Raises:
            RequestError: Every candidate failed.
        """
        n, systems = self.arguments.n, self.system_prompts
        how = question.temperatures, question.prompt, question.sampling, n, systems
        if self.arguments.adaptive:
            pool = await draw_adaptively(self.models, *how, extract=question.extract)
        elif question.english and (k := self.arguments.cross_lingual):
            pool = await draw_cross_lingually(self.models, question, question.english, n, k, systems)
        else:
            pool = await draw(self.models, *how)
        return await self.aggregate(question, pool)

    def signature(self, omitted: Iterable[str] = ()) -> str:
        """Return in short how an answer was made: `fusion|n:5|pool:a+b|fusor:c|prompt:c6fe9ee0|v:0.1.0`."""
        n, seed = self.arguments.n, self.arguments.seed
        pool = "+".join(model.name for model in self.models)
        parts = [self.spec, f"n:{n}", *self._sampling_parts(), f"pool:{pool}", *self.signature_parts()]
        if omitted:
            parts.append(f"omitted:{'+'.join(sorted(omitted))}")
        return "|".join([*parts, f"seed:{seed}", f"v:{__version__}"])

    def _sampling_parts(self) -> list[str]:
        """Return how the pool is drawn, as far as it is not drawn as by default: `adaptive:true`, `system:1a2b3c4d`."""
        parts = [f"sampling:{self.arguments.sampling}"] if self.arguments.sampling else []
        parts += ["adaptive:true"] if self.arguments.adaptive else []
        parts += [f"cross_lingual:{k}"] if (k := self.arguments.cross_lingual) else []
        if self.system_prompts:
            digest = hashlib.sha256("\0".join(self.system_prompts).encode()).hexdigest()
            parts.append(f"system:{digest[:8]}")
        return parts
