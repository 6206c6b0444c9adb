"""`--generate_choices` runs multiple-choice tasks of the harness as generation."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest
from choice_tasks import (
    ARC,
    BELEBELE,
    CAPITALS,
    GLOBAL_MMLU,
    SHOT,
    SIGNS,
    XWINOGRAD,
    mmlu_doc,
    write_choice_task,
)
from harness_tasks import write_tasks
from openai_server import Plan as ServerPlan
from openai_server import Server, prompt_text

from fusion_eval import api
from fusion_eval.cli import main as cli
from fusion_eval.errors import ConfigError
from fusion_eval.harness.choices import GeneratingManager, load_run_tasks
from fusion_eval.harness.pool_baseline import pool_run
from fusion_eval.harness.tasks.loading import load_tasks, task_manager
from fusion_eval.runs.reading import read_runs


def generated(folder: Path, name: str, order: str = "in_order"):
    """Return the task that runs a multiple-choice task as generation."""
    [task] = load_tasks(GeneratingManager(task_manager([name], folder), order), [name]).values()
    return task


def prompts(task) -> list[str]:
    return [task.doc_to_text(doc) for doc in task.eval_docs]


def lettered(prompt: str) -> dict[str, str]:
    """Return the options of a prompt by letter."""
    return dict(re.findall(r"^([A-Z])\. (.*)$", prompt, re.MULTILINE))


def reply_with(text: str):
    """Return a reply that chooses the option with this text, wherever it stands."""

    def reply(request, index: int) -> str:
        options = lettered(prompt_text(request).rpartition("###")[2])
        letter = next((letter for letter, option in options.items() if option == text), "D")
        return f"Je réfléchis.\n\nRéponse : {letter}"

    return reply


def test_a_listed_question_is_asked_in_the_language_of_the_item(tmp_path):
    # given
    write_choice_task(tmp_path, "global_mmlu_fr_stem", GLOBAL_MMLU, CAPITALS)

    # when
    task = generated(tmp_path, "global_mmlu_fr_stem")

    # then
    assert task.config.task == "global_mmlu_fr_stem_generate"
    assert prompts(task)[0] == (
        "Quelle est la capitale de la France ?\n\nA. Lyon\nB. Paris\nC. Lille\nD. Nice\n\n"
        'Raisonnez étape par étape. Terminez par une seule ligne qui commence par "Réponse :" et ne contient que la '
        "lettre de la bonne option."
    )
    assert [task.doc_to_target(doc) for doc in task.eval_docs] == [
        "Réponse : B",
        "Réponse : A",
        "Réponse : C",
    ]


def test_passages_stay_and_the_text_tells_a_language_that_the_name_does_not(tmp_path):
    doc = {
        "flores_passage": "Die Sonne scheint heute.\nA: so steht es in der Zeitung.",
        "question": "Was macht die Sonne heute?",
        **{f"mc_answer{i}": text for i, text in enumerate(["Regnen", "Scheinen", "Schneien", "Schlafen"], 1)},
        "correct_answer_num": "2",
    }
    write_choice_task(tmp_path, "belebele_deu_Latn", BELEBELE, [doc])

    task = generated(tmp_path, "belebele_deu_Latn")

    assert prompts(task)[0].startswith(
        f"P: {doc['flores_passage']}\nQ: {doc['question']}\n\nA. Regnen\nB. Scheinen\n"
    )
    assert "Buchstaben der richtigen Option" in prompts(task)[0]
    assert task.config.metadata["language"] == "de"


def test_options_that_the_prompt_does_not_list_are_listed(tmp_path):
    doc = {
        "question": "Which of these animals can fly?",
        "choices": {"text": ["a whale", "an eagle", "a horse"], "label": ["1", "2", "3"]},
        "answerKey": "2",
    }
    write_choice_task(tmp_path, "arc_small", ARC, [doc])

    task = generated(tmp_path, "arc_small")

    assert prompts(task)[0].startswith(
        "Question: Which of these animals can fly?\n\nA. a whale\nB. an eagle\nC. a horse\n\nThink"
    )
    assert task.process_results(doc, ["So the answer is (B)."]) == {"exact_match": 1.0}


def test_inputs_before_one_continuation_are_whole_sentences(tmp_path):
    doc = {
        "before": "The cup is not in the box because ",
        "option1": "the cup",
        "option2": "the box",
        "after": "is too big.",
        "gold": 0,
    }
    write_choice_task(tmp_path, "xwinograd_en", XWINOGRAD, [doc])

    task = generated(tmp_path, "xwinograd_en")

    assert lettered(prompts(task)[0]) == {
        "A": "The cup is not in the box because the cup is too big.",
        "B": "The cup is not in the box because the box is too big.",
    }
    assert task.doc_to_target(doc) == "Answer: A"


def test_permuted_options_have_one_order_per_question_and_every_place_is_used(tmp_path):
    # given forty questions whose answer is always in the first place
    docs = [mmlu_doc(f"Which is number {i}?", f"{i}", "x", "y", "z", answer="A") for i in range(40)]
    write_choice_task(tmp_path, "numbers_en", GLOBAL_MMLU, docs)

    # when
    task = generated(tmp_path, "numbers_en", "permuted")
    again = generated(tmp_path, "numbers_en", "permuted")

    # then
    assert task.config.task == "numbers_en_generate_permuted"
    assert prompts(task) == prompts(again)
    targets = [task.doc_to_target(doc)[-1] for doc in docs]
    assert set(targets) == set("ABCD") and max(map(targets.count, "ABCD")) < 20
    for doc, prompt, letter in zip(docs, prompts(task), targets, strict=True):
        assert lettered(prompt)[letter] == doc["option_a"]
        assert sorted(lettered(prompt).values()) == sorted([doc["option_a"], "x", "y", "z"])
        assert task.process_results(doc, [f"Answer: {letter}"]) == {"exact_match": 1.0}


def test_votes_count_letters_however_they_are_written(openai_server, tmp_path):
    # given one wrong reply, and two that say the right letter in other words
    write_choice_task(tmp_path, "capitals_fr", GLOBAL_MMLU, CAPITALS[:1])
    forms = itertools.cycle(["Réponse : A", "Réponse : **B. Paris**", "La bonne réponse est donc la (B)."])
    server: Server = openai_server(ServerPlan(reply=lambda request, index: next(forms)))

    # when
    result = api.run(
        tmp_path / "out",
        tasks="capitals_fr",
        strategies=["majority"],
        model_args={"model": "test-model", "base_url": server.base_url, "n": 3, "cache": "off"},
        include_path=tmp_path,
        generate_choices=True,
        report=lambda line: None,
    )

    # then
    [row] = result.outcome.rows
    assert row.scores["majority"].value == 1.0


def test_few_shot_examples_have_letters_and_results_a_name_of_their_own(openai_server, tmp_path):
    # given a server that is right of Paris only
    write_choice_task(tmp_path, "capitals_fr", GLOBAL_MMLU, CAPITALS, [SHOT])
    server: Server = openai_server(ServerPlan(reply=reply_with("Paris")))

    # when
    result = api.run(
        tmp_path / "out",
        tasks="capitals_fr",
        strategies=["single", "majority"],
        model_args={"model": "test-model", "base_url": server.base_url, "n": 3, "cache": "off"},
        include_path=tmp_path,
        num_fewshot=1,
        generate_choices="permuted",
        report=lambda line: None,
    )

    # then the metric is the harness's, under a name of its own
    [file] = (tmp_path / "out" / "majority").rglob("results_*.json")
    results = json.loads(file.read_text())
    scores = results["results"]["capitals_fr_generate_permuted"]
    assert scores["exact_match,none"] >= 1 / 3
    assert results["configs"]["capitals_fr_generate_permuted"]["metadata"]["language"] == "fr"
    assert {row.task for row in result.comparison.rows} == {"capitals_fr_generate_permuted"}
    # and few-shot examples have letters, too
    example, _, asked = prompt_text(server.calls[0].body).partition("\n###\n")
    assert set(lettered(example).values()) == {"Porto", "Faro", "Braga", "Lisbonne"}
    letter = next(letter for letter, option in lettered(example).items() if option == "Lisbonne")
    assert example.rstrip().endswith(f"\n\nRéponse : {letter}") and asked


def test_groups_keep_their_members_and_aggregate_the_new_metric(openai_server, tmp_path, capsys):
    # given a group of a multiple-choice task and one that generates already
    for name in ("capitals_fr", "more_fr"):
        write_choice_task(tmp_path, name, GLOBAL_MMLU, CAPITALS)
    (tmp_path / "geo.yaml").write_text(
        "group: geo\ntask: [capitals_fr, more_fr]\naggregate_metric_list:\n  - {metric: acc, weight_by_size: true}\n"
    )
    write_tasks(tmp_path, "sums")
    server: Server = openai_server(ServerPlan(reply=reply_with("Rome")))

    # when
    model_args = f"model=test-model,base_url={server.base_url},cache=off"
    command = f"run --tasks geo,sums --strategies single --include_path {tmp_path} --model_args {model_args}"
    code = cli.main([*command.split(), "--generate_choices", "--output", str(tmp_path / "out")])

    # then
    assert code == 0
    [file] = (tmp_path / "out" / "single").rglob("results_*.json")
    results = json.loads(file.read_text())
    assert set(results["results"]) == {"geo_generate", "capitals_fr_generate", "more_fr_generate", "sums"}
    assert results["results"]["geo_generate"]["exact_match,none"] == pytest.approx(1 / 3)
    assert results["group_subtasks"]["geo_generate"] == ["capitals_fr_generate", "more_fr_generate"]


def test_a_task_whose_options_cannot_be_listed_is_refused(tmp_path):
    schema = GLOBAL_MMLU.split("\\nA.")[0] + '"\n' + "\n".join(GLOBAL_MMLU.splitlines()[2:])
    write_choice_task(tmp_path, "unlisted", schema, CAPITALS)

    with pytest.raises(
        ConfigError, match=r"^Task 'unlisted' cannot be run as generation: its choices are A, B, C, D"
    ):
        generated(tmp_path, "unlisted")


def test_signs_in_another_order_than_the_list_name_the_options_of_the_list(tmp_path):
    # given a document whose choices are (B) and (A), of which the first is correct
    doc = {
        "text": "Do you like tea?\n (A) Yes, I do\n (B) No, I do not",
        "yes": " (B)",
        "no": " (A)",
        "gold": 0,
    }
    write_choice_task(tmp_path, "tea_en", SIGNS, [doc])

    # when
    task = generated(tmp_path, "tea_en")

    # then
    assert lettered(prompts(task)[0]) == {"A": "Yes, I do", "B": "No, I do not"}
    assert task.doc_to_target(doc) == "Answer: B"


def test_a_correct_option_that_is_always_the_first_must_be_permuted(tmp_path):
    doc = {"text": "Which is a sentence?", "yes": "I read books.", "no": "I reads books.", "gold": 0}
    write_choice_task(tmp_path, "first_en", SIGNS.replace("gold", "0"), [doc])

    assert generated(tmp_path, "first_en", "permuted").doc_to_target(doc) in ("Answer: A", "Answer: B")
    with pytest.raises(ConfigError, match="same place in every document; --generate_choices permuted"):
        generated(tmp_path, "first_en")


def test_without_the_option_the_error_names_it(tmp_path, capsys):
    write_choice_task(tmp_path, "capitals_fr", GLOBAL_MMLU, CAPITALS)

    code = cli.main(
        ["run", "--tasks", "capitals_fr", "--include_path", str(tmp_path), "--output", str(tmp_path / "out")]
    )

    assert code == 2
    assert "add --generate_choices to run it as generation" in capsys.readouterr().err


def test_the_tasks_of_a_run_are_found_by_their_names_there(tmp_path):
    write_choice_task(tmp_path, "capitals_fr", GLOBAL_MMLU, CAPITALS)
    write_tasks(tmp_path, "sums")
    names = ["capitals_fr_generate", "capitals_fr_generate_permuted", "sums"]

    assert {name: task.config.task for name, task in load_run_tasks(names, tmp_path).items()} == {
        name: name for name in names
    }


def test_the_expected_single_sample_is_scored_by_the_same_letters(openai_server, tmp_path):
    # given a pool of which two candidates in four are right
    write_choice_task(tmp_path, "capitals_fr", GLOBAL_MMLU, CAPITALS[:1])
    forms = itertools.cycle(["Réponse : A", "Réponse : Paris", "Réponse : C", "La réponse est B."])
    server: Server = openai_server(ServerPlan(reply=lambda request, index: next(forms)))
    model_args = f"model=test-model,base_url={server.base_url},n=4,cache={tmp_path}/store.sqlite"
    command = (
        f"run --tasks capitals_fr --strategies random --include_path {tmp_path} --model_args {model_args}"
    )
    options = ["--generate_choices", "--apply_chat_template", "--output", str(tmp_path / "out")]
    # when it is counted before, and run
    assert cli.main([*command.split(), "--dry_run", *options]) == 0
    assert not server.calls
    assert cli.main([*command.split(), *options]) == 0
    # then
    expected = pool_run(read_runs([tmp_path / "out" / "random"]), "expected", tmp_path)
    [sample] = expected.tasks["capitals_fr_generate"].samples
    assert sample.values == {"exact_match": 0.5}


@pytest.mark.parametrize("value", ["shuffled", 1.5])
def test_an_unknown_order_is_an_error(tmp_path, value):
    with pytest.raises(ConfigError, match="should be true, false, in_order or permuted"):
        api.run(tmp_path, generate_choices=value)


def test_a_run_without_any_multiple_choice_task_is_refused(tmp_path, capsys):
    options = ["--tasks", "fusion_demo_fr", "--generate_choices", "--output", str(tmp_path / "out")]

    code = cli.main(["run", "--dry_run", *options])

    assert code == 2
    assert "--generate_choices changes no task: fusion_demo_fr is not multiple choice; leave it out" in (
        capsys.readouterr().err
    )
