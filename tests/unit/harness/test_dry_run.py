"""`fusion-eval run --dry_run` counts the calls of a run before any model is asked."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from openai_server import Plan, Server

from fusion_eval.cli import main as cli
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import open_store
from fusion_eval.runs.traces import FILE_NAME, read_traces

Start = Callable[[Plan], Server]
Row = tuple[int, int, int, str]


def run(server: Server, folder: Path, *options: str, arguments: str = "") -> int:
    model_args = (
        f"model=test-model,base_url={server.base_url},max_tokens=40,cache={folder}/store.sqlite{arguments}"
    )
    return cli.main(
        [
            "run",
            "--tasks",
            "fusion_demo_fr",
            "--limit",
            "2",
            "--output",
            str(folder / "out"),
            "--model_args",
            model_args,
            *options,
        ]
    )


def table_rows(text: str) -> dict[tuple[str, str], Row]:
    """Return calls, read, written and dollars by (strategy, role)."""
    lines = text[text.index("strategy") : text.index("calls, written and dollars")].splitlines()[2:]
    rows = {}
    for line in lines:
        strategy, *role, calls, read, written, cost = re.split(r" {2,}", line)
        counts = [int(cell.replace(",", "")) for cell in (calls, read, written)]
        rows[strategy, "".join(role)] = (counts[0], counts[1], counts[2], cost)
    return rows


def test_a_dry_run_counts_the_calls_that_the_run_then_makes_and_makes_none(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given four strategies: two call beyond the pool, and one needs to know first what the endpoint reports
    server = openai_server(Plan())
    priced = ",n=3,scorer=judge,price_in=1,price_out=2"
    strategies = ("--strategies", "single,bon,bon(scorer=logprob),fusion")
    # when nothing is in the store
    assert run(server, tmp_path, *strategies, "--dry_run", arguments=priced) == 0
    # then nothing is sent, nothing is written but the store's file, and the shared pool is counted once
    text = capsys.readouterr().out
    rows = table_rows(text)
    assert not server.calls and not (tmp_path / "out").exists()
    with open_store(parse({"cache": tmp_path / "store.sqlite"})) as store:
        assert store._run("SELECT count(*) FROM generations", []) == [(0,)]
    first = "bon(scorer=logprob)", "sampler"
    assert list(rows) == [("single", "sampler"), ("bon", "scorer"), first, ("fusion", "fusor"), ("all", "")]
    assert [row[0] for row in rows.values()] == [2, 6, 1, 2, 11]
    assert [rows["single", "sampler"][2], rows[first][2]] == [(2 * 3 - 1) * 40, 40]
    assert f"there is no store at {tmp_path}/store.sqlite, so nothing counts as stored" in text
    assert "2 prompts; 0 generations are in the store" in text and "about" in text and "at most" in text
    # and the run asks as often, writes no more, and then there is nothing left to ask
    assert run(server, tmp_path, *strategies, arguments=priced) == 0
    assert len(server.calls) == 11
    capsys.readouterr()
    assert run(server, tmp_path, *strategies, "--dry_run", arguments=priced) == 0
    text = capsys.readouterr().out
    rows = table_rows(text)
    assert rows["all", ""] == (0, 0, 0, "$0.00")
    assert "2 prompts; 14 generations are in the store" in text
    assert len(server.calls) == 11


def test_only_generations_that_are_not_in_the_store_are_counted(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = openai_server(Plan())
    run(server, tmp_path, "--strategies", "single", arguments=",n=3")
    capsys.readouterr()
    run(server, tmp_path, "--strategies", "single,fusion", "--dry_run", arguments=",n=4")
    rows = table_rows(capsys.readouterr().out)
    assert (rows["single", "sampler"][0], rows["single", "sampler"][2]) == (2, 2 * 1 * 40)
    assert rows["fusion", "fusor"][0] == 2
    assert rows["all", ""][3] == "price unknown"


def test_dollars_are_tokens_times_prices(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(
        openai_server(Plan()),
        tmp_path,
        "--dry_run",
        arguments=",scorer=chrf,price_in=500000,price_out=1000000",
    )
    rows = table_rows(capsys.readouterr().out)
    assert rows["bon", "-"] == (0, 0, 0, "$0.00")
    for _, asked, written, cost in rows.values():
        assert cost == f"${asked / 2 + written:,.2f}"


def test_a_budget_without_a_price_is_the_same_error_as_in_the_run(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = openai_server(Plan())
    assert run(server, tmp_path, "--dry_run", arguments=",budget=1") == 2
    assert "price_in=" in capsys.readouterr().err
    assert not server.calls


def test_a_run_that_reaches_its_budget_exits_with_2_and_resumes_with_a_larger_budget(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = openai_server(Plan())
    priced = ",n=3,price_in=1,price_out=2,scorer=chrf"
    assert run(server, tmp_path, arguments=f"{priced},budget=0.001") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert re.search(r"more than is left of the budget: \$0\.000\d+ of \$0\.001000 went to \d+ calls", said)
    before = len(server.calls)
    assert 0 < before < 4
    assert run(server, tmp_path, arguments=f"{priced},budget=1") == 0
    assert len(server.calls) == 4
    # and what it cost stands in the summary, in the results file and in the traces
    out = capsys.readouterr()
    assert re.search(r"of \$1.00 went to \d calls", out.err)
    assert re.search(r"fusion: fusor [\d,]+ \+ [\d,]+ tokens, \$0\.00\d+", out.out)
    (results,) = (tmp_path / "out" / "fusion").rglob("results*.json")
    roles = json.loads(results.read_text())["config"]["totals"]["roles"]
    (*_, trace) = read_traces(tmp_path / "out" / "fusion" / FILE_NAME)
    assert (
        set(roles) == {"sampler", "fusor"} and roles["fusor"]["cost"] > 0 and roles["fusor"]["unpriced"] == 0
    )
    assert trace.answer.calls[0].cost and all(candidate.cost for candidate in trace.pool.candidates)


CALLS_PER_PROMPT = {"greedy": 1, "usc": 1, "genselect": 1, "chops": 2, "pairrank": 6, "council": 2, "mbr": 0}


def test_a_dry_run_counts_all_calls_of_strategies_in_which_a_model_chooses(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given two prompts with three candidates each, which `single` draws
    server = openai_server(Plan())
    strategies = ",".join(["single", *CALLS_PER_PROMPT])
    # when no reply can be read, since stand-ins reply
    assert run(server, tmp_path, "--dry_run", "--strategies", strategies, arguments=",n=3") == 0
    # then every round of every strategy is counted all the same
    counts = dict.fromkeys(CALLS_PER_PROMPT, 0)
    for (strategy, _), (calls, *_others) in table_rows(capsys.readouterr().out).items():
        if strategy in counts:
            counts[strategy] += calls
    assert counts == {strategy: 2 * calls for strategy, calls in CALLS_PER_PROMPT.items()}


def test_a_scorer_whose_extra_is_missing_is_refused_as_in_the_run(
    openai_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "comet" else find(name, *more)
    )
    server = openai_server(Plan())
    # when
    code = run(server, tmp_path, "--dry_run", "--strategies", "bon", arguments=",scorer=comet:any")
    # then
    assert code == 2 and not server.calls
    assert "needs the package unbabel-comet" in capsys.readouterr().err
