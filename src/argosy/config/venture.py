"""The venture: everything a user may say, one sentence a key. The reference page is generated from this file."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from argosy.config.errors import nearest
from argosy.config.layout import Layout, PipelineSchedule, layout_from
from argosy.config.record import Record
from argosy.config.transformer import PRESETS

Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**12)]
NotNegative = Annotated[float, Field(ge=0)]
Rows = Annotated[int, Field(ge=1, le=1 << 20)]
Schedule = Literal["cosine", "wsd", "constant"]
SourceKind = Literal["text", "jsonl", "parquet", "python-stdlib"]
OWN_NAME = "this model"  # beside baselines and rivals


class Section(Record):
    """A part of the venture file; its numbers are finite."""

    model_config = ConfigDict(allow_inf_nan=False)


class GoalConfig(Section):
    """What is to be made."""

    task: Literal["language-model"] = "language-model"
    """A language model; `classification` has a venture of its own keys."""


class SourceConfig(Section):
    """One source of documents; write `[[data.sources]]` once for each."""

    kind: SourceKind
    """`text` (a file is a document), `jsonl` (a line is one), `parquet` (a row is one), or `python-stdlib` (the
    standard library of the running interpreter, tests excluded)."""
    path: str | None = None
    """File or glob (`**` allowed), relative to the venture; `.gz` and `.zst` are read as they are."""
    name: str | None = None
    """Name in the report and in lineage; the kind and path unless given."""
    weight: float | None = Field(None, gt=0)
    """Share of the training tokens relative to the other sources; give it for all sources or for none (then each is
    seen in proportion to its size)."""
    license: str | None = None
    """Licence of the documents that do not carry their own, as an SPDX identifier."""
    text_key: str = "text"
    """Field or column that holds the text (`jsonl`, `parquet`)."""

    @model_validator(mode="after")
    def _path_where_needed(self) -> "SourceConfig":
        if self.kind == "python-stdlib":
            if self.path is not None:
                raise ValueError("kind 'python-stdlib' finds its own files; remove `path`")
        elif self.path is None:
            raise ValueError(f"kind {self.kind!r} needs a `path`")
        return self

    @property
    def title(self) -> str:
        """The name shown to people."""
        return self.name or (self.kind if self.path is None else f"{self.kind}:{self.path}")


class DataConfig(Section):
    """Which text, and how it becomes batches."""

    sources: tuple[SourceConfig, ...] = Field(min_length=1, strict=False)
    """Where documents come from."""
    sequence_length: int = Field(512, ge=8, le=1 << 20)
    """Tokens in one training sequence."""
    vocabulary_size: int = Field(16_384, ge=260, le=1 << 20)
    """Tokens of the byte-level BPE that is trained on the sources."""
    tokenizer: str | None = None
    """A `tokenizer.json` to use instead of training one, relative to the venture."""
    tokenizer_sample_mib: float = Field(32.0, gt=0)
    """Text the tokeniser is trained on, at most."""
    held_out_fraction: float = Field(0.02, gt=0, lt=0.5)
    """Share of documents kept out of training, chosen by the hash of their text."""
    document_mask: bool = False
    """Whether attention stops at document boundaries inside a packed sequence."""
    on_bad_record: Literal["stop", "skip"] = "stop"
    """What a record without text or a damaged line does: stop with its place, or be skipped and counted."""


class ModelConfig(Section):
    """The model's shape: one dial (`size` or `preset`), or every number."""

    size: str | None = None
    """Number of parameters, such as `"3M"` or `"1B"`; the shape follows from published rules."""
    preset: str | None = None
    """A published shape by name."""
    dim: int | None = Field(None, ge=8)
    """Width of the residual stream."""
    layers: int | None = Field(None, ge=1)
    """Number of transformer blocks."""
    heads: int | None = Field(None, ge=1)
    """Query heads; divides `dim`."""
    kv_heads: int | None = Field(None, ge=1)
    """Key and value heads (grouped-query attention); divides `heads`."""
    ffn_dim: int | None = Field(None, ge=8)
    """Hidden width of the feed-forward network."""
    tied_embeddings: bool = False
    """Whether the output projection shares the embedding's weights."""
    qk_norm: bool = False
    """Whether queries and keys are normalised per head."""
    rope_theta: float | None = Field(None, gt=1)
    """Base of the rotary frequencies; 10,000 unless the preset says otherwise."""
    norm_eps: float = Field(1e-5, gt=0, lt=1)
    """Added to the mean square inside RMSNorm."""

    @model_validator(mode="after")
    def _one_dial(self) -> "ModelConfig":
        if self.preset is not None and self.preset not in PRESETS:
            raise ValueError(
                f"preset {self.preset!r} is not one of {', '.join(PRESETS)}{nearest(self.preset, PRESETS)}"
            )
        shape = [name for name in ("dim", "layers", "heads") if getattr(self, name) is not None]
        if self.size is not None and self.preset is not None:
            raise ValueError("give `size` or `preset`, not both")
        if self.size is None and self.preset is None and len(shape) < 3:
            raise ValueError('give `size` (such as "3M"), `preset`, or `dim`, `layers` and `heads`')
        if self.size is not None and (shape or self.kv_heads or self.ffn_dim):
            raise ValueError("`size` chooses the shape; remove it to give the numbers yourself")
        return self


