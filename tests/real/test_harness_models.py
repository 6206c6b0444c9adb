"""A real Hugging Face model behind the harness door, with a few thousand random parameters."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from lm_eval.api.instance import Instance

from fusion_eval.errors import ConfigError, EndpointError, RequestError
from fusion_eval.harness.lm import FusionLM
from fusion_eval.models.lm_eval.door import HarnessModel, open_harness
from fusion_eval.runs.traces import read_traces
from fusion_eval.types import Message, Prompt, Sampling

torch = pytest.importorskip("torch", reason="needs torch: pip install 'lm_eval[hf]'")
transformers = pytest.importorskip("transformers", reason="needs transformers: pip install 'lm_eval[hf]'")
pytest.importorskip("accelerate", reason="needs accelerate: pip install 'lm_eval[hf]'")

TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}"
    "<{{ m.role }}>{{ m.content }}{% if not (loop.last and m.role == 'assistant') %}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
LETTERS = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:<>/\n"


def save_tiny_model(folder: Path, seed: int, template: str | None = TEMPLATE) -> Path:
    """Save a one-layer Llama over single characters, with its tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    words = {token: i for i, token in enumerate(["</s>", "<s>", "<unk>", *LETTERS])}
    plain = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    plain.decoder = decoders.Fuse()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=256,
        bos_token_id=1,
        eos_token_id=0,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", seed=1)


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[HarnessModel]:
    yield open_harness("lm_eval:hf", {"pretrained": str(folder), "device": "cpu", "batch_size": 4})


def sampling(**changes: object) -> Sampling:
    return dataclasses.replace(Sampling(max_tokens=12, temperature=1.0, seed=0), **changes)  # type: ignore[arg-type]


async def test_one_prompt_gives_different_candidates(model: HarnessModel) -> None:
    candidates = await model.sample(Prompt("once upon a time"), sampling(), 6)
    assert len({candidate.text for candidate in candidates}) == 6
    assert [candidate.seed for candidate in candidates] == [0, 1, 2, 3, 4, 5]
    assert [candidate.prompt_tokens for candidate in candidates] == [16, 0, 0, 0, 0, 0]
    assert all(0 < candidate.completion_tokens <= 12 for candidate in candidates)
    assert all(candidate.error is None and candidate.latency > 0 for candidate in candidates)


async def test_equal_batches_give_equal_texts(model: HarnessModel) -> None:
    async def batch(seed: int) -> list[str]:
        pools = await asyncio.gather(
            *(model.sample(Prompt(f"story {i}"), sampling(seed=seed), 3) for i in range(5))
        )
        return [candidate.text for pool in pools for candidate in pool]

    first = await batch(7)
    torch.rand(5)  # other code may draw from the generators
    assert await batch(7) == first
    assert await batch(8) != first


async def test_temperature_zero_gives_the_harnesss_own_greedy_text(model: HarnessModel) -> None:
    from lm_eval.api.instance import Instance

    options = {"until": ["e"], "max_gen_toks": 12, "do_sample": False}
    greedy = model.inner.generate_until([Instance("generate_until", {}, ("greedy", options), 0)])
    candidates = await model.sample(Prompt("greedy"), sampling(temperature=0.0, stop=("e",), seed=3), 1)
    assert [candidate.text for candidate in candidates] == greedy


async def test_a_stop_string_ends_a_text(model: HarnessModel) -> None:
    free = await model.sample(Prompt("stop"), sampling(max_tokens=40), 8)
    letter = next(letter for letter in "etaonrisABC" if sum(letter in c.text for c in free) >= 3)
    cut = await model.sample(Prompt("stop"), sampling(max_tokens=40, stop=(letter,)), 8)
    assert not any(letter in candidate.text for candidate in cut)
    assert any(len(candidate.text) < 40 for candidate in cut)


async def test_an_unknown_option_is_passed_on_to_the_model(model: HarnessModel) -> None:
    only_the_best = await model.sample(Prompt("one way"), sampling(extra=(("top_k", 1),)), 3)
    assert len({candidate.text for candidate in only_the_best}) == 1


async def test_the_models_own_template_renders_messages(model: HarnessModel) -> None:
    assert model.chat
    chat = Prompt(messages=(Message("system", "Be brief."), Message("user", "Hello")))
    rendered = Prompt("<system>Be brief.</s><user>Hello</s><assistant>")
    greedy = sampling(temperature=0.0)
    assert [c.text for c in await model.sample(chat, greedy, 1)] == [
        c.text for c in await model.sample(rendered, greedy, 1)
    ]


