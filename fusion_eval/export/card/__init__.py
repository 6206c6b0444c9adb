"""One page on how a result was made."""
