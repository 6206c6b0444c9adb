"""The fields of OpenAI's requests: which are read, which are passed on to the models, and which cannot be served."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from fusion_eval.errors import nearest
from fusion_eval.serve.errors import invalid
from fusion_eval.text.parse_errors import why_unreadable

B = TypeVar("B", bound="Body")

MOST_CHOICES = 128
"""The most answers that one request may ask for, as at OpenAI."""
DETAILS = "x-fusion-eval"
"""The field of a request, and its header, that asks for candidates and scores; the field of the reply that holds them."""
PASSED_ON = frozenset({
    "frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "top_k", "min_p", "reasoning_effort",
    "chat_template_kwargs",
})  # fmt: skip
"""Options that reach the models that sample, unchanged."""
_IGNORED = frozenset({
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "verbosity", "parallel_tool_calls", "tool_choice", "function_call", "best_of", "top_logprobs",
})  # fmt: skip
"""Options that change no text here."""
_NOT_SERVED = {
    "tools": "strategies write text and call no tools",
    "functions": "strategies write text and call no tools",
    "logprobs": "an answer made out of several has no log-probabilities; x-fusion-eval has those of the candidates",
    "response_format": "a fused answer is text; ask for JSON in the prompt",
    "audio": "strategies write text",
    "prediction": "there is no use for it here",
    "web_search_options": "strategies search nothing",
    "echo": "a strategy does not repeat the prompt; log-likelihood tasks need a model that is served itself",
    "suffix": "a strategy writes the end of a text, not its middle",
}
_PLACE = re.compile(r"^(?P<what>.+?) - at `\$(?:\.(?P<field>[\w-]+))?.*`$", re.DOTALL)


class StreamOptions(msgspec.Struct):
    """The options of a stream."""

    include_usage: bool | None = None


class Body(msgspec.Struct, kw_only=True):
    """The fields that both kinds of requests share."""

    model: str
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=5)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    seed: Annotated[int, Meta(ge=0, lt=2**53)] | None = None
    stop: str | list[str] | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_CHOICES)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    details: bool | None = msgspec.field(name=DETAILS, default=None)


class TextPart(msgspec.Struct):
    """One part of a message's content."""

    type: str
    text: str | None = None


class Turn(msgspec.Struct):
    """One message of a chat."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None = None

    def __post_init__(self) -> None:
        if self.content is None and self.role != "assistant":
            raise ValueError(f"a message of role '{self.role}' needs content")


class ChatBody(Body):
    """A request for a chat completion."""

    messages: Annotated[list[Turn], Meta(min_length=1)]


class TextBody(Body):
    """A request for a completion of plain text."""

    prompt: str | Annotated[list[str], Meta(min_length=1)]


def read_body(raw: bytes, kind: type[B]) -> tuple[B, dict[str, Any]]:
    """Read the JSON of a request.

    Returns:
        The fields that are read, and the options to pass on to the models.

    Raises:
        ApiError: It is not JSON, a field is wrong or missing, or a field asks for what cannot be served.
    """
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(
            f"The body of the request is not a JSON object: {why_unreadable(error, raw)}"
        ) from error
    extra = _checked_extra(fields, kind)
    try:
        return msgspec.convert(fields, kind), extra
    except msgspec.ValidationError as error:
        place = _PLACE.match(str(error))
        what, param = (place["what"], place["field"]) if place else (str(error), None)
        raise invalid(f"{param}: {what}" if param else what, param) from error


def _checked_extra(fields: dict[str, Any], kind: type[Body]) -> dict[str, Any]:
    """Return the options that are passed on. An option with no effect, such as a penalty of 0, is left out."""
    known = _names(kind)
    extra = {}
    for name, value in fields.items():
        if name in known or name in _IGNORED or value is None:
            continue
        if name in PASSED_ON:
            if value:
                extra[name] = value
        elif name in _NOT_SERVED:
            if value not in (False, [], "", {"type": "text"}) or _is_zero(value):
                raise invalid(f"{name} cannot be served: {_NOT_SERVED[name]}", name, "unsupported_parameter")
        else:
            hint = nearest(name, (*known, *PASSED_ON))
            raise invalid(f"Unknown field '{name}'.{hint}", name, "unknown_parameter")
    return extra


def _is_zero(value: object) -> bool:
    """Return whether a value is the number 0: `logprobs: 0` asks for log-probabilities, and `false` does not."""
    return value == 0 and value is not False


def _names(kind: type[Body]) -> tuple[str, ...]:
    if kind not in _KNOWN:
        _KNOWN[kind] = tuple(field.encode_name for field in msgspec.structs.fields(kind))
    return _KNOWN[kind]


_KNOWN: dict[type[Body], tuple[str, ...]] = {}
