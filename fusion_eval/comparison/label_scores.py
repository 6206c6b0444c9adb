"""Scores of labels from counts that add up over items: micro and macro F1, and Matthews' correlation coefficient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusion_eval.stats.paired import Floats

LabelSets = tuple[frozenset[str], frozenset[str]]
"""The labels of one item: the true ones, and the predicted ones."""


def micro_f1(totals: Floats) -> Floats:
    """Return F1 (...) of totals (..., 3): true positives, false positives and false negatives. F1 of nothing is 0."""
    hits = 2 * totals[..., 0]
    every = hits + totals[..., 1] + totals[..., 2]
    return np.asarray(np.where(every > 0, hits / np.where(every > 0, every, 1.0), 0.0))


def item_f1(counts: Floats) -> Floats:
    """Return F1 of single items. It is 1 for an item without a label, if none is predicted either."""
    return np.asarray(np.where(counts.sum(axis=-1) > 0, micro_f1(counts), 1.0))


@dataclass(frozen=True, slots=True)
class LabelF1:
    """Macro F1: the mean of the F1 of each label that occurs. `labels` are those of all runs."""

    labels: tuple[str, ...]

    def statistics(self, items: Sequence[LabelSets]) -> Floats:
        """Return true positives, false positives and false negatives for each label (items, 3 * labels)."""
        counts = np.zeros((len(items), len(self.labels), 3))
        places = {label: place for place, label in enumerate(self.labels)}
        for row, (gold, predicted) in enumerate(items):
            for column, labels in enumerate((gold & predicted, predicted - gold, gold - predicted)):
                counts[row, [places[label] for label in labels], column] = 1
        return counts.reshape(len(items), -1)

    def __call__(self, totals: Floats) -> Floats:
        """Return macro F1 (...) of totals (..., 3 * labels)."""
        counts = totals.reshape(*totals.shape[:-1], len(self.labels), 3)
        occurs = counts.sum(axis=-1) > 0
        return np.asarray(micro_f1(counts).sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1))

    def item_score(self, counts: Floats) -> Floats:
        """Return F1 of the labels of single items."""
        return item_f1(counts.reshape(*counts.shape[:-1], len(self.labels), 3).sum(axis=-2))


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Matthews' correlation coefficient for any number of labels (Gorodkin 2004)."""

    labels: tuple[str, ...]

    def statistics(self, items: Sequence[LabelSets]) -> Floats:
        """Return a 1 for each item's true and predicted label (items, labels * labels)."""
        counts = np.zeros((len(items), len(self.labels), len(self.labels)))
        places = {label: place for place, label in enumerate(self.labels)}
        for row, (gold, predicted) in enumerate(items):
            for true in gold:
                counts[row, places[true], [places[label] for label in predicted]] = 1
        return counts.reshape(len(items), -1)

    def __call__(self, totals: Floats) -> Floats:
        """Return the coefficient (...) of totals (..., labels * labels). It is 0 if all labels are the same."""
        matrix = self._matrix(totals)
        true, predicted, all_items = matrix.sum(axis=-1), matrix.sum(axis=-2), matrix.sum(axis=(-2, -1))
        covariance = self._hits(matrix) * all_items - (true * predicted).sum(axis=-1)
        spread = (all_items**2 - (true**2).sum(axis=-1)) * (all_items**2 - (predicted**2).sum(axis=-1))
        return np.asarray(np.where(spread > 0, covariance / np.sqrt(np.where(spread > 0, spread, 1.0)), 0.0))

    def item_score(self, counts: Floats) -> Floats:
        """Return 1 for the right label, else 0."""
        return self._hits(self._matrix(counts))

    def _matrix(self, totals: Floats) -> Floats:
        return totals.reshape(*totals.shape[:-1], len(self.labels), len(self.labels))

    @staticmethod
    def _hits(matrix: Floats) -> Floats:
        return np.asarray(np.trace(matrix, axis1=-2, axis2=-1))