class TrainingConfig(Section):
    """How long, how fast, with which optimiser."""

    steps: Count | None = None
    """Optimiser updates; or give `tokens`."""
    tokens: Count | None = None
    """Tokens to train on; 20 for each parameter unless `steps` or this is given (Hoffmann et al. 2022)."""
    batch_size: Rows | None = None
    """Sequences in one step over all ranks; from the compute budget unless given (Bi et al. 2024, equation 1)."""
    micro_batch: Rows | None = None
    """Sequences in one forward pass of one rank; gradients accumulate over the rest."""
    accumulation: Rows | None = None
    """Parts into which a rank's sequences of one step are divided, each with a pass of its own; through a pipeline, of
    all its micro-batches."""
    pipeline_schedule: PipelineSchedule = "1f1b"
    """Order of micro-batches in a pipeline: `gpipe`, `1f1b`, `interleaved` or `zero-bubble`."""
    virtual_stages: int | None = Field(None, ge=1)
    """Stages of one rank of a pipeline: 2 for `interleaved` unless given, 2 for `zero-bubble`, else 1."""
    reshard: Literal["auto"] | bool = "auto"
    """Whether sharded parameters that were gathered for a forward pass are gathered anew for the backward pass; `auto`
    means that they are, but not in a pipeline."""
    optimizer: Literal["adamw", "muon", "sgd"] = "adamw"
    """AdamW, Muon on the matrices (AdamW on the rest), or SGD with momentum."""
    learning_rate: float | None = Field(None, gt=0)
    """Peak learning rate; from the compute budget unless given (Bi et al. 2024, equation 1)."""
    schedule: Schedule = "cosine"
    """After warm-up: cosine to a tenth, constant with linear decay to zero at the end (`wsd`), or constant."""
    warmup_fraction: Fraction = 0.03
    """Share of the steps over which the learning rate rises."""
    decay_fraction: Fraction = 0.3
    """Share of the steps over which `wsd` decays."""
    weight_decay: float = Field(0.1, ge=0)
    """Decoupled weight decay of matrices; embeddings and norms have none."""
    beta1: Fraction = 0.9
    """AdamW's first-moment decay, and SGD's momentum."""
    beta2: Fraction = 0.95
    """AdamW's second-moment decay."""
    gradient_clip: float | None = Field(1.0, gt=0)
    """Largest global gradient norm."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of the matrix products; `auto` measures both when training first starts."""
    compile: Literal["auto"] | bool = "auto"
    """Whether to use `torch.compile`; `auto` means on an accelerator."""
    recompute: bool = False
    """Whether activations are recomputed in the backward pass to save memory."""
    seed: int = Field(0, ge=0, lt=1 << 63)
    """Seed of the initial weights and of the data order."""
    checkpoint_every: Count | None = None
    """Steps between checkpoints; a tenth of the run unless given."""
    keep_last: int = Field(2, ge=1)
    """Checkpoints kept, beside the best."""
    async_checkpoint: bool = False
    """Whether training goes on while a checkpoint is written."""
    evaluate_every: Count | None = None
    """Steps between held-out evaluations; as often as checkpoints unless given."""
    max_skipped_steps: int = Field(5, ge=1)
    """Non-finite steps in a row that stop the run."""
    profile_step: Count | None = None
    """A step (from 1) that the profiler traces on every rank, into `timeline/` of the run; the report draws it."""


