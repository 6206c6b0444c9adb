"""From a name to a model: the right door, within its endpoint's slots, in front of the store."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.logs import log
from fusion_eval.model_arguments import HARNESS_OWN, KEY_VARIABLE, OFF, Settings, slip_of_ours, unknown
from fusion_eval.models import Model
from fusion_eval.models.cached import Cached
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.limited import Limited
from fusion_eval.models.offline import Offline
from fusion_eval.models.openai.errors import without_userinfo
from fusion_eval.models.priced import Budget, priced
from fusion_eval.models.prices import FREE, Price, price_of
from fusion_eval.models.spread import Spread
from fusion_eval.models.store.read_only import ReadOnlyStore
from fusion_eval.models.store.store import Store, cache_folder

LOOKS = 2
"""Times that an answer which went astray on its way from an endpoint is asked for again."""


class Opener:
    """Opens models for one run. A name opened twice shares its door, and so its connections and slots."""

    asks = True
    """Whether the models will be asked anything, so that a key is needed."""

    def __init__(self, settings: Settings, store: Store, say: Callable[[str], None] | None = None) -> None:
        self.settings, self._store, self._say = settings, store, say or log.warning
        _check_harness_arguments(settings)
        self._doors: dict[tuple[str, str | None], Model] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self.budget = Budget(settings.budget)

    def sampler(self) -> tuple[Cached, ...]:
        """The models that sample."""
        return tuple(self.open(name, self.settings.base_url) for name in self.settings.model)

    def fusor(self) -> Cached:
        """The model that fuses: the first that samples, where no other is named."""
        return self._role(self.settings.fusor, self.settings.fusor_base_url)

    def judge(self) -> Cached:
        """The model that rates candidates for `scorer=judge`: likewise."""
        return self._role(self.settings.scorer_model, self.settings.scorer_base_url)

    def panel(self) -> tuple[Cached, ...]:
        """The models that judge pairs of answers; whoever reads a verdict asks again itself where there is none."""
        return tuple(self.open(name, self.settings.base_url, looks=0) for name in self.settings.model)

    def _role(self, name: str | None, base_url: str | None) -> Cached:
        where = None if base_url == OFF else base_url or self.settings.base_url
        return self.open(name or self.settings.model[0], where, urgent=True)

    def open(self, name: str, base_url: str | None, *, urgent: bool = False, looks: int = LOOKS) -> Cached:
        """The model `name`; `urgent` requests go ahead of those of others on the same endpoint."""
        addresses = base_url.split("|") if base_url and not _in_process(name) else [None]
        limited = [self._limited(name, address, urgent, looks, len(addresses) > 1) for address in addresses]
        one = limited[0] if len(limited) == 1 else Spread(limited, self._say, self.settings.max_retries)
        return Cached(one, self._store)

    def _limited(self, name: str, address: str | None, urgent: bool, looks: int, spread: bool) -> Limited:
        door = self._door(name, address)
        at_once = _requests_at_once(door, self.settings.concurrency)
        endpoint = self._endpoints.setdefault(door.identity, Endpoint(at_once))
        price = None if self.settings.offline else self.price(name, address)
        paid = priced(door, price, self.budget) if price else door  # what has no price pays for no wrapper
        retries = self.settings.max_retries
        return Limited(
            paid,
            endpoint,
            urgent=urgent,
            max_retries=0 if spread else retries,  # what fails at one address is tried at the next
            waits=retries,
            where=without_userinfo(address) if address else "",
            looks=0 if _in_process(name) else min(looks, retries),
        )

    def price(self, name: str, address: str | None) -> Price | None:
        """None where it is not known, which a budget does not allow where anything can be spent."""
        price = FREE if _in_process(name) else price_of(name, address, self.settings)
        if price is None and self.settings.budget is not None and not self.settings.offline:
            raise ConfigError(
                f"budget= needs a price, and none is known of {name}; add price_in= and price_out=, "
                "US dollars for a million tokens read and written"
            )
        return price

    def _door(self, name: str, base_url: str | None) -> Model:
        key = (name, base_url)
        if key not in self._doors:
            offline = self.settings.offline
            door = _open_door(name, base_url, self.settings, self.asks and not offline)
            self._doors[key] = Offline(door, self._store.path) if offline else door
        return self._doors[key]

    def endpoints(self) -> list[Endpoint]:
        """All that were opened so far."""
        return list(self._endpoints.values())

    def inner_harness_model(self) -> Any:
        """The harness's own model object behind a sampler that is an `lm_eval:` name, or None."""
        doors = [self._door(name, None) for name in self.settings.model if name.startswith("lm_eval:")]
        return next((door.inner for door in doors if hasattr(door, "inner")), None)

    async def close(self) -> None:
        """Close all doors, whichever of them cannot be closed well."""
        async with contextlib.AsyncExitStack() as stack:
            for door in self._doors.values():
                stack.push_async_callback(door.close)


def open_store(settings: Settings) -> Store:
    """The store that the settings ask for."""
    if settings.cache == Path(OFF):
        return Store(None)
    path = settings.cache or cache_folder() / "store.sqlite"
    return ReadOnlyStore(path) if settings.offline else Store(path)


def _check_harness_arguments(settings: Settings) -> None:
    """Arguments that are not ours must be of use to one of the harness models that are named."""
    named = (*settings.model, settings.fusor or "", settings.scorer_model or "")
    inner = [name for name in named if name.startswith("lm_eval:")]
    for argument in settings.harness_arguments:
        if argument not in HARNESS_OWN:
            from fusion_eval.models.lm_eval.door import accepts, names_argument

            # Many constructors take any name, so one that is close to ours must be spelt out to count as theirs.
            takes = names_argument if slip_of_ours(argument) else accepts
            if not any(takes(name, argument) for name in inner):
                raise unknown(argument)


def _in_process(name: str) -> bool:
    return name == "embedded" or name.startswith(("gguf:", "lm_eval:"))


def _open_door(name: str, base_url: str | None, settings: Settings, asks: bool) -> Model:
    if name == "embedded" or name.startswith("gguf:"):
        from fusion_eval.models.embedded import open_embedded

        return open_embedded(name, completion=settings.completion, timeout=settings.timeout, asks=asks)
    if name.startswith("lm_eval:"):
        from fusion_eval.models.lm_eval.door import open_harness

        return open_harness(name, dict(settings.harness_arguments))
    if base_url or name.startswith("openai/"):
        from fusion_eval.models.openai.door import OpenAIModel

        return OpenAIModel(
            name.removeprefix("openai/"),
            base_url or "https://api.openai.com/v1",
            api_key=_api_key(settings, required=base_url is None) if asks else None,
            api_key_env=settings.api_key_env,
            chat=not settings.completion,
            timeout=settings.timeout,
        )
    from fusion_eval.models.litellm.door import LiteLLMModel

    return LiteLLMModel(name, chat=not settings.completion, timeout=settings.timeout)


def _api_key(settings: Settings, *, required: bool) -> str | None:
    key = os.environ.get(settings.api_key_env, "").strip()  # read from a file, it often ends with its newline
    named = settings.api_key_env != KEY_VARIABLE
    if (key and not key.isprintable()) or (not key and (required or named)):
        raise ConfigError(
            f"The environment variable {settings.api_key_env} holds no key; set it, or name another with api_key_env="
        )
    return key or None


def _requests_at_once(door: Model, concurrency: int) -> int:
    return min(concurrency, getattr(door, "requests_at_once", concurrency))
