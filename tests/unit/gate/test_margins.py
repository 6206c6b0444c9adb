"""`--margin` is a number or a YAML file of margins. Anything else is an error of one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from gate_sides import side

from fusion_eval.errors import ConfigError
from fusion_eval.gate.check import CheckOptions, check
from fusion_eval.gate.margins import Margins, margins_of, read_margins


def error_of(text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        read_margins(text)
    message = str(raised.value)
    assert "\n" not in message
    return message


@pytest.fixture
def margins_file(tmp_path: Path) -> Path:
    return tmp_path / "margins.yaml"


class TestNumbers:
    def test_a_number_is_a_share_of_the_metric_range(self) -> None:
        margins = read_margins("0.02")
        assert [margins.of("acc", scale) for scale in (1.0, 100.0)] == [0.02, 2.0]

    @pytest.mark.parametrize("text", ["0", "-0.01", "1", "5", "nan", "inf", "1e999"])
    def test_a_number_that_is_no_share_is_an_error(self, text: str) -> None:
        message = error_of(text)
        assert message.startswith(f"--margin {float(text):g} should be a share of the metric's range above 0 and below 1, such as 0.01")  # fmt: skip
        assert message.endswith("margins in a metric's own units go into a file: --margin FILE")

    @pytest.mark.parametrize("text", ["0,01", "1%", "margins.yml"])
    def test_a_text_that_is_neither_a_number_nor_a_file_is_an_error(self, text: str) -> None:
        assert error_of(text) == f"--margin {text} is neither a number, such as 0.01, nor a file"


class TestFiles:
    def test_margins_of_metrics_are_in_their_own_units_and_default_is_a_share(
        self, margins_file: Path
    ) -> None:
        margins_file.write_text("default: 0.02\nchrf: 1.5  # points\nperplexity: 3\n")
        margins = read_margins(str(margins_file))
        assert margins == Margins(0.02, {"chrf": 1.5, "perplexity": 3.0})
        assert [margins.of(*of) for of in (("chrf", 100.0), ("perplexity", None), ("acc", 1.0))] == [1.5, 3.0, 0.02]  # fmt: skip

    def test_without_a_default_other_metrics_have_one_point(self, margins_file: Path) -> None:
        margins_file.write_text("chrf: 1.5")
        assert read_margins(str(margins_file)).of("acc", 100.0) == 1.0

    @pytest.mark.parametrize("value", ["1e-2", "1.0e-2", "'0.01'", "0.01"])
    def test_every_spelling_of_a_number_is_read(self, margins_file: Path, value: str) -> None:
        margins_file.write_text(f"acc: {value}")
        assert read_margins(str(margins_file)).metrics == {"acc": 0.01}

    @pytest.mark.parametrize(
        "value",
        ["-1", "0", ".nan", ".inf", "much", "true", "null", "", "[0.1]", "{a: 0.1}", "9" * 400, "2020-01-02"],
    )
    def test_a_value_that_is_no_margin_is_an_error_that_names_the_metric(
        self, margins_file: Path, value: str
    ) -> None:
        margins_file.write_text(f"chrf: 1\nacc: {value}")
        message = error_of(str(margins_file))
        assert message == f"{margins_file}: the margin of 'acc' should be a number above 0, such as 0.02"

    @pytest.mark.parametrize("value", ["-0.1", "2", "much"])
    def test_a_default_that_is_no_share_is_an_error(self, margins_file: Path, value: str) -> None:
        margins_file.write_text(f"default: {value}")
        assert error_of(str(margins_file)).startswith(f"{margins_file}: ") and "default" in error_of(
            str(margins_file)
        )

    def test_an_unknown_metric_is_an_error_that_names_the_nearest(self) -> None:
        one = side({"quiz": [1.0, 0.0]}, metric="exact_match")
        with pytest.raises(ConfigError) as raised:
            check(one, one, CheckOptions(Margins(metrics={"exactmatch": 0.02})))
        assert str(raised.value) == (
            "--margin names the metric 'exactmatch', which the runs do not have. Did you mean 'exact_match'? They have exact_match"
        )

    @pytest.mark.parametrize("content", ["", "# nothing yet\n", "- acc\n", "0.01\n", "acc\n", "{}"])
    def test_a_file_of_something_else_is_an_error_that_shows_the_form(
        self, margins_file: Path, content: str
    ) -> None:
        margins_file.write_text(content)
        assert error_of(str(margins_file)) == f"{margins_file} should hold lines 'metric: margin', such as 'exact_match: 0.02'"  # fmt: skip

    @pytest.mark.parametrize(
        "content",
        [
            *(b"acc: [0.1", b"acc: 0.1\n\tchrf: 1", b"\xff\xfe\x00\x01", b"acc: 2020-13-45"),
            *(b"acc: " + b"9" * 5000, b"acc: " + b"[" * 3000),
        ],
        ids=["open", "tab", "no text", "no date", "too many digits", "too deep"],
    )
    def test_a_file_that_is_no_yaml_is_an_error(self, margins_file: Path, content: bytes) -> None:
        margins_file.write_bytes(content)
        assert error_of(str(margins_file)).startswith(f"The margins {margins_file} are no YAML of lines 'metric: margin'")  # fmt: skip

    @pytest.mark.parametrize(
        "tag",
        [
            "!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.PosixPath [{mark}]]",
            "!!python/object/new:os.system [touch {mark}]",
            "!!python/name:os.system",
        ],
    )
    def test_a_tag_in_the_file_executes_nothing(self, margins_file: Path, tmp_path: Path, tag: str) -> None:
        mark = tmp_path / "executed"
        margins_file.write_text("acc: " + tag.format(mark=mark))
        assert "are no YAML of lines" in error_of(str(margins_file)) and not mark.exists()

    def test_multiplying_aliases_give_a_short_error(self, margins_file: Path) -> None:
        lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        margins_file.write_text("\n".join(lines))
        assert len(error_of(str(margins_file))) < 300

    def test_a_folder_is_an_error(self, tmp_path: Path) -> None:
        assert error_of(str(tmp_path)) == f"The margins {tmp_path} cannot be read: Is a directory"


def test_a_margin_as_large_as_the_metric_range_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "margins.yaml").write_text("acc: 5")
    with pytest.raises(ConfigError, match=r"the metric itself ends at 1: nothing could fail; .* such as 0.01 for one point"):  # fmt: skip
        read_margins(str(tmp_path / "margins.yaml")).of("acc", 1.0)


def test_a_metric_that_occurs_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "margins.yaml").write_text("acc: 0.01\nchrf: 1\nacc: 0.5\n")
    with pytest.raises(ConfigError, match="names 'acc' more than once"):
        read_margins(str(tmp_path / "margins.yaml"))


def test_a_mapping_in_python_is_read_as_a_file_is() -> None:
    assert margins_of({"default": 0.02, "chrf": 1.5}) == Margins(0.02, {"chrf": 1.5})
    assert margins_of(0.02) == margins_of("0.02") == Margins(0.02)
    with pytest.raises(ConfigError, match="margin: the margin of 'acc' should be a number above 0"):
        margins_of({"acc": -1.0})
