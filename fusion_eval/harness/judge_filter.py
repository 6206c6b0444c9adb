"""The filter `judge`: what LLM judges say of each response against an opponent's answer in the document.

    filter_list:
      - name: judged
        filter:
          - function: judge
            judge: gpt-4o              # a|b|c is a panel, and its strict majority counts
            judge_base_url: http://localhost:8000/v1
            judge_prompt: helpfulness
            opponent: answer_b         # the document's fields with the opponent's answer,
            prompt: question           # with the prompt,
            reference: gold            # and with a reference, where there is one
            swap: both                 # or random, none
            max_tokens: 512            # and what else is said to a judge: budget (of each task), cache, seed, …

It hands on `win`, `tie`, `loss` or `invalid` in place of each response; the metric `win_rate` counts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from lm_eval.api.filter import Filter

from fusion_eval.argument_values import read_names, read_text
from fusion_eval.errors import ConfigError, nearest
from fusion_eval.harness.boundary import user_errors
from fusion_eval.judging.panel import at_work
from fusion_eval.judging.protocol import REPLY_TOKENS, Protocol, Swap, load_protocol_template
from fusion_eval.judging.verdicts import Label, Pair
from fusion_eval.logs import configure, log
from fusion_eval.model_arguments import ModelArguments, parse
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.runs.answered import parse_messages
from fusion_eval.text.language import language_of

_OWN = ("judge", "judge_base_url", "judge_prompt", "opponent", "prompt", "reference", "swap")
_ARGUMENTS = (
    *("temperature", "seed", "max_tokens", "completion", "api_key_env", "price_in", "price_out", "budget"),
    *("concurrency", "timeout", "max_retries", "cache", "offline"),
)
"""Of the model arguments, those that mean something to a judge."""

Doc = Mapping[str, Any]


class JudgeFilter(Filter):  # type: ignore[misc] # the harness publishes no types
    """Raises `ConfigError` for arguments, and `apply` for documents, that cannot be; no judge is asked before."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        with user_errors():
            configure()
            self._settings, self._protocol = _checked(arguments)
            self._opponent = read_text("opponent", arguments.get("opponent", "opponent"))
            self._prompt = read_text("prompt", arguments.get("prompt", "prompt"))
            reference = arguments.get("reference")
            self._reference = None if reference is None else read_text("reference", reference)

    def apply(self, resps: Iterable[Any], docs: Sequence[Doc]) -> list[Any]:
        """A verdict in place of each response, in the same form: a text, or a list of texts for each document."""
        responses = list(resps)
        with user_errors():
            pairs = [
                self._pair(place, doc, answer)
                for place, (one, doc) in enumerate(zip(responses, docs, strict=True))
                for answer in _answers(one)
            ]
            said = iter(self._verdicts(pairs))
        return [next(said) if isinstance(one, str) else [next(said) for _ in one] for one in responses]

    def _pair(self, place: int, doc: Doc, answer: object) -> Pair:
        """Of one response; a document that lacks a field is an error that names it."""
        if not isinstance(answer, str):
            raise ConfigError(
                f"The filter judge compares texts, and document {place} has {type(answer).__name__} for a response; "
                "use it in a task with output_type: generate_until"
            )
        asked = _field(doc, place, "prompt", self._prompt)
        prompt = parse_messages(asked if isinstance(asked, list) else _text(asked, place, self._prompt))
        opponent = _text(_field(doc, place, "opponent", self._opponent), place, self._opponent)
        gold = self._reference
        source = doc.get("source")
        return Pair(
            task="",
            language=language_of("", doc),
            doc_id=place,
            # By its words, so that the order of a random swap is the document's own, in every run and on every rank.
            item="\n".join(turn.content for turn in prompt),
            baseline=self._opponent,
            candidate="response",
            prompt=prompt,
            answers=(opponent, answer),
            reference=_text(_field(doc, place, "reference", gold), place, gold) if gold else "",
            source=source if isinstance(source, str) else "",
        )

    def _verdicts(self, pairs: Sequence[Pair]) -> list[Label]:
        """Of all pairs, in their order; how many are missing is said aloud."""
        with open_store(self._settings) as store:
            opener = Opener(self._settings, store)
            judged = at_work(opener, self._protocol, len(pairs), lambda bench: bench.judge_all(pairs))
        found = [one.verdict.verdict for one in judged]
        invalid = found.count("invalid")
        if invalid:
            log.warning(
                "judge: %d of %d verdicts are invalid (a call failed, a reply ended with no verdict, or a panel had "
                "no majority); aggregation: win_rate leaves them out, and aggregation: mean would give nan",
                invalid,
                len(found),
            )
        return found


def _checked(arguments: Mapping[str, Any]) -> tuple[ModelArguments, Protocol]:
    if arguments.get("judge") is None:
        raise ConfigError("The filter judge has nobody to ask; name a model, judge: NAME, or several, a|b|c")
    judges = read_names("judge", arguments["judge"])
    if len(set(judges)) < len(judges):
        raise ConfigError(f"judge={'|'.join(judges)} names one of the judges twice; name each once")
    given = {name: value for name, value in arguments.items() if name not in _OWN}
    _check_names(judges, given)
    asked = {"model": judges, "base_url": arguments.get("judge_base_url"), "n": len(judges)}
    settings = parse({"temperature": 0.0, **given, **asked})
    swap = arguments.get("swap", "both")
    if swap not in get_args(Swap):
        raise ConfigError(f"swap={swap} should be both, random or none")
    protocol = Protocol(
        template=load_protocol_template(
            read_text("judge_prompt", arguments.get("judge_prompt", "helpfulness"))
        ),
        swap=swap,
        max_tokens=settings.max_tokens or REPLY_TOKENS,
        temperature=(settings.temperature or (0.0,))[0],
        seed=settings.seed,
    )
    return settings, protocol


def _check_names(judges: Sequence[str], given: Mapping[str, Any]) -> None:
    if any(name.startswith("lm_eval:") for name in judges):
        return  # a harness model takes arguments of its own, which `Opener` checks
    for name in given:
        if name not in _ARGUMENTS:
            known = (*_OWN, *_ARGUMENTS)
            raise ConfigError(
                f"The filter judge has no argument '{name}'.{nearest(name, known) or ' Known: ' + ', '.join(known)}"
            )


def _answers(response: Any) -> Sequence[Any]:
    return response if isinstance(response, list | tuple) else [response]


def _field(doc: Doc, place: int, role: str, name: str) -> Any:
    if name in doc:
        return doc[name]
    raise ConfigError(
        f"Document {place} has no field '{name}' ({role}: of the filter judge)."
        f"{nearest(name, doc)} Its fields: {', '.join(map(str, doc))}"
    )


def _text(value: object, place: int, name: str) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise ConfigError(
        f"The field '{name}' of document {place} should be a text for the filter judge, and is {type(value).__name__}"
    )
