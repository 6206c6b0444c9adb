"""Who answered: one model, or a system of several calls, which must not go by the name of a model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusion_eval.runs.provenance import Provenance
from fusion_eval.text.printable import printable
from fusion_eval.text.redaction import public_name
from fusion_eval.text.specs import spec_name

HOW = (
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "completion",
    "fusor_temperature",
    "fusor_max_tokens",
)
"""Settings that decide what is answered. Addresses and folders are nobody's business."""
_OURS = "fusion_eval"


@dataclass(frozen=True, slots=True)
class System:
    """What gave the answers of a run. `name` is None where the run does not tell who sampled or fused."""

    name: str | None
    id: str
    """`developer/model`; for several calls `fusion_eval/<strategy>-n<N>-<hash of how>`; without a slash where no developer is known."""
    one_model: bool
    samplers: tuple[str, ...] = ()
    fusor: str | None = None
    scorer: str | None = None


def system_of(origin: Provenance) -> System:
    """From what the results file says of how the run was made."""
    if origin.strategy is None:
        name = _plain_name(origin)
        return System(name, name or "unknown", True, (name,) if name else ())
    samplers = _sampler_names(origin)
    strategy_name = spec_name(origin.strategy)
    if strategy_name == "single" and len(samplers) == 1:
        (name,) = samplers
        return System(name, f"{_OURS}/{name}" if name == "embedded" else name, True, samplers)
    fusor, scorer = _fusor(origin, samplers), _scorer(origin, samplers)
    known = samplers and (fusor or strategy_name != "fusion") and (scorer or strategy_name != "bon")
    parts = [
        f"sampler {'+'.join(samplers)}",
        *([f"fusor {fusor}"] if fusor else []),
        *([f"scorer {scorer}"] if scorer else []),
    ]
    strategy, n = printable(origin.strategy), printable(str(origin.settings.get("n", "unknown")))
    return System(
        f"{strategy} of {n} ({', '.join(parts)})" if known else None,
        f"{_OURS}/{spec_name(strategy)}-n{n}-{_digest(origin)}",
        False,
        samplers,
        fusor,
        scorer,
    )


def arguments_of(given: object) -> dict[str, Any]:
    """`--model_args` or `--gen_kwargs` by name; releases before 0.4.12 wrote them as they were typed, `a=1,b=2`."""
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    pairs = [part.partition("=") for part in given.split(",")] if isinstance(given, str) else []
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _plain_name(origin: Provenance) -> str | None:
    """The model's name; a model type is none, and stands where the harness found no other."""
    arguments = arguments_of(origin.model_args)
    named = [origin.model] if origin.model != origin.model_type else []
    told = [*named, arguments.get("pretrained"), arguments.get("model")]
    return next(filter(None, (public_name(name) for name in told if isinstance(name, str))), None)


def _sampler_names(origin: Provenance) -> tuple[str, ...]:
    listed = origin.settings.get("model")
    names = listed if isinstance(listed, list) and len(listed) == len(origin.models) else origin.models
    named = (_name(str(name), identity) for name, identity in zip(names, origin.models, strict=True))
    return tuple(dict.fromkeys(named))


def _name(given: str, identity: str) -> str:
    """The name that was asked for, of a file of weights; else what `openai|address|name|chat`, `litellm|name|chat` or
    `lm_eval|type|{arguments}` tells: the name given may be cut there, or mean another server's model.
    """
    kind, _, rest = identity.partition("|")
    match kind, rest.split("|"):
        case "openai", [address, *name, _]:
            return public_name(
                "/".join([*(["openai"] if "api.openai.com" in address else []), "|".join(name)])
            )
        case "litellm", [name, *_]:
            return public_name(name)
        case "lm_eval", [inner, *told]:
            return public_name(_pretrained("|".join(told)) or f"lm_eval:{inner}")
    return public_name(given)


def _pretrained(told: str) -> str | None:
    """Of the arguments that begin `told`."""
    try:
        arguments, _ = json.JSONDecoder().raw_decode(told)
    except ValueError:
        return None
    name = arguments.get("pretrained", arguments.get("model")) if isinstance(arguments, dict) else None
    return name if isinstance(name, str) else None


def _fusor(origin: Provenance, samplers: Sequence[str]) -> str | None:
    """Strategies of third parties may do without one, which their totals show."""
    roles = origin.totals.get("roles")
    if not origin.fusor or (
        spec_name(origin.strategy or "") != "fusion" and not (isinstance(roles, Mapping) and "fusor" in roles)
    ):
        return None
    given = origin.settings.get("fusor")
    if not isinstance(given, str) and samplers and origin.fusor == origin.models[0]:
        return samplers[0]
    return _name(str(given or origin.fusor), origin.fusor)


def _scorer(origin: Provenance, samplers: Sequence[str]) -> str | None:
    """With the model that rates, where one does."""
    if not origin.scorer or not origin.scorer.startswith("judge"):
        return printable(origin.scorer) if origin.scorer else None
    judge = origin.settings.get("scorer_model")
    named = (
        public_name(judge.removeprefix("openai/")) if isinstance(judge, str) else next(iter(samplers), None)
    )
    return f"{printable(origin.scorer)} {named}" if named else None


def _digest(origin: Provenance) -> str:
    """Systems that differ in anything that decides what they answer have different ids; where a server stands does not."""
    who = [re.sub(r"^openai\|[^|]*\|", "openai|", name) for name in (*origin.models, origin.fusor or "")]
    how = {name: origin.settings.get(name) for name in ("n", "scorer_model", *HOW)}
    told = json.dumps([origin.strategy, who, origin.scorer, origin.prompt, how], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:8]
