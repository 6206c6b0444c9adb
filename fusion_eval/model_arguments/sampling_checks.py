"""Find mistakes in how a pool is to be drawn, before any call is made."""

from __future__ import annotations

import math

from fusion_eval.argument_values import runs_in_llama_cpp
from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments.arguments import TEACHERS_TEMPERATURE, ModelArguments
from fusion_eval.stats.adaptive_consistency import fewest_further


def check_sampling(arguments: ModelArguments) -> None:
    """Raise a ConfigError for arguments that no pool can be drawn by, or that leave a part of themselves unused."""
    _check_preset(arguments)
    _check_weights(arguments)
    _check_lengths(arguments)
    _check_repeats(arguments)
    _check_adaptive(arguments)
    _check_cross_lingual(arguments)
    local = next((name for name in arguments.model if runs_in_llama_cpp(name)), None)
    if arguments.min_p is not None and local:
        raise ConfigError(f"min_p= is an option of endpoints, and {local} does not take it; leave it out")


def _check_preset(arguments: ModelArguments) -> None:
    models, n, temperatures = arguments.model, arguments.n, arguments.temperature
    if arguments.sampling == "hedged":
        if n < 2:
            raise ConfigError(
                "sampling=hedged draws one greedy candidate and others, and n=1 leaves no others"
            )
        if temperatures and (len(temperatures) > 1 or not temperatures[0]):
            raise ConfigError(
                "sampling=hedged draws one candidate at temperature 0 and the others at one temperature above 0; "
                f"temperature={_joined(temperatures)} contradicts it"
            )
    if arguments.sampling == "teachers":
        if len(models) < 2:
            raise ConfigError(
                "sampling=teachers draws one candidate from each of several models; model=A|B|C"
            )
        if arguments.weights:
            raise ConfigError(
                "sampling=teachers draws one candidate from each model, and weights= contradicts it"
            )
        if n != len(models):
            raise ConfigError(
                f"sampling=teachers draws one candidate from each of {len(models)} models, and n={n} contradicts it; "
                "leave out n="
            )
        if temperatures and temperatures != (TEACHERS_TEMPERATURE,):
            raise ConfigError(
                f"sampling=teachers samples at temperature {TEACHERS_TEMPERATURE}, and "
                f"temperature={_joined(temperatures)} contradicts it; leave one out"
            )


def _check_weights(arguments: ModelArguments) -> None:
    weights, models = arguments.weights, arguments.model
    if weights is None:
        return
    if len(weights) != len(models):
        raise ConfigError(
            f"weights= lists {len(weights)} numbers, and model= lists {len(models)} models; give each model one"
        )
    if sum(weights) > arguments.n:
        raise ConfigError(
            f"weights={_joined(weights)} make a cycle of {sum(weights)} turns, and n={arguments.n} ends before it; "
            f"raise n to {sum(weights)} or more"
        )


def _check_lengths(arguments: ModelArguments) -> None:
    """Find lists of which the pool would use only a part."""
    n = arguments.n
    lists: dict[str, tuple[object, ...]] = {
        "model": arguments.model,
        "temperature": arguments.temperature or (),
        "system_prompts": arguments.system_prompts or (),
    }
    for name, values in lists.items():
        if len(values) > n:
            raise ConfigError(f"{name}= lists {len(values)} values, and n={n} leaves some unused; raise n")


def _check_repeats(arguments: ModelArguments) -> None:
    """Find greedy candidates that would all be the same."""
    temperatures, turns = arguments.candidate_temperatures, arguments.turns
    systems = arguments.system_prompts or ("",)
    n, k = arguments.n, arguments.cross_lingual or 0
    for places in (range(n - k), range(n - k, n)):  # those of one prompt
        cycle = places[: math.lcm(len(turns), len(systems))]
        distinct = {(turns[i % len(turns)], systems[i % len(systems)]) for i in cycle}
        if temperatures and max(temperatures) == 0 and len(places) > len(distinct):
            raise ConfigError(
                "temperature=0 makes the candidates of a model all the same; raise it, or use n=1"
            )


def _check_adaptive(arguments: ModelArguments) -> None:
    earliest = fewest_further(0, 0)
    if arguments.adaptive and arguments.n <= earliest:
        raise ConfigError(
            f"adaptive=true stops after {earliest} equal answers at the earliest, so n={arguments.n} saves nothing; "
            "raise n, or leave it out"
        )


def _check_cross_lingual(arguments: ModelArguments) -> None:
    k, n = arguments.cross_lingual, arguments.n
    if not k:
        return
    if k >= n:
        raise ConfigError(
            f"cross_lingual={k} leaves none of the n={n} candidates in the prompt's own language, and a strategy chooses "
            f"among those only; " + (f"use cross_lingual={n - 1} at most, or raise n" if n > 1 else "raise n")
        )
    if arguments.adaptive:
        raise ConfigError(
            "adaptive=true stops by the answers to one prompt, and cross_lingual= draws for two; leave one out"
        )
    stored = next((name for name in arguments.model if name.startswith("pool:")), None)
    if stored:
        raise ConfigError(
            f"cross_lingual= draws candidates, and model={stored} answers from pools that are drawn; leave it out"
        )


def _joined(values: tuple[float, ...]) -> str:
    return "|".join(f"{value:g}" for value in values)
