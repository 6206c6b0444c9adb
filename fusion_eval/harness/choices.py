"""`--generate_choices`: run multiple-choice tasks of the harness as generation."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from fusion_eval.answers.choice_letters import choice_letter
from fusion_eval.answers.choices import INSTRUCTIONS, LETTERS, ChoiceQuestion
from fusion_eval.errors import ConfigError
from fusion_eval.harness import host_choices
from fusion_eval.harness.choice_text import language_of_texts, list_order, split_listing, without_cue
from fusion_eval.harness.tasks.loading import load_tasks, task_manager
from fusion_eval.text.language import language_of

Order = Literal["in_order", "permuted"]
"""Whether options keep the order of the data set, or get a random one that depends on the question alone."""
SUFFIXES: dict[Order, str] = {"in_order": "_generate", "permuted": "_generate_permuted"}
"""What the names of tasks end in, so that their results are not mistaken for those of log-likelihoods."""
METRIC = "exact_match"
_DOCS_READ = 20
"""How many documents tell the language of a task whose name does not tell it."""
_STOP = "\n###\n"
"""Ends an answer: chat models do not write this line, and base models do as they saw it in few-shot examples."""


class GeneratingManager:
    """A task manager of the harness whose multiple-choice tasks generate. Other tasks are as they are."""

    def __init__(self, manager: Any, order: Order) -> None:
        """Take the harness's task manager and the order of the options."""
        self._manager = manager
        self._order: Order = order

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    def load(self, names: Any) -> dict[str, Any]:
        """Load tasks and groups as the harness's task manager does.

        Raises:
            ConfigError: The options of a task cannot be listed.
        """
        loaded = self._manager.load(names)
        converted: dict[int, Any] = {}

        def convert(item: Any) -> Any:
            if id(item) not in converted:
                is_task = hasattr(item, "task_name")
                converted[id(item)] = _task(item, self._order) if is_task else group(item)
            return converted[id(item)]

        def group(item: Any) -> Any:
            members = [convert(part) for part in item]
            if all(new is old for new, old in zip(members, item, strict=True)):
                return item
            return host_choices.renamed_group(item, item.name + SUFFIXES[self._order], members, METRIC)

        tasks = [convert(item) for item in loaded["tasks"].values()]
        groups = [convert(item) for item in loaded.get("groups", {}).values()]
        return {
            "tasks": {task.task_name: task for task in tasks},
            "groups": {item.name: item for item in groups},
            "group_map": {item.name: item.child_names for item in groups},
        }


def order_of(value: object) -> Order | None:
    """Read the order of options as the Python API takes it: true, false, or an order's name.

    Raises:
        ConfigError: It is none of these.
    """
    if value is True or value in SUFFIXES:
        return "in_order" if value is True else next(order for order in SUFFIXES if order == value)
    if value is False or value is None:
        return None
    raise ConfigError(f"generate_choices={value} should be true, false, in_order or permuted")


def check_some_generate(tasks: Iterable[str]) -> None:
    """Raise a ConfigError if none of the tasks, by their names in a run, is multiple choice as generation."""
    names = list(tasks)
    if not any(plain_name(name)[1] for name in names):
        raise ConfigError(
            f"--generate_choices changes no task: {names[0]} is not multiple choice; leave it out"
            if len(names) == 1
            else f"--generate_choices changes no task: none of the {len(names)} is multiple choice; leave it out"
        )


def load_run_tasks(names: Sequence[str], include_path: Path | None) -> dict[str, Any]:
    """Return the tasks of a run by their names there, with multiple choice as generation where the run had it so.

    Raises:
        ConfigError: A task cannot be loaded.
    """
    tasks: dict[str, Any] = {}
    by_order: dict[Order | None, list[str]] = {}
    for name in names:
        plain, order = plain_name(name)
        by_order.setdefault(order, []).append(plain)
    for order, plain_names in by_order.items():
        manager = task_manager(plain_names, include_path)
        loaded = load_tasks(GeneratingManager(manager, order) if order else manager, plain_names)
        tasks |= loaded
    return tasks


def plain_name(name: str) -> tuple[str, Order | None]:
    """Return the name that the harness knows for a task's name, and the order if the task was run as generation."""
    for order in reversed(SUFFIXES):
        if name.endswith(SUFFIXES[order]):
            return name.removesuffix(SUFFIXES[order]), order
    return name, None


