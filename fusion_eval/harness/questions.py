"""Turn requests of the harness into questions: the prompt, and how to sample and cut its answers."""

from __future__ import annotations

import contextlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.harness.chat_prompt import ChatPrompt
from fusion_eval.harness.english_prompts import english_request
from fusion_eval.harness.host_tasks import answer_reader, examples_before
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.strategies.interface import needs_logprobs
from fusion_eval.strategies.question import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE, Question
from fusion_eval.strategies.specs import load_scorer
from fusion_eval.text.language import language_of
from fusion_eval.types import Prompt, Sampling, with_logprobs, without_surrogates

N = TypeVar("N", int, float)

Options = tuple[Sampling, tuple[float, ...]]
"""How to sample: the options, and the temperatures of the candidates."""

COPY_STRIDE = 1_000_000
"""The distance between the seeds of two copies of a prompt: their pools never overlap, however far n is raised."""
_LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""The names of the length limit, in the harness's order. The first that is set counts."""
_TRANSLATED = {"until", "do_sample", "temperature", "top_p", "seed", *_LENGTHS}
_KNOWN = 1000
"""The most options that are kept in translation. A task can have others for each document."""
_FORBIDDEN = {"n", "stop", "stream", "model", "messages", "prompt", "logprobs", "echo", "best_of"}
"""Options that would change the request itself."""


class Request(Protocol):
    """The attributes of the harness's `Instance` that are used here."""

    doc: Any
    task_name: str | None
    doc_id: int | None
    repeats: int | None

    @property
    def args(self) -> tuple[Any, ...]:
        """Return the context and the generation options."""
        ...


class Questions(Sequence[Question]):
    """The requests as questions, in their order.

    Each question is made when it is read, since a run can have a hundred thousand. The options of all are checked at the
    start, so that a mistake in any of them is known before the first call. A request that the harness repeats K times gives K
    questions, each with a pool of its own.

    Args:
        requests: What the harness asks.
        arguments: The model arguments.
        logprobs: Which log-probabilities of the candidates the strategies need, as `needs_logprobs` tells.
        answers: Whether the strategy needs the answers that the task extracts from replies.

    Raises:
        ConfigError: A generation option of a request cannot be used, or a task extracts no answers.
    """

    def __init__(
        self,
        requests: Sequence[Request],
        arguments: ModelArguments,
        *,
        logprobs: int = 0,
        answers: bool = False,
    ) -> None:
        self._requests, self._arguments = requests, arguments
        self._answers = answers or bool(arguments.adaptive)
        scorer = needs_logprobs(load_scorer(arguments.scorer_spec))
        self._logprobs = max(logprobs, arguments.samples_locally, scorer)
        self._copies = array("L")
        self._options: list[Options] = []
        self._known: dict[tuple[bytes, int] | None, Options] = {}
        seen: Counter[int] = Counter()
        for request in requests:
            repeats = max(request.repeats or 1, 1)
            # More copies than `repeats` are the padding of a parallel run.
            copy = seen[id(request)] % repeats if repeats > 1 else 0
            if repeats > 1:
                seen[id(request)] += 1
            self._copies.append(copy)
            self._options.append(self._sampling(request, copy))
            if self._answers:
                _extract(request, arguments)
            if arguments.cross_lingual:
                english_request(request)

    def __len__(self) -> int:
        return len(self._requests)

    def __getitem__(self, index: Any) -> Any:
        """Return one question, or a list of them for a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._question(self._requests[index], self._copies[index], self._options[index], self._answers)

    def _question(self, request: Request, copy: int, options: Options, answers: bool) -> Question:
        context = request.args[0]
        sampling, temperatures = options
        chat = isinstance(context, ChatPrompt)
        return Question(
            task=request.task_name or "",
            doc_id=request.doc_id,
            copy=copy,
            language=language_of(request.task_name or "", request.doc),
            prompt=Prompt(messages=context.messages) if chat else Prompt(without_surrogates(context)),
            sampling=sampling,
            temperatures=temperatures,
            extract=_extract(request, self._arguments) if answers else None,
            examples=0 if chat else examples_before(request.task_name or "", request.doc, context),
            source=_source(request.doc, context),
            english=self._english(request, copy) if self._arguments.cross_lingual else None,
        )

    def _english(self, request: Request, copy: int) -> Question | None:
        if (english := english_request(request)) is None:
            return None
        return self._question(english, copy, self._sampling(english, copy), answers=False)

    def _sampling(self, request: Request, copy: int) -> Options:
        """Return the sampling options of a request. Nearly all requests of a task share them."""
        options, key = dict(request.args[1] or {}), None
        with contextlib.suppress(TypeError, ValueError, RecursionError):  # `_sampling` tells what is wrong
            key = msgspec.json.encode(options), copy
        if known := self._known.get(key):
            return known
        known = _sampling(options, copy, self._arguments, self._logprobs)
        if len(self._known) < _KNOWN and key:
            self._known[key] = known
        return known


def questions_of(
    requests: Iterable[Request], arguments: ModelArguments, *, logprobs: int = 0, answers: bool = False
) -> Questions:
    """Return the requests as questions; see `Questions`."""
    listed = requests if isinstance(requests, list) else list(requests)
    return Questions(listed, arguments, logprobs=logprobs, answers=answers)


def _source(doc: Any, context: str) -> str | None:
    """Return a document's text to translate, as our tasks name it, if the prompt shows it."""
    source = doc.get("source") if isinstance(doc, Mapping) and "target" in doc else None
    shown = context.messages[-1].content if isinstance(context, ChatPrompt) else context
    return source if isinstance(source, str) and source and source in shown else None


