"""An evaluation from a prepared corpus and a model whose quality is known: that of a uniform guess."""

import math
from pathlib import Path

import pytest

from argosy.config import Venture, load_venture, transformer_config
from argosy.data import TokenStore, open_dataset, prepare
from argosy.evaluation import Evaluation, evaluate
from argosy.evaluation.baselines import measure_baselines, xz_bits_per_byte
from argosy.models import Transformer, save_model
from argosy.training import Checkpoint
from tests.evaluation.checkpoints import checkpoint_of

pytestmark = pytest.mark.fast


@pytest.fixture
def venture(tiny_venture: Path) -> Venture:
    return load_venture(tiny_venture, ['evaluation.prompts = ["the ", ""]'])


@pytest.fixture
def store(venture: Venture, tmp_path: Path) -> TokenStore:
    prepare(venture, tmp_path / "data")
    return open_dataset(tmp_path / "data")


@pytest.fixture
def checkpoint(venture: Venture, store: TokenStore, tmp_path: Path) -> Checkpoint:
    model = Transformer(transformer_config(venture, store.index.vocabulary_size))
    model.initialise(0)
    save_model(model.state_dict(), model.config, tmp_path / "model")
    return checkpoint_of(model.config, tmp_path)


def test_an_untrained_model_guesses_among_all_tokens(
    venture: Venture, store: TokenStore, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    evaluation = evaluate(venture, store, checkpoint, tmp_path)
    held_out = evaluation.held_out
    assert held_out.loss == pytest.approx(math.log(store.index.vocabulary_size), abs=0.15)
    assert held_out.bytes == store.index.held_out_bytes == sum(map(len, store.held_out_bytes()))
    assert held_out.bits_per_byte * held_out.bytes == pytest.approx(held_out.loss * held_out.tokens / math.log(2))
    assert [baseline.name for baseline in evaluation.baselines] == ["xz -9", "byte 5-gram"]
    assert evaluation.baselines[1].bits_per_byte < held_out.bits_per_byte
    assert [sample.prompt for sample in evaluation.samples] == ["the ", ""]
    assert all(sample.text and sample.tokens_per_s > 0 for sample in evaluation.samples)
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation


def test_what_is_not_timed_comes_again(
    venture: Venture, store: TokenStore, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    first, second = (evaluate(venture, store, checkpoint, tmp_path) for _ in range(2))
    assert (first.held_out, first.baselines) == (second.held_out, second.baselines)
    assert [sample.text for sample in first.samples] == [sample.text for sample in second.samples]


def test_much_held_out_text_is_thinned_and_said_so(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure_baselines(store)
    monkeypatch.setattr("argosy.evaluation.baselines.HELD_OUT_BYTES", -(-store.index.held_out_bytes // 2))
    monkeypatch.setattr("argosy.evaluation.baselines.TRAIN_BYTES", 5_000)
    thinned = measure_baselines(store)
    documents = list(store.held_out_bytes())
    assert "the held-out documents" in whole[0].note
    assert whole[0].bits_per_byte == xz_bits_per_byte(documents)
    assert "one held-out document in 2" in thinned[0].note
    assert thinned[0].bits_per_byte == xz_bits_per_byte(documents[::2])
    assert thinned[1].bits_per_byte > whole[1].bits_per_byte, "it has seen less"
