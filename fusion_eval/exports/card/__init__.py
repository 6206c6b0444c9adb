"""Cards: one page on how a result was made."""
