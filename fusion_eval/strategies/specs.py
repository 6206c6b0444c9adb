"""Strategies and scorers as values: read them from text such as `bon(scorer=chrf)`, and write them as it."""

from __future__ import annotations

import dataclasses
import typing
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Literal, cast

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.model_arguments import ARGUMENT_NAMES
from fusion_eval.strategies.interface import Scorer, Strategy
from fusion_eval.strategies.option_types import SIMPLE, without_none
from fusion_eval.strategies.plugins import ROLES, SCORERS, STRATEGIES, load, registered_name
from fusion_eval.text.specs import Quoted, Spec, format_word, parse_spec, split_list

_NONE = "none"
_SAME = {"by": "scorer", "scorer": "by", "metric": "utility", "layers": "rounds", "rounds": "layers"}
"""For an option of some strategies, the one that means nearly the same in others."""
_GROUPS: dict[object, str] = {Scorer: SCORERS, Strategy: STRATEGIES}


def load_strategy(text: str) -> Strategy:
    """Return the strategy that a text names, with its options.

    Raises:
        ConfigError: The name, an option or a value is wrong; the message names the nearest right one.
    """
    return strategy_of(parse_spec(text))


def strategy_of(spec: Spec) -> Strategy:
    """Return the strategy that a parsed spec names. Raises as `load_strategy` does."""
    return cast(Strategy, _build(spec, STRATEGIES))


def load_scorer(text: str) -> Scorer:
    """Return the scorer that a text names, with its options. Raises as `load_strategy` does."""
    return cast(Scorer, _build(parse_spec(text), SCORERS))


def read_strategies(strategies: str | Sequence[str | Strategy]) -> tuple[str, ...]:
    """Return strategies as canonical texts.

    Args:
        strategies: A list as text, such as `single,bon(scorer=chrf)`, or texts and values.

    Raises:
        ConfigError: The list is empty or names a strategy twice, or one of the strategies is wrong.
    """
    parts = split_list(strategies) if isinstance(strategies, str) else strategies
    texts = [part if isinstance(part, str) else format_spec(part) for part in parts if part]
    if not texts:
        raise ConfigError(f"The list '{strategies}' names nothing; name one at least")
    specs = tuple(format_spec(load_strategy(text)) for text in texts)
    for spec, count in Counter(specs).items():
        if count > 1:
            raise ConfigError(
                f"The strategy {spec} is named {count} times; name it once, or give each an option of its own"
            )
    return specs


def format_spec(value: object) -> str:
    """Return the text that `load_strategy` or `load_scorer` reads as this value.

    It has the options that differ from their defaults, in the order of the fields.
    """
    name: str = registered_name(value) or getattr(value, "__name__", None) or type(value).__name__
    if not dataclasses.is_dataclass(value):
        return name
    first = getattr(value, "after_colon", "")
    if first and format_word(word := str(getattr(value, first))) == word:
        name = f"{name}:{word}"
    else:
        first = ""
    options = [
        f"{option.name}={_format_value(current)}"
        for option in dataclasses.fields(value)
        if option.init
        and option.name != first
        and (current := getattr(value, option.name)) != _default(option)
    ]
    return f"{name}({','.join(options)})" if options else name


def option_names(value: object) -> tuple[str, ...]:
    """Return the names of a strategy's options."""
    return tuple(option.name for option in _options(value))


def _build(spec: Spec, group: str) -> object:
    target, role = load(group, spec.name.partition(":")[0]), ROLES[group]
    spec = _without_colon(spec, target, role)
    if not isinstance(target, type):  # a function, or a value that is ready
        if spec.options:
            raise ConfigError(f"The {role} '{spec.name}' has no options; write {spec.name} alone")
        return target
    kinds = {option.name: kind for option, kind in _typed_options(target)}
    for name, _ in spec.options:
        if name not in kinds:
            known = f"Its options: {', '.join(kinds)}" if kinds else f"It has none; write {spec.name}"
            raise ConfigError(
                f"The {role} '{spec.name}' has no option '{name}'.{_instead_of(name, kinds)} {known}"
                + (f". {name}= is a model argument" if name in ARGUMENT_NAMES and name not in _SAME else "")
            )
    options = {name: _read(spec.name, name, value, kinds[name]) for name, value in spec.options}
    try:
        return target(**options)
    except ConfigError as error:  # a value out of its range
        prefix = "" if spec.name in str(error) or not options else f"{_written(spec)}: "
        raise ConfigError(f"{prefix}{error}") from error
    except (TypeError, ValueError) as error:  # an option that its class refuses, or requires
        raise ConfigError(f"The {role} '{spec.name}' cannot be made: {error}") from error


