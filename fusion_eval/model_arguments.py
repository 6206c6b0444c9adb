"""The flat list of model arguments, checked before any call is made.

The same list serves `--model_args`, a YAML `--config`, `fusion-eval run` and the Python API.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from fusion_eval.argument_values import (
    OFF,
    Off,
    check_key_variables,
    integer_reader,
    number_reader,
    read_addresses,
    read_addresses_or_off,
    read_flag,
    read_names,
    read_path,
    read_path_or_off,
    read_temperatures,
    read_text,
    read_variables,
    runs_in_llama_cpp,
    runs_in_process,
)
from fusion_eval.errors import ConfigError, nearest
from fusion_eval.text.specs import spec_name

MOST_DOLLARS = 1_000_000.0
HARNESS_OWN = ("batch_size", "max_batch_size", "device")
"""Arguments that the harness's command line gives to every model; only harness models use them."""


@dataclass(frozen=True, slots=True)
class ModelArguments:
    """Model arguments after checking. None means that the task, the model or a default decides."""

    model: tuple[str, ...] = ("embedded",)
    base_url: tuple[str, ...] | None = None
    """Addresses that serve the models; None is a provider."""
    api_key_env: str | None = None
    """The variable that holds the key, or `A|B`, one for each address. None is no key, except for OpenAI."""
    completion: bool = False
    n: int = 5
    temperature: tuple[float, ...] | None = None
    top_p: float | None = None
    seed: int = 0
    max_tokens: int | None = None
    fusor: str | None = None
    fusor_base_url: tuple[str, ...] | Off | None = None
    """None is `base_url`, and OFF a provider. `scorer_base_url` has the same values."""
    fusor_api_key_env: str | None = None
    fusor_temperature: float = 0.0
    fusor_max_tokens: int | None = None
    fusor_prompt: str | None = None
    scorer: str | None = None
    """The scorer as a spec: `chrf`, `judge(temperature=0.5)`."""
    scorer_model: str | None = None
    scorer_base_url: tuple[str, ...] | Off | None = None
    scorer_api_key_env: str | None = None
    scorer_temperature: float | None = None
    scorer_max_tokens: int | None = None
    concurrency: int = 64
    timeout: float = 120.0
    max_retries: int = 5
    price_in: float | None = None
    price_out: float | None = None
    """US dollars for a million tokens, read and written, of a model whose price is not known otherwise."""
    budget: float | None = None
    cache: Path | Off | None = None
    """The store's file; None is the default place, and OFF keeps nothing."""
    offline: bool = False
    """Whether the store answers every request; a request that it cannot answer ends the run."""
    trace_dir: Path | None = None
    harness_arguments: Mapping[str, object] = field(default_factory=dict)
    """The arguments that are left over for `lm_eval:` models, with the harness's own."""

    @property
    def samples_locally(self) -> bool:
        """Whether llama.cpp in this process draws all candidates, with their log-probabilities."""
        return all(runs_in_llama_cpp(name) for name in self.model)

    @property
    def scorer_spec(self) -> str:
        """The scorer of `bon`, with its options. The default is `logprob` if the sampler always reports it, else `judge`."""
        spec = (self.scorer or ("logprob" if self.samples_locally else "judge")).strip().removesuffix("()")
        options = {"temperature": self.scorer_temperature, "max_tokens": self.scorer_max_tokens}
        added = ",".join(f"{name}={value!r}" for name, value in options.items() if value is not None)
        if not added:
            return spec
        return f"{spec[:-1]},{added})" if spec.endswith(")") else f"{spec}({added})"

    @property
    def scorer_name(self) -> str:
        """The name of the scorer, without its options."""
        return spec_name(self.scorer_spec)


def parse(arguments: Mapping[str, object], *, also_known: Collection[str] = ()) -> ModelArguments:
    """Check the flat list of arguments.

    Args:
        arguments: Names and values; a value of None counts as left out.
        also_known: Further names that the caller takes, to suggest in the error for an unknown name.

    Raises:
        ConfigError: A name is unknown, a value is wrong, or the arguments do not go together.
    """
    present = {name: value for name, value in arguments.items() if value is not None}
    values = {name: read(name, present[name]) for name, read in _READERS.items() if name in present}
    left_over = {name: value for name, value in present.items() if name not in _READERS}
    checked = ModelArguments(**values, harness_arguments=left_over)  # type: ignore[arg-type] # each reader gives its field's type
    _check_left_over(checked, [name for name in left_over if name not in HARNESS_OWN], also_known)
    _check_combination(checked)
    return checked


