"""The task groups wmt24pp and ntrex: from English into ten languages, scored as sacrebleu and XCOMET score."""

from __future__ import annotations

import ast
import json
import os
import pickle
import random
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import lm_eval
import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager
from openai_server import Plan, Server, prompt_text

from fusion_eval.cli import main as cli
from fusion_eval.compare.compare import compare
from fusion_eval.compare.options import ComparisonOptions
from fusion_eval.harness import run as running
from fusion_eval.harness.tasks.loading import load_tasks, task_manager
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.reading import read_runs
from fusion_eval.text.language import language_of

ROOT = Path(__file__).parents[3]
TASKS = ROOT / "tasks"
SENTENCES = [
    json.loads(line)
    for line in (TASKS / "fusion_demo/data/sentences.jsonl").read_text(encoding="utf-8").splitlines()
]
LANGUAGES = ("fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar")
TOKENIZERS = {"ja": "ja-mecab", "ko": "ko-mecab", "zh": "zh"}
CONFIGURATIONS = {
    "fr": "en-fr_FR", "de": "en-de_DE", "es": "en-es_MX", "ru": "en-ru_RU", "it": "en-it_IT",
    "pt": "en-pt_BR", "ja": "en-ja_JP", "ko": "en-ko_KR", "zh": "en-zh_CN", "ar": "en-ar_EG",
}  # fmt: skip
TEXT_METRICS = ("chrf", "chrf_corpus", "bleu")
identify = import_module("fusion_eval.answers.open_ended").identify
"""The language of a text."""

COMET = '''
"""The interface of unbabel-comet 2.2, with a score that can be foreseen: the share of the reference's letters."""
from types import SimpleNamespace

calls = []

def download_model(model):
    calls.append(("download", model))
    return "/checkpoints/model.ckpt"

def load_from_checkpoint(path):
    calls.append(("load", path))
    return Model()

class Model:
    def predict(self, samples, batch_size=16, gpus=1):
        calls.append(("predict", [sorted(sample) for sample in samples], batch_size, gpus))
        scores = [min(1.0, len(sample["mt"]) / len(sample["ref"])) for sample in samples]
        return SimpleNamespace(scores=scores, system_score=sum(scores) / len(scores))
'''


class Translator(LM):
    """Answers each prompt with what `answer` makes of its document; no model."""

    def __init__(self, answer: Callable[[dict[str, str]], str]) -> None:
        super().__init__()
        self._answer = answer

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return [self._answer(request.doc) for request in requests]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError


def evaluated(answer: Callable[[dict[str, str]], str], *tasks: str) -> dict[str, Any]:
    manager = TaskManager(include_path=str(TASKS), include_defaults=False)
    result: dict[str, Any] = lm_eval.simple_evaluate(
        Translator(answer), tasks=list(tasks), task_manager=manager
    )
    return result


def reference(doc: Mapping[str, str]) -> str:
    return f" {doc['target']}\n"


