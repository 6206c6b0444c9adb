"""The harness's model types: look them up, read their constructors' arguments, create and inspect instances."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.models.lm_eval.identity import secrets_in
from fusion_eval.text.redaction import safe_message


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments that a constructor takes."""

    named: frozenset[str]
    any_other: bool
    """Whether it takes any other name too, in `**kwargs`."""


def parts_of(name: str) -> tuple[str, dict[str, object]]:
    """Split `lm_eval:TYPE,argument=value,…` into the type and its arguments, which the harness parses."""
    from lm_eval.utils import simple_parse_args_string

    kind, _, arguments = name.removeprefix("lm_eval:").partition(",")
    return kind.strip(), simple_parse_args_string(arguments)


def class_of(kind: str) -> Any:
    """Return the registered class of a model type.

    Raises:
        ConfigError: There is no such type, or a package that it needs is missing.
    """
    import lm_eval.models  # noqa: F401 - fills the registry, to which a third party may have added types
    from lm_eval.api.registry import model_registry

    if kind not in model_registry:
        hint = nearest(kind, model_registry) or " Common ones are hf, vllm and sglang."
        raise ConfigError(f"The harness has no model type '{kind}'.{hint}")
    try:
        return model_registry.get(kind)
    except ImportError as error:
        raise _missing_package(kind, error) from error
    except Exception as error:  # a broken installation of torch or of an engine raises anything
        raise ConfigError(f"lm_eval:{kind} cannot be imported: {message_of(error)}") from error


def create(kind: str, arguments: Mapping[str, object]) -> Any:
    """Create an instance the way the harness does.

    Raises:
        ConfigError: The constructor failed; the message holds its reason, without secrets.
    """
    try:
        return class_of(kind).create_from_arg_obj(dict(arguments))
    except ConfigError:
        raise
    except ImportError as error:
        raise _missing_package(kind, error) from error
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"lm_eval:{kind} cannot be opened: {message_of(error, secrets_in(arguments))}"
        ) from error


def arguments_of(cls: type) -> Arguments:
    """Return the arguments of a class's constructor.

    They include those of the base classes' constructors, as long as each constructor takes `**kwargs`.
    """
    named: set[str] = set()
    for owner in (base for base in cls.__mro__ if "__init__" in vars(base)):
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
        if named and not parameters:
            break  # a bare base class: its subclass ignores other arguments or passes them to an engine
        named |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return Arguments(frozenset(named), any_other=False)
    return Arguments(frozenset(named), any_other=True)


def has_chat_template(inner: Any) -> bool:
    """Return whether `inner` takes chat messages: it has a chat template, or calls a chat API."""
    if _is_a(inner, "LocalChatCompletion"):
        return True
    if _is_a(inner, "TemplateAPI") and not vars(inner).get("tokenized_requests"):
        return False  # it would send messages to an endpoint for plain text
    # Not getattr on `inner`: a type that creates its tokenizer lazily (dummy) would download one.
    return getattr(vars(inner).get("tokenizer"), "chat_template", None) is not None


def takes_seed(inner: Any) -> bool:
    """Return whether `inner` uses a `seed` in the generation options of a request."""
    if _is_a(inner, "VLLM"):
        return True
    try:  # the API types put one seed into every payload, unless the request has its own
        message = [{"role": "user", "content": ""}]
        return bool(inner._create_payload(message, generate=True, gen_kwargs={"seed": 7})["seed"] == 7)
    except Exception:
        return False


def message_of(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """Return an exception's message on one line, without secrets."""
    return safe_message(str(error) or type(error).__name__, secrets)


def _is_a(inner: Any, class_name: str) -> bool:
    """Compare by name, because importing a class of the harness takes seconds."""
    return any(cls.__name__ == class_name for cls in type(inner).__mro__)


def _missing_package(kind: str, error: ImportError) -> ConfigError:
    return ConfigError(
        f"lm_eval:{kind} lacks a package: {message_of(error)}. Its extra may have it: pip install 'lm_eval[{kind}]'"
    )
