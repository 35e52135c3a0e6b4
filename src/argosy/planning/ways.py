"""The way: call somebody's model, adapt an open one, or train one's own; what each costs and gives up."""

from collections.abc import Iterator, Mapping

from argosy.planning.here import is_here
from argosy.planning.job import Job, Task, stack_of
from argosy.planning.layouts import Candidate, judge
from argosy.planning.results import Cost, Question, Span, Way

INSTRUCTIONS = 50e6  # tokens of examples a model is tuned on, unless there is less text; an assumption
TUNING_EPOCHS, CONTINUED_EPOCHS = 3.0, 2.0
CONTINUED_SHARE = 0.1  # of the tokens from scratch, where nobody said how much text there is; an assumption
HORIZON_MONTHS = 24.0
TUNING: Mapping[str, Task] = {"adapters on an open model (LoRA)": "lora", "fine-tune an open model": "finetune"}
MOST_FOR_TUNING = 64  # accelerators


def ways(question: Question, cost: Cost, speed: Span) -> Iterator[Way]:
    """Each way to a model that serves the same purpose, from the one that takes least to the one that takes most.

    `speed` is the plan's, in tokens a second of all accelerators.
    """
    price = cost.usd_per_hour
    text = question.unique_tokens or question.tokens
    examples = min(INSTRUCTIONS, text)
    if question.api_usd_per_million_tokens is not None:
        yield _api(question, cost)
    for name, task in TUNING.items():
        found = None if is_here(question.accelerator) else _smallest(question, task)
        if found is not None:
            hours = TUNING_EPOCHS * examples / found.tokens_per_s / 3600
            usd = None if price is None else hours * found.job.ranks * price
            gives_up = "knowledge beyond the open model's; its licence and its data bind"
            yield Way(name=name, tokens=TUNING_EPOCHS * examples, wall_h=hours, usd=usd, gives_up=gives_up)
    tokens = CONTINUED_EPOCHS * text if question.unique_tokens else CONTINUED_SHARE * question.tokens
    hours = tokens / speed.middle / 3600
    usd = None if price is None else hours * question.accelerators * price
    yield Way(
        name="continue pre-training of an open model",
        tokens=tokens,
        wall_h=hours,
        usd=usd,
        gives_up="the choice of shape and tokeniser; some of what the open model could do before",
    )
    yield Way(
        name="train from scratch",
        tokens=question.tokens,
        wall_h=cost.accelerator_hours.middle / question.accelerators,
        usd=cost.usd.middle if cost.usd else None,
        gives_up="the trillions of tokens that open models have seen",
    )


def _smallest(question: Question, task: Task) -> Candidate | None:
    """The fewest accelerators that hold a model of that size while it is tuned, and how fast they are."""
    count = 1
    while count <= MOST_FOR_TUNING:
        found = judge(
            Job(
                shape=question.shape,
                sequence_length=min(question.sequence_length, 4096),
                batch_size=max(16, count),
                micro_batch=1,
                accelerator=question.accelerator,
                ranks=count,
                sharding="full" if count > 1 else "none",
                recomputation="full",
                compiled=True,
                task=task,
                chunked_loss=True,
                recent_attention=True,
                stack=stack_of(question.accelerator),
            )
        )
        if found.memory.verdict == "fits":
            return found
        count *= 2
    return None


def _api(question: Question, cost: Cost) -> Way:
    each = (question.api_usd_per_million_tokens or 0.0) / 1e6
    served = question.served_tokens_per_month
    usd = None if served is None else HORIZON_MONTHS * served * each
    own = cost.usd.middle if cost.usd else None
    return Way(
        name=f"call an API for {HORIZON_MONTHS:g} months",
        tokens=None if served is None else HORIZON_MONTHS * served,
        wall_h=None,
        usd=usd,
        gives_up="control over the model, and over where your users' text goes",
        break_even_tokens_per_month=None if own is None or each == 0 else own / each / HORIZON_MONTHS,
    )
