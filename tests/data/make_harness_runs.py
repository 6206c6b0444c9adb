"""Make small run folders with the lm-evaluation-harness that is installed: `python make_harness_runs.py OUT`.

Each run goes through the harness's own command line, on tiny tasks that this script writes to a temporary folder,
so that OUT/<version>/<run>/ holds what that version leaves on disk. The last step takes paths and the host's
description out of the text of the files and touches nothing else.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
import tempfile
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

VERSION = installed("lm_eval")
RELEASE = tuple(int(part) for part in VERSION.split("."))

# A document holds what the model says to it: `right` where its quality is 1, `weak` where it is less.
# In both of mini_math's filters, in one, or in none is an answer right; the last document repeats the first.
MATH = [
    {"question": "2 + 3", "answer": "5", "right": "2 + 3 is 5. #### 5", "weak": "2 + 3 is 5. #### 5"},
    {"question": "4 + 4", "answer": "8", "right": "#### 8", "weak": "#### 7"},
    {"question": "9 - 2", "answer": "7", "right": "It is 7", "weak": "It is 7"},
    {"question": "6 * 7", "answer": "42", "right": "#### 42", "weak": "I do not know."},
    {"question": "1 - 4", "answer": "-3", "right": "#### -3", "weak": "The answer is -3"},
    {"question": "2 + 3", "answer": "5", "right": "2 + 3 is 5. #### 5", "weak": "2 + 3 is 5. #### 5"},
]
# The long choices win by length (acc_norm) where the model prefers a short one.
CHOICE = [
    {"question": "Snow is", "choices": ["white", "green"], "gold": 0, "right": 0, "weak": 0},
    {"question": "Two is", "choices": ["odd", "an even number"], "gold": 1, "right": 1, "weak": 0},
    {"question": "Fire is", "choices": ["hot", "as cold as ice"], "gold": 0, "right": 0, "weak": 1},
    {"question": "Paris is in", "choices": ["Chile", "Italy", "France"], "gold": 2, "right": 2, "weak": 2},
    {"question": "Owls can", "choices": ["fly", "read"], "gold": 0, "right": 1, "weak": 1},
]
TRANSLATE = [
    {"en": "Good morning.", "fr": "Bonjour.", "right": "Bonjour.", "weak": "Bon matin."},
    {
        "en": "The cat sleeps on the chair.",
        "fr": "Le chat dort sur la chaise.",
        "right": "Le chat dort sur la chaise.",
        "weak": "Le chat est sur la chaise.",
    },
    {
        "en": "We ate bread and cheese at noon.",
        "fr": "Nous avons mangé du pain et du fromage à midi.",
        "right": "À midi, nous avons mangé du pain et du fromage.",
        "weak": "Nous mangeons pain et fromage au midi.",
    },
    {
        "en": "Where is the station?",
        "fr": "Où est la gare ?",
        "right": "Où est la gare ?",
        "weak": "Où est le station ?",
    },
    {
        "en": "It has rained since yesterday.",
        "fr": "Il pleut depuis hier.",
        "right": "Il pleut depuis hier.",
        "weak": "Il pleut depuis hier.",
    },
    {"en": "Thank you!", "fr": "Merci !", "right": "Merci beaucoup !", "weak": ""},
]
QA_FR = [
    {"question": "Capitale de l'Espagne ?", "answer": "Madrid", "right": "Madrid", "weak": "Madrid"},
    {"question": "Couleur de la neige ?", "answer": "blanc", "right": "blanc", "weak": "bleu"},
    {"question": "Combien font 3 + 3 ?", "answer": "6", "right": "6", "weak": "6"},
]
QA_DE = [
    {"question": "Hauptstadt von Spanien?", "answer": "Madrid", "right": "Madrid", "weak": "Lissabon"},
    {"question": "Farbe des Schnees?", "answer": "weiß", "right": "weiß", "weak": "weiß"},
    {"question": "Wie viel ist 3 + 3?", "answer": "6", "right": "7", "weak": "9"},
]
REPEATED = [  # an answer per repetition
    {"question": "5 + 5", "answer": "10", "right": ["10", "10"], "weak": ["10", "11"]},
    {"question": "8 - 1", "answer": "7", "right": ["6", "7"], "weak": ["6", "6"]},
    {"question": "3 * 3", "answer": "9", "right": ["9", "8"], "weak": ["8", "9"]},
]
DOCUMENTS: dict[str, list[dict[str, Any]]] = {
    "mini_math": MATH,
    "mini_choice": CHOICE,
    "mini_translate_en-fr": TRANSLATE,
    "mini_qa_fr": QA_FR,
    "mini_qa_de": QA_DE,
    "mini_repeats": REPEATED,
}
FULL = "mini_math,mini_choice,mini_translate_en-fr,mini_qa,mini_repeats"
RUNS = {
    "strong": ["--model", "mini", "--model_args", "pretrained=mini/strong,quality=1", "--tasks", FULL],
    "weak": ["--model", "mini", "--model_args", "pretrained=mini/weak,quality=0.5", "--tasks", FULL],
    # Nothing here names the model's folder.
    "limited": ["--model", "mini", "--model_args", "quality=0.5", "--tasks", "mini_math", "--limit", "2"],
}


def main(out: Path) -> None:
    """Write OUT/<version>/<run>/ for each of the runs."""
    home = out.resolve() / VERSION
    if home.exists():
        sys.exit(f"{home} exists; the harness would write a second run beside the first.")
    with tempfile.TemporaryDirectory() as name:
        tasks = Path(name).resolve() / "tasks"
        os.environ["HF_HOME"] = str(tasks.parent / "cache")
        write_tasks(tasks)
        os.chdir(tasks)  # outside of any repository: the harness records its commit
        prepare_harness()
        for run, arguments in RUNS.items():
            # A process each: the harness keeps its tasks and random numbers in globals.
            process = multiprocessing.get_context("fork").Process(
                target=evaluate, args=(arguments, tasks, home / run)
            )
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(f"The run {run} failed.")
        scrub(home, tasks.parent)


def write_tasks(folder: Path) -> None:
    """A YAML (JSON is YAML) and a file of documents per task, and one of the group of the two languages."""
    folder.mkdir()
    for task, documents in DOCUMENTS.items():
        data = folder / f"{task}.jsonl"
        public = [{k: v for k, v in doc.items() if k not in ("right", "weak")} for doc in documents]
        data.write_text("".join(json.dumps(doc) + "\n" for doc in public), encoding="utf-8")
        config = {
            "task": task,
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(data)}},
            "test_split": "test",
            "output_type": "generate_until",
            "doc_to_text": "Q: {{question}}\nA:",
            "doc_to_target": "{{answer}}",
            "generation_kwargs": {"until": ["\n"], "do_sample": False},
            "metric_list": [metric("exact_match", "mean")],
            "metadata": {"version": 1.0},
            **SPECIAL[task],
        }
        if config["output_type"] == "multiple_choice":
            del config["generation_kwargs"]
        (folder / f"{task}.yaml").write_text(json.dumps(config), encoding="utf-8")
    group = {
        "group": "mini_qa",
        "task": ["mini_qa_fr", "mini_qa_de"],
        "aggregate_metric_list": [{"metric": "exact_match", "weight_by_size": True}],
        "metadata": {"version": 2.0},
    }
    if RELEASE < (0, 4, 4):
        del group["aggregate_metric_list"], group["metadata"]  # unknown to them: they average by themselves
    (folder / "mini_qa.yaml").write_text(json.dumps(group), encoding="utf-8")


def metric(name: str, aggregation: str, higher_is_better: bool = True) -> dict[str, Any]:
    """An entry of a task's `metric_list`."""
    return {"metric": name, "aggregation": aggregation, "higher_is_better": higher_is_better}


