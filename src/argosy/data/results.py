"""What `prepare` leaves behind, and what points into it. Imports neither numpy nor torch."""

from typing import Literal

from argosy.config import Record
from argosy.storage import canonical_json, digest

FORMAT = 1

Split = Literal["train", "held_out"]
SPLITS: tuple[Split, ...] = ("train", "held_out")

Ranges = tuple[tuple[int, int], ...]


class SourceSummary(Record):
    """One source, counted."""

    title: str
    """Name shown to people."""
    kind: str
    """Kind of source."""
    license: str | None
    """Licence the venture states for documents that carry none."""
    weight: float | None
    """Share of the training rows relative to the other sources; None: in proportion to size."""
    documents: int
    """Training documents."""
    bytes: int
    """Bytes of their text in UTF-8."""
    tokens: int
    """Tokens of the training stream, one separator for each document included."""
    held_out_documents: int
    """Held-out documents."""
    held_out_bytes: int
    """Bytes of their text in UTF-8."""
    held_out_tokens: int
    """Tokens of the held-out stream, separators included."""
    invalid_utf8: int
    """Documents with bytes that are not UTF-8: replaced by U+FFFD in text files, dropped from records."""
    skipped: int
    """Bad records and damaged files passed over (`data.on_bad_record = "skip"`)."""
    empty: int
    """Documents without a visible character, dropped."""
    licenses: dict[str, int]
    """Documents by licence; `unstated` where neither the record nor the venture says."""
    length_histogram: tuple[tuple[int, int], ...]
    """Documents by length: (lower bound in bytes, a power of two; count)."""


class Shard(Record):
    """One file of little-endian tokens, a stretch of one source's stream."""

    file: str
    """Name in the data folder."""
    source: int
    """Number of the source."""
    split: Split
    """Training or held out."""
    tokens: int
    """Tokens in the file."""
    sha256: str
    """Hash of the file."""


class Lineage(Record):
    """Where the documents of one stream lie and come from."""

    source: int
    """Number of the source."""
    split: Split
    """Training or held out."""
    documents: int
    """Documents in the stream, in its order."""
    files: dict[str, str]
    """Hash by file: `.jsonl` has `DocumentRecord`s, `.starts` their first token, `.lines` their first byte."""


class Dataset(Record):
    """A prepared corpus; kept as `index.json`, whose hash is the manifest hash every cursor names."""

    format: int
    """Version of the folder's layout."""
    tokenizer_sha256: str
    """Hash of `tokenizer.json`."""
    vocabulary_size: int
    """Token ids run from 0 to one less."""
    separator_id: int
    """Token that begins every document."""
    dtype: Literal["uint16", "uint32"]
    """Type of the tokens in the shards."""
    encoder: str
    """Which encoder made the tokens, and why that one."""
    held_out_fraction: float
    """Share of documents held out, by the hash of their text."""
    sources: tuple[SourceSummary, ...]
    """The sources, in the venture's order."""
    shards: tuple[Shard, ...]
    """The token files, in the order of their streams."""
    lineage: tuple[Lineage, ...]
    """The document indexes, one for each stream."""
    tokens: int
    """Training tokens, separators included."""
    held_out_tokens: int
    """Held-out tokens, separators included."""
    bytes: int
    """Bytes of the training text."""
    held_out_bytes: int
    """Bytes of the held-out text."""
    documents: int
    """Training documents."""
    held_out_documents: int
    """Held-out documents."""
    bytes_per_token: float
    """Bytes of training text a token stands for, separators not counted."""
    inexact_documents: int
    """Documents whose tokens do not stand for exactly their bytes; 0 with a byte-level tokeniser."""

    @property
    def manifest_sha256(self) -> str:
        """Hash of `index.json`, which is this record in canonical JSON."""
        return digest(canonical_json(self.model_dump(mode="json")))


class DocumentRecord(Record):
    """One document's line in the lineage."""

    id: str
    """The record's own id; else the file's path below its source, with line or row."""
    source: str
    """The record's own source; else the source's title."""
    license: str | None
    """The record's own licence; else the source's."""
    sha256: str
    """First 32 hexadecimal digits of the hash of the text."""
    bytes: int
    """Length of the text in UTF-8."""
    tokens: int
    """Tokens of the text, the separator not counted."""


class Cursor(Record):
    """Where training stands in the data: all that is needed to go on, and to refuse what does not fit."""

    manifest_sha256: str
    """Hash of the dataset's `index.json`."""
    seed: int | None
    """Seed of the order; None is the order of the streams."""
    batch_size: int
    """Rows in a global batch."""
    sequence_length: int
    """Tokens in a row."""
    step: int
    """Next step."""
    skipped: Ranges = ()
    """Batches left out, counted from 0 as if none were: (first, end) of each stretch, in order, none touching."""


class DocumentSpan(Record):
    """The part of a training row that one document fills."""

    document: DocumentRecord
    """The document."""
    number: int
    """Its place in the source's training stream."""
    first: int
    """Position in the row where it starts, 0 to T; position T is only ever a target."""
    end: int
    """Position in the row after its last token."""
    offset: int
    """Tokens of the document (separator included) that lie before the row."""


class TracedRow(Record):
    """What one row of a batch is made of."""

    step: int
    """Training step."""
    batch: int
    """Its batch, counted as if none were left out."""
    row: int
    """Row of the global batch."""
    source: str
    """Title of the source."""
    first_token: int
    """Place of the row's first token in the source's training stream."""
    documents: tuple[DocumentSpan, ...]
    """The documents, in order, without gaps."""

    def __str__(self) -> str:
        batch = "" if self.batch == self.step else f", batch {self.batch}"
        lines = [f"step {self.step}{batch}, row {self.row}: {self.source}, from token {self.first_token:,}"]
        for span in self.documents:
            document, begins = span.document, f", from its token {span.offset:,}" if span.offset else ""
            lines.append(
                f"  {span.first:>6,}-{span.end:<6,} {document.id} ({document.license or 'licence unstated'}){begins}"
            )
        return "\n".join(lines)
