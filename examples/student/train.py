"""Fine-tune a small student on the data of `fusion-eval synth`, on a CPU: `python train.py DATA OUTPUT --start MODEL`.

All weights but the embeddings learn, and the loss counts the answers alone.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

ANSWER = " {}\n"
"""The form of an answer after its plain prompt. The benchmark stops at the end of the line."""
IGNORED = -100
"""The label of a token that does not count."""


def examples(folder: Path, tokenizer: Any, longest: int) -> list[tuple[list[int], int]]:
    """Return each row as tokens, with the number of tokens of its prompt."""
    rows = [
        row
        for path in sorted((folder / "data").glob("train-*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    made = []
    for row in rows:
        *turns, answer = row["messages"]
        prompt = tokenizer("\n\n".join(turn["content"] for turn in turns)).input_ids
        reply = tokenizer(ANSWER.format(answer["content"].strip()), add_special_tokens=False).input_ids
        if len(prompt) + len(reply) <= longest:
            made.append((prompt + reply, len(prompt)))
    return made


def batch_of(rows: list[tuple[list[int], int]]) -> dict[str, torch.Tensor]:
    """Return rows as padded tensors."""
    width = max(len(tokens) for tokens, _ in rows)
    pad = [width - len(tokens) for tokens, _ in rows]
    ids = [tokens + [0] * space for (tokens, _), space in zip(rows, pad, strict=True)]
    labels = [
        [IGNORED] * prompt + tokens[prompt:] + [IGNORED] * space
        for (tokens, prompt), space in zip(rows, pad, strict=True)
    ]
    mask = [[1] * len(tokens) + [0] * space for (tokens, _), space in zip(rows, pad, strict=True)]
    return {
        name: torch.tensor(value)
        for name, value in (("input_ids", ids), ("labels", labels), ("attention_mask", mask))
    }


def train(model: Any, rows: list[tuple[list[int], int]], options: argparse.Namespace) -> list[float]:
    """Train and return the loss of each step."""
    for parameter in model.get_input_embeddings().parameters():
        parameter.requires_grad = False
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=options.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=options.steps)
    order = random.Random(options.seed)  # noqa: S311 - no secret
    losses: list[float] = []
    model.train()
    for step in range(options.steps):
        started = time.monotonic()
        batch = batch_of(order.sample(rows, min(options.batch, len(rows))))
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        print(
            f"step {step + 1} of {options.steps}: loss {losses[-1]:.3f}, {time.monotonic() - started:.1f} s",
            flush=True,
        )
    return losses


def write_curve(output: Path, losses: list[float]) -> None:
    """Write the loss of each step as a table, and as a picture where matplotlib is installed."""
    with (output / "loss.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("step", "loss"), *enumerate(losses, start=1)])
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("matplotlib is not installed, so there is no loss.png")
        return
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses)
    axes.set(xlabel="step", ylabel="loss on answers", title=output.name)
    figure.savefig(output / "loss.png", dpi=120)


def load(start: Path) -> tuple[Any, Any]:
    """Return the tokenizer and the model of a folder, or of a GGUF file, which takes minutes to unpack."""
    where: dict[str, Any] = {"pretrained_model_name_or_path": str(start)}
    tokenizer_where = dict(where)
    if start.is_file():
        tokenizer_where = {"pretrained_model_name_or_path": str(start.parent), "gguf_file": start.name}
        unpacked = GgufConfig(dequantize=True)  # quantized weights can neither learn nor be saved
        where = {**tokenizer_where, "quantization_config": unpacked}
    tokenizer = AutoTokenizer.from_pretrained(**tokenizer_where)
    return tokenizer, AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)


def main() -> None:
    """Train a student and save it."""
    parser = argparse.ArgumentParser(description="Fine-tune a student on synthetic data.")
    parser.add_argument("data", type=Path, help="a data set of fusion-eval synth")
    parser.add_argument("output", type=Path)
    parser.add_argument(
        "--start", type=Path, required=True, help="the student: a GGUF file, or a model's folder"
    )
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--learning_rate", type=float, default=2e-5)
    parser.add_argument("--longest", type=int, default=128, help="longer rows are left out, in tokens")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    tokenizer, model = load(options.start)
    options.output.mkdir(parents=True, exist_ok=True)
    if options.steps:
        rows = examples(options.data, tokenizer, options.longest)
        print(f"{len(rows)} rows of at most {options.longest} tokens")
        write_curve(options.output, train(model, rows, options))
    model.save_pretrained(options.output)
    tokenizer.save_pretrained(options.output)


if __name__ == "__main__":
    main()
