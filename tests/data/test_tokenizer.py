"""Training, loading, exact bytes; and that the fast encoder gives the plain one's tokens or is not used."""

import gzip
from pathlib import Path

import numpy as np
import orjson
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from argosy.config import UserError
from argosy.data import Tokenizer, load_tokenizer
from argosy.data.encoder import ADVERSARIAL, DELIMITER, choose_encoder
from argosy.data.tokenizer import SEPARATOR, train_tokenizer
from tests.data.corpora import HARD, story

TEXTS = [story(n) for n in range(300)] + [Path(__file__).read_text(encoding="utf-8")]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, 1000)


def test_training_is_reproducible(tokenizer: Tokenizer) -> None:
    assert train_tokenizer(reversed(TEXTS), 1000).core.to_str() == tokenizer.core.to_str()


def test_the_shape_of_a_trained_tokenizer(tokenizer: Tokenizer, tmp_path: Path) -> None:
    assert tokenizer.vocabulary_size == 1000
    assert tokenizer.core.id_to_token(tokenizer.separator_id) == SEPARATOR
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = load_tokenizer(tmp_path)
    assert loaded.core.to_str() == tokenizer.core.to_str()
    assert loaded.encode(TEXTS[5]) == tokenizer.encode(TEXTS[5])


def test_code_is_cut_as_code_wants(tokenizer: Tokenizer) -> None:
    pieces = tokenizer.core.pre_tokenizer.pre_tokenize_str("\n        return x1234567")
    assert [text.replace("Ġ", " ").replace("Ċ", "\n") for text, _ in pieces] == [
        "\n",
        "       ",
        " return",
        " x",
        "123",
        "456",
        "7",
    ]


@settings(max_examples=100, deadline=None)
@given(text=st.text() | st.sampled_from([*HARD, *ADVERSARIAL]))
def test_bytes_are_exact_and_text_is_only_text(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.separator_id not in ids
    assert tokenizer.decode_bytes(ids) == text.encode()
    assert tokenizer.decode(ids) == text
    assert tokenizer.token_bytes[ids].sum() == len(text.encode())


def test_the_separator_stands_for_nothing(tokenizer: Tokenizer) -> None:
    separator = tokenizer.separator_id
    assert tokenizer.token_bytes[separator] == 0
    assert tokenizer.decode([separator, *tokenizer.encode("a"), separator]) == "a"


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=200))
def test_the_fast_encoder_gives_the_same_tokens(tokenizer: Tokenizer, text: str) -> None:
    encoder = choose_encoder(tokenizer, ())
    assert encoder.description.startswith("tiktoken")
    assert encoder.encode([text])[0].tolist() == tokenizer.encode(text)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(max_size=20) | st.sampled_from([*HARD, DELIMITER, "  ", "a \n", f"x{DELIMITER}y"])))
def test_texts_encoded_together_do_not_touch(tokenizer: Tokenizer, texts: list[str]) -> None:
    together = choose_encoder(tokenizer, ()).encode(texts)
    assert [ids.tolist() for ids in together] == [tokenizer.encode(text) for text in texts]


def test_every_character_is_cut_the_same(tokenizer: Tokenizer) -> None:
    encode = choose_encoder(tokenizer, ()).encode
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for begin in range(0, len(characters), 4096):
        text = "".join(f"a{c}1 {c}{c}\n" for c in characters[begin : begin + 4096 : 4])
        assert encode([text])[0].tolist() == tokenizer.encode(text)


def test_a_run_of_blanks_that_the_fast_encoder_gives_up_on(tokenizer: Tokenizer) -> None:
    text = "a" + " " * 1_500_000 + "b"
    assert choose_encoder(tokenizer, ()).encode([text])[0].tolist() == tokenizer.encode(text)


def _given(tmp_path: Path, tokenizer: Tokenizer, **changes: object) -> Tokenizer:
    tree = orjson.loads(tokenizer.core.to_str())
    for key, value in changes.items():
        node, *rest = key.split("__")
        if rest:
            tree[node][rest[0]] = value
        else:
            tree[node] = value
    (tmp_path / "given.json").write_bytes(orjson.dumps(tree))
    return load_tokenizer(tmp_path / "given.json")


