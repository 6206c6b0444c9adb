"""`fusion-eval synth`: make synthetic training data from several teachers."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fusion_eval.cli import options as shared

if TYPE_CHECKING:
    from fusion_eval.synth.job import Job
    from fusion_eval.synth.prompts import Source
    from fusion_eval.synth.run import Made


def add_synth(commands: Any) -> None:
    """Add the command `synth` to the parser."""
    parser = shared.add_command(
        commands,
        "synth",
        help="make training data: several teachers answer, a strategy makes one answer of theirs",
        epilog="fusion-eval synth --prompts prompts.jsonl --model 'a|b|c' --strategy fusion --output out/data",
    )
    _add_inputs(parser.add_argument)
    _add_rows(parser.add_argument)
    _add_work(parser.add_argument)
    parser.set_defaults(run=run_synth)


def _add_inputs(add: Callable[..., Any]) -> None:
    """Add what is asked, and who answers."""
    add(
        "--prompts",
        required=True,
        metavar="P",
        help="a .jsonl or .parquet file, -, hf:OWNER/NAME[/CONFIG][:SPLIT], or a task of the harness",
    )
    add(
        "--output",
        "--output_path",
        type=shared.path,
        metavar="DIR",
        help="folder for the data set (required without --dry_run)",
    )
    add(
        "--columns",
        default="",
        metavar="F=C,…",
        help="columns of the prompts: prompt=question,language=lang,messages=…,id=…",
    )
    add(
        "--strategy",
        "--strategies",
        default="fusion",
        metavar="S,…",
        help="strategies, which share one pool (default: fusion)",
    )
    add("--model", metavar="A|B|C", help="the teachers; short for --model_args model=")
    add("--model_args", default="", metavar="K=V,…", help="model=, n=, temperature=, fusor=, … as in run")


def _add_rows(add: Callable[..., Any]) -> None:
    """Add the form of the rows, and what drops one."""
    add(
        "--format",
        choices=["messages", "prompt_completion"],
        default="messages",
        help="form of the rows (default: messages)",
    )
    add("--pairs", action="store_true", help="also write prompt, chosen and rejected for preference training")
    add(
        "--filters",
        default="",
        metavar="F,…",
        help="language, refusal, length(most=…), score(least=…), copy, duplicates",
    )
    add(
        "--decontaminate",
        default="",
        metavar="T,…",
        help="drop rows that share 13 words in a row with these tasks",
    )
    add("--allow_benchmarks", action="store_true", help="accept this package's own benchmarks as prompts")


def _add_work(add: Callable[..., Any]) -> None:
    """Add how the work is done."""
    add(
        "--min_teachers",
        type=shared.positive,
        metavar="K",
        help="go on while K models are left (default: all)",
    )
    add(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help=r"end answers at a text, \n for a line's end; again for more (for teachers without a chat template)",
    )
    add(
        "--shard",
        metavar="I/N",
        help="answer every N-th prompt from number I on, from 0 (default: from SLURM_ARRAY_TASK_ID)",
    )
    add("--limit", type=shared.positive, metavar="N", help="the first N prompts")
    add(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="this process, or a Ray cluster (default: local)",
    )
    workers = "actors of --engine ray (default: one for each node)"
    add("--workers", type=shared.positive, metavar="K", help=workers)
    add(
        "--rows_per_file",
        type=shared.positive,
        default=10_000,
        metavar="R",
        help="rows of a Parquet file (default: 10000)",
    )
    add("--dry_run", action="store_true", help="print the calls and their highest cost, without any call")
    add(
        "--batch_out",
        type=shared.path,
        metavar="FILE",
        help="write the next requests as an OpenAI batch file, and stop",
    )
    add(
        "--batch_in",
        type=shared.path,
        metavar="FILE",
        help="take the results of an OpenAI batch into the store, and stop",
    )


def run_synth(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval synth`."""
    from fusion_eval.api.synthesis import evaluation_texts, open_source

    batches = options.batch_out or options.batch_in
    if options.output is None and not options.dry_run and not batches:
        options.parser.error("the following arguments are required: --output/--output_path")
    started = time.monotonic()
    job = _job(options)
    source = open_source(job)
    if options.dry_run:
        from fusion_eval.synth.dry_run import dry_run

        print(dry_run(job, source))
        return 0
    if batches:
        return _exchange(job, source, options)
    if job.shard.of > 1:
        shared.report_progress(f"shard {job.shard}")
    from fusion_eval.synth.run import make

    engine = None
    if options.engine == "ray":
        from fusion_eval.synth.ray_engine import RayEngine

        engine = RayEngine(options.workers, shared.report_progress)
    elif options.workers:
        options.parser.error("--workers belongs to --engine ray")
    made = make(job, source, shared.report_progress, evaluation_texts(job), engine)
    print(describe(made))
    print(f"{time.monotonic() - started:.0f} s in all; the data set is in {made.output}")
    empty = [name for name, counts in made.strategies.items() if not counts.rows]
    if empty:
        shared.note(f"{', '.join(empty)}: no row is left; failed.parquet tells why for each prompt")
    return 0


