"""Model types of the harness for tests: they record their requests and answer at once, or when the test allows it."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import model_registry, register_model

from fusion_eval.models.lm_eval.door import HarnessModel, open_harness
from fusion_eval.types import Sampling


@register_model("recording")
class Recording(LM):
    """Answer a context with itself and a random number, and record every batch."""

    def __init__(
        self, pretrained: str = "", revision: str = "main", token: str | None = None, batch_size: int = 1
    ):
        super().__init__()
        self.arguments = {"pretrained": pretrained, "revision": revision, "batch_size": batch_size}
        self.batches: list[list[Instance]] = []
        self.disabled_tqdm: list[bool] = []
        self.called = threading.Event()
        """Set while and after a batch is answered."""
        self.may_answer = threading.Event()
        """Clear it to keep batches waiting."""
        self.may_answer.set()
        self.fault: Callable[[], list[Any]] | None = None
        """Returns other results, or raises."""
        self._in_use = threading.Lock()
        if pretrained == "nowhere":
            raise OSError(f"nowhere is no model\nand {token} opens nothing")

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Any]:
        assert self._in_use.acquire(blocking=False), "the inner model was called by two threads at once"
        try:
            self.disabled_tqdm.append(disable_tqdm)
            self.batches.append(requests)
            self.called.set()
            self.may_answer.wait(10)
            texts = [f"{request.args[0]} {random.random()}" for request in requests]
            return texts if self.fault is None else self.fault()
        finally:
            self._in_use.release()

    def loglikelihood(self, requests: list[Instance]) -> list[Any]:
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


@register_model("recording-chat")
class RecordingChat(Recording):
    """A recording model with a chat template, and a tokenizer that counts words."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.tokenizer = SimpleNamespace(chat_template="a template")

    def tok_encode(self, string: str, add_special_tokens: bool = True) -> list[int]:
        return [0] * (len(string.split()) + add_special_tokens)

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        if chat_history[0]["role"] == "system":
            raise ValueError("the template knows\nno system messages")
        turns = "".join(f"[{turn['role']}]{turn['content']}" for turn in chat_history)
        return turns + "[assistant]" * add_generation_prompt


@register_model("recording-open")
class RecordingOpen(LM):
    """A model type that takes any argument, like those that pass arguments to an engine."""

    def __init__(self, engine: str = "", **kwargs: Any):
        super().__init__()

    generate_until = loglikelihood = loglikelihood_rolling = Recording.loglikelihood


model_registry.register("recording-absent", target="a_package_that_is_absent:Model")


def open_recording(name: str = "lm_eval:recording") -> tuple[HarnessModel, Any]:
    """Open a recording model; return the door and the model behind it."""
    model = open_harness(name, {})
    return model, model.inner


def sampling(**changes: Any) -> Sampling:
    """Return sampling options, with changes."""
    return dataclasses.replace(Sampling(max_tokens=64, temperature=0.7, seed=10), **changes)
