"""`model=pool:PATH` answers from the pools of a run, and refuses what they do not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.pool import PoolModel
from fusion_eval.models.store.store import Store
from fusion_eval.runs.traces import TraceFile
from fusion_eval.types import Answer, Candidate, Message, Pool, Prompt, Sampling, Trace

SAMPLING = Sampling(max_tokens=64, temperature=0.7, seed=0)
CANDIDATES = tuple(Candidate(f"answer {i}", f"teacher-{i}", seed=0) for i in range(3))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    prompt = Prompt(messages=(Message("user", "Why?"),))
    with TraceFile(tmp_path / "traces.jsonl") as traces:
        traces.add(
            0,
            Trace(
                "t", 0, 0, "single", "en", Pool(prompt, CANDIDATES), Answer("answer 0", chosen=0), "answer 0"
            ),
        )
    return tmp_path


async def test_the_candidates_of_the_prompt_come_back_in_order(run: Path) -> None:
    opener = Opener(parse({"model": f"pool:{run}", "n": 3}), Store(None))
    (model,) = opener.sampler()
    assert tuple(await model.sample(Prompt("Why?"), SAMPLING, 3)) == tuple(
        Candidate(one.text, one.model, 0, cost=0.0) for one in CANDIDATES
    )


async def test_other_prompts_and_larger_pools_are_refused(run: Path) -> None:
    model = PoolModel(f"pool:{run / 'traces.jsonl'}")
    with pytest.raises(ConfigError, match=r"no pool for the prompt 'How\?'.*fusor=NAME"):
        await model.sample(Prompt("How?"), SAMPLING, 1)
    with pytest.raises(ConfigError, match="has 3 candidates for a prompt, and 4 are asked for; use n=3"):
        await model.sample(Prompt("Why?"), SAMPLING, 4)


def test_a_file_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        PoolModel(f"pool:{tmp_path / 'absent.jsonl'}")


def test_the_same_pools_have_the_same_identity(run: Path) -> None:
    assert PoolModel(f"pool:{run}").identity == PoolModel(f"pool:{run / 'traces.jsonl'}").identity
