"""Private parts of lm-eval are touched in this file alone and, for tasks, in the other files `host_…`.

The rest of the package uses lm-eval through these functions or through its public API. Releases are told apart by what
they can do. Where nothing else is said, the private part is the same in 0.4.13 and in 0.5.0.dev1.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

# The logger is named here, because the bridge imports this file, and models/ would bring msgspec.
log = logging.getLogger("fusion_eval")

Kind = Literal["model", "filter", "metric", "aggregation"]
_DEFAULTS = {
    "model": "lm_eval.models",
    "filter": "lm_eval.filters",
    "metric": "lm_eval.api.metrics",
    "aggregation": "lm_eval.api.metrics",
}
"""The module of lm-eval that registers its own objects of each kind."""
_SEARCHED = "searches_fusion_eval"
_HINT = "Custom kwargs can be passed"
_NO_ANSWER_CACHE = (
    "--use_cache is ignored: it knows answers by their prompt alone, and would mix strategies. "
    "Models of fusion_eval keep their answers in a store; cache=FILE names it"
)


def discovers_plugins() -> bool:
    """Tell whether this lm-eval finds entry points by itself.

    Private: `lm_eval.api.registry.import_plugins`, on the main branch only.
    """
    import lm_eval.api.registry

    return hasattr(lm_eval.api.registry, "import_plugins")


def scores_each_repeat() -> bool:
    """Tell whether a metric returns a list of scores, one for each repeat of a document.

    Private: `lm_eval.api.registry.reduction_registry`, since 0.5.0.dev1. A metric of 0.4.13 returns one score.
    """
    import lm_eval.api.registry

    return hasattr(lm_eval.api.registry, "reduction_registry")


def is_registered(kind: Kind, name: str) -> bool:
    """Tell whether lm-eval knows an object of this kind by this name.

    Private: the registries of `lm_eval.api.registry`, which `_registry` fills first.
    """
    return name in _registry(kind)


def register(kind: Kind, name: str, target: object) -> None:
    """Register an object, an entry point or `module:object` unless lm-eval knows the name already.

    Private: the registries of `lm_eval.api.registry`, whose `register` refuses a second target.
    """
    registry = _registry(kind)
    if name not in registry:
        registry.register(name, target=target)


def _registry(kind: Kind) -> Any:
    importlib.import_module(_DEFAULTS[kind])
    registry = importlib.import_module("lm_eval.api.registry")
    return getattr(registry, f"{kind}_registry")


def search_by_default(folder: Path) -> None:
    """Let every `TaskManager` with default tasks search `folder`: after the default tasks, before the user's.

    Private: `TaskManager.__init__` is replaced. A second call changes nothing.
    """
    from lm_eval.tasks.manager import TaskManager

    original = TaskManager.__init__
    if hasattr(original, _SEARCHED):
        return
    signature = inspect.signature(original)
    path_default = signature.parameters["include_path"].default
    defaults_default = signature.parameters["include_defaults"].default

    @functools.wraps(original)
    def searching_folder(self: Any, *args: Any, **kwargs: Any) -> None:
        call = signature.bind(self, *args, **kwargs)
        include_path = call.arguments.get("include_path", path_default)
        if call.arguments.get("include_defaults", defaults_default):
            call.arguments["include_path"] = _with_folder(include_path, folder)
        original(*call.args, **call.kwargs)
        self.include_path = include_path

    setattr(searching_folder, _SEARCHED, True)
    TaskManager.__init__ = searching_folder


def _with_folder(include_path: str | Path | Sequence[str | Path] | None, folder: Path) -> list[str | Path]:
    paths = [include_path] if isinstance(include_path, str | Path) else list(include_path or ())
    # If a folder is searched twice, lm-eval warns that each of its tasks overrides itself.
    return paths if folder.resolve() in [Path(path).resolve() for path in paths] else [folder, *paths]


def silence() -> None:
    """Switch off the output that lm-eval has no switch for.

    Private: `tqdm` and the logger of the module that builds requests (`lm_eval.api.task`, in 0.5.0.dev1
    `lm_eval.api.task._task`), and `get_git_commit_hash` of `lm_eval.evaluator`.
    """
    import lm_eval.api.task
    import lm_eval.evaluator

    module = sys.modules.get("lm_eval.api.task._task", lm_eval.api.task)
    module.tqdm = lambda items, **_: items
    logging.getLogger(module.__name__).addFilter(lambda record: _HINT not in record.getMessage())
    if not any((folder / ".git").exists() for folder in (Path.cwd(), *Path.cwd().parents)):
        lm_eval.evaluator.get_git_commit_hash = lambda: None
    if scores_each_repeat():
        _closed_form_only()


def _closed_form_only() -> None:
    """Give standard errors to means only: 0.5.0.dev1 bootstraps every other aggregation, 100,000 times each.

    Private: `lm_eval.api.metrics.stderr_for_metric`. 0.4.13 bootstraps only its own corpus metrics.
    """
    import lm_eval.api.metrics as metrics

    def stderr_for_metric(metric: object, bootstrap_iters: int) -> Any:
        is_mean = metric is metrics.mean or metric is metrics.nanmean
        return metrics.mean_stderr if bootstrap_iters > 0 and is_mean else None

    metrics.stderr_for_metric = stderr_for_metric


def keep_out_of_answer_cache(model_type: type) -> None:
    """Let models of `model_type` take no part in the cache of `--use_cache`, and log that they do not.

    That cache knows an answer by its prompt alone, so it returns one strategy's answers as those of another.

    Private: `lm_eval.api.model.CachingLM.__new__` is replaced, and returns the model without a cache around it.
    """
    from lm_eval.api.model import CachingLM

    def new(cls: type, lm: object, cache_db: str) -> Any:
        if not isinstance(lm, model_type):
            return object.__new__(cls)
        log.warning(_NO_ANSWER_CACHE)
        return lm  # Python calls `CachingLM.__init__` for objects of CachingLM only

    CachingLM.__new__ = new


def parse_arguments(text: str) -> dict[str, object]:
    """Parse `name=value,…` as lm-eval parses `--model_args`: numbers, booleans and None become values.

    Private: `lm_eval.utils.simple_parse_args_string`.
    """
    from lm_eval.utils import simple_parse_args_string

    return dict(simple_parse_args_string(text))


def started_by_command_line() -> bool:
    """Tell whether lm-eval's own command line runs in this process.

    Private: `lm_eval._cli`, which only the command line imports.
    """
    return "lm_eval._cli" in sys.modules


def save_results(
    tracker: Any, results: dict[str, Any], samples: Mapping[str, Any], names: tuple[str, str]
) -> list[Path]:
    """Write the results file and the samples files of a run as lm-eval's command line does; return their paths.

    lm-eval logs a failed write and goes on, so the caller has to look at the files.

    Private: `EvaluationTracker.general_config_tracker` and `date_id`. Without `names`, the model type and the model's
    name, lm-eval makes up a random name for a model object.
    """
    from lm_eval.utils import sanitize_model_name

    config = tracker.general_config_tracker
    config.model_source, config.model_name = names
    config.model_name_sanitized = sanitize_model_name(config.model_name)
    tracker.save_results_aggregated(results=results, samples=samples)
    for name in results["configs"]:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    date = getattr(tracker, "date_id", None)  # unset if nothing could be written
    return sorted(Path(tracker.output_path).rglob(f"*_{date}.json*")) if date else []
