"""Every problem of a venture at once, each with its key, value, expectation and nearest spelling."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.config import (
    PRESETS,
    AutomaticLayout,
    Layout,
    UserError,
    VentureError,
    check,
    load_venture,
    parse_override,
    reference_rows,
    split_override,
    venture_from_tree,
)
from argosy.config import resolve_recipe as make_recipe
from argosy.config import transformer_config as shape_of

pytestmark = pytest.mark.fast

MINIMAL = """
name = "v"
[[data.sources]]
kind = "python-stdlib"
[model]
size = "3M"
"""


@pytest.fixture
def venture_file(tmp_path: Path) -> Path:
    path = tmp_path / "venture.toml"
    path.write_text(MINIMAL)
    return path


def test_one_dial_suffices(venture_file: Path) -> None:
    venture = load_venture(venture_file)
    assert check(venture) == []
    shape = shape_of(venture, 4096)
    assert abs(shape.parameter_count() / 3e6 - 1) < 0.25
    numbers = make_recipe(venture, shape)
    assert numbers.steps * numbers.tokens_per_step == pytest.approx(20 * shape.parameter_count(), rel=0.01)


def test_a_layout_in_one_line(venture_file: Path) -> None:
    assert load_venture(venture_file, ["layout=data=2, tensor=4"]).layout == Layout(data=2, tensor=4)
    assert isinstance(load_venture(venture_file, ["layout=auto"]).layout, AutomaticLayout)
    for text, said in (
        ("data=2,tensr=2", "did you mean 'tensor'"),
        ("data=2,data=3", "each degree once"),
        ("data=0", "a whole number from 1"),
        ("data", "a whole number from 1"),
        ("auto,data=2", "'auto' is no degree"),
    ):
        with pytest.raises(VentureError, match=said):
            load_venture(venture_file, [f"layout={text}"])


def test_all_problems_at_once(venture_file: Path) -> None:
    wrong = ["trainig.seed=3", "training.stepz=4", 'training.optimizer="adam"', "data.sequence_length=2.5"]
    with pytest.raises(VentureError) as caught:
        load_venture(venture_file, [*wrong, "layout.data=0", "data.sources.0.kin=1"])
    text = str(caught.value)
    assert {p.key for p in caught.value.problems} == {
        "trainig",
        "training.stepz",
        "training.optimizer",
        "data.sequence_length",
        "layout.data",
        "data.sources.0.kin",
    }
    for needle in (
        "did you mean 'training'",
        "did you mean 'steps'",
        "did you mean 'adamw'",
        "2.5",
        "'kind'",
    ):
        assert needle in text


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ('model.preset="lama-3-8b"', "model"),
        ("model.size=''", "model.size"),
        ('model.size="three"', "model.size"),
        ("training.steps=3", "training.tokens"),
        ("training.batch_size=1", "training.batch_size"),
    ],
)
def test_mistakes_between_keys(venture_file: Path, override: str, key: str) -> None:
    overrides = [override, "training.tokens=1000", "layout.data=2"]
    with pytest.raises(VentureError) as caught:
        venture = load_venture(venture_file, overrides)
        raise VentureError("venture", check(venture))
    assert key in {p.key for p in caught.value.problems}


@pytest.mark.parametrize("override", ["novalue", "=3", "data.sources=3.x", "name.x=1"])
def test_bad_overrides_are_user_errors(venture_file: Path, override: str) -> None:
    with pytest.raises(UserError):
        load_venture(venture_file, [override])


def test_missing_and_malformed_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="argosy init"):
        load_venture(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = [")
    with pytest.raises(UserError, match="not valid TOML"):
        load_venture(broken)


@given(st.sampled_from([*PRESETS, None]), st.sampled_from(["1M", "2.5M", "30M", "125M", "1B", "7B", "70B"]))
def test_every_size_and_preset_is_a_consistent_shape(preset: str | None, size: str) -> None:
    model = {"preset": preset} if preset else {"size": size}
    tree = {"name": "v", "model": model, "data": {"sources": [{"kind": "python-stdlib"}]}}
    venture = venture_from_tree(tree, folder=Path(), source="test")
    shape = shape_of(venture, 4096 if size in ("1M", "2.5M") else 32000)
    assert shape.dim % shape.heads == 0 and shape.heads % shape.kv_heads == 0 and shape.head_dim % 2 == 0
    if not preset:
        target = float(size[:-1]) * {"M": 1e6, "B": 1e9}[size[-1]]
        assert abs(shape.parameter_count() / target - 1) < 0.25


def test_published_shapes_have_their_published_parameter_counts() -> None:
    for preset, vocabulary, billions in (
        ("llama-2-7b", 32_000, 6.738),
        ("llama-3-8b", 128_256, 8.030),
        ("tinyllama-1.1b", 32_000, 1.100),
    ):
        tree = {"name": "v", "model": {"preset": preset}, "data": {"sources": [{"kind": "python-stdlib"}]}}
        shape = shape_of(venture_from_tree(tree, folder=Path(), source="test"), vocabulary)
        assert shape.parameter_count() / 1e9 == pytest.approx(billions, abs=0.001)


def test_every_key_has_a_sentence_and_there_are_few() -> None:
    rows = reference_rows()
    for key, _, _, sentence in rows:
        assert sentence.rstrip().endswith("."), f"{key} has no sentence"
    assert len(rows) <= 120


VALUES = st.one_of(
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    st.lists(st.one_of(st.integers(0, 99), st.text("ab,\"'[]{}", max_size=5)), max_size=3),
)


@given(st.lists(VALUES, min_size=1, max_size=5, unique_by=lambda value: json.dumps(value)))
def test_values_to_try_are_parted_at_commas_outside_quotes_and_brackets(values: list[object]) -> None:
    written = ", ".join(json.dumps(value) for value in values)
    overrides = split_override(f"evaluation.prompts={written}")
    assert [parse_override(override) for override in overrides] == [("evaluation.prompts", value) for value in values]


def test_values_to_try_may_be_bare_words() -> None:
    assert split_override("a.b=adamw, muon,sgd,muon") == ["a.b=adamw", "a.b=muon", "a.b=sgd"]
    assert split_override("a=3M,'x,y',it's") == ["a=3M", "a='x,y'", "a=it's"]
    for bad in ("a=", "a=1,,2", "a=1,", "a", "=1,2"):
        with pytest.raises(UserError) as caught:
            split_override(bad)
        assert caught.value.code == "bad-override"
