"""Open models of which some run in the Ray cluster."""

from __future__ import annotations

from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models import Model
from fusion_eval.models.cluster.door import open_cluster_model
from fusion_eval.models.cluster.names import PREFIX
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.keys import KeySource
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store

_REQUESTS = 1_000_000
"""Requests to the cluster at a time. What is in work bounds them; a batch takes all that wait."""


def names_cluster_model(arguments: ModelArguments) -> bool:
    """Return whether a teacher, the fusor or the scorer's model runs in the cluster."""
    named = (*arguments.model, arguments.fusor or "", arguments.scorer_model or "")
    return any(name.startswith(PREFIX) for name in named)


class ClusterOpener(Opener):
    """Opens `vllm:NAME` in the Ray cluster, and all other models as usual.

    Args:
        arguments: The checked model arguments.
        store: Where finished candidates are kept.
        replicas: The most engines of each model; None is as many as the cluster has GPUs for.
    """

    def __init__(self, arguments: ModelArguments, store: Store, replicas: int | None = None) -> None:
        super().__init__(arguments, store)
        self._replicas = replicas

    def _door(self, name: str, address: str | None, key: KeySource) -> Model:
        index = (name, None, None)
        if name.startswith(PREFIX) and not self.arguments.offline and index not in self._doors:
            door = open_cluster_model(name, chat=not self.arguments.completion, replicas=self._replicas)
            self._doors[index] = door
            self._endpoints[door.identity] = Endpoint(_REQUESTS)
        return super()._door(name, address, key)
