"""LLM judges compare the answers of runs in pairs.

`pairs` makes pairs of answers from runs. `protocol` shows them to a judge and `parsing` reads its replies. `verdicts`
combines the replies, `rows` turns the verdicts into a comparison, and `judge` does all of it.
"""
