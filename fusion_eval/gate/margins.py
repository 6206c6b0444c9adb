"""How much worse is too much, metric by metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from fusion_eval.errors import ConfigError, nearest

DEFAULT = 0.01
_KEY = "default"


@dataclass(frozen=True, slots=True)
class Margins:
    """`default` is a share of a metric's range, so that 0.01 is one point whether it ends at 1 or at 100.

    `metrics` are in the metrics' own units.
    """

    default: float = DEFAULT
    metrics: Mapping[str, float] = field(default_factory=dict)

    def check(self, known: Iterable[str]) -> None:
        """Raises `ConfigError` for a metric that is not there: its margin would guard nothing."""
        there = set(known)
        for name in self.metrics:
            if name not in there:
                raise ConfigError(
                    f"--margin names the metric '{name}', which the runs do not have.{nearest(name, there)} "
                    f"They have {', '.join(sorted(there))}"
                )

    def of(self, metric: str, scale: float | None) -> float:
        """The margin in the metric's units; `scale` is its range. Raises `ConfigError` where neither is known."""
        if metric in self.metrics:
            margin = self.metrics[metric]
            if scale is not None and margin >= scale:
                raise ConfigError(
                    f"the margin of {metric} is {margin:g}, and the metric itself ends at {scale:g}: nothing could fail; "
                    f"margins of single metrics are in their own units, such as {scale / 100:g} for one point"
                )
            return margin
        if scale is None:
            raise ConfigError(
                f"{metric} is on no scale from 0 to 1 or to 100, so it needs a margin in its own units: --margin FILE with "
                f"a line '{metric}: …' in it; or leave it out with --metrics"
            )
        return self.default * scale


def read_margins(text: str) -> Margins:
    """Of a number, or of a YAML file `metric: margin` in which `default:` is the margin of all others."""
    if not text:
        raise ConfigError("--margin is empty; it is a number such as 0.01, or a file of margins")
    number = _number(text)
    if number is not None:
        return Margins(_share(number, "--margin"))
    path = Path(text)
    given = _mapping(path)
    margins = {}
    for name, value in given.items():
        margin = _margin(value)
        if not 0 < margin < math.inf:
            raise ConfigError(f"{path}: the margin of '{name}' should be a number above 0, such as 0.02")
        margins[str(name)] = margin
    default = margins.pop(_KEY, DEFAULT)
    return Margins(_share(default, f"{path}: default"), margins)


def _share(value: float, where: str) -> float:
    if not 0 < value < 1:
        raise ConfigError(
            f"{where} {value:g} should be a share of the metric's range above 0 and below 1, such as 0.01 for one point; "
            "margins in a metric's own units go into a file: --margin FILE"
        )
    return value


def _margin(value: object) -> float:
    """NaN where it is no number; YAML takes 1e-2, which has no point, for a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _mapping(path: Path) -> Mapping[object, object]:
    try:
        text = path.read_text(encoding="utf-8")
        given = yaml.safe_load(text)
        _check_once(yaml.compose(text, Loader=yaml.SafeLoader), path)
    except FileNotFoundError as error:
        raise ConfigError(f"--margin {path} is neither a number, such as 0.01, nor a file") from error
    except OSError as error:
        raise ConfigError(f"The margins {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"The margins {path} are no YAML of lines 'metric: margin': {' '.join(str(error).split())}"
        ) from error
    if not isinstance(given, dict) or not given:
        raise ConfigError(f"{path} should hold lines 'metric: margin', such as 'exact_match: 0.02'")
    return given


def _check_once(node: yaml.Node | None, path: Path) -> None:
    """Of a name that occurs twice YAML takes the last without a word."""
    names = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path} names '{name}' more than once; leave one")