def truncated(doc: Mapping[str, str]) -> str:
    return doc["target"][: 2 * len(doc["target"]) // 3]


@pytest.fixture
def wmt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local copy in WMT24++'s schema: three documents of six sentences, and three sources marked as bad."""
    folder = tmp_path / "data"
    for language, configuration in CONFIGURATIONS.items():
        write_rows(folder / "google/wmt24pp" / configuration / "train.jsonl", segments(language))
    monkeypatch.setenv("FUSION_EVAL_DATA", str(folder))
    return folder


def segments(language: str) -> list[dict[str, Any]]:
    rows = [("canary", "canary", True, "CANARY 1", "CANARY 1")]
    for number, sentence in enumerate(SENTENCES):
        rows.append(("news", f"doc-{number // 6}", False, sentence["en"], sentence[language]))
        if number % 9 == 4:
            rows.append(("social", f"doc-{number // 6}", True, "<a href='https://…'>", "<a>"))
    return [
        {
            "lp": CONFIGURATIONS[language], "domain": domain, "document_id": document, "segment_id": number,
            "is_bad_source": bad, "source": source, "target": target, "original_target": target,
        }
        for number, (domain, document, bad, source, target) in enumerate(rows)
    ]  # fmt: skip


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def news_folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real news: the local copy that `tasks/ntrex/documents.py` makes of 200 parallel lines."""
    folder = tmp_path_factory.mktemp("news")
    subprocess.run(
        [sys.executable, TASKS / "ntrex/documents.py", shared_data / "ntrex/en-x.jsonl", folder], check=True
    )
    return folder


@pytest.fixture
def news(news_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUSION_EVAL_DATA", str(news_folder))
    return news_folder


@pytest.fixture
def comet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The calls of a package `comet` that stands in for unbabel-comet."""
    package = tmp_path / "packages" / "comet" / "__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text(COMET, encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parents[1]))
    import comet  # type: ignore[import-not-found] # written a moment ago

    yield comet.calls
    for name in [name for name in sys.modules if name == "comet" or name.endswith("wmt24pp/xcomet")]:
        del sys.modules[name]  # the next test starts with no model in memory


# The tasks


@pytest.mark.parametrize(
    ("group", "prefix"),
    [("wmt24pp", "wmt24pp_en_"), ("wmt24pp_xcomet", "wmt24pp_xcomet_en_"), ("ntrex", "ntrex_")],
)
def test_groups_are_found_and_list_ten_tasks(wmt: Path, comet: list[Any], group: str, prefix: str) -> None:
    # Given copies of both benchmarks in one folder
    ntrex = runpy.run_path(str(TASKS / "ntrex/documents.py"))
    for language, configuration in ntrex["CONFIGURATIONS"].items():
        rows = [{"text": sentence[language]} for sentence in SENTENCES]
        write_rows(wmt / "davidstap/NTREX" / configuration / "test.jsonl", rows)
    # When the group is loaded, then it is a task per language, each of which says what it is
    loaded = load_tasks(task_manager([group], None), [group])
    assert list(loaded) == [prefix + language for language in LANGUAGES]
    for language, (name, task) in zip(LANGUAGES, loaded.items(), strict=True):
        metadata = task.config.metadata
        assert (metadata["version"], metadata["language"]) == (1.0, language)
        assert metadata["source"] and metadata["licence"]
        docs = task.test_docs()
        assert docs["source"][:] == [sentence["en"] for sentence in SENTENCES]
        assert docs["target"][:] == [sentence[language] for sentence in SENTENCES]
        assert language_of(name, docs[0]) == language


def test_bad_sources_are_left_out(wmt: Path) -> None:
    (task,) = load_tasks(task_manager(["wmt24pp_en_ko"], None), ["wmt24pp_en_ko"]).values()
    docs = list(task.test_docs())
    assert sum(row["is_bad_source"] for row in segments("ko")) == 3
    assert not any(doc["is_bad_source"] for doc in docs) and len(docs) == len(SENTENCES)
    assert docs[0]["domain"] == "news" and docs[0]["lp"] == "en-ko_KR"


def test_a_copy_of_the_tasks_folder_works_elsewhere(
    wmt: Path, comet: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(TASKS, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    manager = TaskManager(include_path=str(tmp_path / "elsewhere"), include_defaults=False)
    assert len(manager.load(["wmt24pp"])["tasks"]) == len(manager.load(["wmt24pp_xcomet"])["tasks"]) == 10
    assert {"ntrex", "ntrex_fr"} <= set(manager.all_tasks)


@pytest.mark.parametrize(
    "name", ["translation_metrics", "wmt24pp/documents", "wmt24pp/xcomet", "ntrex/documents"]
)
def test_the_tasks_stand_without_the_package(name: str) -> None:
    tree = ast.parse((TASKS / f"{name}.py").read_text(encoding="utf-8"))
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    from_ = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    packages = {name.partition(".")[0] for name in plain | from_}
    assert packages <= sys.stdlib_module_names | {"datasets", "sacrebleu", "comet"}


# The prompts


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_prompt_holds_the_source_and_ends_where_the_translation_begins(wmt: Path, language: str) -> None:
    name = f"wmt24pp_en_{language}"
    (task,) = load_tasks(task_manager([name], None), [name]).values()
    doc = task.test_docs()[0]
    prompt = task.fewshot_context(doc, 0)
    asked, source, label = prompt.split("\n\n")
    assert source.endswith(doc["source"]) and prompt.count(doc["source"]) == 1
    assert label[-1] in ":：" and identify(asked) == language
    assert doc["target"] not in prompt


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_make_a_plain_text_prompt_whose_continuation_is_stopped(wmt: Path, language: str) -> None:
    # Given a base model that is shown four examples
    name = f"wmt24pp_en_{language}"
    (task,) = load_tasks(task_manager([name], None), [name]).values()
    docs = list(task.test_docs())
    prompt = task.fewshot_context(docs[1], 4)
    # Then they are the first segments without the one that is asked, and translations stand where its own is to stand
    shown = [docs[0], docs[2], docs[3], docs[4]]
    gap = "" if language in ("ja", "zh") else " "
    turns = [task.fewshot_context(doc, 0) + gap + doc["target"] for doc in shown]
    assert prompt == "\n\n".join([*turns, task.fewshot_context(docs[1], 0)])
    # And what it writes as a next example is cut off
    (stop,) = task.config.generation_kwargs["until"]
    going_on = f"{gap}{docs[1]['target']}\n\n{task.fewshot_context(docs[5], 0)}"
    assert going_on.partition(stop)[0].strip() == docs[1]["target"]
    assert all(stop not in text for doc in docs for text in (doc["source"], doc["target"]))


def test_the_number_of_examples_is_the_users(
    wmt: Path, openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    server = openai_server(Plan(reply=lambda request, index: "ja"))
    for number in (None, 4):
        real_run(server, tmp_path / str(number), "wmt24pp_en_fr", limit=1, num_fewshot=number)
    texts = [prompt_text(call.body) for call in server.calls]
    assert [text.count("Anglais :") for text in texts] == [1, 5]
    assert texts[1].endswith(texts[0]) and SENTENCES[4]["fr"] in texts[1]


# The scores


def test_references_score_100_in_every_language(news: Path) -> None:
    results = evaluated(reference, "ntrex")["results"]
    for name in ("ntrex", *(f"ntrex_{language}" for language in LANGUAGES)):
        for metric in TEXT_METRICS:
            assert results[name][f"{metric},none"] == pytest.approx(100), (name, metric)
    assert results["ntrex"]["sample_len"] == 2000
    assert "xcomet,none" not in results["ntrex_fr"]


def test_worse_answers_score_less(news: Path) -> None:
    tasks = [f"ntrex_{language}" for language in LANGUAGES]
    cut = evaluated(truncated, *tasks)["results"]
    texts = {language: [row["target"] for row in documents(f"ntrex_{language}")] for language in LANGUAGES}
    for language in LANGUAGES:
        random.Random(1).shuffle(texts[language])
    mixed = evaluated(lambda doc: texts[doc["language"]][int(doc["id"])], *tasks)["results"]
    for task in tasks:
        for metric in (f"{name},none" for name in TEXT_METRICS):
            assert 100 > cut[task][metric] > 40 > mixed[task][metric]


def documents(name: str) -> list[dict[str, str]]:
    (task,) = load_tasks(task_manager([name], None), [name]).values()
    return list(task.test_docs())


@pytest.mark.parametrize("language", ["de", "ja", "ko", "zh", "ar"])
def test_scores_are_those_of_sacrebleus_command(news: Path, tmp_path: Path, language: str) -> None:
    # Given translations in a file, a line each
    docs = documents(f"ntrex_{language}")
    for name, texts in (("ref", [d["target"] for d in docs]), ("hyp", [truncated(d) for d in docs])):
        (tmp_path / name).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    # When sacrebleu's own command scores them
    command = [
        *(sys.executable, "-m", "sacrebleu", tmp_path / "ref", "-i", tmp_path / "hyp", "-m", "bleu", "chrf"),
        *("-tok", TOKENIZERS.get(language, "13a"), "-w", "8", "--format", "json"),
    ]
    said = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    # Then the harness's results say the same
    results = evaluated(truncated, f"ntrex_{language}")["results"][f"ntrex_{language}"]
    assert [entry["name"] for entry in said] == ["BLEU", "chrF2"]
    assert results["bleu,none"] == pytest.approx(said[0]["score"], abs=1e-6)
    assert results["chrf_corpus,none"] == pytest.approx(said[1]["score"], abs=1e-6)


def test_pairs_survive_the_way_between_processes_from_a_folder_with_a_dot_in_its_name(
    wmt: Path, tmp_path: Path
) -> None:
    """As site-packages has one, `python3.11`: pickle takes what is before it for a package."""
    copied = tmp_path / "python3.11" / "tasks"
    shutil.copytree(ROOT / "tasks", copied)
    loader = runpy.run_path(str(copied / "translation_metrics.py"))
    pair = loader["score"]({"target": "x", "language": "ja"}, ["x"])["bleu"]
    assert pickle.loads(pickle.dumps(pair)).language == "ja"


def test_pairs_survive_the_way_between_processes(wmt: Path) -> None:
    (task,) = load_tasks(task_manager(["wmt24pp_en_ja"], None), ["wmt24pp_en_ja"]).values()
    scores = [task.process_results(doc, [reference(doc)]) for doc in task.test_docs()]
    pairs = pickle.loads(pickle.dumps([score["bleu"] for score in scores]))
    assert task.aggregation()["bleu"](pairs) == pytest.approx(100)
    assert json.loads(json.dumps(pairs[0])) == [SENTENCES[0]["ja"]] * 2


@pytest.mark.parametrize(("language", "module"), [("ja", "MeCab"), ("ko", "mecab_ko")])
def test_a_tokenizer_that_is_not_installed_is_named_before_a_model_is_asked(
    wmt: Path, tmp_path: Path, language: str, module: str
) -> None:
    program = (
        f"import sys; sys.modules['{module}'] = None; from fusion_eval.cli.main import main; sys.exit(main())"
    )
    command = [
        sys.executable,
        "-c",
        program,
        "run",
        "--tasks",
        f"wmt24pp_en_{language}",
        "--output",
        tmp_path,
    ]
    refused = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ))
    assert (refused.returncode, refused.stdout) == (2, "")
    (sentence,) = refused.stderr.splitlines()
    assert f"wmt24pp_en_{language}" in sentence and sentence.endswith("pip install 'fusion-eval[cjk]'")


# Compared


def real_run(server: Server, folder: Path, *tasks: str, **options: Any) -> Path:
    arguments = {
        "model": "test-model", "base_url": server.base_url, "n": 1, "cache": str(folder / "store.sqlite"),
    }  # fmt: skip
    plan = running.Plan(output=folder, tasks=tasks, strategies=("single",), model_args=arguments, **options)
    assert running.run(plan, lambda line: None) is not None
    return folder / "single"


def results_of(run: Path) -> dict[str, Any]:
    (path,) = run.rglob("results_*.json")
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return results


def answering(answers: Mapping[tuple[str, str], str]) -> Plan:
    """A model that knows its answers, by label of the language and source."""

    def reply(request: dict[str, Any], index: int) -> str:
        _, source, label = prompt_text(request).split("\n\n")
        return answers[label, source]

    return Plan(reply=reply)


def asked(*names: str) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """((label, source), document) of all documents."""
    for name, task in load_tasks(task_manager(names, None), list(names)).items():
        assert name in names
        for doc in task.test_docs():
            _, source, label = task.fewshot_context(doc, 0).split("\n\n")
            yield (label, source), doc


def compared(*runs: Path) -> Comparison:
    return compare(read_runs(runs), ComparisonOptions(resamples=500))


def test_a_comparison_agrees_with_the_results_and_takes_documents_for_clusters(
    wmt: Path, openai_server: Callable[[Plan], Server], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given the runs of two models, of which one loses the end of each segment
    tasks = [f"wmt24pp_en_{language}" for language in ("de", "ja", "ko", "zh", "ar")]
    cut = {key: truncated(doc) for key, doc in asked(*tasks)}
    less = {key: doc["target"][:-2] for key, doc in asked(*tasks)}
    worse, better = (
        real_run(openai_server(answering(answers)), tmp_path / name, *tasks)
        for name, answers in (("worse", cut), ("better", less))
    )
    # When they are compared
    assert cli.main(["compare", str(worse), str(better), "--format", "json"]) == 0
    comparison = json.loads(capsys.readouterr().out)
    # Then every value is the one of its results file, and none is left out
    rows = {(row["task"], row["metric"]): row for row in comparison["rows"]}
    for task in tasks:
        for metric in TEXT_METRICS:
            row = rows[task, metric]
            assert row["baseline_value"] == pytest.approx(results_of(worse)[task][f"{metric},none"], rel=1e-9)
            assert row["candidate_value"] == pytest.approx(
                results_of(better)[task][f"{metric},none"], rel=1e-9
            )
            assert row["delta"] > 0 and row["clusters"] == 3
    notes = comparison["notes"]
    assert not any("left out" in note or "and not" in note for note in notes)
    assert "wmt24pp_en: items that share their field 'document_id' are one cluster" in notes


def test_documents_of_real_news_are_clusters(
    news: Path, openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    cut = {key: truncated(doc) for key, doc in asked("ntrex_fr", "ntrex_ja")}
    run = real_run(openai_server(answering(cut)), tmp_path / "run", "ntrex_fr", "ntrex_ja")
    comparison = compared(run, run)
    assert "ntrex: items that share their field 'document_id' are one cluster" in comparison.notes
    known = {doc["document_id"] for doc in documents("ntrex_fr")}
    assert {row.clusters for row in comparison.rows} == {len(known)} and len(known) > 5
    values = {(row.task, row.metric): row.baseline_value for row in comparison.rows}
    for task in ("ntrex_fr", "ntrex_ja"):
        for metric in TEXT_METRICS:
            assert values[task, metric] == pytest.approx(results_of(run)[task][f"{metric},none"], rel=1e-9)


# XCOMET


def test_xcomet_scores_a_whole_task_in_one_call(
    wmt: Path, comet: list[Any], openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    # Given two tasks and a model that loses the end of each segment
    tasks = ("wmt24pp_xcomet_en_de", "wmt24pp_xcomet_en_ja")
    cut = {key: truncated(doc) for key, doc in asked(*tasks)}
    run = real_run(openai_server(answering(cut)), tmp_path / "run", *tasks)
    # Then XCOMET is loaded once and asked once for each task, with source, translation and reference
    assert comet[:2] == [("download", "Unbabel/XCOMET-XL"), ("load", "/checkpoints/model.ckpt")]
    assert comet[2:] == [("predict", [["mt", "ref", "src"]] * len(SENTENCES), 8, 1)] * 2
    # And each segment has its score, whose mean is the task's
    for task in tasks:
        shares = [len(truncated(doc).strip()) / len(doc["target"]) for doc in documents(task)]
        results = results_of(run)[task]
        assert results["xcomet,XCOMET-XL"] == pytest.approx(sum(shares) / len(shares))
        assert results["xcomet_stderr,XCOMET-XL"] > 0
        assert {f"{metric},none" for metric in TEXT_METRICS} < set(results)
    comparison = compared(run, run)
    rows = {(row.task, row.metric, row.filter): row for row in comparison.rows}
    assert rows[tasks[0], "xcomet", "XCOMET-XL"].clusters == 3
    assert not any("left out" in note for note in comparison.notes)


def test_a_group_has_the_mean_of_its_languages(wmt: Path, comet: list[Any]) -> None:
    results = evaluated(truncated, "wmt24pp_xcomet")["results"]
    for metric in ("chrf,none", "chrf_corpus,none", "bleu,none", "xcomet,XCOMET-XL"):
        values = [results[f"wmt24pp_xcomet_en_{language}"][metric] for language in LANGUAGES]
        assert results["wmt24pp_xcomet"][metric] == pytest.approx(sum(values) / 10)


def test_without_comet_one_sentence_says_what_to_install(
    wmt: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sentence = refusal(capsys, tmp_path, "wmt24pp_xcomet_en_fr")
    assert "wmt24pp_xcomet_en_fr" in sentence and "pip install 'fusion-eval[comet]'" in sentence


# Data that are not there, or not what they should be


def refusal(capsys: pytest.CaptureFixture[str], folder: Path, task: str) -> str:
    """The one line with which `fusion-eval run` refuses the task, with exit code 2."""
    status = cli.main(["run", "--tasks", task, "--output", str(folder / "out")])
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1 and "Traceback" not in said.err
    return said.err


@pytest.mark.parametrize(
    ("task", "place"),
    [
        ("wmt24pp_en_pt", "google/wmt24pp/en-pt_BR/train.jsonl"),
        ("ntrex_zh", "davidstap/NTREX/eng_Latn/test.jsonl"),
    ],
)
def test_missing_data_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], task: str, place: str
) -> None:
    monkeypatch.setenv("FUSION_EVAL_DATA", str(tmp_path))
    sentence = refusal(capsys, tmp_path, task)
    assert task in sentence and str(tmp_path / place) in sentence


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"source": "a", "target": "b"}], "has no column is_bad_source"),
        ([row for row in segments("fr") if row["is_bad_source"]], "marked as a bad source"),
    ],
)
def test_segments_that_are_not_the_hubs_are_refused(
    wmt: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: list[dict[str, Any]], says: str
) -> None:
    write_rows(wmt / "google/wmt24pp/en-fr_FR/train.jsonl", rows)
    assert says in refusal(capsys, tmp_path, "wmt24pp_en_fr")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"text": "un"}], "2 rows in eng_Latn and 1 in fra_Latn"),
        ([{"sentence": "un"}, {"sentence": "deux"}], "fra_Latn, have no column text"),
    ],
)
def test_rows_that_are_not_parallel_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rows: list[dict[str, str]],
    says: str,
) -> None:
    monkeypatch.setenv("FUSION_EVAL_DATA", str(tmp_path))
    write_rows(tmp_path / "davidstap/NTREX/eng_Latn/test.jsonl", [{"text": "one"}, {"text": "two"}])
    write_rows(tmp_path / "davidstap/NTREX/fra_Latn/test.jsonl", rows)
    assert says in refusal(capsys, tmp_path, "ntrex_fr")
