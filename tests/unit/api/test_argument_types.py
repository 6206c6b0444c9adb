"""An argument of a wrong type is one clear sentence in every function of the Python API."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import fusion_eval as fe
from fusion_eval.api.argument_types import checks_types
from fusion_eval.errors import ConfigError

CALLS: dict[str, tuple[Any, ...]] = {
    "analyze": ("run",), "charts": ("run",), "check": ("one", "other"), "compare": ("one", "other"), "export": ("run", "out"), "import_pools": ("source", "out"),
    "judge": ("one", "other"), "merge": (["a"], "out"), "run": ("out",), "synthesize": ("prompts", "out"), "write_report": ("run",),
}  # fmt: skip
"""Positional arguments of each function that checks the types of its arguments."""


@pytest.mark.parametrize("name", CALLS)
def test_every_argument_is_checked_before_anything_is_done(name: str) -> None:
    function = getattr(fe, name)
    # given a value that no argument takes
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is not parameter.empty and not re.search(
            r"Literal|Sequence\[int]", parameter.annotation
        ):
            keywords = {"judge": "m"} if name == "judge" else {}
            # when, then
            with pytest.raises(ConfigError, match=f"^{parameter.name}, a object, should be "):
                function(*CALLS[name], **{**keywords, parameter.name: object()})


@pytest.mark.parametrize(
    ("function", "arguments", "keywords", "message"),
    [
        (fe.compare, (3, "b"), {}, "runs=3 should be a run or a path"), (fe.compare, ("a", "b"), {"cluster": None}, "cluster=None should be a text"),
        (fe.analyze, ("a",), {"corrupt": 3}, "corrupt=3 should be a text or a list of texts"), (fe.export, ("a", ["b"]), {}, "output, a list, should be a path"),
        (fe.analyze, ("a",), {"model_args": "api_key=secret"}, "model_args, a str, should be a mapping with texts as keys, such as {'model': 'gpt-4o-mini'} or None"),
        (fe.merge, ("a", "out"), {}, "folders, a str, should be a list of paths"), (fe.check, ("a", "b"), {"overall": 3}, "overall=3 should be True or False"),
        (fe.sample, (3,), {}, "prompt=3 should be a text, or a list of chat messages"), (fe.fuse, ("q", 3), {}, "fuse() needs a list of candidates, and got 3"),
        (fe.fuse, ("q", ["a"]), {"strategy": 3}, "strategy=3 should be a strategy as text"), (fe.fuse, ("q", ["a"]), {"language": ["fr"]}, "language=['fr'] should be an ISO code"),
    ],
)  # fmt: skip
def test_the_message_names_the_argument_and_what_it_should_be(
    function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        function(*arguments, **keywords)


def test_values_of_the_annotated_types_pass() -> None:
    @checks_types
    def function(
        *paths: str | Path,
        names: str | Sequence[str] = (),
        number: float | None = None,
        arguments: Mapping[str, object] | None = None,
        report: Callable[[str], None] = print,
    ) -> tuple[object, ...]:
        return paths

    assert function("a", Path("b"), names=["c"], number=3, arguments={"n": 1}, report=print) == (
        "a",
        Path("b"),
    )
    with pytest.raises(ConfigError, match=r"^names, a list, should be a text or a list of texts"):
        function("a", names=[3])  # type: ignore[list-item]
