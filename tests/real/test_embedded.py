"""The embedded model itself: real weights, real text."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from fusion_eval.errors import ConfigError, EndpointError, FusionEvalError
from fusion_eval.harness.lm import BestOfNLM, FusionLM
from fusion_eval.models.embedded import fingerprint, has_chat_template, open_embedded
from fusion_eval.runs.traces import read_traces
from fusion_eval.types import Candidate, Prompt, Sampling

FEW_SHOT = "English: Good morning!\nFrench: Bonjour !\n\nEnglish: See you tomorrow.\nFrench:"


def sample(weights: Path, prompt: str, n: int, **options: object) -> list[Candidate]:
    async def ask() -> list[Candidate]:
        model = open_embedded(f"gguf:{weights}")
        try:
            given = {"max_tokens": 12, "temperature": 0.7, "seed": 0, "stop": ("\n",), "logprobs": True}
            return await model.sample(Prompt(prompt), Sampling(**(given | options)), n)
        finally:
            await model.close()

    return asyncio.run(ask())


def test_n_candidates_differ_and_each_carries_its_tokens_and_log_probability(weights):
    candidates = sample(weights, FEW_SHOT, 5)

    assert len({candidate.text for candidate in candidates}) > 1
    assert [candidate.seed for candidate in candidates] == [0, 1, 2, 3, 4]
    assert all(candidate.completion_tokens > 0 for candidate in candidates)
    assert all(candidate.mean_logprob is not None and candidate.mean_logprob < 0 for candidate in candidates)
    assert all("\n" not in candidate.text for candidate in candidates)
    assert [candidate.prompt_tokens > 0 for candidate in candidates] == [True, False, False, False, False]


def test_log_likelihood_is_what_generation_itself_reports(weights):
    """Two ways to one number: the sum over generated tokens, and the same text scored afterwards."""
    [greedy] = sample(weights, FEW_SHOT, 1, temperature=0.0, stop=(), max_tokens=6)

    async def score() -> tuple[float, bool]:
        model = open_embedded(f"gguf:{weights}")
        try:
            return await model.loglikelihood(FEW_SHOT, greedy.text)
        finally:
            await model.close()

    logprob, is_greedy = asyncio.run(score())

    assert greedy.mean_logprob is not None
    assert logprob == pytest.approx(greedy.mean_logprob * greedy.completion_tokens, abs=0.1)
    assert is_greedy


def test_the_right_continuation_is_likelier_and_spaces_may_stand_on_either_side(weights):
    async def score() -> list[float]:
        model = open_embedded(f"gguf:{weights}")
        pairs = [("The capital of France is", " Paris"), ("The capital of France is ", "Paris"),
                 ("The capital of France is", " Oslo")]  # fmt: skip
        try:
            return [(await model.loglikelihood(*pair))[0] for pair in pairs]
        finally:
            await model.close()

    right, moved, wrong = asyncio.run(score())

    assert right == pytest.approx(moved, abs=0.1)
    assert right > wrong + 1


def test_strategies_answer_on_the_real_model(weights, tmp_path):
    from lm_eval.api.instance import Instance

    request = Instance(
        "generate_until", {}, (FEW_SHOT, {"until": ["\n"], "max_gen_toks": 12}), 0, ("demo_fr", 0, 1)
    )
    arguments = {"model": f"gguf:{weights}", "n": 3, "cache": str(tmp_path / "store.sqlite")}

    [best] = BestOfNLM(trace_dir=str(tmp_path / "bon"), **arguments).generate_until([request])
    [fused] = FusionLM(trace_dir=str(tmp_path / "fusion"), **arguments).generate_until([request])

    [chosen] = read_traces(tmp_path / "bon" / "traces.jsonl")
    [made] = read_traces(tmp_path / "fusion" / "traces.jsonl")
    assert chosen.pool == made.pool
    likeliest = max(chosen.pool.candidates, key=lambda candidate: candidate.mean_logprob or -99)
    assert best == likeliest.text
    assert fused == made.final and (made.answer.calls or made.answer.fallback)


@pytest.mark.parametrize("model", ["embedded", "gguf"])
def test_a_stored_run_is_replayed_by_the_weights_hash_alone(weights, tmp_path, monkeypatch, model):
    from lm_eval.api.instance import Instance

    request = Instance(
        "generate_until", {}, (FEW_SHOT, {"until": ["\n"], "max_gen_toks": 12}), 0, ("demo_fr", 0, 1)
    )
    store = tmp_path / "committed" / "store.sqlite"
    arguments = {"model": model if model == "embedded" else f"gguf:{weights}", "n": 2, "cache": str(store)}
    online = FusionLM(trace_dir=str(tmp_path / "online"), **arguments)
    texts = online.generate_until([request])
    online._opener._store.close()
    before = {file.name: file.read_bytes() for file in store.parent.iterdir()}
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # as where it is not installed

    offline = FusionLM(trace_dir=str(tmp_path / "offline"), offline=True, **arguments)

    assert offline.generate_until([request]) == texts
    read, written = (tmp_path / name / "traces.jsonl" for name in ("offline", "online"))
    assert read.read_bytes() == written.read_bytes()
    assert {file.name: file.read_bytes() for file in store.parent.iterdir()} == before
    request.arguments = ("Another prompt.", request.args[1])
    with pytest.raises(FusionEvalError, match=r"lacks an answer of .* to the prompt 'Another prompt\.'"):
        offline.generate_until([request])


def test_the_bundled_weights_are_a_base_model(weights):
    assert not has_chat_template(weights)
    assert fingerprint(weights) == fingerprint(weights)


def test_a_file_that_llama_cannot_load_is_one_sentence(weights, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(weights.read_bytes()[:1000])

    with pytest.raises(EndpointError, match=r"llama\.cpp cannot load .*broken\.gguf"):
        sample(broken, "x", 1)


def test_another_kind_of_file_is_named(weights, tmp_path):
    other = tmp_path / "notes.gguf"
    other.write_text("not weights")

    with pytest.raises(ConfigError, match="is not a GGUF file"):
        open_embedded(f"gguf:{other}")
