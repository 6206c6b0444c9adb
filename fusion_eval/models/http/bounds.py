"""How many bytes of a response are read, at most: a hostile server must not fill the memory."""

from __future__ import annotations

from fusion_eval.types import ALTERNATIVES, Sampling

LARGEST = 64 << 20
"""Bytes of a reply: no answer is larger."""
LARGEST_ERROR = 64 << 10
"""Bytes of an error that are read. A message is far shorter."""
_ENVELOPE = 4 << 20
"""Bytes of a reply beside its tokens. Some models think more than `max_tokens` says."""
_PER_TOKEN = 64
_PER_LOGPROB = 1024
_PER_ALTERNATIVE = 256


def largest_reply(sampling: Sampling, n: int) -> int:
    """Return how many bytes a reply with n choices can have at most."""
    alternatives = dict(sampling.extra).get(ALTERNATIVES, 0) if sampling.extra else 0
    per_token = _PER_TOKEN + _PER_LOGPROB * sampling.logprobs
    if isinstance(alternatives, int):
        per_token += _PER_ALTERNATIVE * alternatives
    return min(LARGEST, _ENVELOPE + n * sampling.max_tokens * per_token)
