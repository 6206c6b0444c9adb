"""Name what gave the answers of a run: one model, or a system of several calls, which needs a name of its own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusion_eval.argument_values import BUNDLED_MODELS
from fusion_eval.runs.provenance import Provenance
from fusion_eval.text.printable import printable
from fusion_eval.text.redaction import public_name

ANSWER_SETTINGS = (
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "completion",
    "fusor_temperature",
    "fusor_max_tokens",
)
"""Settings that change the answers. Addresses and folders are not among them, and stay private."""
SAMPLING_SETTINGS = ("min_p", "sampling", "weights", "adaptive", "cross_lingual")
"""Further settings that change the answers. A run without them says nothing of them, and its id does not depend on them."""
_OURS = "fusion_eval"


@dataclass(frozen=True, slots=True)
class System:
    """What gave the answers of a run."""

    name: str | None
    """None if the run does not say which models sampled, fused or scored."""
    id: str
    """`developer/model`, or `model` if the developer is unknown. For several calls,
    `fusion_eval/<strategy>-n<N>-<hash of the settings>`."""
    one_model: bool
    samplers: tuple[str, ...] = ()
    fusor: str | None = None
    scorer: str | None = None


def system_of(origin: Provenance) -> System:
    """Return the system that a results file describes."""
    if origin.strategy is None:
        name = _plain_name(origin)
        return System(name, name or "unknown", True, (name,) if name else ())
    samplers = _sampler_names(origin)
    if origin.strategy == "single" and len(samplers) == 1:
        (name,) = samplers
        return System(name, f"{_OURS}/{name}" if name in BUNDLED_MODELS else name, True, samplers)
    fusor, scorer = _fusor(origin, samplers), _scorer(origin, samplers)
    known = samplers and (fusor or origin.strategy != "fusion") and (scorer or origin.strategy != "bon")
    parts = [
        f"sampler {'+'.join(samplers)}",
        *([f"fusor {fusor}"] if fusor else []),
        *([f"scorer {scorer}"] if scorer else []),
    ]
    strategy, n = printable(origin.strategy), printable(str(origin.settings.get("n", "unknown")))
    return System(
        f"{strategy} of {n} ({', '.join(parts)})" if known else None,
        f"{_OURS}/{strategy}-n{n}-{_digest(origin)}",
        False,
        samplers,
        fusor,
        scorer,
    )


def arguments_of(value: object) -> dict[str, Any]:
    """Return `--model_args` or `--gen_kwargs` by name. Releases before 0.4.12 wrote them as one text, `a=1,b=2`."""
    if isinstance(value, Mapping):
        return {str(name): argument for name, argument in value.items()}
    pairs = [part.partition("=") for part in value.split(",")] if isinstance(value, str) else []
    return {name.strip(): argument.strip() for name, equals, argument in pairs if equals}


def _plain_name(origin: Provenance) -> str | None:
    """Return the name of a harness model. Without a name, the harness writes the model type in its place."""
    arguments = arguments_of(origin.model_args)
    named = [origin.model] if origin.model != origin.model_type else []
    candidates = [*named, arguments.get("pretrained"), arguments.get("model")]
    return next(filter(None, (public_name(name) for name in candidates if isinstance(name, str))), None)


def _sampler_names(origin: Provenance) -> tuple[str, ...]:
    listed = origin.settings.get("model")
    names = listed if isinstance(listed, list) and len(listed) == len(origin.models) else origin.models
    named = (_name(str(name), identity) for name, identity in zip(names, origin.models, strict=True))
    return tuple(dict.fromkeys(named))


def _name(argument: str, identity: str) -> str:
    """Return the public name of a model.

    The identity is preferred to the argument, which may be cut, or name a model of another server. Identities are
    `openai|address|name|chat`, `litellm|name|chat`, `lm_eval|type|{arguments}`, or of weights.
    """
    kind, _, rest = identity.partition("|")
    match kind, rest.split("|"):
        case "openai", [address, *name, _]:
            return public_name(
                "/".join([*(["openai"] if "api.openai.com" in address else []), "|".join(name)])
            )
        case "litellm", [name, *_]:
            return public_name(name)
        case "lm_eval", [model_type, *arguments]:
            return public_name(_pretrained("|".join(arguments)) or f"lm_eval:{model_type}")
    return public_name(argument)


def _pretrained(text: str) -> str | None:
    """Return the model among the JSON arguments at the start of a text."""
    try:
        arguments, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return None
    name = arguments.get("pretrained", arguments.get("model")) if isinstance(arguments, dict) else None
    return name if isinstance(name, str) else None


def _fusor(origin: Provenance, samplers: Sequence[str]) -> str | None:
    """Return the fusor's name. Strategies of third parties may not use one; their totals show it."""
    roles = origin.totals.get("roles")
    if not origin.fusor or (
        origin.strategy != "fusion" and not (isinstance(roles, Mapping) and "fusor" in roles)
    ):
        return None
    argument = origin.settings.get("fusor")
    if not isinstance(argument, str) and samplers and origin.fusor == origin.models[0]:
        return samplers[0]
    return _name(str(argument or origin.fusor), origin.fusor)


def _scorer(origin: Provenance, samplers: Sequence[str]) -> str | None:
    """Return the scorer's name, with the model that rates if there is one."""
    if not origin.scorer or not origin.scorer.startswith("judge"):
        return printable(origin.scorer) if origin.scorer else None
    judge = origin.settings.get("scorer_model")
    model = (
        public_name(judge.removeprefix("openai/")) if isinstance(judge, str) else next(iter(samplers), None)
    )
    return f"{printable(origin.scorer)} {model}" if model else None


def sampling_settings(origin: Provenance) -> dict[str, object]:
    """Return those settings of how pools are drawn that a run has set beyond `ANSWER_SETTINGS`."""
    return {
        name: origin.settings[name] for name in SAMPLING_SETTINGS if origin.settings.get(name) is not None
    }


def _digest(origin: Provenance) -> str:
    """Return a hash of all that changes the answers. The address of a server does not."""
    models = [re.sub(r"^openai\|[^|]*\|", "openai|", name) for name in (*origin.models, origin.fusor or "")]
    settings = {name: origin.settings.get(name) for name in ("n", "scorer_model", *ANSWER_SETTINGS)}
    settings |= sampling_settings(origin)
    if system_prompts := re.search(r"\|system:(\w+)", origin.signature or ""):
        settings["system_prompts"] = system_prompts[1]
    content = [origin.strategy, models, origin.scorer, origin.prompt, settings]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:8]
