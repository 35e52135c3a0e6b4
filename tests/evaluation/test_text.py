"""Text comes in whole characters, and is the text of the drawn tokens."""

from pathlib import Path

import pytest
import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers

from argosy.config import TransformerConfig, UserError
from argosy.data import Tokenizer, load_tokenizer
from argosy.evaluation.text import generate_text, sample_tokens, stream_text
from argosy.models import Transformer, save_model

pytestmark = pytest.mark.fast

TEXT = "héllo 漢字 → 🚢 €"  # characters of one to four bytes


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A token for each byte, so that most characters are cut."""
    alphabet = {character: at for at, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    core = tokenizers.Tokenizer(models.BPE(alphabet, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens(["<|endoftext|>"])
    path = tmp_path_factory.mktemp("bytes") / "tokenizer.json"
    core.save(str(path))
    return load_tokenizer(path)


@pytest.fixture(scope="module")
def parrot(tokenizer: Tokenizer) -> Transformer:
    """A model that has learnt one sentence by heart."""
    config = TransformerConfig(
        vocabulary_size=tokenizer.vocabulary_size,
        dim=32,
        layers=1,
        heads=2,
        kv_heads=1,
        ffn_dim=64,
        sequence_length=64,
    )
    model = Transformer(config)
    model.initialise(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2)
    separator = tokenizer.separator_id
    tokens = torch.tensor([[separator, *tokenizer.encode(TEXT), separator]])
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[0, 1:]).backward()
        optimizer.step()
    return model


def test_characters_of_many_tokens_come_whole(parrot: Transformer, tokenizer: Tokenizer) -> None:
    pieces = list(stream_text(parrot, tokenizer, "", max_tokens=60, temperature=0))
    assert pieces == list(TEXT), "each character once all its bytes are there, and the end at the separator"
    assert len(list(sample_tokens(parrot, tokenizer, "", max_tokens=60, temperature=0))) == len(TEXT.encode())
    assert "".join(stream_text(parrot, tokenizer, TEXT[:7], max_tokens=60, temperature=0)) == TEXT[7:]


def test_a_character_cut_by_the_end_is_marked(parrot: Transformer, tokenizer: Tokenizer) -> None:
    whole = len(TEXT[:6].encode())
    pieces = list(stream_text(parrot, tokenizer, "", max_tokens=whole + 2, temperature=0))
    assert pieces == [*TEXT[:6], "\ufffd"]


@pytest.mark.parametrize("seed", range(5))
def test_the_stream_is_the_text_of_the_tokens(parrot: Transformer, tokenizer: Tokenizer, seed: int) -> None:
    options = {"max_tokens": 40, "temperature": 5.0, "seed": seed}  # mostly bytes that are no UTF-8
    tokens = list(sample_tokens(parrot, tokenizer, "h", **options))
    streamed = "".join(stream_text(parrot, tokenizer, "h", **options))
    assert streamed == tokenizer.decode(tokens)
    assert "\ufffd" in streamed


def test_a_model_folder_speaks_and_senseless_options_are_refused(
    parrot: Transformer, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    save_model(parrot.state_dict(), parrot.config, tmp_path)
    tokenizer.save(tmp_path / "tokenizer.json")
    assert "".join(generate_text(tmp_path, "hé", max_tokens=60, temperature=0)) == TEXT[2:]
    for name, value in {"temperature": -0.1, "top_p": 1.5, "top_k": -1, "max_tokens": -1}.items():
        with pytest.raises(UserError, match=f"--{name.replace('_', '-')} = {value}") as caught:
            next(generate_text(tmp_path, "x", **{name: value}))
        assert caught.value.code == "bad-sampling"
    with pytest.raises(UserError, match="temperature = nan"):
        next(generate_text(tmp_path, "x", temperature=float("nan")))