def _exchange(job: Job, source: Source, options: argparse.Namespace) -> int:
    from fusion_eval.synth.batch_files import MOST_REQUESTS, exchange

    done = exchange(job, source, options.batch_out, options.batch_in)
    if options.batch_in:
        print(f"{done.taken:,} answers are in the store; {done.failed:,} requests failed in the batch")
        if done.unknown:
            shared.note(
                f"{done.unknown:,} answers in {options.batch_in} belong to no request that this job would send now"
            )
    if options.batch_out:
        print(f"{done.written:,} requests are in {options.batch_out}")
        if len(done.models) > 1:
            part = f'grep -F \'"model":"{done.models[0]}"\' {options.batch_out}'
            shared.note(
                f"OpenAI takes one model in a file, and this one has {', '.join(done.models)}: {part}"
            )
        if done.written > MOST_REQUESTS:
            shared.note(
                f"OpenAI takes {MOST_REQUESTS:,} requests in a file: split -l {MOST_REQUESTS} {options.batch_out}"
            )
    left = "" if done.finished == done.prompts else "; the others need another batch, or the run itself"
    print(f"{done.finished:,} of {done.prompts:,} prompts have all answers{left}")
    return 0


def describe(made: Made) -> str:
    """Return a table of what was made, with a line of cost."""
    from fusion_eval.report.text_table import text_table
    from fusion_eval.runs.usage import dollars

    lines = []
    for name, counts in made.strategies.items():
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in sorted(counts.failed.items()))
        lines.append([name, f"{counts.rows:,}", f"{counts.pairs:,}", f"{counts.fallbacks:,}", reasons or "-"])
    table = text_table(["strategy", "rows", "pairs", "fallbacks", "failed or dropped"], lines, left=1)
    cost = "no price is known" if made.cost is None else dollars(made.cost)
    return f"{table}\n{made.prompts:,} prompts; cost: {cost}"


def _job(options: argparse.Namespace) -> Job:
    from fusion_eval.cli.options import read_model_args
    from fusion_eval.errors import ConfigError
    from fusion_eval.strategies.specs import read_strategies
    from fusion_eval.synth.filters import read_filters
    from fusion_eval.synth.job import Job, read_shard
    from fusion_eval.synth.prompts import read_columns

    arguments = read_model_args(options.model_args)
    if options.model:
        if "model" in arguments:
            raise ConfigError("--model and --model_args model= name the teachers twice; keep one")
        arguments["model"] = options.model
    return Job(
        output=options.output or shared.path("."),
        prompts=options.prompts,
        strategies=read_strategies(options.strategy),
        model_args=arguments,
        columns=read_columns(options.columns),
        format=options.format,
        pairs=options.pairs,
        filters=read_filters(options.filters),
        decontaminate=shared.split_names(options.decontaminate) if options.decontaminate else (),
        allow_benchmarks=options.allow_benchmarks,
        min_teachers=options.min_teachers,
        stop=tuple(text.replace(r"\n", "\n") for text in options.stop),
        shard=read_shard(options.shard, os.environ),
        limit=options.limit,
        rows_per_file=options.rows_per_file,
        command=options.command_line,
    )
