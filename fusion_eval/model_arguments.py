"""The flat list of model arguments, checked whole before any call is made.

The same list serves `--model_args`, a YAML `--config` and `fusion-eval run`.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fusion_eval.argument_values import flag, names, number, temperatures, text, whole
from fusion_eval.errors import ConfigError, nearest

OFF = "off"
"""`cache=off` keeps nothing; `fusor_base_url=off` and `scorer_base_url=off` undo the default, which is base_url."""
KEY_VARIABLE = "OPENAI_API_KEY"
MOST_DOLLARS = 1_000_000.0
HARNESS_OWN = ("batch_size", "max_batch_size", "device")
"""Arguments that the harness's command line gives to every model; only harness models have a use for them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Model arguments after checking. None means: what the task or the model suggests."""

    model: tuple[str, ...] = ("embedded",)
    base_url: str | None = None
    api_key_env: str = KEY_VARIABLE
    completion: bool = False
    n: int = 5
    temperature: tuple[float, ...] | None = None
    top_p: float | None = None
    seed: int = 0
    max_tokens: int | None = None
    fusor: str | None = None
    fusor_base_url: str | None = None
    fusor_temperature: float = 0.0
    fusor_max_tokens: int | None = None
    fusor_prompt: str | None = None
    scorer: str | None = None
    scorer_model: str | None = None
    scorer_base_url: str | None = None
    concurrency: int = 64
    timeout: float = 120.0
    max_retries: int = 5
    price_in: float | None = None
    price_out: float | None = None
    """US dollars for a million tokens, read and written, of a model whose price is not known otherwise."""
    budget: float | None = None
    """US dollars that one command may spend."""
    cache: Path | None = None
    """The store's file; None is the default place, and `Path(OFF)` keeps nothing."""
    offline: bool = False
    """Whether the store answers everything, and what it lacks ends the run."""
    trace_dir: Path | None = None
    harness_arguments: Mapping[str, object] = field(default_factory=dict)
    """What is left over for `lm_eval:` models, with the harness's own arguments."""

    @property
    def samples_locally(self) -> bool:
        """Whether llama.cpp in the process draws all candidates, with their log-probabilities."""
        return all(name == "embedded" or name.startswith("gguf:") for name in self.model)

    @property
    def scorer_name(self) -> str:
        """The scorer of `bon`: log-probability where the sampler always reports it, else the sampler as judge."""
        return self.scorer or ("logprob" if self.samples_locally else "judge")


def parse(arguments: Mapping[str, object]) -> Settings:
    """Settings from the flat list; an unknown name, a wrong value or an impossible mix is a `ConfigError`."""
    given = {name: value for name, value in arguments.items() if value is not None}
    values = {name: read(name, given[name]) for name, read in _READERS.items() if name in given}
    left = {name: value for name, value in given.items() if name not in _READERS}
    settings = Settings(**values, harness_arguments=left)  # type: ignore[arg-type] # each reader gives its field's type
    _check_left_over(settings, [name for name in left if name not in HARNESS_OWN])
    _check_mix(settings)
    return settings


def public(settings: Settings) -> dict[str, object]:
    """The settings as they go into a results file: JSON values, without those that are None.

    What follows the type of an `lm_eval:` model can hold a key; its identity tells the rest.
    """
    values = {item.name: getattr(settings, item.name) for item in dataclasses.fields(settings)}
    del values["harness_arguments"]
    return {name: _shown(value) for name, value in values.items() if value is not None}


def _shown(value: object) -> object:
    if isinstance(value, tuple):
        return [_shown(part) for part in value]
    if isinstance(value, str) and value.startswith("lm_eval:"):
        return value.partition(",")[0]
    return str(value) if isinstance(value, Path) else value


def unknown(name: str) -> ConfigError:
    """The error for an argument that nobody here has a use for."""
    return ConfigError(
        f"Unknown model argument '{name}'.{nearest(name, _READERS) or ' Known: ' + ', '.join(_READERS)}"
    )


def slip_of_ours(name: str) -> bool:
    """Whether a name looks like one of ours misspelt; `max_gen_toks` is no `max_tokens`."""
    return bool(difflib.get_close_matches(name, _READERS, n=1, cutoff=0.85))


