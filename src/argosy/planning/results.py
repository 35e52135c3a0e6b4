"""What a plan is asked and what it answers."""

from typing import Literal

from pydantic import Field

from argosy.config import Record
from argosy.hardware import AcceleratorSpec, Contract
from argosy.planning.failures import HOURS_BETWEEN_FAILURES, Interval
from argosy.planning.job import Arithmetic
from argosy.planning.layouts import Candidate, Goal
from argosy.planning.quality import Allocation, Loss
from argosy.planning.shape import ModelShape

Verdict = Literal["feasible", "feasible if", "not feasible"]
Subject = Literal["model architecture", "data", "compute and storage", "algorithm"]


class Question(Record):
    """What is to be trained, on what, with which means."""

    model: str
    """What to call the model."""
    shape: ModelShape
    """The model."""
    tokens: float = Field(gt=0)
    """To train on."""
    sequence_length: int = Field(4096, ge=1)
    """Tokens of a sequence."""
    batch_tokens: float | None = Field(None, gt=0)
    """Tokens of a step; by the compute budget unless given (Bi et al. 2024, equation 1)."""
    accelerator: AcceleratorSpec
    """Where."""
    accelerators: int = Field(ge=1)
    """How many."""
    arithmetic: Arithmetic = "bfloat16"
    """Of the products."""
    goal: Goal = "time"
    """What a layout is chosen for."""
    contract: Contract = "on demand"
    """How accelerators are rented."""
    usd_per_hour: float | None = Field(None, ge=0)
    """Of one accelerator; by public price lists unless given."""
    reserved_usd_per_hour: float | None = Field(None, gt=0)
    """Of one that is reserved."""
    reserved_months: float = Field(12.0, gt=0)
    """For how long."""
    purchase_usd: float | None = Field(None, gt=0)
    """Of one that is bought, its share of the machine included."""
    usd_per_gb_month: float | None = Field(None, ge=0)
    """Of storage, for 10⁹ bytes; not in the bill unless given."""
    usd_per_gb_moved: float | None = Field(None, ge=0)
    """Of moving the text in and the model out, for 10⁹ bytes; not in the bill unless given."""
    usd_per_kwh: float | None = Field(None, ge=0)
    """Of electricity, for accelerators that are owned and not rented."""
    budget_usd: float | None = Field(None, gt=0)
    """What may be spent on computing."""
    deadline_days: float | None = Field(None, gt=0)
    """Days from the start until it has to be done."""
    unique_tokens: float | None = Field(None, gt=0)
    """Tokens of text that differ; as many as are trained on unless given."""
    bytes_per_token: float = Field(4.0, gt=0)
    """Of text; 4 is usual for English with a vocabulary of 100,000."""
    served_tokens_per_month: float | None = Field(None, gt=0)
    """Tokens that users will have in and out, together."""
    api_usd_per_million_tokens: float | None = Field(None, ge=0)
    """What somebody's model costs for a million of them, in and out averaged."""
    hours_between_failures: float = Field(HOURS_BETWEEN_FAILURES, gt=0)
    """Of one accelerator."""


class Span(Record):
    """A figure with its interval of 80 %."""

    low: float
    """Nine of ten are higher."""
    middle: float
    """Median."""
    high: float
    """Nine of ten are lower."""


class Duration(Record):
    """How long training takes."""

    steps: int
    """Optimiser updates."""
    useful_h: float
    """Without a failure or a save."""
    wall_h: Span
    """With failures, saves and how far predictions were off."""
    failures: float
    """Expected number."""
    goodput: float
    """Useful work over wall time."""
    checkpoint: Interval
    """How much work to do between checkpoints."""
    checkpoint_gb: float
    """Size of one, in 10⁹ bytes."""
    save_s: float
    """Time to write one."""
    saving_host_gb: float
    """Main memory of each machine that holds its part meanwhile, in 10⁹ bytes, where training goes on."""


class Cost(Record):
    """What it costs."""

    accelerator_hours: Span
    """Number times wall time."""
    usd_per_hour: float | None
    """Of one accelerator; null where no price is known."""
    usd: Span | None
    """The bill at that price; null where no price of anything is known."""
    parts_usd: dict[str, float]
    """Of the middle: accelerators, and those of storage, transfer and electricity that were given prices."""
    price: str
    """Where the price is from, and when it was read."""
    ten_percent_usd: float | None
    """What a speed 10 % below the prediction adds."""


