"""From a venture's sources to a prepared corpus, in memory that does not grow with the text."""

import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from argosy.config import DataConfig, RunFailed, UserError, Venture
from argosy.data.batches import too_short
from argosy.data.encoder import Encoder, choose_encoder
from argosy.data.readers import Advance, Document, Tally, read_documents
from argosy.data.results import FORMAT, SPLITS, Dataset, Lineage, Shard, SourceSummary
from argosy.data.sampling import HashSample, is_held_out, text_digest
from argosy.data.sources import source_files, source_fingerprint, source_license, tokenizer_file
from argosy.data.tokenizer import Tokenizer, load_tokenizer, train_tokenizer
from argosy.data.writer import SHARD_TOKENS, EncodedDocument, StreamWriter
from argosy.progress import progress
from argosy.storage import atomic_folder, canonical_json, file_digest

_BATCH_CHARACTERS = 1 << 20  # text handed to an encoding thread at once
_VERIFIED_CHARACTERS = 2_000_000  # text on which the fast encoder is held against the plain one


def prepare(venture: Venture, folder: Path, *, shard_tokens: int = SHARD_TOKENS) -> Dataset:
    """Read, split, tokenise and write the sources to `folder`, which appears whole or not at all.

    The result depends on the sources and `venture.data` only, not on threads. Text is read twice when a
    tokeniser is trained, once when one is given.

    Raises:
        UserError: a source or record is missing or damaged, or there is too little text.
        RunFailed: `source-changed` when a file changed meanwhile; `disk-full`.
    """
    before = source_fingerprint(venture)
    with atomic_folder(folder) as temporary:
        tokenizer = _tokenizer(venture)
        tokenizer.begin_with_separator()
        tokenizer.save(temporary / "tokenizer.json")
        encoder = choose_encoder(tokenizer, _verification_texts(venture))
        with _progress("Tokenising", venture) as advance:
            job = _Job(venture, temporary, tokenizer, encoder, shard_tokens, advance)
            written = [_write_source(job, number) for number in range(len(venture.data.sources))]
        if source_fingerprint(venture) != before:
            raise RunFailed("source-changed", "a source changed while it was read", hint="run the same again")
        dataset = _dataset(job, written)
        _check_lengths(dataset, venture.data)
        (temporary / "index.json").write_bytes(canonical_json(dataset.model_dump(mode="json")))
    return dataset


class _Job(NamedTuple):
    venture: Venture
    folder: Path
    tokenizer: Tokenizer
    encoder: Encoder
    shard_tokens: int
    advance: Advance

    @property
    def dtype(self) -> str:
        return "uint16" if self.tokenizer.vocabulary_size <= 1 << 16 else "uint32"


class _Written(NamedTuple):
    summary: SourceSummary
    shards: list[Shard]
    lineage: list[Lineage]
    inexact: int


def _tokenizer(venture: Venture) -> Tokenizer:
    if given := tokenizer_file(venture):
        return load_tokenizer(given)
    sample = HashSample(int(venture.data.tokenizer_sample_mib * 2**20))
    with _progress("Reading for the tokeniser", venture) as advance:
        for number in range(len(venture.data.sources)):
            for document in _documents(venture, number, Tally(), advance):
                encoded = document.text.encode()
                digest = text_digest(encoded)
                if not is_held_out(digest, venture.data.held_out_fraction):
                    sample.offer(digest, encoded)
    return train_tokenizer(sample.texts(), venture.data.vocabulary_size)


def _verification_texts(venture: Venture) -> Iterator[str]:
    count = len(venture.data.sources)
    for number in range(count):
        left = _VERIFIED_CHARACTERS // count
        for document in _documents(venture, number, Tally(), lambda _: None):
            yield document.text[:left]
            left -= len(document.text)
            if left <= 0:
                break


def _documents(venture: Venture, number: int, tally: Tally, advance: Advance) -> Iterator[Document]:
    source, skip_bad = venture.data.sources[number], venture.data.on_bad_record == "skip"
    return read_documents(source, venture.folder, tally, skip_bad=skip_bad, advance=advance)


def _progress(title: str, venture: Venture) -> AbstractContextManager[Advance]:
    files = chain.from_iterable(source_files(source, venture.folder) for source in venture.data.sources)
    return progress(title, sum(file.path.stat().st_size for file in files) / 1e6, "MB")


