"""Examples prepared for a classifier: every kind of source, the split, and what is wrong with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argosy.config import ClassificationVenture, UserError, VentureError, venture_from_tree
from argosy.data import check_examples, example_fingerprint, open_examples, prepare_examples

pytestmark = pytest.mark.fast
CSV = "age,colour,target\n" + "".join(
    f"{n % 50},{'red' if n % 3 else 'blue'},{'yes' if n % 2 else 'no'}\n" for n in range(300)
)


def venture(folder: Path, *sources: dict[str, Any], **data: Any) -> ClassificationVenture:
    """A classifier's venture with these sources."""
    tree = {"name": "t", "goal": {"task": "classification"}, "data": {"sources": list(sources), **data}}
    found = venture_from_tree(tree, folder=folder, source="test")
    assert isinstance(found, ClassificationVenture)
    return found


def table(folder: Path, content: str = CSV, **data: Any) -> ClassificationVenture:
    """One whose source is a table with this content."""
    (folder / "t.csv").write_text(content)
    return venture(folder, {"kind": "table", "path": "t.csv"}, **data)


def test_a_table_with_text_and_gaps(tmp_path: Path) -> None:
    content = CSV + ",red,yes\n7,,no\n"
    made = prepare_examples(
        table(tmp_path, content, preprocessing=["cleaning", "one_hot", "normalization"]), tmp_path / "d"
    )
    found = open_examples(tmp_path / "d")
    assert found.summary == made and made.classes == ("no", "yes")
    assert made.examples + made.held_out_examples == 302 and 30 < made.held_out_examples < 100
    assert made.feature_shape[0] >= 3 and found.train.features.dtype == np.float32
    assert made.class_counts == tuple(np.bincount(found.train.targets))
    np.testing.assert_allclose(found.train.features.mean(axis=0), 0, atol=1e-5)


def test_the_same_example_is_never_on_both_sides(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    features = np.repeat(chance.normal(size=(200, 3)).astype(np.float32), 3, axis=0)
    np.savez(tmp_path / "a.npz", features=features, targets=np.arange(600) % 2)
    prepare_examples(venture(tmp_path, {"kind": "arrays", "path": "a.npz"}), tmp_path / "d")
    found = open_examples(tmp_path / "d")
    seen, kept = ({row.tobytes() for row in part.features} for part in (found.train, found.held_out))
    assert len(seen) + len(kept) == 200 and not seen & kept


def test_parquet_is_the_same_table(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    columns: dict[str, list[Any]] = {"age": [], "colour": [], "target": []}
    for line in CSV.splitlines()[1:]:
        for name, value in zip(columns, line.split(","), strict=True):
            columns[name].append(float(value) if name == "age" else value)
    write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    steps = ["cleaning", "one_hot"]
    one = prepare_examples(table(tmp_path, preprocessing=steps), tmp_path / "csv")
    source = {"kind": "table", "path": "t.parquet"}
    other = prepare_examples(venture(tmp_path, source, preprocessing=steps), tmp_path / "parquet")
    assert one.files == other.files


def test_columns_are_found_by_name_and_classes_keep_theirs(tmp_path: Path) -> None:
    content = "b,a,target\n" + "".join(f"{n},{n % 7},{n % 3}\n" for n in range(90))
    made = prepare_examples(table(tmp_path, content, preprocessing=["cleaning"]), tmp_path / "d")
    assert made.classes == ("0", "1", "2")
    assert open_examples(tmp_path / "d").preprocessing.names == ["b", "a"]
    (tmp_path / "u.csv").write_text("a,b,target\n" + "1,2,0\n3,4,1\n" * 30)
    both = [{"kind": "table", "path": name} for name in ("t.csv", "u.csv")]
    with pytest.raises(UserError, match=r"'table:u\.csv' has columns \['a', 'b'\]"):
        prepare_examples(venture(tmp_path, *both), tmp_path / "e")


def test_a_changed_file_has_another_fingerprint(tmp_path: Path) -> None:
    before = example_fingerprint(table(tmp_path))
    assert example_fingerprint(table(tmp_path, CSV + "1,red,yes\n")) != before
    assert example_fingerprint(venture(tmp_path, {"kind": "drawn-digits"})) != before


def test_damage_is_noticed(tmp_path: Path) -> None:
    prepare_examples(table(tmp_path, preprocessing=["cleaning", "one_hot"]), tmp_path / "d")
    file = tmp_path / "d" / "train.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(UserError, match=r"train\.safetensors is not what was prepared"):
        open_examples(tmp_path / "d")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,target\n1,x\n2\n", r"t\.csv:3: 1 values, expected 2"),
        ("a,targte\n1,x\n", "no column 'target'; did you mean 'targte'"),
        ("a,target\n", "no examples"),
        ("target\nx\n", "no examples"),
        ("a,target\n1,x\n2,\n", "row 2 has no 'target'"),
        ("a,a,target\n1,2,x\n", "two columns are called 'a'"),
        ("a,target\n1,x\n", "too few"),
        ("a,target\n" + "1,x\n2,x\n3,x\n4,x\n5,x\n6,x\n7,x\n8,x\n9,x\n", "one class|too few"),
        (CSV, "features hold text or are missing"),
        ("a,target\n" + "".join(f"{'inf' if n == 9 else n},{n % 2}\n" for n in range(99)), "1 values are not finite"),
        ("\udcff", "is not a CSV table"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, content: str, message: str) -> None:
    chosen = table(tmp_path, "")
    (tmp_path / "t.csv").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=message):
        prepare_examples(chosen, tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_shapes_must_agree_and_files_exist(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=np.random.default_rng(0).normal(size=(99, 3)), targets=np.arange(99) % 2)
    np.savez(tmp_path / "b.npz", labels=np.zeros(9))
    (tmp_path / "c.npz").write_bytes(b"not an archive")
    a, b, c = ({"kind": "arrays", "path": f"{name}.npz"} for name in "abc")
    for sources, message in (
        ([a, {"kind": "drawn-digits"}], r"shape \[28, 28\], 'arrays:a\.npz' \[3\]"),
        ([b], "expected features and targets"),
        ([c], "no .npz of plain arrays"),
    ):
        with pytest.raises(UserError, match=message):
            prepare_examples(venture(tmp_path, *sources), tmp_path / "d")
    missing = check_examples(venture(tmp_path, {"kind": "arrays", "path": "aa.npz"}))
    assert len(missing) == 1 and "did you mean 'a.npz'" in str(missing[0])
    for source, message in (({"kind": "table"}, "needs a `path`"), ({"kind": "mnist", "path": "x"}, "takes no `path`")):
        with pytest.raises(VentureError, match=message):
            venture(tmp_path, source)
    with pytest.raises(VentureError, match=r"goal\.task = 'clasification': .*did you mean 'classification'"):
        venture_from_tree({"name": "t", "goal": {"task": "clasification"}}, folder=tmp_path, source="test")
    with pytest.raises(VentureError, match="unknown key"):
        venture(tmp_path, {"kind": "drawn-digits"}, sequence_length=5)
