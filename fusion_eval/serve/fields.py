"""The fields of OpenAI's requests: which are read, which are passed on to the models, and which cannot be served."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from fusion_eval.errors import nearest
from fusion_eval.serve.errors import invalid
from fusion_eval.text.parse_errors import why_unreadable
from fusion_eval.text.printable import printable

B = TypeVar("B", bound="Body")
T = TypeVar("T")

Length = Annotated[int, Meta(ge=1, lt=2**31)]
"""A number of tokens."""
MOST_CHOICES = 128
"""The most answers that one request may ask for, as at OpenAI."""
DETAILS = "x-fusion-eval"
"""The field of a request, and its header, that asks for candidates and scores; the field of the reply that holds them."""
_LONGEST_NAME = 60
"""Characters of a client's own name that an error repeats."""
ROLES = ("system", "developer", "user", "assistant")
"""The roles of messages."""
_TOOL_ROLES = ("tool", "function")
_Penalty = Annotated[float, Meta(ge=-2, le=2)]
PASSED_ON: dict[str, Any] = {
    "frequency_penalty": _Penalty, "presence_penalty": _Penalty,
    "repetition_penalty": Annotated[float, Meta(gt=0, le=10)], "logit_bias": dict[str, float],
    "top_k": Annotated[int, Meta(ge=-1, lt=2**31)], "min_p": Annotated[float, Meta(ge=0, le=1)],
    "reasoning_effort": str, "chat_template_kwargs": dict[str, Any],
}  # fmt: skip
"""Options that reach the models that sample, unchanged, with their types."""
_IGNORED = frozenset({
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "verbosity", "parallel_tool_calls", "tool_choice", "function_call", "best_of", "top_logprobs",
})  # fmt: skip
"""Options that change no text here."""
_NO_TOOLS = "strategies write text and call no tools"
_NOT_SERVED = {
    "tools": _NO_TOOLS,
    "functions": _NO_TOOLS,
    "logprobs": "an answer made out of several has no log-probabilities; x-fusion-eval has those of the candidates",
    "response_format": "a fused answer is text; ask for JSON in the prompt",
    "audio": "strategies write text",
    "prediction": "there is no use for it here",
    "web_search_options": "strategies search nothing",
    "echo": "a strategy does not repeat the prompt; log-likelihood tasks need a model that is served itself",
    "suffix": "a strategy writes the end of a text, not its middle",
}
_PLACE = re.compile(r"^(?P<what>.+?) - at `\$(?:\.(?P<path>(?P<field>[\w-]+).*))?`$", re.DOTALL)
_ESCAPE = re.compile(
    rb"\\u(?:d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(?P<lone>d[89a-f][0-9a-f]{2}))|\\.",
    re.DOTALL | re.IGNORECASE,
)
"""An escape in JSON: a surrogate pair, a lone half of one, or any other."""


class StreamOptions(msgspec.Struct):
    """The options of a stream."""

    include_usage: bool | None = None


class Body(msgspec.Struct, kw_only=True):
    """The fields that both kinds of requests share."""

    model: str
    max_tokens: Length | None = None
    max_completion_tokens: Length | None = None
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

    role: str
    content: str | list[TextPart] | None = None
    tool_calls: Any = None
    function_call: Any = None

    def __post_init__(self) -> None:
        if self.role in _TOOL_ROLES:
            raise ValueError(f"a message of role '{self.role}' cannot be served: {_NO_TOOLS}")
        if self.role not in ROLES:
            name = printable(self.role[:_LONGEST_NAME])
            raise ValueError(f"there is no role '{name}'.{nearest(name, ROLES)} Known: {', '.join(ROLES)}")
        if self.tool_calls or self.function_call:
            raise ValueError(f"a message with calls of tools cannot be served: {_NO_TOOLS}")
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
    fields = _decoded(raw)
    extra = _checked_extra(fields, kind)
    return _converted(fields, kind), extra


def _decoded(raw: bytes) -> dict[str, Any]:
    """Decode a JSON object. Halves of surrogate pairs, which some clients send, become replacement characters."""
    try:
        try:
            return msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.DecodeError:
            whole = _ESCAPE.sub(lambda escape: rb"\ufffd" if escape["lone"] else escape[0], raw)
            if whole == raw:
                raise
            return msgspec.json.decode(whole, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(
            f"The body of the request is not a JSON object: {why_unreadable(error, raw)}"
        ) from error


def _converted(value: Any, kind: type[T], name: str = "") -> T:
    """Return a value as another type; the error names the field.

    Args:
        value: The value, as JSON has it.
        kind: The type.
        name: The field that has the value; empty if it is the whole request.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        place = _PLACE.match(str(error))
        what, path = (place["what"], place["path"] or "") if place else (str(error), "")
        path = name + (f".{path}" if name and path else path)
        param = name or (place and place["field"])
        raise invalid(f"{path}: {what}" if path else what, param) from error


def _checked_extra(fields: dict[str, Any], kind: type[Body]) -> dict[str, Any]:
    """Return the options that are passed on. An option with no effect, such as a penalty of 0, is left out."""
    known = _names(kind)
    extra = {}
    for name, value in fields.items():
        if name in known or name in _IGNORED or value is None:
            continue
        if name in PASSED_ON:
            if _converted(value, PASSED_ON[name], name):
                extra[name] = value
        elif name in _NOT_SERVED:
            if value not in (False, [], "", {"type": "text"}) or _is_zero(value):
                raise invalid(f"{name} cannot be served: {_NOT_SERVED[name]}", name, "unsupported_parameter")
        else:
            short = printable(name[:_LONGEST_NAME])
            hint = nearest(short, (*known, *PASSED_ON))
            raise invalid(f"Unknown field '{short}'.{hint}", short, "unknown_parameter")
    return extra


def _is_zero(value: object) -> bool:
    """Return whether a value is the number 0: `logprobs: 0` asks for log-probabilities, and `false` does not."""
    return value == 0 and value is not False


def _names(kind: type[Body]) -> tuple[str, ...]:
    if kind not in _KNOWN:
        _KNOWN[kind] = tuple(field.encode_name for field in msgspec.structs.fields(kind))
    return _KNOWN[kind]


_KNOWN: dict[type[Body], tuple[str, ...]] = {}
