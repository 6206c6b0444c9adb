"""Build `model_info` of the shared schema. A system of several calls has a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any

from fusion_eval.argument_values import BUNDLED_MODELS
from fusion_eval.exports.every_eval_ever.results import Source, as_texts
from fusion_eval.exports.system import arguments_of
from fusion_eval.runs.provenance import Provenance
from fusion_eval.text.printable import printable
from fusion_eval.text.redaction import public_signature

_PUBLIC_ARGUMENTS = (
    "revision",
    "dtype",
    "quantization",
    "load_in_8bit",
    "load_in_4bit",
    "max_length",
    "max_model_len",
    "peft",
    "delta",
)
"""Arguments of harness models that change the answers. Other arguments can hold a key."""
_ENGINES = {
    "hf": "transformers",
    "hf-auto": "transformers",
    "huggingface": "transformers",
    "vllm": "vllm",
    "sglang": "sglang",
    "llama.cpp": "llama.cpp",
}
"""The library that runs a model in the process, by the harness's model type."""


def model_info(source: Source) -> dict[str, Any]:
    """Return `model_info`: the parts of the system, hashes of weights that are known, and the totals of the run."""
    origin, system = source.origin, source.system
    engines = {
        _engine(by) for by in (*origin.models, *([origin.fusor] if system.fusor and origin.fusor else []))
    }
    if not origin.strategy:
        engines = {_ENGINES.get(origin.model_type or "")}
    engine = engines.pop() if len(engines) == 1 else None
    developer, slash, _ = system.id.partition("/")
    version = origin.versions.get(engine) if engine else None
    return {
        "name": system.name or "unknown",
        "id": system.id,
        **({"developer": developer} if slash else {}),
        **(
            {"inference_engine": {"name": engine, **({"version": printable(version)} if version else {})}}
            if engine
            else {}
        ),
        "additional_details": {
            "deployment_type": "self_deployed" if engine else "unknown",
            "model_availability": "open_weights" if _bundled_alone(source) else "unknown",
            **as_texts(_parts(source)),
            **source.totals,
        },
    }


def run_totals(origin: Provenance) -> dict[str, str]:
    """Return counts, tokens and US dollars of a run, in all and for each role."""
    totals = {name: value for name, value in origin.totals.items() if not isinstance(value, Mapping)}
    roles = origin.totals.get("roles")
    for role, usage in roles.items() if isinstance(roles, Mapping) else ():
        if isinstance(usage, Mapping):
            totals |= {f"{role}_{name}": value for name, value in usage.items()}
    return as_texts({f"run_{name}": value for name, value in totals.items()})


def _parts(source: Source) -> dict[str, object]:
    origin, system = source.origin, source.system
    if not origin.strategy:
        arguments = {
            name: _without_folder(value)
            for name, value in arguments_of(origin.model_args).items()
            if name in _PUBLIC_ARGUMENTS
        }
        return {"model_type": origin.model_type, **arguments}
    return {
        "is_one_model": system.one_model,
        "strategy": origin.strategy,
        "n": origin.settings.get("n"),
        "samplers": list(system.samplers),
        "sampler_weights": [weights for by in origin.models if (weights := _weights(by))] or None,
        "fusor": system.fusor,
        "fusor_weights": _weights(origin.fusor or "") if system.fusor else None,
        "fusor_prompt": origin.prompt if system.fusor else None,
        "scorer": system.scorer,
        "signature": public_signature(origin.signature),
    }


def _without_folder(value: object) -> object:
    """Return the last part of a path, with either kind of slash; other values as they are."""
    return (
        PureWindowsPath(value).name if isinstance(value, str) and value.startswith(("/", "~", ".")) else value
    )


def _weights(identity: str) -> str | None:
    kind, _, rest = identity.partition("|")
    return f"gguf {rest.partition('|')[0]}" if kind == "gguf" else None


def _engine(identity: str) -> str | None:
    kind, _, rest = identity.partition("|")
    return _ENGINES.get(
        "llama.cpp" if kind == "gguf" else rest.partition("|")[0] if kind == "lm_eval" else ""
    )


def _bundled_alone(source: Source) -> bool:
    """Return whether only bundled models answered. Their weights are open; of others, the run does not say."""
    system = source.system
    models = {*system.samplers, *([system.fusor] if system.fusor else [])}
    return bool(source.origin.strategy and models) and models <= set(BUNDLED_MODELS)


def library(origin: Provenance) -> dict[str, Any]:
    """Return the harness's version, and those of the packages beside it."""
    others = {name: version for name, version in origin.versions.items() if name != "lm_eval"}
    version = printable(origin.versions.get("lm_eval", "unknown"))
    return {"name": "lm_eval", "version": version, "additional_details": as_texts(others)}