def public(arguments: ModelArguments) -> dict[str, object]:
    """Return the arguments as they go into a results file: JSON values, without those that are None.

    Arguments of an `lm_eval:` model can hold a key, so only its type is kept. The model's identity tells the rest.
    """
    values = {item.name: getattr(arguments, item.name) for item in fields(arguments)}
    del values["harness_arguments"]
    for name in ("base_url", "fusor_base_url", "scorer_base_url"):
        if isinstance(values[name], tuple):
            values[name] = "|".join(values[name])
    return {name: _public_value(value) for name, value in values.items() if value is not None}


def unknown_argument(name: str, also_known: Collection[str] = ()) -> ConfigError:
    """Return the error for an argument that nobody takes; it names the nearest one."""
    known = list(dict.fromkeys([*also_known, *ARGUMENT_NAMES]))
    return ConfigError(
        f"Unknown model argument '{name}'.{nearest(name, known) or ' Known: ' + ', '.join(known)}"
    )


def looks_misspelt(name: str) -> bool:
    """Whether a name is close to one of ours: `fusor_promt` is, and `max_gen_toks` is not."""
    return bool(difflib.get_close_matches(name, ARGUMENT_NAMES, n=1, cutoff=0.85))


def _public_value(value: object) -> object:
    if isinstance(value, tuple):
        return [_public_value(part) for part in value]
    if isinstance(value, str) and value.startswith("lm_eval:"):
        return value.partition(",")[0]
    return value.value if isinstance(value, Off) else str(value) if isinstance(value, Path) else value


def _check_left_over(arguments: ModelArguments, names: list[str], also_known: Collection[str]) -> None:
    """Raise an error for unknown names, unless a harness model may take them; the opener checks those."""
    models = (*arguments.model, arguments.fusor or "", arguments.scorer_model or "")
    if names and not any(model.startswith("lm_eval:") for model in models):
        raise unknown_argument(names[0], also_known)


def _check_combination(arguments: ModelArguments) -> None:
    _check_endpoints(arguments)
    _check_keys(arguments)
    _check_pool(arguments)
    if arguments.offline and arguments.cache is OFF:
        raise ConfigError(
            "offline=true answers from a store, and cache=off keeps none; name its file, cache=PATH"
        )
    if (arguments.price_in is None) != (arguments.price_out is None):
        raise ConfigError(
            "price_in= and price_out= go together: US dollars for a million tokens read and written"
        )
    _check_scorer(arguments)


def _check_scorer(arguments: ModelArguments) -> None:
    for option in ("model", "temperature", "max_tokens"):
        if getattr(arguments, f"scorer_{option}") is None:
            continue
        if arguments.scorer_name not in ("judge", "judge_pairwise"):
            raise ConfigError(
                f"scorer_{option}= goes with scorer=judge, not with scorer={arguments.scorer_name}"
            )
        if re.search(rf"[(,]\s*{option}\s*=", arguments.scorer or ""):
            raise ConfigError(f"scorer_{option}= stands beside scorer={arguments.scorer}; leave one")


def _check_endpoints(arguments: ModelArguments) -> None:
    for role, owner in (("fusor", "fusor"), ("scorer", "scorer_model")):
        for name, what in ((f"{role}_base_url", "an endpoint"), (f"{role}_api_key_env", "a key")):
            if getattr(arguments, name) is not None and not getattr(arguments, owner):
                raise ConfigError(f"{name}= names {what} but no model; add {owner}=NAME")
    if arguments.base_url and all(runs_in_process(name) for name in arguments.model):
        models = "|".join(arguments.model)
        raise ConfigError(f"base_url= has no use with model={models}; name the endpoint's model, model=NAME")


def _check_keys(arguments: ModelArguments) -> None:
    for role in ("", "fusor_", "scorer_"):
        addresses = getattr(arguments, f"{role}base_url") or arguments.base_url
        if isinstance(addresses, tuple):
            check_key_variables(f"{role}api_key_env", getattr(arguments, f"{role}api_key_env"), addresses)


def _check_pool(arguments: ModelArguments) -> None:
    n, temperatures = arguments.n, arguments.temperature or ()
    for name, values in (("model", arguments.model), ("temperature", temperatures)):
        if len(values) > n:
            raise ConfigError(f"{name}= lists {len(values)} values, and n={n} leaves some unused; raise n")
    if n > len(set(arguments.model)) and temperatures and max(temperatures) == 0:
        raise ConfigError("temperature=0 makes the candidates of a model all the same; raise it, or use n=1")


_READERS: dict[str, Callable[[str, object], object]] = {
    "model": read_names,
    "base_url": read_addresses,
    "api_key_env": read_variables,
    "completion": read_flag,
    "n": integer_reader(1),
    "temperature": read_temperatures,
    "top_p": number_reader(0, 1, above=True),
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