class Data(Record):
    """What the text takes."""

    unique_tokens: float
    """That differ."""
    epochs: float
    """Passes over them."""
    text_gb: float
    """Size of the text, in 10⁹ bytes."""
    disk_gb: float
    """Text, shards and three checkpoints."""
    preparation_core_h: float
    """To read, split and tokenise it; one core's hours."""
    loader_mb_per_s: float
    """What training reads, in 10⁶ bytes a second."""


class Choice(Record):
    """Something else that could be chosen, and what that would change here."""

    name: str
    """What."""
    time: float
    """Of a step, as a fraction more or less."""
    memory_gib: float
    """At the peak, more or less."""
    usd: float | None
    """Of the whole bill, more or less; null without a price."""
    verdict: Literal["fits", "tight", "does not fit"]
    """Whether it would still fit."""
    note: str
    """What it costs besides."""


class Point(Record):
    """The same training on another number of accelerators."""

    accelerators: int
    """How many."""
    wall_h: float
    """Median wall time."""
    usd: float | None
    """The bill; null without a price."""


class Budgeted(Record):
    """What more or less of the same computing buys."""

    accelerator_hours: float
    """Of it."""
    usd: float | None
    """The bill; null without a price."""
    tokens: float
    """That this model is trained on for it."""
    loss: float
    """Of this model then, in nats a token; repeated text counted."""
    optimal: Allocation
    """The best model for as many FLOPs, were there text enough."""


class Way(Record):
    """One way to a model that serves the purpose."""

    name: str
    """What to do."""
    tokens: float | None
    """Trained on, or served."""
    wall_h: float | None
    """How long; null for what needs no training."""
    usd: float | None
    """What it costs, people not counted; null where that is not known."""
    gives_up: str
    """What the others would have."""
    break_even_tokens_per_month: float | None = None
    """Of an API: how much has to be served for training from scratch to cost less within two years, were serving
    free; serving is not, so the true figure is higher."""


class Tenure(Record):
    """One way to have the accelerators."""

    name: str
    """Rented on demand, spot, reserved, or bought."""
    usd: float
    """What it costs if nothing but this is trained."""
    committed_usd: float
    """Of that, what is paid even if nothing is trained."""
    worth_from: float | None
    """Share of all hours that they have to be in use to cost less than on demand; null where that does not matter."""
    gives_up: str
    """What the others would have."""


class Assessment(Record):
    """Can it be done, of one subject."""

    subject: Subject
    """Which."""
    verdict: Verdict
    """`feasible if` something is changed."""
    evidence: tuple[str, ...]
    """The figures behind it."""
    change: str | None
    """The cheapest change that flips it."""


class Plan(Record):
    """The answer."""

    question: Question
    """What was asked."""
    parameters: int
    """Of the model."""
    active_parameters: int
    """Those that each token meets."""
    flops: float
    """Of the whole training, in PaLM's definition."""
    layout: Candidate
    """How to lay it out, how fast it is, whether it fits."""
    runners_up: tuple[Candidate, ...]
    """Other layouts, and why they lost."""
    layouts_tried: int
    """Combinations that divide."""
    duration: Duration
    """How long."""
    cost: Cost
    """How much."""
    loss: Loss
    """How good."""
    compute_optimal: Allocation
    """The best model for as many FLOPs."""
    data: Data
    """What the text takes."""
    budgets: tuple[Budgeted, ...]
    """How good it gets with less and with more computing."""
    frontier: tuple[Point, ...]
    """On fewer and on more accelerators."""
    choices: tuple[Choice, ...]
    """What else could be chosen, and what that would change."""
    ways: tuple[Way, ...]
    """Other ways to a model that serves the purpose."""
    tenures: tuple[Tenure, ...]
    """Ways to have the accelerators: rented, reserved, bought."""
    assessments: tuple[Assessment, ...]
    """Can it be done, by subject."""
    verdict: Verdict
    """Can it be done."""
    summary: str
    """The verdict in a sentence."""
    assumed: tuple[str, ...]
    """What nobody said."""