def _extract(request: Request, arguments: ModelArguments) -> Callable[[str], str | None]:
    reader = answer_reader(request.task_name or "", request.doc)
    if reader is None:
        raise ConfigError(
            f"The task {request.task_name} extracts no answer from a reply, so there is nothing to vote on; "
            + ("leave out adaptive=true, " if arguments.adaptive else "")
            + "use a strategy that takes texts (bon, mbr, fusion), or a task with a filter such as regex"
        )
    return reader


def _sampling(options: Mapping[str, Any], copy: int, arguments: ModelArguments, logprobs: int) -> Options:
    """Return the sampling options: the model arguments where they are set, else the task's options.

    A task's temperature counts only if it is above 0. `do_sample: false` is ignored, because tasks keep it even if
    `--gen_kwargs temperature=0.3` asks for sampling.
    """
    task_temperature = _number(options, "temperature", float)
    temperatures = arguments.candidate_temperatures or (task_temperature or DEFAULT_TEMPERATURE,)
    lengths = (_number(options, name, int) for name in _LENGTHS)
    sampling = Sampling(
        max_tokens=arguments.max_tokens or next(filter(None, lengths), DEFAULT_MAX_TOKENS),
        temperature=temperatures[0],
        seed=(arguments.seed or _number(options, "seed", int) or 0) + copy * COPY_STRIDE,
        top_p=_number(options, "top_p", float) if arguments.top_p is None else arguments.top_p,
        stop=_stops(options),
        extra=_extra(options if arguments.min_p is None else {**options, "min_p": arguments.min_p}),
    )
    return with_logprobs(sampling, logprobs), temperatures


def _number(options: Mapping[str, Any], name: str, kind: type[N]) -> N | None:
    value = options.get(name)
    try:
        return None if value is None else kind(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"The generation option {name}={value!r} is not a number") from error


def _stops(options: Mapping[str, Any]) -> tuple[str, ...]:
    until = options.get("until") or ()
    stops = (until,) if isinstance(until, str) else tuple(until)
    if not all(isinstance(stop, str) for stop in stops):
        raise ConfigError(f"The generation option until={until!r} should hold texts; put them into quotes")
    return tuple(stop for stop in stops if stop)


def _extra(
    options: Mapping[str, Any],
) -> tuple[tuple[str, str | int | float | bool | msgspec.Raw | None], ...]:
    """Return the options that are passed on to the model unchanged; objects and lists go as JSON.

    The entries of `extra_body` become options of their own, as OpenAI's client sends them.
    """
    extra = {name: value for name, value in options.items() if name not in _TRANSLATED}
    body = _json_object(extra.pop("extra_body", None), "extra_body")
    for name in _TRANSLATED & body.keys():
        raise ConfigError(
            f"The generation option {name} stands in extra_body; give it as an option of its own"
        )
    extra |= body
    for name, value in extra.items():
        if name in _FORBIDDEN:
            instead = {"n": "the model argument n=", "stop": "until"}.get(name, "no such option")
            raise ConfigError(
                f"The generation option {name}={value!r} is set by fusion_eval itself; use {instead}"
            )
    return tuple(sorted((name, _passed_on(name, value)) for name, value in extra.items()))


def _passed_on(name: str, value: Any) -> str | int | float | bool | msgspec.Raw | None:
    if name == "chat_template_kwargs":
        value = _json_object(value, name)
    if isinstance(value, str | int | float | bool | None):
        return value
    try:
        return msgspec.Raw(msgspec.json.encode(value, order="deterministic"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"The generation option {name}={value!r} cannot be written as JSON") from error


def _json_object(value: Any, name: str) -> dict[str, Any]:
    """Return an option that is an object. A command line gives it as a text."""
    if value is None:
        return {}
    try:
        return msgspec.convert(
            msgspec.json.decode(value) if isinstance(value, str) else value, dict[str, Any]
        )
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ConfigError(f"The generation option {name}={value!r} should be an object in JSON") from error
