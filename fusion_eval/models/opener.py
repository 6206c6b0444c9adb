"""Open the models of a run by name: the right door, its endpoint's slots, and the store around it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from fusion_eval.argument_values import BUNDLED_MODELS, OFF, Off, runs_in_llama_cpp, runs_in_process
from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models import Model
from fusion_eval.models.answer_stops import AnswerStops, Thinking
from fusion_eval.models.cached import Cached
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.harness_arguments import check_harness_arguments
from fusion_eval.models.key_check import check_litellm_key
from fusion_eval.models.keys import FUSOR, OPENAI_URL, SAMPLER, SCORER, KeySource, key_source
from fusion_eval.models.limited import Limited
from fusion_eval.models.load_balancer import LoadBalancer
from fusion_eval.models.logs import log
from fusion_eval.models.offline import Offline
from fusion_eval.models.priced import Budget, Priced
from fusion_eval.models.prices import FREE, Price, price_of
from fusion_eval.models.rechecked import Rechecked
from fusion_eval.models.store.read_only import ReadOnlyStore
from fusion_eval.models.store.store import Store, cache_folder
from fusion_eval.text.redaction import without_userinfo

RECHECKS = 2
"""Further requests for an answer whose reply contradicts itself."""


class Opener:
    """Opens models for one run. A name that is opened twice shares its door, and so its connections and slots.

    Args:
        arguments: The checked model arguments.
        store: Where finished candidates are kept.
        warn: Receives warnings for the user; by default they are logged.

    Raises:
        ConfigError: One of the arguments is for harness models, and none of them takes it.
    """

    asks = True
    """Whether the models will send requests, so that keys are needed."""

    def __init__(
        self, arguments: ModelArguments, store: Store, warn: Callable[[str], None] | None = None
    ) -> None:
        self.arguments, self._store, self._warn = arguments, store, warn or log.warning
        check_harness_arguments(arguments)
        self._doors: dict[tuple[str, str | None, str | None], Model] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._thinking: dict[str, Thinking] = {}
        self._own: dict[str, Cached] = {}
        self.budget = Budget(arguments.budget)

    def sampler(self, *, urgent: bool = False) -> tuple[Cached, ...]:
        """Open the models that sample; as urgent ones for a strategy that lets them write again about a whole pool."""
        return tuple(self.open(name, self.arguments.base_url, urgent=urgent) for name in self.arguments.turns)

    def fusor(self) -> Cached:
        """Open the model that fuses; by default the first that samples."""
        return self._open_role(self.arguments.fusor, self.arguments.fusor_base_url, FUSOR)

    def judge(self) -> Cached:
        """Open the model that rates candidates for `scorer=judge`; by default the first that samples."""
        return self._open_role(self.arguments.scorer_model, self.arguments.scorer_base_url, SCORER)

    def panel(self) -> tuple[Cached, ...]:
        """Open the models that judge pairs of answers. The panel itself asks again for a missing verdict."""
        return tuple(self.open(name, self.arguments.base_url, rechecks=0) for name in self.arguments.model)

    def _open_role(self, name: str | None, addresses: tuple[str, ...] | Off | None, role: str) -> Cached:
        if addresses is None:
            addresses = self.arguments.base_url
        places = None if addresses is OFF else addresses
        return self.open(name or self.arguments.model[0], places, urgent=True, role=role)

    def open(
        self,
        name: str,
        addresses: tuple[str, ...] | None,
        *,
        urgent: bool = False,
        rechecks: int = RECHECKS,
        role: str = SAMPLER,
    ) -> Cached:
        """Open one model.

        Args:
            name: The name that users write.
            addresses: Where the model is served; None for a provider. Ignored for models in this process.
            urgent: Whether its requests go ahead of others at the same endpoint.
            rechecks: Further requests for an answer whose reply contradicts itself.
            role: Who asks: whose key the requests hold, and whose failures in a row count.
        """
        places = [None] if addresses is None or runs_in_process(name) else list(addresses)
        limited = [self._limited(name, address, urgent, len(places) > 1, role) for address in places]
        model: Model = limited[0]
        if len(limited) > 1:
            model = LoadBalancer(limited, self._warn, self.arguments.max_retries)
        rechecks = 0 if runs_in_process(name) else min(rechecks, self.arguments.max_retries)
        thinking = self._thinking.setdefault(model.identity, Thinking())
        # A harness model would make a batch of one request. Bundled models are known not to think.
        unprobed = name in BUNDLED_MODELS or name.startswith(("lm_eval:", "pool:", "vllm:"))
        probes = model.chat and not unprobed
        return Cached(AnswerStops(Rechecked(model, rechecks), thinking, probes=probes), self._store)

    def open_model(self, key: str, make: Callable[[float], Model]) -> Model:
        """Open a model that a scorer brings itself, such as a reward model, with slots, retries and the store.

        Args:
            key: Tells the models of this run apart; one that is opened twice is shared.
            make: Makes the door. It gets the seconds for a whole request, `timeout=`.
        """
        if (index := (key, None, None)) not in self._doors:
            self._doors[index] = make(self.arguments.timeout)
        if key not in self._own:
            self._own[key] = Cached(self._limited_own(self._doors[index]), self._store)
        return self._own[key]

    def _limited_own(self, door: Model) -> Limited:
        endpoint = self._endpoints.setdefault(door.identity, Endpoint(self.arguments.concurrency))
        if self.arguments.offline:
            door = Offline(door, self._store.path)
        return Limited(door, endpoint, max_retries=self.arguments.max_retries, role=SCORER)

    def _limited(self, name: str, address: str | None, urgent: bool, spread: bool, role: str) -> Limited:
        door = self._door(name, address, key_source(self.arguments, role, address))
        concurrency = min(
            self.arguments.concurrency, getattr(door, "requests_at_once", self.arguments.concurrency)
        )
        endpoint = self._endpoints.setdefault(door.identity, Endpoint(concurrency))
        price = None if self.arguments.offline else self.price(name, address)
        retries = self.arguments.max_retries
        return Limited(
            Priced(door, price, self.budget) if price else door,
            endpoint,
            urgent=urgent,
            max_retries=0 if spread else retries,  # a request that fails at one address goes to the next
            max_overload_retries=retries,
            role=role,
            where=without_userinfo(address) if address else "",
        )

    def price(self, name: str, address: str | None) -> Price | None:
        """Return the price of a model; None where it is unknown.

        Raises:
            ConfigError: The price is unknown, and there is a budget.
        """
        price = FREE if runs_in_process(name) else price_of(name, address, self.arguments)
        if price is None and self.arguments.budget is not None and not self.arguments.offline:
            raise ConfigError(
                f"budget= needs a price, and none is known of {name}; add price_in= and price_out=, "
                "US dollars for a million tokens read and written"
            )
        return price

    def _door(self, name: str, address: str | None, key: KeySource) -> Model:
        index = (name, address, None if runs_in_process(name) else key.variable)
        if index not in self._doors:
            offline = self.arguments.offline
            asks = self.asks and not offline
            door = _open_door(name, address, self.arguments, key if asks else KeySource(), asks, self._warn)
            self._doors[index] = Offline(door, self._store.path) if offline else door
        return self._doors[index]

    def without_logprobs(self) -> set[str]:
        """Return the names of the models opened so far that are known to report no log-probabilities."""
        return {name for (name, *_), door in self._doors.items() if getattr(door, "no_logprobs", False)}

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of all models opened so far."""
        return list(self._endpoints.values())

    def inner_harness_model(self) -> Any:
        """Return the harness's own model object of the first `lm_eval:` sampler; None without one, and offline."""
        doors = [
            self._door(name, None, KeySource())
            for name in self.arguments.model
            if name.startswith("lm_eval:")
        ]
        return next((door.inner for door in doors if hasattr(door, "inner")), None)

    async def close(self) -> None:
        """Close all doors, even if closing one of them fails."""
        async with contextlib.AsyncExitStack() as stack:
            for door in self._doors.values():
                stack.push_async_callback(door.close)


