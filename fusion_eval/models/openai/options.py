"""Learn which options an endpoint accepts: choices per request, the token limit's name, and what it refuses."""

from __future__ import annotations

SHORT_REPLIES = 3
"""Short replies in a row that prove a limit on choices. A single one is an accident and costs one more request."""
SHAPING = ("temperature", "top_p", "seed")
"""Options that shape an answer. A candidate records those that its request had to leave out."""
DISPENSABLE = (*SHAPING, "stop", "logprobs", "top_logprobs", "stream")
"""Options that a request can leave out. Answers are cut at the stop strings afterwards, whatever the endpoint did."""


class LearnedOptions:
    """What the replies of one endpoint have shown about the options of a request.

    Args:
        max_n: The limit on choices per request, if it is known beforehand.
    """

    def __init__(self, max_n: int | None = None) -> None:
        self.max_n = max_n
        """The most choices that one request brings; None while no limit is known."""
        self.length_option = "max_tokens"
        """The endpoint's name for the limit on generated tokens."""
        self.omitted: frozenset[str] = frozenset()
        """The options that the endpoint refuses, whatever their value."""
        self._short_replies = 0

    def choices_to_request(self, n: int) -> int:
        """Return how many choices to request where n are wanted."""
        return n if self.max_n is None else min(n, self.max_n)

    def record_choices(self, received: int, requested: int) -> None:
        """Learn from one reply how many choices a request brings."""
        if received < requested:
            self._short_replies += 1
            if self._short_replies >= SHORT_REPLIES:
                self.max_n = received
        elif requested > 1:
            self._short_replies = 0

    def avoid(self, option: str) -> bool:
        """Use the alternative to an option that the endpoint refused, or leave it out.

        Returns:
            Whether the option was in use until now, and shapes answers.
        """
        if option == "n":
            self.max_n = 1
        elif option == "max_tokens":
            self.length_option = "max_completion_tokens"  # OpenAI's newer name
        elif option not in self.omitted:
            self.omitted |= {option}
            return option in SHAPING
        return False

    def omit_from(self, payload: dict[str, object]) -> tuple[str, ...]:
        """Remove the options that the endpoint refuses; return those of them that shape the answer."""
        removed = [option for option in self.omitted if payload.pop(option, None) is not None]
        return tuple(sorted(set(removed) & set(SHAPING)))
