"""Pictures as static SVG, drawn by Vega-Lite for a light and a dark page."""

from __future__ import annotations

import base64
import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fusion_eval.report.html.charts import Chart
from fusion_eval.text.file_names import safe_file_name

if TYPE_CHECKING:
    from pathlib import Path

_LIGHT, _DARK = ("#1a2230", "#586174", "#dde1e7"), ("#e6eaf0", "#a3adbd", "#323b49")
"""Colours of text, quiet text and lines on a light and a dark page."""
_PNG_SCALE = 2
_FONT_SIZE = 13
"""Pixels; a phone shows a picture at two thirds of its size."""
_PADDING = {"left": 32, "top": 5, "right": 12, "bottom": 5}
"""Pixels around a picture. A browser's font may be wider than the one that labels were measured in."""
_WIDEST_OF_TWO = 560
"""Pixels of the widest picture that stands beside another one."""
_SIZE = re.compile(r'width="(\d+)[^"]*" height="(\d+)')


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for the page: SVG as base64, for a light and a dark page."""

    title: str
    caption: str
    light: str
    dark: str
    width: int
    """Pixels."""
    height: int

    @property
    def is_wide(self) -> bool:
        """Whether the picture needs a line of the page for itself."""
        return self.width > _WIDEST_OF_TWO


def can_draw() -> bool:
    """Return whether the packages that draw pictures are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("altair", "vl_convert"))


def draw(charts: Sequence[Chart]) -> list[Picture]:
    """Draw charts for the page."""
    return [_picture(chart) for chart in charts]


def _picture(chart: Chart) -> Picture:
    """Draw a chart once, which takes long, and colour the drawing for a light and a dark page."""
    import vl_convert

    specification = {**chart.chart.to_dict(), "config": _config(tuple(map(_placeholder, range(3))))}
    svg = str(vl_convert.vegalite_to_svg(specification))
    light, dark = svg, svg
    for place, (of_light, of_dark) in enumerate(zip(_LIGHT, _DARK, strict=True)):
        light = light.replace(_placeholder(place), of_light)
        dark = dark.replace(_placeholder(place), of_dark)
    size = _SIZE.search(svg)
    width, height = map(int, size.groups()) if size else (0, 0)
    return Picture(chart.title, chart.caption, _encoded(light), _encoded(dark), width, height)


def _placeholder(place: int) -> str:
    """Return a colour that no chart has, to be replaced by the colour at this place of `_LIGHT` or `_DARK`."""
    return f"#fe00e{place}"


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
        name = safe_file_name(chart.name)
        svg, png = folder / f"{name}.svg", folder / f"{name}.png"
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


def _config(colours: tuple[str, ...]) -> Mapping[str, Any]:
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
            "labelFontSize": _FONT_SIZE,
            "titleFontSize": _FONT_SIZE,
            "titleFontWeight": "normal",
            "labelLimit": 220,
        },
        "legend": {
            "labelColor": text,
            "titleColor": quiet,
            "labelFontSize": _FONT_SIZE,
            "titleFontSize": _FONT_SIZE,
            "titleFontWeight": "normal",
            "orient": "top",
        },
        "header": {
            "labelColor": text,
            "titleColor": quiet,
            "labelFontSize": _FONT_SIZE,
            "labelFontWeight": "bold",
        },
        "title": {"color": text},
        "view": {"stroke": None},
        "text": {"color": text},
        "rule": {"color": quiet},
    }


def _encoded(svg: str) -> str:
    return base64.b64encode(svg.encode()).decode("ascii")
