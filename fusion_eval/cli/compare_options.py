"""What can be typed after `compare` and `judge`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fusion_eval.cli.options import Command, count, level, positive, resamples


def add_compare(added: Any, command: Command) -> None:
    """`fusion-eval compare`."""
    parser = added.add_parser(
        "compare",
        help="effects, p-values and win rates of any two or more runs",
        description="Every run against the first, item by item: how large is the difference, how sure, who wins how often. "
        "With --baseline one run is enough.",
        epilog="fusion-eval compare out/single out/bon out/fusion --output out",
        allow_abbrev=False,
    )
    _add_runs(parser)
    add = parser.add_argument
    add(
        "--baseline",
        choices=["expected", "oracle"],
        help="compare all runs with the mean, or the best, of their candidates",
    )
    add("--include_path", type=Path, metavar="DIR", help="task YAMLs that --baseline scores candidates by")
    add("--metrics", metavar="M,…", help="these alone (default: all that can be compared)")
    _add_statistics(parser)
    add_judge_choice(parser)
    parser.set_defaults(command=command, parser=parser)


def add_judge(added: Any, command: Command) -> None:
    """`fusion-eval judge`."""
    parser = added.add_parser(
        "judge",
        help="pairwise LLM verdicts between runs, and win rates",
        description="An LLM compares the answers of every run with those of the first, in both orders. What it says is kept "
        "in verdicts.jsonl, and no pair is asked about twice.",
        epilog="fusion-eval judge out/single out/fusion --judge openai/gpt-4o --output out",
        allow_abbrev=False,
    )
    _add_runs(parser)
    add = parser.add_argument
    add_judge_choice(parser, required=True)
    add("--scale", type=int, choices=[3, 5], default=3, help="better, worse, tie; or five steps (default: 3)")
    add("--structured", action="store_true", help="ask for JSON by the endpoint's response_format")
    add(
        "--judge_repeats",
        type=positive,
        default=1,
        metavar="K",
        help="ask K times, and tell how often the judge agrees with itself",
    )
    add(
        "--opponent",
        type=Path,
        metavar="FILE",
        help="answers of a third system, which every run is judged against",
    )
    add(
        "--every_pair",
        action="store_true",
        help="judge every two runs, not only each against the first",
    )
    add("--sequential", action="store_true", help="stop as soon as the answer is known, at the level --alpha")
    add("--gold", type=Path, metavar="FILE", help="a few human verdicts, as lines of verdicts.jsonl")
    add("--dry_run", action="store_true", help="say what it would ask and at most cost, and ask nobody")
    _add_statistics(parser)
    parser.set_defaults(command=command, parser=parser)


def add_judge_choice(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Who judges, and by which prompt: the same for every command that judges."""
    add = parser.add_argument
    add("--judge", required=required, metavar="MODEL", help="an LLM that compares answers; a|b|c is a panel")
    add("--judge_base_url", metavar="URL", help="its OpenAI-compatible endpoint")
    add("--judge_args", default="", metavar="K=V,…", help="concurrency=, budget=, max_tokens=, cache=, …")
    add(
        "--judge_prompt",
        default="helpfulness",
        metavar="NAME",
        help="helpfulness, translation, reasoning, or a Jinja2 file (default: helpfulness)",
    )
    add(
        "--swap",
        choices=["both", "random", "none"],
        default="both",
        help="orders in which a pair is shown (default: both)",
    )


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="folders or sample files of lm_eval; the baseline first",
    )


def _add_statistics(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--format",
        choices=["table", "md", "json", "csv"],
        default="table",
        help="what is printed (default: table)",
    )
    add("--output", "--output_path", type=Path, metavar="DIR", help="folder for comparison.json")
    add(
        "--allow_partial",
        action="store_true",
        help="compare what the runs have in common, and say what fell out",
    )
    add_cluster(parser)
    add(
        "--test",
        choices=["auto", "permutation", "mcnemar", "wilcoxon"],
        default="auto",
        help="default: McNemar on independent 0/1 items, else permutation",
    )
    add("--interval", choices=["bca", "percentile"], default="bca", help="bootstrap interval (default: bca)")
    add("--correction", choices=["holm", "bh", "none"], default="holm", help="over the rows (default: holm)")
    add("--alpha", type=level, default=0.05, metavar="A", help="level of tests and intervals (default: 0.05)")
    add(
        "--resamples",
        type=resamples,
        default=10_000,
        metavar="R",
        help="of tests and intervals (default: 10000)",
    )
    add("--seed", type=count, default=0, metavar="S", help="of the resampling (default: 0)")


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Which items are not independent: the same for every command that tests."""
    parser.add_argument(
        "--cluster",
        default="auto",
        metavar="FIELD",
        help="field of the documents whose items belong together, or none (default: auto, see the README)",
    )
