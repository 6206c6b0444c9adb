"""A misspelt task is found from the text of the task files, without parsing all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_eval.errors import ConfigError
from fusion_eval.harness.tasks import loading, task_index
from fusion_eval.harness.tasks.task_index import may_be_a_task, task_names

FILES = {
    "one/plain.yaml": "task: plain_en\ntag: tag_of_one\n",
    "one/_default_yaml": "tag:\n  - listed_tag\n",
    "two/flores": 'tag: included_tag\n"dataset_name": x\n',
    "two/quoted.yaml": '"group": "quoted_group"\ntask:\n  - task: member_a\n  - "member_b"\n',
    "two/code.py": "task: no_task_of_yaml\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        *("plain_en", "tag_of_one", "listed_tag", "included_tag", "quoted_group", "member_a", "member_b"),
        *("plain_*", "plain_??", "x@cot", "group::x", "some/file.yaml", "file.yaml", "[ab]_en"),
    ],
)
def test_every_name_in_a_file_and_every_pattern_or_path_may_be_a_task(root: Path, name: str) -> None:
    assert may_be_a_task(name, root)


@pytest.mark.parametrize("name", ["plain_fr", "no_task_of_yaml", "tag_of_two"])
def test_a_name_in_no_file_is_no_task(root: Path, name: str) -> None:
    assert not may_be_a_task(name, root)


def test_nothing_is_refused_where_the_files_cannot_be_found(tmp_path: Path) -> None:
    assert may_be_a_task("anything", tmp_path)


def test_names_are_listed_for_a_suggestion(root: Path) -> None:
    assert {"plain_en", "quoted_group", "member_a", "tag_of_one"} <= set(task_names(root))


def test_a_misspelt_task_gets_a_suggestion_without_the_index_of_the_harness(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a harness with few files, whose index would not answer
    monkeypatch.setattr(task_index, "_folder", lambda: root)
    # when, then
    with pytest.raises(ConfigError, match=r"no task 'fusion_opn'\. Did you mean 'fusion_open'"):
        loading.task_manager(["fusion_demo", "fusion_opn"], None)
    with pytest.raises(ConfigError, match=r"no task 'plain_em'\. Did you mean 'plain_en'"):
        loading.task_manager(["plain_em"], None)
