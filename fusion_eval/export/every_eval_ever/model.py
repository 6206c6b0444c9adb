"""What answered, as the shared schema has it: a system of several calls goes by a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PureWindowsPath
from typing import Any

from fusion_eval.export.every_eval_ever.results import Source, as_texts
from fusion_eval.export.system import arguments_of
from fusion_eval.runs.provenance import Provenance
from fusion_eval.text.printable import printable
from fusion_eval.text.redaction import public_signature

_TELLING = (
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
"""Arguments of harness models that decide what is answered; others can hold a key."""
_ENGINES = {
    "hf": "transformers",
    "hf-auto": "transformers",
    "huggingface": "transformers",
    "vllm": "vllm",
    "sglang": "sglang",
    "llama.cpp": "llama.cpp",
}
"""What runs a model in the process, by the harness's model type."""


def model_info(source: Source) -> dict[str, Any]:
    """With the parts of a system, their weights where a hash is known, and what the whole run took."""
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
            "model_availability": "open_weights" if _embedded_alone(source) else "unknown",
            **as_texts(_parts(source)),
            **source.totals,
        },
    }


def run_totals(origin: Provenance) -> dict[str, str]:
    """Counts, tokens and US dollars, and the same by who generated."""
    totals = {name: value for name, value in origin.totals.items() if not isinstance(value, Mapping)}
    roles = origin.totals.get("roles")
    for role, usage in roles.items() if isinstance(roles, Mapping) else ():
        if isinstance(usage, Mapping):
            totals |= {f"{role}_{name}": value for name, value in usage.items()}
    return as_texts({f"run_{name}": value for name, value in totals.items()})


def _parts(source: Source) -> dict[str, object]:
    origin, system = source.origin, source.system
    if not origin.strategy:
        told = {
            name: _shown(value) for name, value in arguments_of(origin.model_args).items() if name in _TELLING
        }
        return {"model_type": origin.model_type, **told}
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


def _shown(value: object) -> object:
    """Of a path the last part; both kinds of slashes are known to it."""
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


def _embedded_alone(source: Source) -> bool:
    """The weights that come from the package index are open; of others the run does not tell."""
    system = source.system
    return bool(source.origin.strategy) and {*system.samplers, *([system.fusor] if system.fusor else [])} == {
        "embedded"
    }
