"""Byte-level BPE (Sennrich et al. 2016; Radford et al. 2019): train, load, know each token's bytes."""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from argosy.config import UserError

SEPARATOR = "<|endoftext|>"
# Names under which published tokenisers know the token between documents, the best first.
_SEPARATORS = (SEPARATOR, "<|end_of_text|>", "<｜end▁of▁sentence｜>", "</s>", "<eos>", "[SEP]")
# As GPT-4's: digits in threes, indentation in one piece, a word with the character before it. Its rule for
# English endings is left out (the first alternative does "'s" too) and combining marks belong to the word, as
# Indic scripts need.
PATTERN = (
    r"[^\r\n\p{L}\p{M}\p{N}]?[\p{L}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Tokenizer:
    """A tokeniser in the Hugging Face format, with the bytes each token stands for.

    Text is only ever text: the name of a special token inside it is spelled out, never becomes that token.
    """

    def __init__(self, core: tokenizers.Tokenizer) -> None:
        self.core = core
        self.core.encode_special_tokens = True
        self.specification: dict[str, Any] = orjson.loads(core.to_str())
        size = core.get_vocab_size()
        self.separator_id = self._find_separator()
        self.separator_is_new = core.get_vocab_size() > size
        self.vocabulary_size: int = 1 + max(core.get_vocab(with_added_tokens=True).values())

    def _find_separator(self) -> int:
        for name in _SEPARATORS:
            if (identity := self.core.token_to_id(name)) is not None:
                return identity
        self.core.add_special_tokens([SEPARATOR])
        self.specification = orjson.loads(self.core.to_str())
        identity = self.core.token_to_id(SEPARATOR)
        assert identity is not None
        return identity

    @property
    def beginning_id(self) -> int:
        """The token that `tokenizer.json` puts before a text, else the separator."""
        encoding = self.core.encode("a")
        marked = zip(encoding.ids, encoding.special_tokens_mask, strict=True)
        return next((identity for identity, special in marked if special), self.separator_id)

    def begin_with_separator(self) -> None:
        """Let `tokenizer.json` put the separator before a text, as before every document that is trained on."""
        name = self.core.id_to_token(self.separator_id)
        self.core.post_processor = processors.TemplateProcessing(
            single=[name, "$A"], pair=[name, "$A", "$B"], special_tokens=[(name, self.separator_id)]
        )

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`, without separator."""
        return self.core.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`; separators vanish, incomplete UTF-8 becomes U+FFFD."""
        if self.is_byte_level:
            return self.decode_bytes(ids).decode(errors="replace")
        return self.core.decode(list(ids), skip_special_tokens=True)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes of `ids`; separators vanish. Exact for byte-level tokenisers."""
        pieces = self.pieces
        return b"".join([pieces[identity] for identity in ids if identity < len(pieces)])  # embeddings may be padded

    @cached_property
    def is_byte_level(self) -> bool:
        """Whether every text is exactly the bytes of its tokens."""
        steps = _flat(self.specification["pre_tokenizer"], "pretokenizers")
        byte_level = [step for step in steps if step["type"] == "ByteLevel"]
        return (
            self.specification["model"]["type"] == "BPE"
            and self.specification["normalizer"] is None
            and len(byte_level) == 1
            and not byte_level[0]["add_prefix_space"]
            and all(
                step["type"] in ("ByteLevel", "Digits") or (step["type"], step["behavior"]) == ("Split", "Isolated")
                for step in steps
            )
        )

    @cached_property
    def pieces(self) -> list[bytes]:
        """The bytes of each token; empty for special tokens and for ids without a token."""
        pieces = [b""] * self.vocabulary_size
        added = {token["id"]: token for token in self.specification["added_tokens"]}
        spelled = any(step["type"] == "ByteLevel" for step in pre_tokenizer_steps(self))
        for token, identity in self.core.get_vocab(with_added_tokens=True).items():
            if identity in added:
                pieces[identity] = b"" if added[identity]["special"] else token.encode()
            elif spelled:
                pieces[identity] = bytes(BYTE_OF_CHARACTER[character] for character in token)
            elif match := re.fullmatch("<0x([0-9A-F]{2})>", token):
                pieces[identity] = bytes.fromhex(match[1])
            else:
                pieces[identity] = token.replace("▁", " ").encode()  # SentencePiece's sign for a space
        return pieces

    @cached_property
    def token_bytes(self) -> npt.NDArray[np.int64]:
        """Bytes each token id stands for, [V]; 0 for special tokens."""
        return np.array([len(piece) for piece in self.pieces], dtype=np.int64)

    def hugging_face_config(self, sequence_length: int) -> dict[str, Any]:
        """The `tokenizer_config.json` with which transformers gives the same ids and the same text."""
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": self.core.id_to_token(self.beginning_id),
            "eos_token": self.core.id_to_token(self.separator_id),
            "model_max_length": sequence_length,
            "model_input_names": ["input_ids", "attention_mask"],  # transformers 4 adds one more else
            "clean_up_tokenization_spaces": False,
            "split_special_tokens": True,
        }

    def save(self, path: Path) -> None:
        """Write the Hugging Face `tokenizer.json`."""
        self.core.save(str(path))


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a `tokenizer.json`, or the one in a folder; raises `UserError` `bad-tokenizer`."""
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        core = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception
        raise UserError("bad-tokenizer", f"{file} is not a Hugging Face tokenizer.json: {error}") from None
    if core.get_vocab_size() == 0:
        raise UserError("bad-tokenizer", f"{file} has no vocabulary")
    core.no_truncation()
    core.no_padding()
    return Tokenizer(core)


def train_tokenizer(texts: Iterable[str], vocabulary_size: int) -> Tokenizer:
    """Train a byte-level BPE; it has fewer tokens where `texts` do not hold enough different pairs."""
    core = tokenizers.Tokenizer(models.BPE())
    split = pre_tokenizers.Split(tokenizers.Regex(PATTERN), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[SEPARATOR],
        initial_alphabet=sorted(BYTE_OF_CHARACTER),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return Tokenizer(core)


def _flat(step: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    if step is None:
        return []
    return step[key] if step["type"] == "Sequence" else [step]


def pre_tokenizer_steps(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """The pre-tokeniser's steps as the specification has them."""
    return _flat(tokenizer.specification["pre_tokenizer"], "pretokenizers")


def _byte_characters() -> dict[str, int]:
    """GPT-2's printable character for each byte: itself where printable, else from U+0100 on."""
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


BYTE_OF_CHARACTER = _byte_characters()
