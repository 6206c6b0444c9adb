"""A Swiss tournament: who has met whom, who meets next, and how strong each is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import permutations

Pair = tuple[int, int]
"""Two players, in the order in which they are shown."""
WINDOW = 8
"""How many places apart two players of a Swiss round may stand."""
_MOST_MEETINGS = 2
"""Two players meet in both orders, so that neither gains from its place."""
_PRIOR_WINS = 0.01
_TOLERANCE = 1e-8
_MOST_ITERATIONS = 10_000


class Standings:
    """The results of a tournament so far.

    Args:
        players: The players, in an order that decides between equals.
    """

    def __init__(self, players: Sequence[int]) -> None:
        self._players = list(players)
        self._met: Counter[Pair] = Counter()
        self._results: list[tuple[Pair, float]] = []

    def first_round(self) -> list[Pair]:
        """Return pairs that form a ring, so that each player meets two others; for two players the one pair."""
        if len(self._players) == 2:
            return [(self._players[0], self._players[1])]
        return list(zip(self._players, [*self._players[1:], self._players[0]], strict=True))

    def next_round(self) -> list[Pair]:
        """Return pairs of neighbours in the standings; of those, two that have met least. Each plays once at most."""
        standing = sorted(self._players, key=lambda player: -self._rate(player))
        pairs: list[Pair] = []
        while len(standing) > 1:
            player, *others = standing
            open_ = [other for other in others[:WINDOW] if self._meetings(player, other) < _MOST_MEETINGS]
            standing = others
            if open_:
                other = min(open_, key=lambda other: self._meetings(player, other))
                standing = [rest for rest in others if rest != other]
                pairs.append((other, player) if self._met[player, other] else (player, other))
        return pairs

    def add(self, pair: Pair, winner: int | None) -> None:
        """Record a comparison; its winner is None if there is none."""
        self._met[pair] += 1
        if winner is not None:
            self._results.append((pair, 1.0 if winner == pair[0] else 0.0))

    def strengths(self) -> dict[int, float] | None:
        """Return each player's Bradley–Terry strength in log-odds; None if the results do not connect all players.

        The fit is evalica's (Newman 2023). Each player gets a hundredth of a win against each other one, so that the
        strengths of those that always win or never win are finite.
        """
        if not self._connected():
            return None
        import evalica  # takes a second to import

        wins = dict.fromkeys(permutations(self._players, 2), _PRIOR_WINS)
        for (first, second), score in self._results:
            wins[first, second] += score
            wins[second, first] += 1 - score
        winners, losers = zip(*wins, strict=True)
        verdicts = [evalica.Winner.X] * len(wins)
        fitted = evalica.bradley_terry(
            winners,
            losers,
            verdicts,
            weights=list(wins.values()),
            tolerance=_TOLERANCE,
            limit=_MOST_ITERATIONS,
        )
        values = {player: math.log(float(fitted.scores[player])) for player in self._players}
        mean = sum(values.values()) / len(values)
        return {player: value - mean for player, value in values.items()}

    def _connected(self) -> bool:
        """Whether each player was compared with each other one, if only through third ones."""
        reached, waiting = set(self._players[:1]), self._players[:1]
        while waiting:
            player = waiting.pop()
            met = {other for pair, _ in self._results if player in pair for other in pair} - reached
            reached |= met
            waiting += met
        return len(reached) == len(self._players)

    def _meetings(self, player: int, other: int) -> int:
        return self._met[player, other] + self._met[other, player]

    def _rate(self, player: int) -> float:
        """Return the share of its readable comparisons that a player won; one half before the first."""
        own = [(pair, score) for pair, score in self._results if player in pair]
        won = sum(score if pair[0] == player else 1 - score for pair, score in own)
        return won / len(own) if own else 0.5