def _write_source(job: _Job, number: int) -> _Written:
    train, held_out = writers = [
        StreamWriter(
            job.folder,
            split,
            number,
            dtype=job.dtype,
            separator_id=job.tokenizer.separator_id,
            shard_tokens=job.shard_tokens,
        )
        for split in SPLITS
    ]
    tally, inexact = Tally(), 0
    fraction, token_bytes = job.venture.data.held_out_fraction, job.tokenizer.token_bytes
    for encoded in _encode(_documents(job.venture, number, tally, job.advance), job.encoder):
        (held_out if is_held_out(encoded.sha256, fraction) else train).append(encoded)
        inexact += int(token_bytes[encoded.tokens].sum()) != encoded.bytes
    lineage = [writer.finish() for writer in writers]
    source = job.venture.data.sources[number]
    summary = SourceSummary(
        title=source.title,
        kind=source.kind,
        license=source_license(source),
        weight=source.weight,
        documents=train.documents,
        bytes=train.bytes,
        tokens=train.tokens,
        held_out_documents=held_out.documents,
        held_out_bytes=held_out.bytes,
        held_out_tokens=held_out.tokens,
        invalid_utf8=tally.invalid_utf8,
        skipped=tally.skipped,
        empty=tally.empty,
        licenses=dict(sorted((train.licenses + held_out.licenses).items())),
        length_histogram=tuple(sorted((train.lengths + held_out.lengths).items())),
    )
    return _Written(summary, [shard for writer in writers for shard in writer.shards], lineage, inexact)


def _encode(documents: Iterable[Document], encoder: Encoder) -> Iterator[EncodedDocument]:
    """Encode in threads, in order, a bounded number of batches ahead."""
    workers = min(8, _usable_cores())
    waiting: deque[Future[list[EncodedDocument]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for batch in _batches(documents):
            waiting.append(pool.submit(_encode_batch, batch, encoder))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch, size = [], 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _encode_batch(batch: list[Document], encoder: Encoder) -> list[EncodedDocument]:
    ids = encoder.encode([document.text for document in batch])
    texts = [document.text.encode() for document in batch]
    return [
        EncodedDocument(document._replace(text=""), text_digest(text), len(text), tokens)
        for document, text, tokens in zip(batch, texts, ids, strict=True)
    ]


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _dataset(job: _Job, written: list[_Written]) -> Dataset:
    totals: Counter[str] = Counter()
    for source in written:
        totals.update(source.summary.model_dump(include=_TOTALS))
    return Dataset(
        format=FORMAT,
        tokenizer_sha256=file_digest(job.folder / "tokenizer.json"),
        vocabulary_size=job.tokenizer.vocabulary_size,
        separator_id=job.tokenizer.separator_id,
        dtype="uint16" if job.dtype == "uint16" else "uint32",
        encoder=job.encoder.description,
        held_out_fraction=job.venture.data.held_out_fraction,
        sources=tuple(source.summary for source in written),
        shards=tuple(shard for source in written for shard in source.shards),
        lineage=tuple(lineage for source in written for lineage in source.lineage),
        bytes_per_token=totals["bytes"] / max(1, totals["tokens"] - totals["documents"]),
        inexact_documents=sum(source.inexact for source in written),
        **totals,
    )


_TOTALS = {"documents", "bytes", "tokens", "held_out_documents", "held_out_bytes", "held_out_tokens"}


def _check_lengths(dataset: Dataset, config: DataConfig) -> None:
    """Raise unless there is a document, a training row for each source, and a held-out row."""
    if dataset.documents + dataset.held_out_documents == 0:
        counts = [
            f"{source.title!r}: {source.empty} empty, {source.skipped} skipped, {source.invalid_utf8} not UTF-8"
            for source in dataset.sources
        ]
        raise UserError("empty-corpus", "the sources hold no document with text\n  " + "\n  ".join(counts))
    for source in dataset.sources:
        if source.tokens <= config.sequence_length:
            raise too_short(source.title, source.documents, source.tokens, config.sequence_length)
    if dataset.held_out_tokens <= config.sequence_length:
        total = dataset.documents + dataset.held_out_documents
        raise UserError(
            "held-out-too-short",
            f"{dataset.held_out_documents:,} of {total:,} documents are held out "
            f"(data.held_out_fraction = {config.held_out_fraction}): {dataset.held_out_tokens:,} tokens, "
            f"and one sequence takes {config.sequence_length + 1:,}",
            hint="raise data.held_out_fraction, add text (of kind 'text' a file is one document), "
            "or lower data.sequence_length",
        )
