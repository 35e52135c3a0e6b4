"""Going back to before some batches: which checkpoint, what goes, and that a cut in between loses nothing."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.config import TransformerConfig, UserError, Venture
from argosy.storage import Run, write_json
from argosy.training import Checkpoint, HeldOut, latest_checkpoint, rewind, rewinding
from argosy.training.manifest import note_best, read_best
from tests.evaluation.checkpoints import checkpoint_of

pytestmark = pytest.mark.fast

CONFIG = TransformerConfig(
    vocabulary_size=260, sequence_length=8, dim=8, layers=1, heads=1, kv_heads=1, ffn_dim=8, tied_embeddings=False
)
HELD_OUT = HeldOut(loss=1.0, perplexity=2.7, bits_per_byte=0.5, tokens=1, bytes=1)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of 20 steps with checkpoints of steps 4, 8, …, 20, the best at 12."""
    monkeypatch.setattr(rewinding, "check_unchanged", lambda *given, **options: None)
    run = Run(tmp_path)
    (run.path / "data").mkdir()
    (run.data / "index.json").write_text("{}")
    for step in range(4, 24, 4):
        made = checkpoint_of(CONFIG, run.checkpoints)
        recipe = made.recipe.model_copy(update={"steps": 20})
        made = made.model_copy(update={"step": step, "recipe": recipe})
        write_json(run.checkpoints / made.name / "manifest.json", made.model_dump(mode="json"))
    note_best(run.checkpoints, 12, HELD_OUT)
    return run


def back(run: Run, first: int, last: int) -> Checkpoint | None:
    return rewind(run, VENTURE, first, last, allow_changes=False)


VENTURE = Venture.model_construct()


def test_goes_back_to_the_newest_checkpoint_before(run: Run) -> None:
    gone_to = back(run, 10, 11)
    latest = latest_checkpoint(run.checkpoints)
    assert gone_to is not None and latest is not None
    assert gone_to.step == latest.step == 8 and latest.cursor.skipped == ((9, 11),)
    assert read_best(run.checkpoints) is None, "the best was after it"
    assert run.read_events()[-1]["kind"] == "rewound"
    assert back(run, 10, 11) is None, "the same again changes nothing"
    assert back(run, 9, 9) is not None, "step 9 has not been trained since"
    assert latest_checkpoint(run.checkpoints).cursor.skipped == ((8, 11),)  # type: ignore[union-attr]


def test_a_checkpoint_just_before_the_first_batch_is_kept(run: Run) -> None:
    assert back(run, 13, 14).step == 12  # type: ignore[union-attr]
    assert read_best(run.checkpoints) is not None


@pytest.mark.parametrize(
    ("first", "last", "word"),
    [(0, 3, "numbered 1 to 20"), (5, 4, "first to last"), (21, 22, "1 to 20"), (3, 9, "kept")],
)
def test_what_cannot_be_skipped_is_refused_untouched(run: Run, first: int, last: int, word: str) -> None:
    with pytest.raises(UserError, match=word) as caught:
        back(run, first, last)
    assert caught.value.code == "bad-skip"
    assert latest_checkpoint(run.checkpoints).step == 20  # type: ignore[union-attr]


def test_cut_off_in_between_the_same_call_completes_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[Path] = []

    def cut(folder: Path) -> None:
        if removed:
            raise KeyboardInterrupt
        removed.append(folder)
        remove(folder)

    remove = rewinding.remove_folder
    monkeypatch.setattr(rewinding, "remove_folder", cut)
    with pytest.raises(KeyboardInterrupt):
        back(run, 10, 11)
    latest = latest_checkpoint(run.checkpoints)
    assert latest is not None and latest.step == 16 and latest.cursor.skipped == (), "the newest first"
    monkeypatch.setattr(rewinding, "remove_folder", remove)
    assert back(run, 10, 11).step == 8  # type: ignore[union-attr]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=6), st.integers(0, 100))
def test_stretches_are_a_set_of_batches(stretches: list[tuple[int, int]], batch: int) -> None:
    ranges: tuple[tuple[int, int], ...] = ()
    for first, length in stretches:
        ranges = rewinding._with(ranges, first, first + length)
    left_out = {b for first, length in stretches for b in range(first, first + length)}
    assert {b for first, end in ranges for b in range(first, end)} == left_out
    assert all(a[1] < b[0] for a, b in pairwise(ranges))
    order = [b for b in range(200) if b not in left_out]
    assert order[rewinding._step(ranges, batch)] == min(b for b in order if b >= batch)
