"""A card is complete, has the same bytes every time, and names no path or key of the machine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan as ServerPlan
from openai_server import serve
from run_folders import samples, write_run

from fusion_eval.exports.card.page import card, write_card
from fusion_eval.exports.subject import read_subject
from fusion_eval.harness.run import Plan, compare_strategies, run
from fusion_eval.runs.comparison import write_comparison
from fusion_eval.text.escaping import fenced
from fusion_eval.text.redaction import public_arguments, public_command, withheld, without_paths

HARNESS_RUNS = Path(__file__).parents[2] / "data" / "harness_runs"
SECTIONS = (
    "Results",
    "What was run",
    "How it was made",
    "Tasks",
    "What it took",
    "A prompt as it was sent",
    "What the numbers cannot say",
)
KEY = "sk-0123456789abcdefghij0123"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three strategies on four French sentences."""
    folder = tmp_path_factory.mktemp("finished")
    with serve(ServerPlan(api_key=KEY)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_KEY", KEY)
        plan = Plan(
            output=folder / "out",
            tasks=("fusion_demo_fr",),
            strategies=("single", "bon", "fusion"),
            model_args={
                "model": "test-model", "base_url": server.base_url, "api_key_env": "TEST_KEY", "n": 3, "scorer": "chrf", "temperature": 0.9,
                "cache": str(folder / "store.sqlite"),
            },
            limit=4,
            apply_chat_template=True,
            command=(
                "fusion-eval", "run", "--tasks", "fusion_demo_fr", "--limit", "4",
                "--model_args", f"cache={folder / 'store.sqlite'}", "--output", str(folder / "out"),
            ),
        )  # fmt: skip
        run(plan, lambda line: None)
        write_comparison(compare_strategies(plan), plan.output)
    return plan.output


@pytest.fixture(scope="module")
def page(finished: Path) -> dict[str, str]:
    """The card of the finished run, by section."""
    return sections(card(read_subject(finished)))


@pytest.fixture
def output(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "out"))


