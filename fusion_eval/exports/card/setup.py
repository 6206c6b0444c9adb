"""Show on a card how each run was made: models, strategy, sampling, prompts, software and tasks."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.exports.system import arguments_of
from fusion_eval.runs.answered import parse_messages
from fusion_eval.runs.provenance import Provenance
from fusion_eval.runs.reading import Run, TaskRun
from fusion_eval.runs.records import read_records
from fusion_eval.runs.results_file import Results
from fusion_eval.text.escaping import escaped_table
from fusion_eval.text.redaction import public_arguments, without_paths

_DIGITS = 16
"""The digits of a hash that are shown: enough to tell two apart."""
_SAMPLING = (
    *("sampling", "temperature", "top_p", "min_p", "max_tokens", "seed", "weights", "adaptive"),
    "cross_lingual",
)


def setup_table(runs: Sequence[Run], origins: Sequence[Provenance]) -> str:
    """Return a table with a line for each fact and a column for each run. Facts that no run has are left out."""
    columns = [_facts(run, origin) for run, origin in zip(runs, origins, strict=True)]
    names = [name for name in columns[0] if any(facts[name] for facts in columns)]
    lines = [[name, *(without_paths(facts[name]) or "-" for facts in columns)] for name in names]
    return escaped_table(["", *(run.name for run in runs)], lines, 1 + len(runs))


def task_table(runs: Sequence[Run], origins: Sequence[Provenance]) -> str:
    """Return a table with a line for each task, or several if the runs set it up differently."""
    setups: dict[tuple[str, ...], list[str]] = {}
    for run, origin in zip(runs, origins, strict=True):
        for task, part in run.tasks.items():
            setups.setdefault(_setup(task, part, origin), []).append(run.name)
    lines = [
        [*setup, "all" if len(names) == len(runs) else ", ".join(names)] for setup, names in setups.items()
    ]
    head = ["task", "language", "version", "few-shot", "limit", "items", f"hash ({_DIGITS} digits)", "runs"]
    order = list(dict.fromkeys(task for run in runs for task in run.tasks))
    return escaped_table(head, sorted(lines, key=lambda line: order.index(line[0])), len(head))


def first_prompt(run: Run) -> str | None:
    """Return the prompt for the first document of the first task, as the model got it; None if the file has no text."""
    first = next((task for task, part in run.tasks.items() if part.samples), None)
    path = next((file.path for file in run.files.samples if file.task == first), None)
    if path is None:
        return None
    _, record = next(iter(read_records(path)), ("", None))
    match record:
        case {"arguments": {"gen_args_0": {"arg_0": prompt}} | [[prompt, *_], *_]}:
            messages = parse_messages(prompt)
            if len(messages) == 1:
                return messages[0].content
            return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)
    return None


def _applies_chat_template(run: Run) -> bool:
    """Return whether prompts were rendered as chat. Models with a template of their own leave an empty one."""
    results = run.files.newest_results()
    return results.get("chat_template") is not None or results.get("fewshot_as_multiturn") is True


def _facts(run: Run, origin: Provenance) -> dict[str, str]:
    """Return the facts about a run by name. Unknown facts are empty."""
    settings, results = public_arguments(origin.settings), run.files.newest_results()
    sampling = [f"{name} {settings[name]}" for name in _SAMPLING if name in settings]
    if settings and not {"temperature", "sampling"} & settings.keys():
        sampling.insert(0, "temperature of the task, else 0.7")
    replayed = ", replayed from a store" if origin.settings.get("offline") else ""
    return {
        "signature": origin.signature or "",
        "strategy": origin.strategy or "",
        "model": settings.get("model") or origin.model or "",
        "type of model": "" if origin.strategy else origin.model_type or "",
        "arguments of the model": "" if origin.strategy else _arguments(origin.model_args),
        "its identity": ", ".join(origin.models),
        "candidates per prompt (N)": settings.get("n", ""),
        "sampling": ", ".join(sampling),
        "arguments of generation": _arguments(origin.gen_kwargs),
        "chosen by": origin.scorer or "",
        "fused by": origin.fusor or "",
        "fusor's prompt and its hash": (origin.prompt or "") if origin.fusor else "",
        "fusor's temperature": settings.get("fusor_temperature", "") if origin.fusor else "",
        "chat template": _use_of(results, "chat_template", _applies_chat_template(run)),
        "system prompt": _use_of(results, "system_instruction", bool(origin.system_instruction)),
        "seeds of the harness": ", ".join(f"{name} {seed}" for name, seed in origin.seeds.items()),
        "software": ", ".join(f"{name} {version}" for name, version in origin.versions.items()),
        "finished": run.date[:19],
        "took": "" if origin.seconds is None else f"{origin.seconds:,.0f} s{replayed}",
    }


def _arguments(value: object) -> str:
    return ", ".join(f"{name}={text}" for name, text in public_arguments(arguments_of(value)).items())


def _use_of(results: Results, name: str, used: bool) -> str:
    """Say whether a template was used, by its hash. Templates of the models have no hash; old releases say nothing."""
    digest = results.get(f"{name}_sha")
    if isinstance(digest, str) and digest:
        return f"hash {digest[:_DIGITS]}"
    if used:
        return "used, without a hash"
    return "none" if name in results else ""


def _setup(task: str, part: TaskRun, origin: Provenance) -> tuple[str, ...]:
    info = part.info
    return (
        task,
        part.language or "-",
        info.version or "-",
        "-" if info.fewshot is None else str(info.fewshot),
        "none" if info.limit is None else f"{info.limit:g}",
        _items(part),
        origin.task_hashes.get(task, "-")[:_DIGITS],
    )


def _items(part: TaskRun) -> str:
    """Return how many items the samples hold. Without samples, return the number that the results file states."""
    items = len({sample.doc_id for sample in part.samples}) or part.info.n_samples
    return "-" if items is None else f"{items:,}"
