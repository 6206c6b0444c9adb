"""A strategy in a package of its own: answer with the longest candidate."""

from dataclasses import dataclass

from fusion_eval.strategies import Answer, Pool, Tools


@dataclass(frozen=True)
class LongestAnswer:
    """Answer with the longest candidate, of those with at most `limit` characters."""

    limit: int = 10_000

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Choose one of the candidates that did not fail."""
        texts = [candidate.text for candidate in pool.usable]
        allowed = [text for text in texts if len(text) <= self.limit] or texts
        chosen = max(allowed, key=len)
        return Answer(chosen, chosen=texts.index(chosen))
