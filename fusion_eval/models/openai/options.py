"""Learn which options an endpoint accepts: choices per request, and the name of the token limit."""

from __future__ import annotations

SHORT_REPLIES = 3
"""Short replies in a row that prove a limit on choices. A single one is an accident and costs one more request."""


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

    def avoid(self, option: str) -> None:
        """Use the alternative to an option that the endpoint refused: `n` or `max_tokens`."""
        if option == "n":
            self.max_n = 1
        else:
            self.length_option = "max_completion_tokens"  # OpenAI's newer name
