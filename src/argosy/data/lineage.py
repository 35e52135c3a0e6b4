"""From a training step back to the documents it was made of."""

from argosy.config import UserError
from argosy.data.batches import BatchPlan
from argosy.data.results import DocumentSpan, TracedRow
from argosy.data.store import TokenStore


def trace(store: TokenStore, plan: BatchPlan, step: int, row: int | None = None) -> list[TracedRow]:
    """Return what each row (or the one row) of the global batch at `step` consists of.

    Raises:
        UserError: `no-such-row` when the batch has no such row.
    """
    if row is not None and not 0 <= row < plan.batch_size:
        raise UserError("no-such-row", f"row {row}: the batch of a step has rows 0 to {plan.batch_size - 1}")
    if step < 0:
        raise UserError("no-such-row", f"step {step}: steps are counted from 0")
    places = plan.rows(step).tolist()
    wanted = range(plan.batch_size) if row is None else [row]
    return [_traced(store, plan, step, number, *places[number]) for number in wanted]


def _traced(store: TokenStore, plan: BatchPlan, step: int, number: int, source: int, source_row: int) -> TracedRow:
    first = source_row * plan.sequence_length
    end = first + plan.sequence_length + 1
    documents = store.documents("train", source)
    spans = []
    for document in range(documents.number_at(first), documents.number_at(end - 1) + 1):
        begins, ends = documents.span(document)
        spans.append(
            DocumentSpan(
                document=documents.record(document),
                number=document,
                first=max(begins - first, 0),
                end=min(ends, end) - first,
                offset=max(first - begins, 0),
            )
        )
    title = store.index.sources[source].title
    return TracedRow(
        step=step,
        batch=plan.number(step),
        row=number,
        source=title,
        first_token=first,
        documents=tuple(spans),
    )