class TaskConfig(Section):
    """Questions of your own; write `[[evaluation.tasks]]` once for each file."""

    path: str
    """JSON Lines with `question` and either `choices` and `answer` or `reference`, relative to the venture; `.gz` and
    `.zst` are read as they are."""
    name: str | None = None
    """Name in the report; that of the file unless given."""
    prompt: str = Field("Question: {question}\nAnswer: ", pattern=r"\{question\}")
    """What a model of text is given, `{question}` standing for the question; examples before it make it few-shot."""
    max_tokens: int = Field(64, ge=1, le=1 << 20)
    """Tokens of an answer that is compared with a reference, at most; a line's end ends it too."""

    @property
    def title(self) -> str:
        """The name shown to people."""
        return self.name or Path(self.path).name.partition(".jsonl")[0]


class RivalConfig(Section):
    """Who answers them too, by a `run`, a `url` or recorded `answers`; write `[[evaluation.rivals]]` for each."""

    run: str | None = None
    """Folder of a run, or of a model with its tokeniser, relative to the venture."""
    url: str | None = Field(None, pattern=r"^https?://[^\s?#@]+$")
    """Base of an OpenAI-compatible endpoint, such as `https://api.openai.com/v1`."""
    answers: str | None = None
    """JSON Lines with `id` or `question`, `answer` and, where known, `cost_usd`, relative to the venture."""
    name: str | None = None
    """Name in the report; that of the model, run or file unless given."""
    model: str | None = None
    """Model asked for at the `url`."""
    api_key_env: str | None = None
    """Environment variable that holds the key of the `url`; the key itself is never stored."""
    request: dict[str, str | int | float | bool] = Field({"temperature": 0})
    """Further fields of each request to the `url`."""
    usd_per_million_tokens: tuple[NotNegative, NotNegative] | None = Field(None, strict=False)
    """Price of a million input and of a million output tokens at the `url`, in US dollars."""
    timeout_s: float = Field(60.0, gt=0, le=86_400)
    """How long the `url` may take for an answer before it is asked again."""

    @model_validator(mode="after")
    def _one_kind(self) -> "RivalConfig":
        if sum(where is not None for where in (self.run, self.url, self.answers)) != 1:
            raise ValueError("give one of `run`, `url` and `answers`")
        if (self.url is None) != (self.model is None):
            raise ValueError("`url` and `model` belong together")
        return self

    @property
    def title(self) -> str:
        """The name shown to people."""
        return self.name or self.model or Path(self.run or self.answers or "").name.partition(".jsonl")[0]


class EvaluationConfig(Section):
    """How the trained model is judged."""

    baselines: bool = True
    """Whether `xz -9` and a byte 5-gram are measured on the same held-out text."""
    held_out_tokens: Count | None = None
    """Held-out tokens to evaluate on, at most; all of them unless given."""
    prompts: tuple[str, ...] = Field((), strict=False)
    """Prompts whose continuations are shown in the report."""
    sample_tokens: int = Field(120, ge=1, le=1 << 20)
    """Tokens generated for each prompt."""
    usd_per_hour: NotNegative | None = None
    """Price of this machine, from which follows what an answer of a model on it costs, in US dollars."""
    tasks: tuple[TaskConfig, ...] = Field((), strict=False)
    """Questions of your own."""
    rivals: tuple[RivalConfig, ...] = Field((), strict=False)
    """Who answers them too."""

    @property
    def named(self) -> "list[TaskConfig | RivalConfig]":
        """Every task, then every rival."""
        return [*self.tasks, *self.rivals]

    @model_validator(mode="after")
    def _names_and_questions(self) -> "EvaluationConfig":
        for titles in ([task.title for task in self.tasks], [OWN_NAME, *(rival.title for rival in self.rivals)]):
            if twice := {title for title in titles if titles.count(title) > 1}:
                raise ValueError(f"{', '.join(sorted(twice))} is the name of more than one; give each a `name`")
        if self.rivals and not self.tasks:
            raise ValueError("rivals have nothing to answer; add [[evaluation.tasks]]")
        return self