def open_store(arguments: ModelArguments) -> Store:
    """Open the store that the argument `cache` names; read-only with `offline=true`."""
    if arguments.cache is OFF:
        return Store(None)
    path = arguments.cache or cache_folder() / "store.sqlite"
    return ReadOnlyStore(path) if arguments.offline else Store(path)


def _open_door(
    name: str,
    address: str | None,
    arguments: ModelArguments,
    key: KeySource,
    asks: bool,
    warn: Callable[[str], None],
) -> Model:
    if runs_in_llama_cpp(name):
        from fusion_eval.models.embedded.door import open_embedded

        return open_embedded(name, completion=arguments.completion, asks=asks)
    if name.startswith("lm_eval:"):
        from fusion_eval.models.lm_eval.door import open_harness

        return open_harness(name, dict(arguments.harness_arguments))
    if name.startswith("pool:"):
        from fusion_eval.models.pool import PoolModel

        return PoolModel(name)
    if name.startswith("vllm:"):
        from fusion_eval.models.cluster.door import open_cluster_model

        if asks:
            raise ConfigError(
                f"model={name} answers in batches of a Ray cluster, for synth --engine ray alone; elsewhere serve the model "
                "and name its address with base_url="
            )
        return open_cluster_model(name, chat=not arguments.completion)
    if address or name.startswith("openai/"):
        from fusion_eval.models.openai.door import OpenAIModel

        return OpenAIModel(
            name.removeprefix("openai/"),
            address or OPENAI_URL,
            api_key=key.read(),
            api_key_env=key.variable,
            key_argument=key.argument,
            warn=warn,
            chat=not arguments.completion,
            timeout=arguments.timeout,
        )
    from fusion_eval.models.litellm.door import LiteLLMModel

    if asks:
        check_litellm_key(name)
    return LiteLLMModel(name, chat=not arguments.completion, timeout=arguments.timeout, warn=warn)