def _task(task: Any, order: Order) -> Any:
    """Return the task that generates; a task that is no multiple choice as it is."""
    if task.OUTPUT_TYPE != "multiple_choice":
        return task
    name = str(task.config.task)
    _check_target(task, order)
    try:
        docs = task.eval_docs  # the harness processes all documents each time it is asked
        default = _default_language(task, docs)
        read = functools.partial(_question, task, order, default)
        first = read(docs[0])
        metadata = {"language": first.language} if default or _stated(name, docs[0]) else {}
        fields = _fields(name + SUFFIXES[order], read) | {"metadata": _metadata(task, order, metadata)}
        return host_choices.generating_task(task, fields, _writing(functools.partial(read, fewshot=True)))
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"Task '{name}' cannot be run as generation: {error}") from error


def _check_target(task: Any, order: Order) -> None:
    """Refuse a task in which one place is right in every document, where that is a clue or no answer at all."""
    name, target = task.config.task, task.config.doc_to_target
    if not str(target).isdigit():
        return
    if callable(task.config.process_results):
        raise ConfigError(
            f"Task '{name}' cannot be run as generation: it names no correct option for each document, and scores "
            "log-likelihoods by a function of its own"
        )
    if order == "in_order":
        raise ConfigError(
            f"Task '{name}' has its correct option in the same place in every document; "
            "--generate_choices permuted gives the options a random order"
        )


def _metadata(task: Any, order: Order, language: Mapping[str, str]) -> dict[str, Any]:
    return {**language, **(task.config.metadata or {}), "generate_choices": order}


def _fields(name: str, read: Callable[..., ChoiceQuestion]) -> dict[str, Any]:
    """Return the fields of the harness's task configuration in which the two kinds of a task differ."""

    def extract_answer(doc: Mapping[str, Any], reply: str) -> str | None:
        question = read(doc)
        return choice_letter(reply, question.options, question.language)

    def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
        return {METRIC: float(read(doc).is_correct(extract_answer(doc, results[0])))}

    process_results.extract_answer = extract_answer  # type: ignore[attr-defined] # strategies that vote find it there
    return _writing(read) | {
        "task": name,
        "task_alias": None,
        "output_type": "generate_until",
        "use_prompt": None,
        "process_results": process_results,
        "metric_list": [{"metric": METRIC, "aggregation": "mean", "higher_is_better": True}],
        "filter_list": None,
        "target_delimiter": "\n\n",
        "fewshot_delimiter": f"\n{_STOP}\n",
        "generation_kwargs": {"until": [_STOP], "max_gen_toks": 2048, "do_sample": False, "temperature": 0.0},
        "should_decontaminate": False,
        "doc_to_decontamination_query": None,
    }


def _writing(read: Callable[..., ChoiceQuestion]) -> dict[str, Any]:
    """Return the fields that write a document as a prompt and as an answer."""

    # Functions, not objects: the harness copies a configuration deeply and writes the source of its functions.
    def doc_to_text(doc: Mapping[str, Any]) -> str:
        return read(doc).prompt

    def doc_to_target(doc: Mapping[str, Any]) -> str:
        return read(doc).target

    return {"doc_to_text": doc_to_text, "doc_to_target": doc_to_target}


def _question(
    task: Any, order: Order, default: str | None, doc: Mapping[str, Any], *, fewshot: bool = False
) -> ChoiceQuestion:
    """Read a document as a question with options.

    Raises:
        ConfigError: The options cannot be listed.
    """
    name = str(task.config.task)
    text, choices, correct = host_choices.read_choices(task, doc, fewshot=fewshot)
    language = _stated(name, doc) or default or "en"
    listed = None
    if signs := list_order(choices):
        listed = split_listing(text, [choices[index] for index in signs])
    if listed and signs:
        correct = [signs.index(index) for index in correct]
    elif list_order(choices, digits=False):
        raise ConfigError(
            f"Task '{name}' cannot be run as generation: its choices are {', '.join(choices)}, and its prompt "
            "does not list what they stand for"
        )
    if not 2 <= len(choices) <= len(LETTERS):
        raise ConfigError(
            f"Task '{name}' cannot be run as generation: a document has {len(choices)} options; "
            f"from 2 to {len(LETTERS)} can be listed"
        )
    question, options = listed or (without_cue(text, language), choices)
    lettered = ChoiceQuestion(question, tuple(option.strip() for option in options), tuple(correct), language)
    return lettered.permuted() if order == "permuted" else lettered


def _stated(name: str, doc: Mapping[str, Any]) -> str | None:
    language = language_of(name, doc)
    return language if language in INSTRUCTIONS else None


def _default_language(task: Any, docs: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the language that a task's metadata name, else that of its texts; None if it is none of the 11."""
    named = (task.config.metadata or {}).get("language")
    if named:
        return _stated("", {"language": named})
    parts = [host_choices.read_choices(task, doc) for doc in itertools.islice(docs, _DOCS_READ)]
    return language_of_texts([" ".join([text, *choices]) for text, choices, _ in parts])