def regex(name: str, pattern: str) -> dict[str, Any]:
    """A filter pipeline that takes what a pattern finds."""
    steps = [{"function": "regex", "regex_pattern": pattern}, {"function": "take_first"}]
    return {"name": name, "filter": steps}


SPECIAL: dict[str, dict[str, Any]] = {
    "mini_math": {
        "metric_list": [{**metric("exact_match", "mean"), "ignore_case": True}],
        "filter_list": [
            regex("strict-match", r"#### (-?[0-9]+)"),
            regex("flexible-extract", r"(-?[0-9]+)[^0-9]*$"),  # the last number
        ],
        "metadata": {"version": 3.0},
    },
    "mini_choice": {
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_target": "gold",
        "doc_to_choice": "choices",
        "metric_list": [metric("acc", "mean"), metric("acc_norm", "mean")],
        "fewshot_split": "test",
        "num_fewshot": 1,
    },
    "mini_translate_en-fr": {
        "doc_to_text": "English: {{en}}\nFrench:",
        "doc_to_target": "{{fr}}",
        "metric_list": [metric("bleu", "bleu"), metric("chrf", "chrf"), metric("ter", "ter", False)],
    },
    "mini_qa_fr": {"metadata": {"version": 1.0, "language": "fr"}},
    "mini_qa_de": {"metadata": {"version": 1.0, "language": "de"}},
    "mini_repeats": {
        "repeats": 2,
        "filter_list": [
            {"name": "first", "filter": [{"function": "take_first"}]},
            {"name": "maj@2", "filter": [{"function": "majority_vote"}, {"function": "take_first"}]},
        ],
    },
}


