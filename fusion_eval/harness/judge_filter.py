"""The lm-eval filter `judge`: an LLM compares each response with an opponent's answer in the document.

    filter_list:
      - name: judged
        filter:
          - function: judge
            judge: gpt-4o              # a|b|c is a panel, which decides by strict majority
            judge_base_url: http://localhost:8000/v1
            judge_prompt: helpfulness
            opponent: answer_b         # the document's field with the opponent's answer,
            prompt: question           # the one with the prompt,
            reference: gold            # and the one with a reference, if there is one
            swap: both                 # or random
            max_tokens: 512            # and other model arguments: budget (of each task), cache, seed, …

It replaces each response by `win`, `tie`, `loss` or `invalid`. The metric `win_rate` averages them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from lm_eval.api.filter import Filter

from fusion_eval.argument_values import read_names, read_text
from fusion_eval.errors import ConfigError, nearest
from fusion_eval.harness.boundary import user_errors
from fusion_eval.judging.options import JudgeOptions
from fusion_eval.judging.pair_verdicts import AnswerPair
from fusion_eval.judging.panel import run_panel
from fusion_eval.judging.protocol import Protocol, Swap
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models.logs import configure, log
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.runs.answered import parse_messages
from fusion_eval.runs.verdicts import VerdictLabel
from fusion_eval.text.language import language_of

_FILTER_ARGUMENTS = ("judge", "judge_base_url", "judge_prompt", "opponent", "prompt", "reference", "swap")
_MODEL_ARGUMENTS = (
    *("temperature", "seed", "max_tokens", "completion", "api_key_env", "price_in", "price_out", "budget"),
    *("concurrency", "timeout", "max_retries", "cache", "offline"),
)
"""The model arguments that have a use for a judge."""

Doc = Mapping[str, Any]


class JudgeFilter(Filter):  # type: ignore[misc] # the harness publishes no types
    """Replace each response by the judges' verdict on it.

    Args:
        arguments: The keys of the task's filter, described at the top of this file.

    Raises:
        ConfigError: An argument cannot be used.
    """

    asks_a_model = True

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        with user_errors():
            configure()
            self._model_arguments, self._protocol = _check_arguments(arguments)
            self._opponent = read_text("opponent", arguments.get("opponent", "opponent"))
            self._prompt = read_text("prompt", arguments.get("prompt", "prompt"))
            reference = arguments.get("reference")
            self._reference = None if reference is None else read_text("reference", reference)

    def apply(self, resps: Iterable[Any], docs: Sequence[Doc]) -> list[Any]:
        """Judge all responses.

        Args:
            resps: For each document a response, or a list of responses.
            docs: The documents.

        Returns:
            The verdicts, in the form of `resps`.

        Raises:
            ConfigError: A document lacks a field or a response is no text. No judge was asked then.
        """
        responses = list(resps)
        with user_errors():
            pairs = [
                self._pair(number, doc, answer)
                for number, (response, doc) in enumerate(zip(responses, docs, strict=True))
                for answer in _answers(response)
            ]
            verdicts = iter(self._verdicts(pairs))
        return [
            next(verdicts) if isinstance(response, str) else [next(verdicts) for _ in response]
            for response in responses
        ]

    def _pair(self, number: int, doc: Doc, answer: object) -> AnswerPair:
        if not isinstance(answer, str):
            raise ConfigError(
                f"The filter judge compares texts, and document {number} has {type(answer).__name__} for a response; "
                "use it in a task with output_type: generate_until"
            )
        question = _field(doc, number, "prompt", self._prompt)
        prompt = parse_messages(
            question if isinstance(question, list) else _text(question, number, self._prompt)
        )
        opponent = _text(_field(doc, number, "opponent", self._opponent), number, self._opponent)
        reference = self._reference
        source = doc.get("source")
        return AnswerPair(
            task="",
            language=language_of("", doc),
            doc_id=number,
            # The words of the prompt identify the item. So a random order is the same in every run and on every rank.
            item="\n".join(turn.content for turn in prompt),
            baseline=self._opponent,
            candidate="response",
            prompt=prompt,
            answers=(opponent, answer),
            reference=_text(_field(doc, number, "reference", reference), number, reference)
            if reference
            else "",
            source=source if isinstance(source, str) else "",
        )

    def _verdicts(self, pairs: Sequence[AnswerPair]) -> list[VerdictLabel]:
        """Judge all pairs, and log how many verdicts are invalid."""
        with open_store(self._model_arguments) as store:
            opener = Opener(self._model_arguments, store)
            judged = run_panel(opener, self._protocol, len(pairs), lambda panel: panel.judge_all(pairs))
        verdicts = [one.verdict.verdict for one in judged]
        invalid = verdicts.count("invalid")
        if invalid:
            log.warning(
                "judge: %d of %d verdicts are invalid (a call failed, a reply ended with no verdict, or a panel had "
                "no majority); aggregation: win_rate leaves them out, and aggregation: mean would give nan",
                invalid,
                len(verdicts),
            )
        return verdicts


def _check_arguments(arguments: Mapping[str, Any]) -> tuple[ModelArguments, Protocol]:
    if arguments.get("judge") is None:
        raise ConfigError("The filter judge: no model is set: `judge: NAME`, or a panel `judge: a|b|c`")
    judges = read_names("judge", arguments["judge"])
    others = {name: value for name, value in arguments.items() if name not in _FILTER_ARGUMENTS}
    _check_names(judges, others)
    swap = arguments.get("swap", "both")
    if swap not in get_args(Swap):
        raise ConfigError(f"swap={swap} should be both or random")
    options = JudgeOptions(
        judge="|".join(judges),
        judge_base_url=arguments.get("judge_base_url"),
        judge_args=others,
        judge_prompt=read_text("judge_prompt", arguments.get("judge_prompt", "helpfulness")),
        swap=swap,
    )
    model_arguments = options.model_arguments()
    return model_arguments, options.protocol(model_arguments)


def _check_names(judges: Sequence[str], arguments: Mapping[str, Any]) -> None:
    if any(name.startswith("lm_eval:") for name in judges):
        return  # A harness model takes arguments of its own, which `Opener` checks.
    for name in arguments:
        if name not in _MODEL_ARGUMENTS:
            known = (*_FILTER_ARGUMENTS, *_MODEL_ARGUMENTS)
            raise ConfigError(
                f"The filter judge has no argument '{name}'.{nearest(name, known) or ' Known: ' + ', '.join(known)}"
            )


def _answers(response: Any) -> Sequence[Any]:
    return response if isinstance(response, list | tuple) else [response]


def _field(doc: Doc, number: int, role: str, name: str) -> Any:
    if name in doc:
        return doc[name]
    raise ConfigError(
        f"Document {number} has no field '{name}' ({role}: of the filter judge)."
        f"{nearest(name, doc)} Its fields: {', '.join(map(str, doc))}"
    )


def _text(value: object, number: int, name: str) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise ConfigError(
        f"The field '{name}' of document {number} should be a text for the filter judge, and is {type(value).__name__}"
    )
