"""Which layouts training accepts, and why not the others. Torch-free."""

from collections.abc import Iterator
from importlib.metadata import version

from argosy.config import (
    AnyVenture,
    ClassificationVenture,
    Layout,
    Problem,
    Recipe,
    TrainingConfig,
    TransformerConfig,
    UserError,
    Venture,
    VentureError,
    pipeline_micro_batch,
    resolve_recipe,
    transformer_config,
    virtual_stages,
)

# Before, the weights' half of a backward pass stops at an autograd function written in Python, as the loss is.
ZERO_BUBBLE_SINCE = (2, 13)


def check(venture: AnyVenture) -> list[Problem]:
    """Problems of the venture's layout with its model and batch, as far as they show before the text is prepared."""
    if isinstance(venture, ClassificationVenture):
        return list(_perceptron_problems(venture))
    assert isinstance(venture, Venture)
    try:
        config = transformer_config(venture, venture.data.vocabulary_size)
        recipe = resolve_recipe(venture, config)
    except (UserError, ValueError):  # which config.check tells
        return []
    return list(problems(venture.layout, venture.training, config, recipe))


def _perceptron_problems(venture: ClassificationVenture) -> Iterator[Problem]:
    layout, hidden = venture.layout, venture.model.hidden
    if layout.context > 1:
        yield Problem("layout.context", "a classifier has no sequence of tokens that ranks could share", layout.context)
    if layout.pipeline > 1 + len(hidden):
        layers = f"{1 + len(hidden)} layer{'s are' if hidden else ' is'} fewer than {layout.pipeline} stages"
        yield Problem("layout.pipeline", layers, layout.pipeline)
    if hidden and layout.tensor > min(hidden):
        yield Problem("layout.tensor", f"more ranks than the {min(hidden)} units of a hidden layer", layout.tensor)
    if layout.data * layout.shard > venture.training.batch_size:
        yield Problem(
            "training.batch_size",
            f"at least one example for each of data × shard = {layout.data * layout.shard}",
            venture.training.batch_size,
        )


def layout_of(venture: AnyVenture, ranks: int) -> Layout:
    """The venture's layout; where it names none, `ranks` that somebody else started are replicas.

    Raises `UserError` `wrong-number-of-ranks` when the product of its degrees is another number.
    """
    return check_ranks(venture.layout, ranks)


def check_ranks(layout: Layout, ranks: int, hint: str = "start {} processes, or change the layout") -> Layout:
    """The same of a layout; with `hint`, in which {} is the number that is needed."""
    if layout.ranks == 1:
        return Layout(data=ranks)
    if layout.ranks != ranks:
        raise UserError(
            "wrong-number-of-ranks",
            f"layout {layout} has {layout.ranks} ranks, and {ranks} process{'es' if ranks > 1 else ''} started",
            hint=hint.format(layout.ranks),
        )
    return layout


def refuse_layout(layout: Layout, training: TrainingConfig, config: TransformerConfig, recipe: Recipe) -> None:
    """Raise `VentureError` unless training can lay the model out so."""
    if found := list(problems(layout, training, config, recipe)):
        raise VentureError("layout", found)


def problems(layout: Layout, training: TrainingConfig, config: TransformerConfig, recipe: Recipe) -> Iterator[Problem]:
    """What keeps a model and a batch from being laid out so."""
    if layout.ranks == layout.data:
        return
    tensor, context, replicas = layout.tensor, layout.context, layout.data * layout.shard
    if config.heads % tensor:
        yield Problem("layout.tensor", f"must divide the {config.heads} heads", tensor)
    elif config.kv_heads % tensor and tensor % config.kv_heads:
        yield Problem(
            "layout.tensor", f"must divide the {config.kv_heads} key-value heads or be a multiple of them", tensor
        )
    if recipe.sequence_length % (2 * context if context > 1 else 1):
        yield Problem(
            "layout.context",
            f"sequences of {recipe.sequence_length} do not divide into {2 * context} chunks, two for each rank",
            context,
        )
    elif recipe.sequence_length // context % tensor:
        yield Problem(
            "layout.tensor", f"must divide the {recipe.sequence_length // context} tokens of a sequence", tensor
        )
    if recipe.batch_size % replicas:
        yield Problem(
            "training.batch_size",
            f"does not divide over data × shard = {replicas}; {nearest_multiple(recipe.batch_size, replicas)} would",
            recipe.batch_size,
        )
    elif layout.pipeline > 1:
        yield from _pipeline_problems(layout, training, config, recipe.batch_size // replicas)


def _pipeline_problems(
    layout: Layout, training: TrainingConfig, config: TransformerConfig, rows: int
) -> Iterator[Problem]:
    stages = layout.pipeline * virtual_stages(training)
    if config.layers < stages:
        yield Problem("layout.pipeline", f"{config.layers} layers are fewer than {stages} stages", layout.pipeline)
    expected = {"gpipe": 1, "1f1b": 1, "zero-bubble": 2}.get(training.pipeline_schedule)
    if training.virtual_stages is not None and expected not in (None, training.virtual_stages):
        yield Problem(
            "training.virtual_stages", f"{training.pipeline_schedule} has {expected}", training.virtual_stages
        )
    passed = training.accumulation or 1
    size = training.micro_batch or pipeline_micro_batch(rows, passed, layout.pipeline)
    if rows % (passed * size):
        yield Problem(
            "training.micro_batch",
            f"a rank's {rows} sequences do not divide into {passed} × micro-batches of {size}",
            training.micro_batch,
        )
    elif training.pipeline_schedule == "interleaved" and (rows // passed // size) % layout.pipeline:
        yield Problem(
            "training.micro_batch",
            f"{rows // passed // size} micro-batches: interleaved needs a multiple of {layout.pipeline} stages",
            training.micro_batch,
        )
    if training.pipeline_schedule == "zero-bubble":
        yield from _zero_bubble_problems(training)


def has_zero_bubble(installed: str) -> bool:
    """Whether this version of PyTorch carries it out."""
    return tuple(map(int, installed.split(".")[:2])) >= ZERO_BUBBLE_SINCE


def _zero_bubble_problems(training: TrainingConfig) -> Iterator[Problem]:
    installed = version("torch")
    if not has_zero_bubble(installed):
        yield Problem("training.pipeline_schedule", f"needs PyTorch 2.13, and this is {installed}", "zero-bubble")
    if training.compile is True:
        yield Problem("training.compile", "zero-bubble divides the backward pass, which a compiled one cannot", True)


def nearest_multiple(number: int, of: int) -> int:
    """The multiple nearest to a number, at least one."""
    return max(1, round(number / of)) * of
