"""Prompts in files, teachers behind a local endpoint, and rows read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from openai_server import Request, Server, default_reply

from fusion_eval.cli.main import main

FUSED = "Comparison: all agree.\nAnswer: [[ fused: {} ]]"


def write_prompts(path: Path, count: int, **more: object) -> Path:
    """Write prompts that differ in a number."""
    lines = [
        json.dumps({"prompt": f"Tell me a story about number {number}", **more}) for number in range(count)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def reply(request: Request, index: int) -> str:
    """Reply as a fusor at temperature 0, else with made-up words."""
    text = default_reply(request, index)
    return FUSED.format(text) if request.get("temperature") == 0 else text


def rows_in(folder: Path, part: str = "data") -> list[dict[str, Any]]:
    files = sorted((folder / part).glob("train-*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def failures_in(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "failed.parquet").to_pylist()
    return rows


def damage_column(path: Path, column: str) -> None:
    """Overwrite the bytes of one column of a Parquet file, whose header and footer stay whole."""
    group = pq.read_metadata(path).row_group(0)
    [chunk] = [one for one in map(group.column, range(group.num_columns)) if one.path_in_schema == column]
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(content)


@dataclass
class Lab:
    """A folder with prompts and a server with three teachers."""

    folder: Path
    server: Server

    @property
    def output(self) -> Path:
        return self.folder / "out"

    def synth(self, *options: str, model: str = "a|b|c", more: str = "", output: Path | None = None) -> int:
        """Run the command on `prompts.jsonl` with three candidates for each prompt."""
        arguments = f"base_url={self.server.base_url},n=3,cache={self.folder / 'store.sqlite'}{more}"
        words = ["synth", "--model", model, "--model_args", arguments, "--output", str(output or self.output)]
        prompts = [] if "--prompts" in options else ["--prompts", str(self.folder / "prompts.jsonl")]
        return main([*words, *prompts, *options])