def _check_left_over(settings: Settings, names: list[str]) -> None:
    """Arguments of harness models are known to these alone, so where one is named `opening` judges them."""
    named = (*settings.model, settings.fusor or "", settings.scorer_model or "")
    if names and not any(model.startswith("lm_eval:") for model in named):
        raise unknown(names[0])


def _check_mix(settings: Settings) -> None:
    for name, owner in (("fusor_base_url", "fusor"), ("scorer_base_url", "scorer_model")):
        if getattr(settings, name) and not getattr(settings, owner):
            raise ConfigError(f"{name}= names an endpoint but no model; add {owner}=NAME")
    local = ("embedded", "gguf:", "lm_eval:")
    if settings.base_url and all(name.startswith(local) for name in settings.model):
        raise ConfigError(
            f"base_url= has no use with model={'|'.join(settings.model)}; name the endpoint's model, model=NAME"
        )
    if settings.offline and settings.cache == Path(OFF):
        raise ConfigError(
            "offline=true answers from a store, and cache=off keeps none; name its file, cache=PATH"
        )
    if (settings.price_in is None) != (settings.price_out is None):
        raise ConfigError(
            "price_in= and price_out= go together: US dollars for a million tokens read and written"
        )
    if settings.scorer_model and settings.scorer_name != "judge":
        raise ConfigError(f"scorer_model= goes with scorer=judge, not with scorer={settings.scorer_name}")
    for name, given in (("model", settings.model), ("temperature", settings.temperature or ())):
        if len(given) > settings.n:
            raise ConfigError(
                f"{name}= lists {len(given)} values, and n={settings.n} leaves some unused; raise n"
            )
    if settings.n > len(set(settings.model)) and settings.temperature and max(settings.temperature) == 0:
        raise ConfigError("temperature=0 makes the candidates of a model all the same; raise it, or use n=1")


def _variable(name: str, value: object) -> str:
    """A key given in place of its variable must not be repeated, in an error or anywhere."""
    if isinstance(value, str) and (value in os.environ or re.fullmatch(r"[A-Z][A-Z0-9_]*", value)):
        return value
    raise ConfigError(
        f"{name}= should be the name of an environment variable, such as {KEY_VARIABLE}, not a key"
    )


def _url(name: str, value: object) -> str:
    """One address, or several of one model joined by `|`."""
    if _is_off(value) and name != "base_url":
        return OFF
    urls = [url.strip().rstrip("/") for url in str(value).split("|")]
    for url in urls:
        if "@" in url:  # a password would be written into results
            raise ConfigError(
                f"{name}= should hold no user or password; put a key into {KEY_VARIABLE} instead"
            )
        if not re.match(r"https?://[^/?#]", url):
            raise ConfigError(f"{name}={value} should be a URL such as http://localhost:8000/v1")
    return "|".join(dict.fromkeys(urls))


def _path(name: str, value: object) -> Path:
    if _is_off(value) and name == "cache":
        return Path(OFF)
    try:
        return Path(text(name, str(value) if isinstance(value, Path) else value)).expanduser()
    except RuntimeError as error:  # ~name of nobody
        raise ConfigError(f"{name}={value} names a home folder that is not there") from error


def _is_off(value: object) -> bool:
    return value is False or value == OFF  # YAML reads a bare `off` as false


_READERS: dict[str, Callable[[str, object], object]] = {
    "model": names,
    "base_url": _url,
    "api_key_env": _variable,
    "completion": flag,
    "n": whole(1),
    "temperature": temperatures,
    "top_p": number(0, 1, above=True),
    "seed": whole(0),
    "max_tokens": whole(1),
    "fusor": text,
    "fusor_base_url": _url,
    "fusor_temperature": number(0, 5),
    "fusor_max_tokens": whole(1),
    "fusor_prompt": text,
    "scorer": text,
    "scorer_model": text,
    "scorer_base_url": _url,
    "concurrency": whole(1),
    "timeout": number(0, 86_400, above=True),
    "max_retries": whole(0),
    "price_in": number(0, MOST_DOLLARS),
    "price_out": number(0, MOST_DOLLARS),
    "budget": number(0, MOST_DOLLARS, above=True),
    "cache": _path,
    "offline": flag,
    "trace_dir": _path,
}
