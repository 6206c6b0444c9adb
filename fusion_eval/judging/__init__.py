"""Pairwise verdicts of LLM judges, and what they come to.

Pairs are made of runs (`pairs`), shown to a judge in both orders (`asking`), the replies read strictly (`reading`),
combined (`verdicts`, `panel`), and handed to the comparison as values of each item (`rows`). `job` does it all.
"""
