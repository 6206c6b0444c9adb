"""Find arguments that do not go together, before any call is made."""

from __future__ import annotations

import re

from fusion_eval.argument_values import OFF, check_key_variables, runs_in_process
from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments.arguments import ModelArguments
from fusion_eval.model_arguments.sampling_checks import check_sampling


def check_combination(arguments: ModelArguments) -> None:
    """Raise a ConfigError for arguments that do not go together."""
    _check_endpoints(arguments)
    _check_keys(arguments)
    check_sampling(arguments)
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
        fix = (
            f"the fusor's endpoint is fusor_base_url={'|'.join(arguments.base_url)}"
            if arguments.fusor and not arguments.fusor_base_url
            else "name the endpoint's model, model=NAME"
        )
        raise ConfigError(f"base_url= has no use with model={models}; {fix}")


def _check_keys(arguments: ModelArguments) -> None:
    for role in ("", "fusor_", "scorer_"):
        addresses = getattr(arguments, f"{role}base_url") or arguments.base_url
        if isinstance(addresses, tuple):
            check_key_variables(f"{role}api_key_env", getattr(arguments, f"{role}api_key_env"), addresses)
