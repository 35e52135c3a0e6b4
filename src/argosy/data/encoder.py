"""Choose the fastest encoder that gives the same tokens: tiktoken from the same ranks, else `tokenizers`."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tiktoken

from argosy.data.tokenizer import BYTE_OF_CHARACTER, Tokenizer, pre_tokenizer_steps

Ids = npt.NDArray[np.uint32]

_GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
DELIMITER = "\x00<|between documents|>\x00"  # given the id after the last, so that it is no token of the vocabulary
# Where two implementations of one pattern and one merge table have been seen to part, or might.
ADVERSARIAL = (
    "",
    " ",
    "  a\n\n  b \r\n\t\tc   \n   ",
    "def f(x):\n    if x:\n\t\treturn 'it''s'  # don't, I'LL\n",
    "1234567 3.14159e-10 0xDEADBEEF ١٢٣٤ ⅷ ² 1_000_000",
    "<|endoftext|> </s> <s> <|im_start|>",
    "中文，和English混排。「引号」㐀𠀀 ｆｕｌｌ　ｗｉｄｔｈ",
    "नमस्ते ก็ดี e\u0301 i\u0307 İstanbul ǅ \u0130\u0131 ß ẞ",
    "👩‍👩‍👧‍👦 🏳️‍🌈 \ufe0f\u200b\u200d\u2060\ufeff",
    "\x00\x01\x07\x1b[0m\x7f\x85\xa0\u1680\u180e\u2028\u2029\u202f\u3000x",
    "\ufffd\U0010ffff\ue000\ufffe",
    "a" * 3000 + " " * 3000 + "=" * 3000 + "\n" * 3000 + "é" * 3000 + "9" * 3000,
    "".join(chr(c) for c in range(0x20, 0x3000)),
)


class Encoder(NamedTuple):
    """How texts become ids."""

    encode: Callable[[Sequence[str]], list[Ids]]
    """The ids of each text; safe to call from several threads."""
    description: str
    """Which encoder it is, and why."""


def choose_encoder(tokenizer: Tokenizer, samples: Iterable[str]) -> Encoder:
    """Return tiktoken's encoder if it gives the tokens of `tokenizers` on all `samples`, else the latter."""
    plain = Encoder(_plain_encode(tokenizer), "")
    why_not, fast = _tiktoken(tokenizer)
    if fast is None:
        return plain._replace(description=f"tokenizers: {why_not}")
    encode = _fast_encode(fast, tokenizer)
    size = 0
    for text in (*ADVERSARIAL, *samples):
        if encode([text])[0].tolist() != tokenizer.encode(text):
            return plain._replace(description=f"tokenizers: tiktoken parts from it on {_excerpt(text)}")
        size += len(text.encode())
    return Encoder(encode, f"tiktoken: the tokens of tokenizers on {size:,} bytes of this corpus and hard cases")


def _plain_encode(tokenizer: Tokenizer) -> Callable[[Sequence[str]], list[Ids]]:
    def encode(texts: Sequence[str]) -> list[Ids]:
        encodings = tokenizer.core.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.uint32) for encoding in encodings]

    return encode


def _fast_encode(fast: tiktoken.Encoding, tokenizer: Tokenizer) -> Callable[[Sequence[str]], list[Ids]]:
    """Encode many texts in one call: a call for each would have the threads wait for each other's lock."""

    def encode(texts: Sequence[str]) -> list[Ids]:
        joined = DELIMITER.join([*texts, ""])
        try:
            ids = fast.encode_to_numpy(joined, allowed_special={DELIMITER}, disallowed_special=())
        except ValueError:  # its regular expressions give up on a run of about a million blanks
            return plain(texts)
        ends = np.flatnonzero(ids == tokenizer.vocabulary_size).tolist()
        if len(ends) != len(texts):  # a text holds the delimiter
            return plain(texts)
        return [ids[before + 1 : end] for before, end in pairwise([-1, *ends])]

    plain = _plain_encode(tokenizer)
    return encode


def _tiktoken(tokenizer: Tokenizer) -> tuple[str, tiktoken.Encoding | None]:
    """Return a tiktoken encoding with the same ranks and pattern, or why there is none."""
    if not tokenizer.is_byte_level:
        return "not a byte-level BPE", None
    model = tokenizer.specification["model"]
    if any(not token["special"] for token in tokenizer.specification["added_tokens"]):
        return "added tokens that are not special", None
    if any(model.get(key) for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix")):
        return "BPE with dropout, prefix or suffix", None
    merged = [model["vocab"][left + right] for left, right in model["merges"]]
    if any(first >= second for first, second in pairwise(merged)):
        return "its ids do not follow the order of its merges", None
    pattern = _split_pattern(tokenizer)
    if pattern is None:
        return "splits text in more than one step", None
    special = {token["content"]: token["id"] for token in tokenizer.specification["added_tokens"]}
    delimiter = {DELIMITER: tokenizer.vocabulary_size}
    ranks = {
        bytes(BYTE_OF_CHARACTER[character] for character in token): identity
        for token, identity in model["vocab"].items()
        if token not in special
    }
    try:
        return "", tiktoken.Encoding(
            "argosy", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special | delimiter
        )
    except Exception as error:
        return f"tiktoken refuses it ({error})", None


def _split_pattern(tokenizer: Tokenizer) -> str | None:
    match pre_tokenizer_steps(tokenizer):
        case [{"type": "ByteLevel", "use_regex": True}]:
            return _GPT2_PATTERN
        case [
            {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "use_regex": False},
        ]:
            return pattern
    return None


def _excerpt(text: str) -> str:
    return repr(text[:40] + "…" if len(text) > 40 else text)