async def test_an_answer_continues_the_last_message_of_the_assistant(model: HarnessModel) -> None:
    begun = Prompt(messages=(Message("user", "Hello"), Message("assistant", "Dear")))
    rendered = Prompt("<user>Hello</s><assistant>Dear")
    greedy = sampling(temperature=0.0)
    assert [c.text for c in await model.sample(begun, greedy, 1)] == [
        c.text for c in await model.sample(rendered, greedy, 1)
    ]


async def test_a_prompt_that_the_template_rejects_fails_alone(model: HarnessModel) -> None:
    rejected = Prompt(messages=(Message("tool", "42"),))
    refused, answered = await asyncio.gather(
        model.sample(rejected, sampling(), 2),
        model.sample(Prompt("good"), sampling(), 2),
        return_exceptions=True,
    )
    assert isinstance(refused, RequestError) and "no tools here" in str(refused)
    assert isinstance(answered, list) and len(answered) == 2


async def test_an_error_of_the_model_is_reported_in_its_own_words(model: HarnessModel) -> None:
    with pytest.raises(EndpointError, match="maximum sequence length"):
        await model.sample(Prompt("long"), sampling(max_tokens=4000), 1)
    assert await model.sample(Prompt("afterwards"), sampling(), 1)


def test_a_model_without_a_chat_template_takes_plain_text(tmp_path: Path) -> None:
    plain = save_tiny_model(tmp_path / "plain", seed=1, template=None)
    assert not open_harness(f"lm_eval:hf,pretrained={plain},device=cpu", {}).chat


def test_other_weights_at_the_same_path_are_another_model(tmp_path: Path) -> None:
    def identity(seed: int) -> str:
        folder = save_tiny_model(tmp_path / "model", seed=seed)
        return open_harness(f"lm_eval:hf,pretrained={folder},device=cpu", {}).identity

    assert identity(1) == identity(1) != identity(2)


def test_a_missing_path_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lm_eval:hf cannot be opened.*nowhere") as caught:
        open_harness(f"lm_eval:hf,pretrained={tmp_path / 'nowhere'},device=cpu", {})
    assert "\n" not in str(caught.value)


def strategy(folder: Path, **arguments: object) -> FusionLM:
    """Create what `--model fusion --model_args model=lm_eval:hf,pretrained=FOLDER` creates."""
    return FusionLM(model="lm_eval:hf", pretrained=str(folder), device="cpu", batch_size=4, **arguments)


def requests(kind: str, *arguments: tuple[object, ...]) -> list[Instance]:
    return [Instance(kind, {}, each, 0, ("task", i, 1)) for i, each in enumerate(arguments)]


def test_a_harness_model_samples_and_fuses_in_batches(folder: Path, tmp_path: Path) -> None:
    lm = strategy(folder, n=3, fusor_prompt="direct", trace_dir=str(tmp_path))
    options = {"until": ["\n"], "max_gen_toks": 8}

    answers = lm.generate_until(requests("generate_until", ("one", options), ("two", options)))

    traces = list(read_traces(tmp_path / "traces.jsonl"))
    assert answers == [trace.final for trace in traces]
    assert all(len({c.text for c in trace.pool.candidates}) == 3 for trace in traces)
    assert all(len(trace.answer.calls) == 1 for trace in traces)


def test_log_likelihoods_go_to_the_harness_model_itself(folder: Path, model: HarnessModel) -> None:
    lm = strategy(folder)
    pairs = requests("loglikelihood", ("a b", " c"), ("a b", " d"))
    texts = requests("loglikelihood_rolling", ("a short text",), ("a longer text, " * 40,))

    assert [pair[0] for pair in lm.loglikelihood(pairs)] == pytest.approx(
        [pair[0] for pair in model.inner.loglikelihood(pairs)], abs=1e-4
    )
    assert lm.loglikelihood_rolling(texts) == pytest.approx(model.inner.loglikelihood_rolling(texts))
    assert (lm.rank, lm.world_size) == (0, 1)


def test_an_unknown_argument_is_reported_before_weights_are_read(folder: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"Unknown model argument 'temprature'\. Did you mean 'temperature'"
    ):
        strategy(folder, temprature=0.5)
