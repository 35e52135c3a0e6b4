"""The evaluation of a run: held-out loss, baselines beside it, samples."""

import math
import time
from pathlib import Path

from argosy.config import RunFailed, Venture
from argosy.data import Tokenizer, TokenStore
from argosy.evaluation.baselines import measure_baselines
from argosy.evaluation.results import Evaluation, Sample
from argosy.evaluation.tasks import answer_tasks
from argosy.evaluation.text import open_model, sample_tokens
from argosy.models import Transformer
from argosy.progress import progress
from argosy.training import Checkpoint, held_out_loss

TEMPERATURE, TOP_P = 0.8, 0.95


def evaluate(venture: Venture, store: TokenStore, checkpoint: Checkpoint, folder: Path) -> Evaluation:
    """Judge a checkpoint by text it was not trained on, and by questions; `folder` keeps the answers to these.

    The loss is computed in float32 whatever the training's precision, so that figures of two runs compare.
    """
    begun = time.perf_counter()
    model = open_model(checkpoint.folder / "model")
    held_out = held_out_loss(
        model,
        store,
        checkpoint.recipe.sequence_length,
        max_tokens=venture.evaluation.held_out_tokens,
        precision="float32",
        document_mask=venture.data.document_mask,
    )
    if not math.isfinite(held_out.loss):
        raise RunFailed(
            "not-finite",
            f"the held-out loss of checkpoint {checkpoint.name} is not finite: training has diverged",
            hint="train again with a lower training.learning_rate",
        )
    baselines = measure_baselines(store) if venture.evaluation.baselines else ()
    prompts = venture.evaluation.prompts
    with progress("Samples", len(prompts), "samples") as advance:
        samples = []
        for prompt in prompts:
            samples.append(_sample(model, store.tokenizer, venture, prompt))
            advance(1)
    return Evaluation(
        held_out=held_out,
        baselines=baselines,
        samples=tuple(samples),
        tasks=answer_tasks(venture, model, store.tokenizer, folder),
        step=checkpoint.step,
        wall_s=time.perf_counter() - begun,
    )


def _sample(model: Transformer, tokenizer: Tokenizer, venture: Venture, prompt: str) -> Sample:
    begun = time.perf_counter()
    drawn = sample_tokens(
        model,
        tokenizer,
        prompt,
        max_tokens=venture.evaluation.sample_tokens,
        temperature=TEMPERATURE,
        top_p=TOP_P,
        seed=venture.training.seed,
    )
    tokens = list(drawn)
    return Sample(
        prompt=prompt,
        text=tokenizer.decode(tokens),
        tokens_per_s=len(tokens) / (time.perf_counter() - begun),
    )
