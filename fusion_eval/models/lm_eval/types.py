"""The harness's model types: which there are, what their constructors take, and what an instance can do."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.models.lm_eval.identity import secrets_in
from fusion_eval.models.openai.errors import clean


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a constructor takes."""

    named: frozenset[str]
    others: bool
    """Whether any other name is taken as well, by `**kwargs`."""


def parts_of(name: str) -> tuple[str, dict[str, object]]:
    """(model type, arguments) of `lm_eval:TYPE,argument=value,…`, with values read as the harness reads them."""
    from lm_eval.utils import simple_parse_args_string

    kind, _, arguments = name.removeprefix("lm_eval:").partition(",")
    return kind.strip(), simple_parse_args_string(arguments)


def class_of(kind: str) -> Any:
    """The registered class; a `ConfigError` where there is none or a package of its is missing."""
    import lm_eval.models  # noqa: F401 - fills the registry, which a third party may have begun
    from lm_eval.api.registry import model_registry

    if kind not in model_registry:
        hint = nearest(kind, model_registry) or " Common ones are hf, vllm and sglang."
        raise ConfigError(f"The harness has no model type '{kind}'.{hint}")
    try:
        return model_registry.get(kind)
    except ImportError as error:
        raise _missing_package(kind, error) from error
    except Exception as error:  # a broken installation of torch or of an engine raises anything
        raise ConfigError(f"lm_eval:{kind} cannot be imported: {reason(error)}") from error


def make(kind: str, arguments: Mapping[str, object]) -> Any:
    """An instance, made as the harness makes it; a `ConfigError` with the cause's words where that fails."""
    try:
        return class_of(kind).create_from_arg_obj(dict(arguments))
    except ConfigError:
        raise
    except ImportError as error:
        raise _missing_package(kind, error) from error
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"lm_eval:{kind} cannot be opened: {reason(error, secrets_in(arguments))}"
        ) from error


def arguments_of(cls: type) -> Arguments:
    """The arguments of the constructor and, as long as each passes `**kwargs` on, of those that it overrides."""
    named: set[str] = set()
    for owner in (base for base in cls.__mro__ if "__init__" in vars(base)):
        parameters = list(inspect.signature(vars(owner)["__init__"]).parameters.values())[1:]
        if named and not parameters:
            break  # a bare base class: whatever is left over is swallowed, or handed to an engine
        named |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return Arguments(frozenset(named), others=False)
    return Arguments(frozenset(named), others=True)


def has_chat_template(inner: Any) -> bool:
    """Whether chat messages can be put to `inner`: it has a template, or speaks to a chat API."""
    if _is_a(inner, "LocalChatCompletion"):
        return True
    if _is_a(inner, "TemplateAPI") and not vars(inner).get("tokenized_requests"):
        return False  # would send messages where its endpoint wants text
    # Not getattr: a type that makes its tokenizer when asked (dummy) would download one.
    return getattr(vars(inner).get("tokenizer"), "chat_template", None) is not None


def takes_seed(inner: Any) -> bool:
    """Whether a `seed` among the generation options of a request reaches what `inner` samples with."""
    if _is_a(inner, "VLLM"):
        return True
    try:  # the API types put one seed into every payload, unless the request brings its own
        message = [{"role": "user", "content": ""}]
        return bool(inner._create_payload(message, generate=True, gen_kwargs={"seed": 7})["seed"] == 7)
    except Exception:
        return False


def reason(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """What went wrong, on one line."""
    return clean(str(error) or type(error).__name__, secrets)


def _is_a(inner: Any, class_name: str) -> bool:
    """By name, since importing a class of the harness to compare with costs seconds."""
    return any(cls.__name__ == class_name for cls in type(inner).__mro__)


def _missing_package(kind: str, error: ImportError) -> ConfigError:
    return ConfigError(
        f"lm_eval:{kind} lacks a package: {reason(error)}. Its extra may have it: pip install 'lm_eval[{kind}]'"
    )