def sections(page: str) -> dict[str, str]:
    """Return the text of each section by its heading."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def facts(table: str) -> dict[str, list[str]]:
    """Return the lines of a table by their first cell."""
    lines = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()]
    return {line[0]: line[1:] for line in lines if line}


def edit_results(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Change the results file of a run."""
    (path,) = folder.rglob("results_*.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_a_card_of_our_run_has_all_sections(page: dict[str, str]) -> None:
    assert tuple(page) == SECTIONS


def test_results_are_the_rows_of_the_comparison_with_intervals(page: dict[str, str]) -> None:
    results = page["Results"]
    assert "fusion\\_demo\\_fr | fr | chrf | 4 | single |" in results
    assert "95% intervals" in results and "holm" in results


def test_the_command_that_all_runs_recorded_is_shown_once(page: dict[str, str]) -> None:
    commands = [line for line in page["What was run"].splitlines() if line.startswith("fusion-eval run")]
    assert commands == [
        "fusion-eval run --tasks fusion_demo_fr --limit 4 --model_args cache=store.sqlite --output out"
    ]


def test_each_run_has_a_column_of_facts(page: dict[str, str]) -> None:
    columns = facts(page["How it was made"])
    assert columns[""] == ["single", "bon", "fusion"] == columns["strategy"]
    assert columns["candidates per prompt (N)"] == ["3"] * 3
    assert columns["sampling"] == ["temperature 0.9, seed 0"] * 3
    assert all("test-model" in identity and "openai" in identity for identity in columns["its identity"])
    assert columns["chosen by"] == ["-", "chrf", "-"]
    assert re.fullmatch(r"paper [0-9a-f]{8}", columns["fusor's prompt and its hash"][2])
    assert columns["chat template"] == ["used, without a hash"] * 3
    assert "lm\\_eval" in columns["software"][0] and "fewshot\\_seed" in columns["seeds of the harness"][0]


def test_each_task_has_a_line(page: dict[str, str]) -> None:
    version, fewshot, limit, items, digest, runs = facts(page["Tasks"])["fusion\\_demo\\_fr"][1:]
    assert (version, fewshot, limit, items, runs) == ("1.0", "4", "4", "4", "all")
    assert re.fullmatch("[0-9a-f]{16}", digest)


def test_calls_and_tokens_are_counted(page: dict[str, str]) -> None:
    assert "fusion: answers 4, calls beyond the pool 4" in page["What it took"]
    assert "fusion: fusor" in page["What it took"] and "tokens" in page["What it took"]


def test_the_first_prompt_is_shown(page: dict[str, str]) -> None:
    assert "[user]\n" in page["A prompt as it was sent"] and "hotel" in page["A prompt as it was sent"]


@pytest.mark.parametrize(
    "words",
    [
        "Items: 4; tasks: 1",
        "80% power",
        "One seed (0)",
        "adjusted within",
        "--limit 4",
        "training was not checked",
    ],
)
def test_limits_of_the_numbers_are_named(page: dict[str, str], words: str) -> None:
    assert words in page["What the numbers cannot say"]


def test_a_card_names_no_path_and_no_key_and_has_the_same_bytes_every_time(
    output: Path, tmp_path: Path
) -> None:
    page = card(read_subject(output))
    assert str(tmp_path) not in page and KEY not in page and "api_key" not in page
    assert not re.search(r"(?<![\w/:;&#.])/\w+/", page)
    (path,) = write_card(read_subject(output), tmp_path / "cards").paths
    assert (path.name, path.read_text(encoding="utf-8")) == ("card.md", page)


def test_fallbacks_and_failed_candidates_are_limits(output: Path) -> None:
    def forge(results: dict[str, Any]) -> None:
        results["config"]["totals"] |= {"fallbacks": 3, "failed_candidates": 2}
        results["config"]["totals"]["roles"]["fusor"] |= {"retries": 7, "cost": 0.25, "unpriced": 0}

    page = sections(card(read_subject(edit_results(output / "fusion", forge).parent)))
    assert "fusion: for 3 of 4 answers (75.0%) the strategy fell back" in page["What the numbers cannot say"]
    assert "of 12 candidates 2 failed" in page["What the numbers cannot say"]
    assert "$0.250000, retries 7" in page["What it took"]


def test_unreadable_totals_are_left_out(output: Path) -> None:
    def forge(results: dict[str, Any]) -> None:
        results["config"]["totals"] = {"prompts": "many"}

    page = sections(card(read_subject(edit_results(output / "single", forge))))
    assert "single: the results file has no tokens" in page["What it took"]


@pytest.mark.parametrize("release", sorted(path.name for path in HARNESS_RUNS.iterdir()))
def test_a_run_of_the_harness_has_a_card_without_a_command(release: str) -> None:
    text = card(read_subject(HARNESS_RUNS / release / "strong"))
    page = sections(text)
    assert tuple(page) == tuple(name for name in SECTIONS if name != "What was run")
    assert facts(page["How it was made"])["arguments of the model"] == ["pretrained=mini/strong, quality=1"]
    assert "| strong | mini\\_choice | acc | " in page["Results"] and "0.8000 ± 0.2000" in page["Results"]
    assert facts(page["Tasks"])["mini\\_math"][1:3] == ["3.0", "0"]
    assert "no tokens, dollars" in page["What it took"]
    assert "Snow is" in page["A prompt as it was sent"]
    assert "No difference was tested" in page["What the numbers cannot say"]
    assert not re.search(r"(?<![\w/:;&#.])/\w+/", text)


def test_arguments_and_seeds_of_the_harness_are_facts(tmp_path: Path) -> None:
    def configure(results: dict[str, Any]) -> None:
        results["config"] |= {
            "model": "hf",
            "model_args": {"pretrained": "/data/my models/tiny", "token": "t0p", "dtype": "float16"},
            "gen_kwargs": {"temperature": 0.5},
            "limit": 2,
            **dict.fromkeys(("random_seed", "numpy_seed", "torch_seed", "fewshot_seed"), 7),
        }
        results |= {
            "system_instruction": "Be brief.",
            "system_instruction_sha": "a" * 64,
            "chat_template": "x",
        }

    write_run(tmp_path / "a", {"quiz": samples([1.0, 0.0])})
    page = card(read_subject(edit_results(tmp_path / "a", configure)))
    columns = facts(sections(page)["How it was made"])
    assert columns["arguments of the model"] == ["pretrained=tiny, dtype=float16"]
    assert columns["arguments of generation"] == ["temperature=0.5"]
    assert columns["seeds of the harness"][0].endswith("fewshot\\_seed 7")
    assert "t0p" not in page and "/data" not in page and f"hash {'a' * 16}" in page


def test_runs_that_cannot_be_compared_show_their_values_and_the_reason(tmp_path: Path) -> None:
    for name, items in (("a", 4), ("b", 3)):
        write_run(
            tmp_path / name,
            {"quiz": samples([1.0] * items)},
            limit=items,
            reported={"quiz": {"acc,none": 1.0}},
        )
    page = sections(card(read_subject(tmp_path)))
    assert "| b | quiz | acc | - | 1.0000 |" in page["Results"]
    assert "The runs were not compared: quiz: 1 items are in a alone" in page["Results"]
    setups = [line for line in page["Tasks"].splitlines() if line.startswith("| quiz")]
    assert [line.split("|")[5:7] + line.split("|")[8:9] for line in setups] == [
        [" 4 ", " 4 ", " a "],
        [" 3 ", " 3 ", " b "],
    ]


def test_names_and_prompts_of_a_run_are_no_markup(tmp_path: Path) -> None:
    # given a run whose names and prompt try to be markup, and to close their block
    name = "<b>|`x`"
    rows = samples([1.0], prefix="````\n# Mine\x1b[2J")
    write_run(tmp_path / "a", {"quiz": rows}, reported={"quiz": {f"{name},none": 1.0}})
    page = card(read_subject(tmp_path / "a"))
    # then the fence is longer than any in the prompt, and the names are text
    assert "`````text\n````\n# Mine[2J0?\n`````" in page
    assert "\x1b" not in page and "<b>" not in page and "&lt;b>\\|\\`x\\`" in page


def test_a_long_prompt_is_cut() -> None:
    assert fenced("x" * 30, 20) == f"```text\n{'x' * 20}\n```\n(10 more characters)"


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("gguf:/home/me/x.gguf", "gguf:x.gguf"),
        ("/out/run: of several", "run: of several"),
        ("~/a/b.j2, C:\\me\\m.gguf", "b.j2, m.gguf"),
        ("file:///home/me/y", "y"),
        ('{"pretrained": "/a b/c d/m"}', '{"pretrained": "m"}'),
        ("http://me:pw@host:1/v1?key=2", "http://host:1/v1"),
        (f"key {KEY}", "key ***"),
        ("meta/llama and/or out/demo, 5 / 3", "meta/llama and/or out/demo, 5 / 3"),
    ],
)
def test_paths_and_keys_are_taken_out_of_a_text(text: str, public: str) -> None:
    assert without_paths(text) == public


