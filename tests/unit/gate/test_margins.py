"""`--margin`: a number, or a YAML file of metrics; and one sentence for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from gate_sides import side

from fusion_eval.errors import ConfigError
from fusion_eval.gate.check import CheckSettings, check
from fusion_eval.gate.margins import Margins, read_margins


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        read_margins(text)
    said = str(raised.value)
    assert "\n" not in said
    return said


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "margins.yaml"


class TestNumbers:
    def test_a_share_of_the_range(self) -> None:
        margins = read_margins("0.02")
        assert [margins.of("acc", scale) for scale in (1.0, 100.0)] == [0.02, 2.0]

    @pytest.mark.parametrize("text", ["0", "-0.01", "1", "5", "nan", "inf", "1e999"])
    def test_no_share_says_what_one_is(self, text: str) -> None:
        said = refused(text)
        assert said.startswith(f"--margin {float(text):g} should be a share of the metric's range above 0 and below 1, such as 0.01")  # fmt: skip
        assert said.endswith("margins in a metric's own units go into a file: --margin FILE")

    @pytest.mark.parametrize("text", ["0,01", "1%", "margins.yml"])
    def test_neither_a_number_nor_a_file(self, text: str) -> None:
        assert refused(text) == f"--margin {text} is neither a number, such as 0.01, nor a file"


class TestFiles:
    def test_metrics_have_their_own_units_and_the_rest_the_default(self, written: Path) -> None:
        written.write_text("default: 0.02\nchrf: 1.5  # points\nperplexity: 3\n")
        margins = read_margins(str(written))
        assert margins == Margins(0.02, {"chrf": 1.5, "perplexity": 3.0})
        assert [margins.of(*of) for of in (("chrf", 100.0), ("perplexity", None), ("acc", 1.0))] == [1.5, 3.0, 0.02]  # fmt: skip

    def test_without_a_default_the_rest_has_one_point(self, written: Path) -> None:
        written.write_text("chrf: 1.5")
        assert read_margins(str(written)).of("acc", 100.0) == 1.0

    @pytest.mark.parametrize("value", ["1e-2", "1.0e-2", "'0.01'", "0.01"])
    def test_a_number_is_one_however_it_is_spelt(self, written: Path, value: str) -> None:
        written.write_text(f"acc: {value}")
        assert read_margins(str(written)).metrics == {"acc": 0.01}

    @pytest.mark.parametrize(
        "value",
        ["-1", "0", ".nan", ".inf", "much", "true", "null", "", "[0.1]", "{a: 0.1}", "9" * 400, "2020-01-02"],
    )
    def test_what_is_no_margin_is_named(self, written: Path, value: str) -> None:
        written.write_text(f"chrf: 1\nacc: {value}")
        said = refused(str(written))
        assert said == f"{written}: the margin of 'acc' should be a number above 0, such as 0.02"

    @pytest.mark.parametrize("value", ["-0.1", "2", "much"])
    def test_a_default_is_a_share(self, written: Path, value: str) -> None:
        written.write_text(f"default: {value}")
        assert refused(str(written)).startswith(f"{written}: ") and "default" in refused(str(written))

    def test_a_metric_that_is_not_there_is_an_error_with_the_nearest(self) -> None:
        one = side({"quiz": [1.0, 0.0]}, metric="exact_match")
        with pytest.raises(ConfigError) as raised:
            check(one, one, CheckSettings(Margins(metrics={"exactmatch": 0.02})))
        assert str(raised.value) == (
            "--margin names the metric 'exactmatch', which the runs do not have. Did you mean 'exact_match'? They have exact_match"
        )

    @pytest.mark.parametrize("content", ["", "# nothing yet\n", "- acc\n", "0.01\n", "acc\n", "{}"])
    def test_a_file_of_something_else_says_what_it_should_hold(self, written: Path, content: str) -> None:
        written.write_text(content)
        assert refused(str(written)) == f"{written} should hold lines 'metric: margin', such as 'exact_match: 0.02'"  # fmt: skip

    @pytest.mark.parametrize(
        "content",
        [
            *(b"acc: [0.1", b"acc: 0.1\n\tchrf: 1", b"\xff\xfe\x00\x01", b"acc: 2020-13-45"),
            *(b"acc: " + b"9" * 5000, b"acc: " + b"[" * 3000),
        ],
        ids=["open", "tab", "no text", "no date", "too many digits", "too deep"],
    )
    def test_what_is_no_yaml(self, written: Path, content: bytes) -> None:
        written.write_bytes(content)
        assert refused(str(written)).startswith(f"The margins {written} are no YAML of lines 'metric: margin'")  # fmt: skip

    @pytest.mark.parametrize(
        "tag",
        [
            "!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.PosixPath [{mark}]]",
            "!!python/object/new:os.system [touch {mark}]",
            "!!python/name:os.system",
        ],
    )
    def test_nothing_in_it_is_executed(self, written: Path, tmp_path: Path, tag: str) -> None:
        mark = tmp_path / "executed"
        written.write_text("acc: " + tag.format(mark=mark))
        assert "are no YAML of lines" in refused(str(written)) and not mark.exists()

    def test_aliases_that_multiply_fill_no_screen(self, written: Path) -> None:
        lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        written.write_text("\n".join(lines))
        assert len(refused(str(written))) < 300

    def test_a_folder(self, tmp_path: Path) -> None:
        assert refused(str(tmp_path)) == f"The margins {tmp_path} cannot be read: Is a directory"


def test_a_margin_as_wide_as_the_metric_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "margins.yaml").write_text("acc: 5")
    with pytest.raises(ConfigError, match=r"the metric itself ends at 1: nothing could fail; .* such as 0.01 for one point"):  # fmt: skip
        read_margins(str(tmp_path / "margins.yaml")).of("acc", 1.0)


def test_a_name_that_occurs_twice_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "margins.yaml").write_text("acc: 0.01\nchrf: 1\nacc: 0.5\n")
    with pytest.raises(ConfigError, match="names 'acc' more than once"):
        read_margins(str(tmp_path / "margins.yaml"))
