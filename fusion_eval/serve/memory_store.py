"""The store of a server without a file: it keeps the newest generations in memory and forgets older ones."""

from __future__ import annotations

from collections.abc import Mapping

from fusion_eval.argument_values import OFF
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models.opener import open_store
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate

MOST_GENERATIONS = 10_000
"""Generations that are kept in memory."""


class MemoryStore(Store):
    """A store in memory that keeps the newest `MOST_GENERATIONS`, so that a server can run for months."""

    def __init__(self) -> None:
        super().__init__(None)

    def keep(self, candidates: Mapping[bytes, Candidate]) -> dict[bytes, Candidate]:
        """Write candidates, drop the oldest rows beyond the bound, and return what was stored under the keys."""
        stored = super().keep(candidates)
        self._run(
            "DELETE FROM generations WHERE rowid <= (SELECT max(rowid) FROM generations) - ?",
            (MOST_GENERATIONS,),
        )
        return stored


def open_server_store(arguments: ModelArguments) -> Store:
    """Open the store that the argument `cache` names; with `cache=off` one that forgets."""
    return MemoryStore() if arguments.cache is OFF else open_store(arguments)
