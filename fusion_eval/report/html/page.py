"""Put the page together: one HTML file with its style, its scripts and its compressed data inside."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from fusion_eval import __version__
from fusion_eval.text.printable import printable

MODULES = ("text", "data", "table", "list", "item", "main")
"""The scripts of the page, each after those that it imports."""
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|const)", re.MULTILINE)


def render_page(fields: Mapping[str, Any], data: str, chunks: Sequence[str], *, sharded: bool = False) -> str:
    """Return the page.

    Args:
        fields: What the template shows; texts are escaped.
        data: The compressed overview.
        chunks: The compressed texts of items; empty if they are in files beside the page.
        sharded: Whether the page may load scripts, which hold the texts.
    """
    style, script = asset("style.css"), joined_script()
    return _template("page.html.j2").render(
        **fields,
        version=__version__,
        policy=content_security_policy(style, script, sharded=sharded),
        style=Markup(style),  # noqa: S704  # our own file
        script=Markup(script),  # noqa: S704  # our own files
        data=Markup(data),  # noqa: S704  # base64
        chunks=[Markup(chunk) for chunk in chunks],  # noqa: S704  # base64
    )


def render_index(pages: Sequence[Mapping[str, Any]]) -> str:
    """Return the first page of a site. It has no script."""
    style = asset("style.css")
    return _template("index.html.j2").render(
        pages=pages,
        version=__version__,
        policy=f"default-src 'none'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'",
        style=Markup(style),  # noqa: S704  # our own file
    )


def content_security_policy(style: str, script: str, *, sharded: bool = False) -> str:
    """Return a policy that allows this style and this script only, and no network.

    With `sharded`, scripts that the page's own script adds may run too: those that hold the texts beside the page.
    """
    trusted = f"'{_hash(script)}'" + (" 'strict-dynamic'" if sharded else "")
    parts = (
        "default-src 'none'",
        f"script-src {trusted}",
        f"style-src '{_hash(style)}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(parts)


@functools.cache
def joined_script() -> str:
    """Return the page's scripts as one module. Modules inside a page cannot import each other."""
    parts = []
    for name in MODULES:
        text = asset(f"{name}.js")
        later = [other for other in _IMPORT.findall(text) if MODULES.index(other) >= MODULES.index(name)]
        if later:
            raise AssertionError(f"{name}.js imports {later}, which stand after it in MODULES")
        parts.append(_EXPORT.sub("", _IMPORT.sub("", text)))
    return "\n" + "\n".join(parts)


@functools.cache
def asset(name: str) -> str:
    """Return the text of a file of the page."""
    return (files("fusion_eval.report.html") / "assets" / name).read_text(encoding="utf-8")


def _template(name: str) -> Template:
    return Environment(autoescape=True, undefined=StrictUndefined, finalize=_finalize).from_string(
        asset(name)
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _finalize(value: object) -> object:
    """Show control characters of names as text, so that they cannot turn the direction of what follows."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