def prepare_harness() -> None:
    """Import the harness and register the model; releases before 0.4.3 get their exact_match from here."""
    import evaluate as metrics
    import numpy as np

    class ExactMatch:  # their import asks a hub for this one
        def compute(self, references: list[Any], predictions: list[Any], **settings: Any) -> dict[str, Any]:
            lower = str.lower if settings.get("ignore_case") else str
            pairs = zip(predictions, references, strict=True)
            return {"exact_match": np.mean([lower(str(said)) == lower(str(gold)) for said, gold in pairs])}

    load = metrics.load
    metrics.load = lambda name, *rest: ExactMatch() if name == "exact_match" else load(name, *rest)

    import lm_eval.__main__
    import lm_eval.models  # noqa: F401  the built-in models: get_model knows only what is registered
    from lm_eval.api.model import LM
    from lm_eval.api.registry import register_model

    @register_model("mini")
    class MiniLM(LM):
        """Says what the documents hold; `quality` below 1 says the weak answers."""

        def __init__(self, quality: float = 1, **rest: Any) -> None:
            super().__init__()
            self.column = "right" if float(quality) >= 1 else "weak"

        def reply(self, context: str) -> Any:
            """What the document says whose question stands last in the context."""
            asked = [
                (context.rfind(doc.get("question", doc.get("en"))), doc[self.column])
                for documents in DOCUMENTS.values()
                for doc in documents
            ]
            return max(asked, key=lambda pair: pair[0])[1]

        def generate_until(self, requests: list[Any], **rest: Any) -> list[str]:
            said: dict[str, int] = {}
            answers = []
            for request in requests:
                context = request.args[0]
                reply = self.reply(context)
                if isinstance(reply, list):
                    said[context] = said.get(context, -1) + 1
                    reply = reply[said[context]]
                answers.append(reply)
            return answers

        def loglikelihood(self, requests: list[Any], **rest: Any) -> list[tuple[float, bool]]:
            answers = []
            for request in requests:
                context, continuation = request.args
                choices = next(doc["choices"] for doc in CHOICE if context.endswith(doc["question"]))
                place = choices.index(continuation.strip())
                answers.append((-3.0, True) if place == self.reply(context) else (-4.0 - place / 4, False))
            return answers

        def loglikelihood_rolling(self, requests: list[Any], **rest: Any) -> list[float]:
            raise NotImplementedError


def evaluate(arguments: list[str], tasks: Path, output: Path) -> None:
    """One run through the harness's command line."""
    from lm_eval.__main__ import cli_evaluate

    fixed = ["--include_path", str(tasks), "--output_path", str(output), "--log_samples"]
    sys.argv = ["lm_eval", *arguments, *fixed]
    cli_evaluate()


def scrub(home: Path, temporary: Path) -> None:
    """Take the temporary folder and the description of the host out of the files' text."""
    for path in home.rglob("*.json*"):
        text = path.read_text(encoding="utf-8").replace(str(temporary), "/mini")
        text = re.sub(r'("pretty_env_info": )"(?:[^"\\]|\\.)*"', r'\1"PyTorch version: …"', text)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