ARGUMENTS = {
    "pretrained": "/my models/x y", "api_key": "k", "auth_token": "t", "bos_token": "<s>", "headers": {"a": 1},
    "cache": "/x", "temperature": [0.7, 1.0], "extra": {"top_k": 5, "secret": "s"}, "none": None,
    "parts": ["a", "/b/c"],
}  # fmt: skip


def test_arguments_that_are_left_out_or_cut_are_named() -> None:
    names = ["pretrained", "api_key", "auth_token", "headers", "cache", "secret", "parts"]
    assert list(withheld(ARGUMENTS)) == names


def test_public_arguments_have_no_keys_and_no_places_to_write_to() -> None:
    assert public_arguments(ARGUMENTS) == {
        "pretrained": "x y",
        "bos_token": "<s>",
        "temperature": "0.7|1",
        "extra": "{top_k:5}",
        "parts": "a|c",
    }


def test_a_command_is_recorded_without_its_secrets() -> None:
    # given
    words = (
        "fusion-eval",
        "run",
        "--model_args",
        "model=lm_eval:hf,token=t0p,headers={'a': 'b', 'c': 'd'},max_tokens=80,keys=3,base_url=http://me:pw@host/v1?key=2",
    )
    # when
    command = public_command(words)
    # then
    assert command == (
        "fusion-eval run --model_args 'model=lm_eval:hf,token=(left out),headers=(left out),max_tokens=80,keys=3,"
        "base_url=http://host/v1'"
    )
