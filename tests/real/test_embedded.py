"""The embedded model with its real weights."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from fusion_eval.errors import ConfigError, EndpointError, FusionEvalError
from fusion_eval.harness.lm import BestOfNLM, FusionLM
from fusion_eval.models.embedded import server
from fusion_eval.models.embedded.door import has_chat_template, open_embedded
from fusion_eval.models.embedded.weights import GEMMA, sha256_of
from fusion_eval.runs.traces import read_traces
from fusion_eval.types import Candidate, Prompt, Sampling

FEW_SHOT = "English: Good morning!\nFrench: Bonjour !\n\nEnglish: See you tomorrow.\nFrench:"


def sample(weights: Path, prompt: str, n: int, **changes: object) -> list[Candidate]:
    """Sample once with the weights, and close the model."""

    async def sample_and_close() -> list[Candidate]:
        model = open_embedded(f"gguf:{weights}")
        try:
            options = {"max_tokens": 12, "temperature": 0.7, "seed": 0, "stop": ("\n",), "logprobs": True}
            return await model.sample(Prompt(prompt), Sampling(**(options | changes)), n)
        finally:
            await model.close()

    return asyncio.run(sample_and_close())


def test_candidates_differ_and_have_token_counts_and_log_probabilities(weights):
    candidates = sample(weights, FEW_SHOT, 5)

    assert len({candidate.text for candidate in candidates}) > 1
    assert [candidate.seed for candidate in candidates] == [0, 1, 2, 3, 4]
    assert all(candidate.completion_tokens > 0 for candidate in candidates)
    assert all(candidate.mean_logprob is not None and candidate.mean_logprob < 0 for candidate in candidates)
    assert all("\n" not in candidate.text for candidate in candidates)
    assert [candidate.prompt_tokens > 0 for candidate in candidates] == [True, False, False, False, False]


def test_the_tokens_of_one_answer_are_counted_without_log_probabilities(weights):
    [candidate] = sample(weights, FEW_SHOT, 1, logprobs=False)

    assert candidate.completion_tokens > 0
    assert candidate.mean_logprob is None


def test_the_tokens_of_several_answers_are_counted_though_nobody_asked_for_log_probabilities(weights):
    candidates = sample(weights, FEW_SHOT, 3, logprobs=False)

    assert all(candidate.completion_tokens > 0 for candidate in candidates)


@pytest.mark.slow
def test_requests_that_share_a_context_too_small_for_both_are_answered_one_by_one(weights, monkeypatch):
    # given
    monkeypatch.setattr(server, "CONTEXT", 256)
    monkeypatch.setattr(server, "_running", {})
    options = Sampling(max_tokens=60, temperature=0.7, seed=0, extra={"ignore_eos": True})

    async def sample_together() -> list[list[Candidate]]:
        model = open_embedded(f"gguf:{weights}", completion=True)
        try:
            prompts = [Prompt(f"{number}. {FEW_SHOT}") for number in (1, 2)]
            return await asyncio.gather(*(model.sample(prompt, options, 2) for prompt in prompts))
        finally:
            await model.close()

    # when
    answers = asyncio.run(sample_together())

    # then
    assert [[candidate.completion_tokens for candidate in pool] for pool in answers] == [[60, 60], [60, 60]]


def test_both_strategies_answer_from_the_same_pool(weights, tmp_path):
    # given
    from lm_eval.api.instance import Instance

    request = Instance(
        "generate_until", {}, (FEW_SHOT, {"until": ["\n"], "max_gen_toks": 12}), 0, ("demo_fr", 0, 1)
    )
    arguments = {"model": f"gguf:{weights}", "n": 3, "cache": str(tmp_path / "store.sqlite")}

    # when
    [best] = BestOfNLM(trace_dir=str(tmp_path / "bon"), **arguments).generate_until([request])
    [fused] = FusionLM(trace_dir=str(tmp_path / "fusion"), **arguments).generate_until([request])

    # then
    [bon] = read_traces(tmp_path / "bon" / "traces.jsonl")
    [fusion] = read_traces(tmp_path / "fusion" / "traces.jsonl")
    assert bon.pool == fusion.pool
    likeliest = max(bon.pool.candidates, key=lambda candidate: candidate.mean_logprob or -99)
    assert best == likeliest.text
    assert fused == fusion.final and (fusion.answer.calls or fusion.answer.fallback)


@pytest.mark.parametrize("model", ["embedded", "gguf"])
def test_a_stored_run_is_replayed_without_llama_cpp(weights, tmp_path, monkeypatch, model):
    # given
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
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # as if it were not installed
    # when
    offline = FusionLM(trace_dir=str(tmp_path / "offline"), offline=True, **arguments)
    # then
    assert offline.generate_until([request]) == texts
    replayed, sampled = (tmp_path / name / "traces.jsonl" for name in ("offline", "online"))
    assert replayed.read_bytes() == sampled.read_bytes()
    assert {file.name: file.read_bytes() for file in store.parent.iterdir()} == before
    request.arguments = ("Another prompt.", request.args[1])
    with pytest.raises(FusionEvalError, match=r"lacks an answer of .* to the prompt 'Another prompt\.'"):
        offline.generate_until([request])


def test_the_bundled_weights_are_a_base_model(weights):
    assert not has_chat_template(weights)
    assert sha256_of(weights) == GEMMA.sha256


def test_a_file_that_llama_cpp_cannot_load_is_an_endpoint_error(weights, tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(weights.read_bytes()[:1000])

    with pytest.raises(EndpointError, match=r"llama\.cpp cannot load .*broken\.gguf"):
        sample(broken, "x", 1)


def test_a_file_of_another_kind_is_reported(weights, tmp_path):
    other = tmp_path / "notes.gguf"
    other.write_text("not weights")

    with pytest.raises(ConfigError, match="is not a GGUF file"):
        open_embedded(f"gguf:{other}")
