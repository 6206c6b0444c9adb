"""A check as a JUnit report, which every CI system shows: a test case per row."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from fusion_eval.errors import ConfigError
from fusion_eval.gate.result import Checked, CheckedRow
from fusion_eval.gate.views import headline, line
from fusion_eval.text.printable import printable

_NO_XML = re.compile("[\ufffe\uffff]")
"""Of what is fit for a terminal, the characters that XML forbids."""


def junit(checked: Checked) -> bytes:
    """A regression is a failure; too few items are a skipped case, or as `--inconclusive` says."""
    cases = [_case(row, checked) for row in checked.rows]
    suite = ElementTree.Element(
        "testsuite",
        name=_legal(headline(checked)),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        errors="0",
    )
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def write_junit(checked: Checked, path: Path) -> None:
    """Raises `ConfigError` where `path` cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and (there := path.read_bytes()[:300]) and b"<testsuite" not in there:
            raise ConfigError(
                f"{path} is something else than a JUnit report, and is not replaced; name another file with --junit"
            )
        path.write_bytes(junit(checked))
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}; name another file with --junit") from error


def sentence(row: CheckedRow) -> str:
    """`exact_match went from 0.8000 to 0.7700 (-0.0300), and the margin is 0.0100: …`, and what that comes to."""
    _, _, metric, _, before, after, delta, most, margin, _, worse, _, _, needs = line(row)
    said = f"{metric} went from {before} to {after} ({delta}), and the margin is {margin}"
    if row.verdict == "regression":
        return f"{said}: a loss beyond it is shown (p {worse})"
    if row.verdict == "inconclusive":
        told = "" if row.items_needed is None else f"; about {needs} would decide"
        allowed = "" if row.largest_loss is None else f" (it may be {most})"
        return f"{said}: {row.n:,} items do not tell whether the loss is smaller{allowed}{told}"
    return said


def _case(row: CheckedRow, checked: Checked) -> ElementTree.Element:
    name = f"{row.metric},{row.filter}" + (f" ({row.language})" if row.language else "")
    case = ElementTree.Element("testcase", classname=_legal(row.task), name=_legal(name), time="0")
    said = _legal(sentence(row))
    if row.verdict == "regression" or (row.verdict == "inconclusive" and checked.inconclusive == "fail"):
        ElementTree.SubElement(case, "failure", message=said, type=row.verdict).text = said
    elif row.verdict == "inconclusive" and checked.inconclusive == "tell":
        ElementTree.SubElement(case, "skipped", message=said)
    return case


def _legal(text: str) -> str:
    return _NO_XML.sub("", printable(text))
