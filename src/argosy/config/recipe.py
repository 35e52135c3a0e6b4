"""What follows from a venture once the vocabulary is known: the model's shape, and a training recipe."""

from argosy.config.errors import Problem
from argosy.config.record import Record
from argosy.config.transformer import PRESETS, TransformerConfig, parse_size, shape_for_size
from argosy.config.venture import Venture

TOKENS_PER_PARAMETER = 20  # Hoffmann et al. 2022, table 3


class Recipe(Record):
    """The numbers a training run needs, every default resolved."""

    steps: int
    """Optimiser updates."""
    batch_size: int
    """Sequences in one step, over all ranks."""
    sequence_length: int
    """Tokens in one sequence."""
    learning_rate: float
    """Peak learning rate."""
    warmup_steps: int
    """Steps over which the learning rate rises."""
    decay_steps: int
    """Steps over which `wsd` decays."""
    checkpoint_every: int
    """Steps between checkpoints."""
    evaluate_every: int
    """Steps between held-out evaluations."""

    @property
    def tokens_per_step(self) -> int:
        """Target tokens of one step."""
        return self.batch_size * self.sequence_length


def optimal_batch_tokens(flops: float) -> float:
    """B = 0.2920·C^0.3271 tokens of a step for C FLOPs outside the embeddings (Bi et al. 2024, equation 1)."""
    return float(0.2920 * flops**0.3271)


def transformer_config(venture: Venture, vocabulary_size: int) -> TransformerConfig:
    """Resolve the model section for a vocabulary; raises `UserError` when the size cannot hold it."""
    model = venture.model
    if model.size is not None:
        shape = shape_for_size(model.size, vocabulary_size, tied_embeddings=model.tied_embeddings)
        numbers: dict[str, int | float | bool] = dict(shape)
    else:
        numbers = dict(PRESETS[model.preset]) if model.preset else {}
        given = ("dim", "layers", "heads", "kv_heads", "ffn_dim")
        numbers |= {name: value for name in given if (value := getattr(model, name)) is not None}
        numbers.setdefault("kv_heads", numbers["heads"])
        numbers.setdefault("ffn_dim", -(-8 * int(numbers["dim"]) // 3 // 32) * 32)
    if model.rope_theta is not None:
        numbers["rope_theta"] = model.rope_theta
    return TransformerConfig.model_validate(
        {
            **numbers,
            "vocabulary_size": vocabulary_size,
            "sequence_length": venture.data.sequence_length,
            "tied_embeddings": model.tied_embeddings,
            "qk_norm": model.qk_norm,
            "norm_eps": model.norm_eps,
        }
    )


def resolve_recipe(venture: Venture, config: TransformerConfig) -> Recipe:
    """Resolve the training section.

    Batch size and learning rate follow the compute budget C = M·D, with M the non-embedding FLOPs per token:
    η = 0.3118·C^-0.1250 and `optimal_batch_tokens` (Bi et al. 2024, DeepSeek LLM, arXiv:2401.02954, eq. 1).
    """
    training, length = venture.training, venture.data.sequence_length
    embeddings = config.vocabulary_size * config.dim * (1 if config.tied_embeddings else 2)
    tokens = training.tokens or TOKENS_PER_PARAMETER * config.parameter_count()
    flops_per_token = 6.0 * (config.parameter_count() - embeddings) + 12.0 * config.layers * config.dim * length
    if training.steps is not None and training.batch_size is not None:
        tokens = training.steps * training.batch_size * length
    compute = flops_per_token * tokens
    batch_size = training.batch_size or max(1, round(optimal_batch_tokens(compute) / length))
    steps = training.steps or max(1, round(tokens / (batch_size * length)))
    every = training.checkpoint_every or max(1, steps // 10)
    return Recipe(
        steps=steps,
        batch_size=batch_size,
        sequence_length=length,
        learning_rate=training.learning_rate or float(f"{0.3118 * compute**-0.1250:.3g}"),
        warmup_steps=round(training.warmup_fraction * steps),
        decay_steps=round(training.decay_fraction * steps),
        checkpoint_every=every,
        evaluate_every=training.evaluate_every or every,
    )


def check(venture: Venture) -> list[Problem]:
    """Return the problems that more than one key makes together."""
    problems = []
    model, training = venture.model, venture.training
    if model.size is not None:
        try:
            parse_size(model.size)
        except Exception as error:
            return [Problem("model.size", str(error).splitlines()[0], model.size)]
    if training.steps is not None and training.tokens is not None:
        problems.append(Problem("training.tokens", "give `steps` or `tokens`, not both", training.tokens))
    weights = [source.weight for source in venture.data.sources]
    if any(w is None for w in weights) and any(w is not None for w in weights):
        problems.append(Problem("data.sources", "give `weight` for every source or for none", weights))
    if model.size is None:
        shape = transformer_config(venture, venture.data.vocabulary_size)
        if shape.dim % shape.heads:
            problems.append(Problem("model.heads", f"must divide dim = {shape.dim}", shape.heads))
        elif shape.head_dim % 2:
            problems.append(
                Problem("model.heads", f"dim / heads = {shape.head_dim} must be even (rotary)", shape.heads)
            )
        if shape.heads % shape.kv_heads:
            problems.append(Problem("model.kv_heads", f"must divide heads = {shape.heads}", shape.kv_heads))
    if training.batch_size is not None and venture.layout.data * venture.layout.shard > training.batch_size:
        ranks = venture.layout.data * venture.layout.shard
        problems.append(
            Problem("training.batch_size", f"at least one sequence for each of {ranks} ranks", training.batch_size)
        )
    return problems
