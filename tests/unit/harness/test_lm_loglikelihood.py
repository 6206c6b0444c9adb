"""Log-likelihood tasks use the harness model itself; other models refuse with an explanation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness_tasks import evaluate
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from openai_server import Plan, Server

from fusion_eval.errors import ConfigError
from fusion_eval.harness.lm import FusionLM
from fusion_eval.models.store.store import Store


@register_model("log-likelihoods-only")
class LogLikelihoodsOnly(LM):
    """A model type of the harness that finds every continuation equally likely."""

    def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
        return [(-1.0, False) for _ in requests]

    def generate_until(self, requests: list[Any]) -> list[str]:
        raise AssertionError("log-likelihood tasks need no text")

    def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
        raise AssertionError("log-likelihood tasks need no rolling windows")


CHOICES = {
    "kind": "multiple_choice",
    "more": "doc_to_choice: ['0 in all', '2 in all', '4 in all', '6 in all']\n",
    "rows": 3,
}


def test_log_likelihood_tasks_use_the_harness_model_itself(tasks):
    results = evaluate(FusionLM(model="lm_eval:log-likelihoods-only"), tasks("choices", **CHOICES), "choices")
    assert results["results"]["choices"]["acc,none"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("completion", [False, True])
def test_log_likelihood_tasks_on_an_endpoint_name_the_models_that_can(openai_server, tasks, completion):
    server: Server = openai_server(Plan())
    lm = FusionLM(model="test-model", base_url=server.base_url, completion=completion)

    with pytest.raises(
        ConfigError, match=r"need a harness model: model=lm_eval:hf.* test-model does not return"
    ):
        evaluate(lm, tasks("choices", **CHOICES), "choices")

    assert server.calls == ()


def test_log_likelihood_tasks_offline_say_that_nothing_is_computed(tasks, tmp_path):
    store = tmp_path / "store.sqlite"
    Store(store).close()
    lm = FusionLM(model="lm_eval:log-likelihoods-only", cache=str(store), offline=True)

    with pytest.raises(ConfigError, match="offline=true computes no log-likelihoods"):
        evaluate(lm, tasks("choices", **CHOICES), "choices")


def test_rolling_log_likelihood_names_the_models_that_can(openai_server, tasks):
    server: Server = openai_server(Plan())
    manager = tasks("rolling", kind="loglikelihood_rolling", more="", rows=1)
    (yaml,) = Path(manager.include_path).glob("rolling.yaml")
    yaml.write_text(yaml.read_text().replace("metric: acc", "metric: word_perplexity"))

    with pytest.raises(ConfigError, match="lm_eval:hf"):
        evaluate(FusionLM(model="test-model", base_url=server.base_url, completion=True), manager, "rolling")
