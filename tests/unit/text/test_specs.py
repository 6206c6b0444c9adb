"""The grammar of specs: names, options, nested specs, quoted texts, lists."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.errors import ConfigError
from fusion_eval.text.specs import Quoted, Spec, format_word, parse_spec, spec_name, split_list

CHRF = Spec("chrf")


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("fusion", Spec("fusion")),
        ("fusion()", Spec("fusion")),
        ("bon(scorer=chrf)", Spec("bon", (("scorer", CHRF),))),
        (" bon ( scorer = chrf ) ", Spec("bon", (("scorer", CHRF),))),
        ("a(b=c(d=chrf))", Spec("a", (("b", Spec("c", (("d", CHRF),))),))),
        ("a(k=-1.5e-3,f=/x/y z.j2)", None),
        ("a(k=-1.5e-3,f=/x/y.j2)", Spec("a", (("k", Spec("-1.5e-3")), ("f", Spec("/x/y.j2"))))),
        ('a(b="x, (y) = \\"z\\"")', Spec("a", (("b", Quoted('x, (y) = "z"')),))),
        ("a(b=chrf,)", Spec("a", (("b", CHRF),))),
    ],
)
def test_a_spec_is_a_name_with_options(text: str, spec: Spec | None) -> None:
    if spec is None:
        with pytest.raises(ConfigError):
            parse_spec(text)
    else:
        assert parse_spec(text) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' needs a name at character 1"),
        ("(k=2)", "'(k=2)' needs a name at character 1"),
        ("2", "'2' needs a name at character 1"),
        ("f(k=2", "'f(k=2' opens a parenthesis at character 2 and never closes it; add )"),
        ("f(a=g(k=2)", "opens a parenthesis at character 2 and never closes it; add )"),
        ("f(a=g(k=2", "opens a parenthesis at character 6 and never closes it; add )"),
        ("f(", "opens a parenthesis at character 2"),
        ("f(k=2))", "closes a parenthesis at character 7 that nothing opened; remove it"),
        ("f g", "goes on with 'g' at character 3 after its end"),
        ("f(k)", "should give an option as f(option=value) at character 3"),
        ("f(=2)", "should give an option as f(option=value) at character 3"),
        ("f(,k=2)", "should give an option as f(option=value) at character 3"),
        ("f(k=)", "gives no value for k=; write k=VALUE"),
        ("f(k=1 j=2)", "has 'j' at character 7, where a comma or a closing parenthesis should be"),
        ("f(k=1,k=2)", "gives k= twice; leave one"),
        ('f(k="a)', "has a quote at character 5 that is not closed or read"),
        ('f(k="\\q")', "has a quote at character 5 that is not closed or read"),
    ],
)
def test_a_mistake_in_the_grammar_is_an_error_that_says_where(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_spec(text)
    assert message in str(error.value)


@given(st.text(st.sampled_from('ab1(),=" \\.')))
def test_any_text_is_a_spec_or_an_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_spec(text)


@given(st.text())
def test_any_value_survives_being_written_and_read(value: str) -> None:
    [(_, read)] = parse_spec(f"f(k={format_word(value)})").options
    assert (read.text if isinstance(read, Quoted) else read.name) == value


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b", ["a", "b"]),
        (" a , b(c=d,e=f(g=h,i=j)) ,k", ["a", "b(c=d,e=f(g=h,i=j))", "k"]),
        ('a(b="x,(y"),c', ['a(b="x,(y")', "c"]),
        ("a,,b", ["a", "", "b"]),
        ("a(b=c,d", ["a(b=c", "d"]),  # parentheses that do not match swallow nothing
        ("a),b", ["a)", "b"]),
    ],
)
def test_a_list_is_split_at_the_commas_outside_parentheses_and_quotes(text: str, parts: list[str]) -> None:
    assert split_list(text) == parts


def test_the_name_of_a_spec_is_what_stands_before_its_options() -> None:
    assert [spec_name(text) for text in ("bon", "bon(scorer=judge(k=1))")] == ["bon", "bon"]