class PlanConfig(Section):
    """With which means; `argosy plan` takes the same as options."""

    accelerators: str | None = None
    """How many of what, such as `"8xH100"`; `argosy hardware` lists them; this machine unless given."""
    contract: Literal["on demand", "spot"] | None = None
    """How they are rented: `on demand` unless given; `spot` ones may be taken back."""
    usd_per_hour: NotNegative | None = None
    """Price of one accelerator for an hour, in US dollars; by public price lists unless given."""
    reserved_usd_per_hour: float | None = Field(None, gt=0)
    """Price of one that is reserved, for an hour, in US dollars."""
    reserved_months: float | None = Field(None, gt=0)
    """For how long it would be reserved; 12 unless given."""
    purchase_usd: float | None = Field(None, gt=0)
    """Price of one that is bought, its share of the machine included, in US dollars."""
    budget_usd: float | None = Field(None, gt=0)
    """What may be spent on computing, in US dollars."""
    deadline: str | None = None
    """Date (`"2027-03-01"`) or number of days (`"45d"`) until which it has to be done."""
    text_gb: float | None = Field(None, gt=0)
    """Text that there is, in 10⁹ bytes; as much as is trained on unless given."""
    bytes_per_token: float = Field(4.0, gt=0)
    """Of that text; 4 is usual for English with a vocabulary of 100,000."""
    hours_between_failures: float | None = Field(None, gt=0)
    """Of one accelerator; 50,000 unless given (published: 15,000 to 80,000)."""
    served_tokens_per_month: float | None = Field(None, gt=0)
    """Tokens that users will have in and out, together."""
    api_usd_per_million_tokens: NotNegative | None = None
    """What somebody's model costs for a million of them, in and out averaged, in US dollars."""


class RunConfig(Section):
    """Where the run lives and how it starts."""

    preflight_timeout_s: float = Field(120.0, gt=0)
    """How long ranks wait for each other before the missing ones are named."""
    collective_timeout_s: float = Field(600.0, gt=0)
    """How long ranks may wait for one of them before it is named, and all of them are ended."""
    max_restarts: int = Field(3, ge=0, le=1000)
    """How often ranks that died or hung are started again from the last checkpoint without a newer one."""
    elastic: bool = False
    """Whether training goes on with fewer ranks, in a layout that is valid, where as many cannot be started again."""
    compare_every: Count = 100
    """Steps between comparisons of replicas, whose parameters must be the same bits; before each checkpoint too."""
    master_port: int | None = Field(None, ge=1024, le=65535)
    """Port on which this machine's ranks meet; a free one unless given."""
    trackers: tuple[Literal["wandb", "mlflow"], ...] = Field((), strict=False)
    """Experiment trackers that get every figure: Weights & Biases, MLflow; each needs the extra of its name."""


class AnyVenture(Section):
    """What ventures of every goal have."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)
    """Name of the venture and of its run folder."""
    title: str | None = None
    """Headline of the report; the name unless given."""
    layout: Layout = Layout()
    """Degrees of parallelism, or in one line: `layout = "data=2,tensor=2"`; `"auto"` is the planner's choice."""
    run: RunConfig = RunConfig()
    """Where the run lives and how it starts."""
    folder: Path = Field(Path(), exclude=True, repr=False)
    """Folder of the venture file; relative paths start there (set by the loader)."""

    @field_validator("layout", mode="before")
    @classmethod
    def _one_line(cls, value: Any) -> Any:
        return layout_from(value) if isinstance(value, str) else value


class Venture(AnyVenture):
    """What a team has and what it wants; `venture.toml` in memory."""

    goal: GoalConfig = GoalConfig()
    """What is to be made."""
    data: DataConfig
    """Which text, and how it becomes batches."""
    model: ModelConfig
    """The model's shape."""
    training: TrainingConfig = TrainingConfig()
    """How long, how fast, with which optimiser."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """How the trained model is judged."""
    plan: PlanConfig = PlanConfig()
    """With which means."""
