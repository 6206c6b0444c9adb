"""Write a check as a JUnit report, which every CI system shows: one test case for each row."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from fusion_eval.errors import ConfigError
from fusion_eval.gate.checked_rows import CheckedRow
from fusion_eval.gate.result import CheckResult
from fusion_eval.gate.table import describe_row
from fusion_eval.runs.writing import write_file
from fusion_eval.text.escaping import xml_text

_ADVICE = "name another file with --junit"


def junit(result: CheckResult) -> bytes:
    """Return the report. A regression is a failure; an inconclusive row is skipped, or what `inconclusive` says."""
    cases = [_case(row, result) for row in result.rows]
    suite = ElementTree.Element(
        "testsuite",
        name=xml_text(result.headline),
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


def write_junit(result: CheckResult, path: Path) -> None:
    """Write the report. An existing report is replaced.

    Raises:
        ConfigError: The path is another file, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and (content := path.read_bytes()[:300]) and b"<testsuite" not in content:
            raise ConfigError(f"{path} is something else than a JUnit report, and is not replaced; {_ADVICE}")
    except OSError as error:
        raise ConfigError(f"Cannot write {path}: {error.strerror}; {_ADVICE}") from error
    write_file(path, junit(result), _ADVICE)


def _case(row: CheckedRow, result: CheckResult) -> ElementTree.Element:
    name = f"{row.metric},{row.filter}" + (f" ({row.language})" if row.language else "")
    case = ElementTree.Element("testcase", classname=xml_text(row.task), name=xml_text(name), time="0")
    message = xml_text(describe_row(row))
    if row.verdict == "regression" or (row.verdict == "inconclusive" and result.inconclusive == "fail"):
        ElementTree.SubElement(case, "failure", message=message, type=row.verdict).text = message
    elif row.verdict == "inconclusive" and result.inconclusive == "tell":
        ElementTree.SubElement(case, "skipped", message=message)
    return case
