"""Read the flat list of model arguments, and name the mistakes in it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping

from fusion_eval.argument_values import (
    choice_reader,
    integer_reader,
    number_reader,
    read_addresses,
    read_addresses_or_off,
    read_flag,
    read_integers,
    read_names,
    read_path,
    read_path_or_off,
    read_paths,
    read_temperatures,
    read_text,
    read_variables,
)
from fusion_eval.errors import ConfigError, nearest
from fusion_eval.model_arguments.arguments import ModelArguments
from fusion_eval.model_arguments.checks import check_combination

MOST_DOLLARS = 1_000_000.0
STRATEGY_ARGS = "strategy_args"
"""The argument of `lm_eval --model NAME` that holds options of the strategy NAME."""
HARNESS_OWN = ("batch_size", "max_batch_size", "device")
"""Arguments that the harness's command line gives to every model; only harness models use them."""


def parse(arguments: Mapping[str, object], *, also_known: Collection[str] = ()) -> ModelArguments:
    """Check the flat list of arguments.

    Args:
        arguments: Names and values; a value of None counts as left out.
        also_known: Further names that the caller takes, to suggest in the error for an unknown name.

    Raises:
        ConfigError: A name is unknown, a value is wrong, or the arguments do not go together.
    """
    present = {name: value for name, value in arguments.items() if value is not None}
    if STRATEGY_ARGS in present:
        raise ConfigError(
            f"{STRATEGY_ARGS}= is an argument of lm_eval --model NAME; here a strategy's options stand beside its name, such "
            "as --strategies 'fusion(prompt=analysis)'"
        )
    values = {name: read(name, present[name]) for name, read in _READERS.items() if name in present}
    if values.get("sampling") == "teachers" and "n" not in values and "model" in values:
        values["n"] = len(values["model"])  # type: ignore[arg-type] # `read_names` gives a tuple
    left_over = {name: value for name, value in present.items() if name not in _READERS}
    checked = ModelArguments(**values, harness_arguments=left_over)  # type: ignore[arg-type] # each reader gives its field's type
    _check_left_over(checked, [name for name in left_over if name not in HARNESS_OWN], also_known)
    check_combination(checked)
    return checked


def unknown_argument(name: str, also_known: Collection[str] = ()) -> ConfigError:
    """Return the error for an argument that nobody takes; it names the nearest one."""
    if name in ("strategy", "strategies"):
        return ConfigError(
            f"{name}= is no model argument; name the strategy by lm_eval --model bon, or by fusion-eval run --strategies bon"
        )
    known = list(dict.fromkeys([*also_known, *ARGUMENT_NAMES]))
    return ConfigError(
        f"Unknown model argument '{name}'.{nearest(name, known) or ' Known: ' + ', '.join(known)}"
    )


def looks_misspelt(name: str) -> bool:
    """Whether a name is close to one of ours: `fusor_promt` is, and `max_gen_toks` is not."""
    return bool(difflib.get_close_matches(name, ARGUMENT_NAMES, n=1, cutoff=0.85))


def _check_left_over(arguments: ModelArguments, names: list[str], also_known: Collection[str]) -> None:
    """Raise an error for unknown names, unless a harness model may take them; the opener checks those."""
    models = (*arguments.model, arguments.fusor or "", arguments.scorer_model or "")
    if names and not any(model.startswith("lm_eval:") for model in models):
        raise unknown_argument(names[0], also_known)


_READERS: dict[str, Callable[[str, object], object]] = {
    "model": read_names,
    "base_url": read_addresses,
    "api_key_env": read_variables,
    "completion": read_flag,
    "n": integer_reader(1),
    "temperature": read_temperatures,
    "top_p": number_reader(0, 1, above=True),
    "min_p": number_reader(0, 1),
    "sampling": choice_reader("hedged", "teachers"),
    "weights": read_integers,
    "system_prompts": read_paths,
    "adaptive": read_flag,
    "cross_lingual": integer_reader(0),
    "seed": integer_reader(0),
    "max_tokens": integer_reader(1),
    "fusor": read_text,
    "fusor_base_url": read_addresses_or_off,
    "fusor_api_key_env": read_variables,
    "fusor_temperature": number_reader(0, 5),
    "fusor_max_tokens": integer_reader(1),
    "fusor_prompt": read_text,
    "scorer": read_text,
    "scorer_model": read_text,
    "scorer_base_url": read_addresses_or_off,
    "scorer_api_key_env": read_variables,
    "scorer_temperature": number_reader(0, 5),
    "scorer_max_tokens": integer_reader(1),
    "concurrency": integer_reader(1),
    "timeout": number_reader(0, 86_400, above=True),
    "max_retries": integer_reader(0),
    "price_in": number_reader(0, MOST_DOLLARS),
    "price_out": number_reader(0, MOST_DOLLARS),
    "budget": number_reader(0, MOST_DOLLARS, above=True),
    "cache": read_path_or_off,
    "offline": read_flag,
    "trace_dir": read_path,
}
ARGUMENT_NAMES = tuple(_READERS)
