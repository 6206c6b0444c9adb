"""Pictures as static SVG, drawn by Vega-Lite for a light and a dark page."""

from __future__ import annotations

import base64
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fusion_eval.report.html.charts import Chart

if TYPE_CHECKING:
    from pathlib import Path

_LIGHT, _DARK = ("#1a2230", "#586174", "#dde1e7"), ("#e6eaf0", "#a3adbd", "#323b49")
_PNG_SCALE = 2
_PADDING = {"left": 18, "top": 5, "right": 12, "bottom": 5}
"""Pixels around a picture. A browser's font may be wider than the one that labels were measured in."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for the page: SVG as base64, for a light and a dark page."""

    title: str
    caption: str
    light: str
    dark: str


def can_draw() -> bool:
    """Return whether the packages that draw pictures are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("altair", "vl_convert"))


def draw(charts: Sequence[Chart]) -> list[Picture]:
    """Draw charts for the page."""
    return [
        Picture(
            chart.title, chart.caption, *(_encoded(_svg(chart.chart, colours)) for colours in (_LIGHT, _DARK))
        )
        for chart in charts
    ]


def write_pictures(charts: Sequence[Chart], folder: Path) -> list[Path]:
    """Write each chart as SVG and PNG to a folder, which is created if needed. Return the paths.

    Raises:
        ConfigError: A file cannot be written.
    """
    import vl_convert

    from fusion_eval.runs.writing import write_file

    paths = []
    for chart in charts:
        specification = {**chart.chart.to_dict(), "title": chart.title}
        specification["config"] = {**_config(_LIGHT), "background": "white"}
        svg, png = folder / f"{chart.name}.svg", folder / f"{chart.name}.png"
        write_file(
            svg, vl_convert.vegalite_to_svg(specification).encode(), "name another folder with --plots"
        )
        write_file(
            png,
            vl_convert.vegalite_to_png(specification, scale=_PNG_SCALE),
            "name another folder with --plots",
        )
        paths += [svg, png]
    return paths


def _svg(chart: Any, colours: tuple[str, str, str]) -> str:
    import vl_convert

    return str(vl_convert.vegalite_to_svg({**chart.to_dict(), "config": _config(colours)}))


def _config(colours: tuple[str, str, str]) -> Mapping[str, Any]:
    """Return Vega-Lite's settings for a page with these colours of text, quiet text and lines."""
    text, quiet, line = colours
    axis = {
        "labelColor": quiet,
        "titleColor": quiet,
        "gridColor": line,
        "domainColor": line,
        "tickColor": line,
    }
    return {
        "background": None,
        "padding": _PADDING,
        "font": "system-ui, sans-serif",
        "axis": {
            **axis,
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "labelLimit": 220,
        },
        "legend": {"labelColor": text, "titleColor": quiet, "titleFontWeight": "normal", "orient": "top"},
        "header": {"labelColor": text, "titleColor": quiet, "labelFontWeight": "bold"},
        "title": {"color": text},
        "view": {"stroke": None},
        "text": {"color": text},
        "rule": {"color": quiet},
    }


def _encoded(svg: str) -> str:
    return base64.b64encode(svg.encode()).decode("ascii")