def test_a_table_that_tiktoken_reads_otherwise_falls_back(tokenizer: Tokenizer, tmp_path: Path) -> None:
    merges = orjson.loads(tokenizer.core.to_str())["model"]["merges"]
    other = _given(tmp_path, tokenizer, model__merges=merges[::-1])
    encoder = choose_encoder(other, TEXTS)
    assert encoder.description == "tokenizers: its ids do not follow the order of its merges"
    assert encoder.encode(TEXTS)[3].tolist() == other.encode(TEXTS[3])


def test_a_difference_that_only_the_samples_show_falls_back(tokenizer: Tokenizer, tmp_path: Path) -> None:
    # Ids ascend, but "qx" + "z" and not "q" + "xz" makes "qxz": the difference shows on the word "qxz" alone.
    vocabulary = {SEPARATOR: 0} | {c: n for n, c in enumerate(sorted(_byte_alphabet()), 1)}
    vocabulary |= {"xz": 257, "qx": 258, "qxz": 259}
    changes = {"model__vocab": vocabulary, "model__merges": [["x", "z"], ["q", "x"], ["qx", "z"]]}
    other = _given(tmp_path, tokenizer, **changes)
    assert choose_encoder(other, ["abc"]).description.startswith("tiktoken")
    assert "parts from it on 'qxz'" in choose_encoder(other, ["qxz"]).description


def _byte_alphabet() -> list[str]:
    return pre_tokenizers.ByteLevel.alphabet()


def test_a_given_tokenizer_that_is_not_byte_level(tmp_path: Path) -> None:
    core = tokenizers.Tokenizer(models.BPE(unk_token="<unk>"))
    core.normalizer = normalizers.NFKC()
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Metaspace()
    core.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=600, special_tokens=["<unk>", "</s>"], show_progress=False)
    )
    core.save(str(tmp_path / "t.json"))
    tokenizer = load_tokenizer(tmp_path / "t.json")
    assert not tokenizer.is_byte_level
    assert tokenizer.separator_id == core.token_to_id("</s>")
    encoder = choose_encoder(tokenizer, TEXTS)
    assert encoder.description == "tokenizers: not a byte-level BPE"
    ids = encoder.encode(["word7 and </s> words"])[0]
    assert tokenizer.separator_id not in ids
    assert tokenizer.decode(ids.tolist()) == "word7 and </s> words"


def test_a_given_tokenizer_that_normalises_still_spells_bytes(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """As Qwen's."""
    other = _given(tmp_path, tokenizer, normalizer={"type": "NFC"})
    assert not other.is_byte_level
    assert other.decode_bytes(other.encode("e\u0301 漢 word7")) == "\u00e9 漢 word7".encode()


def test_a_tokenizer_without_an_end_token_gets_one(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tree = orjson.loads(tokenizer.core.to_str())
    vocabulary = {token: n - 1 for token, n in tree["model"]["vocab"].items() if token != SEPARATOR}
    other = _given(tmp_path, tokenizer, added_tokens=[], model__vocab=vocabulary)
    assert other.separator_id == len(vocabulary) == other.vocabulary_size - 1
    assert other.encode(TEXTS[0]) == [n - 1 for n in tokenizer.encode(TEXTS[0])]


@pytest.mark.parametrize("content", [b"{}", b"not JSON", b'{"model": {"type": "None"}}'])
def test_a_file_that_is_no_tokenizer(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.json").write_bytes(content)
    with pytest.raises(UserError, match=r"t\.json") as caught:
        load_tokenizer(tmp_path / "t.json")
    assert caught.value.code == "bad-tokenizer"


def test_chinese_and_english_from_the_shared_data(data_folder: Path) -> None:
    texts = []
    for name in ("en", "zh"):
        with gzip.open(data_folder / "text" / f"{name}.jsonl.gz") as lines:
            texts += [orjson.loads(line)["text"] for line, _ in zip(lines, range(60), strict=False)]
    tokenizer = train_tokenizer(texts, 2000)
    encoder = choose_encoder(tokenizer, texts)
    assert encoder.description.startswith("tiktoken")
    for text, ids in zip(texts, encoder.encode(texts), strict=True):
        assert tokenizer.decode_bytes(ids.tolist()) == text.encode()
        assert np.array_equal(ids, tokenizer.encode(text))
