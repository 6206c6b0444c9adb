"""The store of a server without a file: it keeps the newest generations in memory and forgets older ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from fusion_eval.argument_values import OFF
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models.opener import open_store
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate

MOST_GENERATIONS = 10_000
"""Generations that are kept in memory."""


class MemoryStore(Store):
    """A store in memory that keeps the newest `MOST_GENERATIONS`, so that a server can run for months.

    It is a dictionary and not a database, because nothing outlives the process.
    """

    def __init__(self) -> None:
        super().__init__(None)
        self._kept: OrderedDict[bytes, Candidate] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
        """Return the kept candidates of `keys`; keys that are not kept are left out."""
        kept = self._kept
        return {key: kept[key] for key in keys if key in kept}

    def candidates_read_ahead(self, keys: Sequence[bytes]) -> list[Candidate] | None:
        """Return the candidates of `keys` if all are kept, else None."""
        try:
            return [self._kept[key] for key in keys]
        except KeyError:
            return None

    def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
        """Keep candidates, forget the oldest beyond the bound, and return what is kept under the keys."""
        kept = self._kept
        result = {key: kept.setdefault(key, candidate) for key, candidate in candidates.items()}
        for _ in range(len(kept) - MOST_GENERATIONS):
            kept.popitem(last=False)
        return result


def open_server_store(arguments: ModelArguments) -> Store:
    """Open the store that the argument `cache` names; with `cache=off` one that forgets."""
    return MemoryStore() if arguments.cache is OFF else open_store(arguments)
