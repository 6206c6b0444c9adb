"""Read the options of one strategy that stand among model arguments, as `lm_eval --model fusion` gives them."""

from __future__ import annotations

from collections.abc import Mapping

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import ARGUMENT_NAMES
from fusion_eval.model_arguments.parsing import STRATEGY_ARGS
from fusion_eval.strategies.interface import Strategy
from fusion_eval.strategies.plugins import STRATEGIES, load
from fusion_eval.strategies.specs import option_names, strategy_of
from fusion_eval.text.specs import Quoted, Spec, parse_spec

_SAME = {"prompt": "fusor_prompt", "by": "scorer"}
"""The model argument that an option of another name replaces."""


def take_options(text: str, arguments: Mapping[str, object]) -> tuple[Strategy, dict[str, object]]:
    """Return a strategy with the options that stand among model arguments, and the arguments that are left.

    An option stands there under its own name, unless a model argument has that name, or in `strategy_args=(…)`. A model
    argument keeps its place, where it is the default of every strategy.

    Raises:
        ConfigError: The spec or an option is wrong, or an option stands in two places.
    """
    spec = parse_spec(text)
    own = [name for name in option_names(load(STRATEGIES, spec.name)) if name not in ARGUMENT_NAMES]
    flat = {name: _as_spec(arguments[name]) for name in own if arguments.get(name) is not None}
    inner = _inner_options(spec.name, arguments.get(STRATEGY_ARGS))
    for name, _ in spec.options:
        if name in flat or name in inner:
            raise ConfigError(f"{name}= stands in {text} and among the model arguments; leave one")
    for name in inner:
        for other in (name, _SAME.get(name, name)):
            if arguments.get(other) is not None:
                raise ConfigError(f"{name}= stands in {STRATEGY_ARGS}= and beside it as {other}=; leave one")
    strategy = strategy_of(Spec(spec.name, (*spec.options, *flat.items(), *inner.items())))
    taken = {*own, STRATEGY_ARGS}
    return strategy, {name: value for name, value in arguments.items() if name not in taken}


def own_names(strategy: Strategy) -> tuple[str, ...]:
    """Return the names that a strategy takes among model arguments, to suggest in the error for an unknown name."""
    return (*option_names(strategy), STRATEGY_ARGS)


def _inner_options(strategy: str, value: object) -> dict[str, Spec | Quoted]:
    """Return the options in `strategy_args=`: a text such as `(k=2,by=chrf)`, or a mapping from YAML or Python."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {str(name): _as_spec(option) for name, option in value.items()}
    options = str(value).strip()
    options = options if options.startswith("(") else f"({options})"
    try:
        return dict(parse_spec(strategy + options).options)
    except ConfigError as error:
        raise ConfigError(
            f"{STRATEGY_ARGS}={value} should be options of {strategy} in parentheses, {STRATEGY_ARGS}=(option=value,…): "
            f"{error}"
        ) from error


def _as_spec(value: object) -> Spec | Quoted:
    """Return a value of a flat list, which a command line, YAML or Python gave, as the grammar would read it."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return parse_spec(text) if "(" in text else Spec(text)