def _instead_of(name: str, options: Collection[str]) -> str:
    """Return a hint for an option that a strategy or a scorer lacks: the one that means the same, or the nearest one."""
    if (same := _SAME.get(name)) in options:
        return f" Did you mean '{same}'?"
    return nearest(name, options)


def _without_colon(spec: Spec, target: Any, role: str) -> Spec:
    """Return `reward:NAME` as `reward(name=NAME)`: the word after the colon is the option that the class names."""
    name, colon, word = spec.name.partition(":")
    if not colon:
        return spec
    option = getattr(target, "after_colon", None)
    if option is None:
        raise ConfigError(f"The {role} '{name}' takes nothing after a colon; write {name}, not {spec.name}")
    if option in dict(spec.options):
        raise ConfigError(f"{spec.name} gives {option}= twice; leave one")
    return Spec(name, ((option, Quoted(word)), *spec.options))


def _read(owner: str, name: str, value: Spec | Quoted, kind: Any) -> object:
    """Read one value as its field's type says."""
    wrong = ConfigError(
        f"{owner}({name}={_written(value)}): {name} should be {_description(owner, name, kind)}"
    )
    inner, optional = without_none(kind)
    word = value.name if isinstance(value, Spec) and not value.options else None
    if optional and word == _NONE:
        return None
    if inner in _GROUPS:
        if isinstance(value, Quoted):
            raise wrong
        return _build(value, _GROUPS[inner])
    if inner is str and isinstance(value, Quoted):
        return value.text
    if word is None:
        raise wrong
    if typing.get_origin(inner) is Literal:
        choices = {str(choice): choice for choice in typing.get_args(inner)}
        if word not in choices:
            raise ConfigError(f"{wrong}.{nearest(word, choices)}".rstrip("."))
        return choices[word]
    try:
        return SIMPLE[inner][1](word)
    except ValueError as error:
        raise wrong from error


def _description(owner: str, name: str, kind: Any) -> str:
    inner, optional = without_none(kind)
    if inner in _GROUPS:
        description = f"a {ROLES[_GROUPS[inner]]}"
    elif typing.get_origin(inner) is Literal:
        description = "one of " + ", ".join(map(str, typing.get_args(inner)))
    elif inner in SIMPLE:
        description = SIMPLE[inner][0]
    else:
        raise ConfigError(f"The option {name} of {owner} has a type that cannot be read from text: {kind}")
    return f"{description}, or none" if optional else description


def _options(target: Any) -> list[dataclasses.Field[Any]]:
    return (
        [option for option in dataclasses.fields(target) if option.init]
        if dataclasses.is_dataclass(target)
        else []
    )


def _typed_options(target: type) -> list[tuple[dataclasses.Field[Any], Any]]:
    try:
        hints = typing.get_type_hints(target) if _options(target) else {}
    except NameError as error:
        raise ConfigError(
            f"The types of the options of {target.__name__} cannot be read: {error}; import them at run time"
        ) from error
    return [(option, hints[option.name]) for option in _options(target)]


def _default(option: dataclasses.Field[Any]) -> object:
    if option.default_factory is not dataclasses.MISSING:
        return option.default_factory()
    return option.default


def _format_value(value: object) -> str:
    match value:
        case None:
            return _NONE
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            return repr(value).removesuffix(".0")
        case str():
            return format_word(value)
    return format_spec(value)


def _written(value: Spec | Quoted) -> str:
    if isinstance(value, Quoted):
        return format_word(value.text)
    options = ",".join(f"{name}={_written(option)}" for name, option in value.options)
    return f"{value.name}({options})" if options else value.name
