"""`reward:NAME` scores candidates by a reward model in this process; here a tiny one with random weights."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scripted import pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.reward import classifier
from fusion_eval.models.reward.classifier import RewardClassifier
from fusion_eval.models.reward.conversation import SCORING, conversation_of, score_in
from fusion_eval.models.store.store import Store
from fusion_eval.strategies import Pool, Scored
from fusion_eval.strategies.scorers.reward import Reward
from fusion_eval.strategies.solver import Solver
from fusion_eval.types import Message, Prompt

WORDS = ["<unk>", "<pad>", "</s>", "<user>", "<assistant>", "Why", "Because", "it", "is", "so", "not"]
TEMPLATE = "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} </s> {% endfor %}"
TEXTS = ("Because", "it is so", "Because it is not so", "not", "it is so")
POOL = pool_of(*TEXTS, prompt=Prompt(messages=(Message("user", "Why is it so"),)))

needs_transformers = pytest.mark.skipif(
    not (importlib.util.find_spec("transformers") and importlib.util.find_spec("torch")),
    reason="needs transformers and torch: python -m pip install 'fusion-eval[reward]'",
)


def make_model(
    folder: Path, *, padding: bool = True, template: bool = True, labels: int = 1, seed: int = 0
) -> str:
    """Save a Llama of two layers with a head for sequences, and a tokenizer of whole words."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"unk_token": "<unk>", "eos_token": "</s>"} | ({"pad_token": "<pad>"} if padding else {})
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=32, **special)
    tokenizer.chat_template = TEMPLATE if template else None
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
        num_labels=labels,
    )
    transformers.LlamaForSequenceClassification(config).save_pretrained(folder)
    return str(folder)


def by_hand(folder: str, text: str, *, template: bool = True) -> float:
    """The definition: the model's number for one conversation alone, without padding."""
    import torch
    import transformers

    written = f"<user> Why is it so </s> <assistant> {text} </s>" if template else f"Why is it so {text}"
    ids = torch.tensor([[WORDS.index(word) for word in written.split()]])
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        return float(model(input_ids=ids).logits[0, 0])


async def scored(scorer: Any, pool: Pool, store: Store | None = None) -> Scored:
    opener = Opener(parse({"model": "m", "base_url": "http://127.0.0.1:9/v1"}), store or Store(None))
    try:
        return await scorer(pool, msgspec.structs.replace(tools(), open_model=opener.open_model))
    finally:
        await opener.close()


@needs_transformers
@pytest.mark.parametrize("padding", [True, False])
@pytest.mark.parametrize("template", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3])
async def test_the_score_is_the_models_number_for_the_conversation_alone(
    tmp_path: Path, padding: bool, template: bool, batch_size: int
) -> None:
    # given a model with or without a token for padding, and with or without a chat template
    folder = make_model(tmp_path, padding=padding, template=template)
    # when
    result = await scored(Reward(folder, batch_size), POOL)
    # then
    expected = [by_hand(folder, text, template=template) for text in TEXTS]
    assert result.scores == pytest.approx(expected, abs=1e-5)
    assert len({round(score or 0, 5) for score in result.scores}) == 4
    assert len(result.calls) == 4 and all(call.prompt_tokens > 0 and call.cost == 0 for call in result.calls)


@needs_transformers
async def test_conversations_that_wait_together_are_scored_in_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = RewardClassifier(make_model(tmp_path), batch_size=8)
    sizes: list[int] = []
    forward = model._forward
    monkeypatch.setattr(model, "_forward", lambda texts: sizes.append(len(texts)) or forward(texts))
    await asyncio.gather(*(model.sample(conversation_of(POOL.prompt, t), SCORING, 1) for t in TEXTS))
    assert sum(sizes) == 5 and max(sizes) >= 4


@needs_transformers
async def test_a_candidate_that_is_too_long_is_unscored_and_not_cut(tmp_path: Path) -> None:
    folder = make_model(tmp_path)
    result = await scored(Reward(folder), pool_of("so " * 100, "so", prompt=Prompt("Why is it so")))
    assert result.scores == (None, pytest.approx(by_hand(folder, "so")))


@needs_transformers
async def test_no_score_is_computed_twice(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model")
    with Store(tmp_path / "store.sqlite") as store:
        first = await scored(Reward(folder), POOL, store)
    (tmp_path / "model" / "config.json").touch()
    with Store(tmp_path / "store.sqlite") as store, pytest.MonkeyPatch.context() as patched:
        patched.setattr(RewardClassifier, "_load", lambda self: pytest.fail("the model was loaded again"))
        second = await scored(Reward(folder), POOL, store)
    assert first.scores == second.scores


@needs_transformers
async def test_other_weights_in_the_same_folder_are_another_model(tmp_path: Path) -> None:
    first = RewardClassifier(make_model(tmp_path)).identity
    make_model(tmp_path, seed=1)
    assert RewardClassifier(str(tmp_path)).identity != first


@needs_transformers
async def test_a_conversation_that_the_template_refuses_is_unscored_and_its_batch_is_scored(
    tmp_path: Path,
) -> None:
    # given
    folder = make_model(tmp_path)
    refusing = "{% if messages[-1]['content'] == 'not' %}{{ raise_exception('No!') }}{% endif %}" + TEMPLATE
    (tmp_path / "chat_template.jinja").write_text(refusing)
    # when
    result = await scored(Reward(folder), POOL)
    # then
    expected = [None if text == "not" else pytest.approx(by_hand(folder, text), abs=1e-5) for text in TEXTS]
    assert list(result.scores) == expected


@needs_transformers
async def test_too_little_memory_is_one_sentence_that_names_the_batch_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(self: RewardClassifier, texts: list[list[int]]) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    folder = make_model(tmp_path)
    monkeypatch.setattr(RewardClassifier, "_forward", forward)
    with pytest.raises(ConfigError, match="ran out of memory; lower batch_size=8"):
        await scored(Reward(folder), POOL)


@needs_transformers
async def test_a_classifier_with_several_labels_is_refused(tmp_path: Path) -> None:
    folder = make_model(tmp_path, labels=3)
    with pytest.raises(ConfigError, match="has 3 labels, and a reward model has one"):
        await scored(Reward(folder), POOL)


@needs_transformers
async def test_a_name_that_leads_to_no_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        await scored(Reward(str(tmp_path)), POOL)


def test_without_transformers_the_run_ends_before_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(classifier.importlib.util, "find_spec", lambda name: None)
    arguments = parse({"model": "m", "base_url": "http://h/v1"})
    # when, then
    with pytest.raises(ConfigError, match=r"scorer=reward:m needs transformers and torch: .*\[reward\]"):
        Solver("bon(scorer=reward:m)", arguments, Opener(arguments, Store(None)))
    with pytest.raises(ConfigError, match="needs transformers"):
        Solver("refine(by=reward:m)", arguments, Opener(arguments, Store(None)))
    offline = parse({"model": "m", "base_url": "http://h/v1", "offline": True})
    Solver("bon(scorer=reward:m)", offline, Opener(offline, Store(None)))


def test_a_reply_that_is_no_number_is_no_score() -> None:
    from fusion_eval.models.reward.conversation import reply_with
    from fusion_eval.types import Candidate

    assert score_in(reply_with(-1.5, "m", 0, 3, 0.1)) == -1.5
    assert reply_with(float("nan"), "m", 0, 3, 0.1).error == "m gives the score nan"
    assert score_in(Candidate("no number", "m", 0)) is None
    assert score_in(Candidate("inf", "m", 0)) is None
