"""Margins: the largest loss to tolerate, for each metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.text.parse_errors import why_unreadable

DEFAULT = 0.01
_DEFAULT_KEY = "default"


@dataclass(frozen=True, slots=True)
class Margins:
    """The margin of each metric."""

    default: float = DEFAULT
    """A share of a metric's range: 0.01 is one point, whether the metric goes to 1 or to 100."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Margins of single metrics, in their own units."""

    def check(self, known: Iterable[str]) -> None:
        """Check that every named metric exists, since the margin of any other would guard nothing.

        Raises:
            ConfigError: A metric is not among `known`.
        """
        metrics = set(known)
        for name in self.metrics:
            if name not in metrics:
                raise ConfigError(
                    f"--margin names the metric '{name}', which the runs do not have.{nearest(name, metrics)} "
                    f"They have {', '.join(sorted(metrics))}"
                )

    def of(self, metric: str, scale: float | None) -> float:
        """Return the margin of a metric in its own units.

        Args:
            metric: The name of the metric.
            scale: Its range, if it is known.

        Raises:
            ConfigError: Neither the margin nor the range is known, or the margin is not smaller than the range.
        """
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

    def relative(self, metric: str, value: float, scale: float | None = None) -> float:
        """Return the margin of a metric that may have no range: then it is a share of the baseline's value."""
        return self.metrics.get(metric, self.default * (scale or abs(value)))


def margins_of(margin: float | str | Path | Mapping[str, float]) -> Margins:
    """Return the margins that a number, a mapping, or a YAML file of such a mapping stands for.

    Args:
        margin: A share of the metrics' range; or margins of single metrics in their own units, with the key `default`
            for the share of all others; or the path of a YAML file.

    Raises:
        ConfigError: It is none of these, or a margin is out of range.
    """
    if isinstance(margin, Mapping):
        return _margins(margin, "margin")
    return read_margins(str(margin))


def read_margins(text: str) -> Margins:
    """Read the value of `--margin`: a number, or the path of a YAML file with lines `metric: margin`."""
    if not text:
        raise ConfigError("--margin is empty; it is a number such as 0.01, or a file of margins")
    try:
        number = float(text)
    except ValueError:
        return _margins(_read_mapping(Path(text)), text)
    return Margins(_share(number, "--margin"))


def _margins(values: Mapping[object, object] | Mapping[str, float], where: str) -> Margins:
    margins = {}
    for name, value in values.items():
        margin = _number(value)
        if not 0 < margin < math.inf:
            raise ConfigError(f"{where}: the margin of '{name}' should be a number above 0, such as 0.02")
        margins[str(name)] = margin
    default = margins.pop(_DEFAULT_KEY, DEFAULT)
    return Margins(_share(default, f"{where}: default"), margins)


def _share(value: float, where: str) -> float:
    if not 0 < value < 1:
        raise ConfigError(
            f"{where} {value:g} should be a share of the metric's range above 0 and below 1, such as 0.01 for one point; "
            "margins in a metric's own units go into a file: --margin FILE"
        )
    return value


def _number(value: object) -> float:
    """Return NaN for anything that is not a number. YAML reads 1e-2, which has no point, as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _read_mapping(path: Path) -> Mapping[object, object]:
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
        _check_names_differ(yaml.compose(text, Loader=yaml.SafeLoader), path)
    except FileNotFoundError as error:
        raise ConfigError(f"--margin {path} is neither a number, such as 0.01, nor a file") from error
    except OSError as error:
        raise ConfigError(f"The margins {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"The margins {path} are no YAML of lines 'metric: margin': {why_unreadable(error)}"
        ) from error
    if not isinstance(content, dict) or not content:
        raise ConfigError(f"{path} should hold lines 'metric: margin', such as 'exact_match: 0.02'")
    return content


def _check_names_differ(node: yaml.Node | None, path: Path) -> None:
    """If a name occurs twice, YAML silently takes the last."""
    names = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path} names '{name}' more than once; leave one")
