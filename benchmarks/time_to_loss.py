"""Wall time to the held-out bits per byte that the best packaged trainer reaches at its defaults in three minutes.

A peer gets three minutes from starting its process, imports and all; what it has learned by then is measured on all the
held-out text. transformers' Trainer has every default of `TrainingArguments` (AdamW 5e-5, linear decay over three
epochs, batches of 8), Keras those of its default backend, `compile("adam")` and `fit` (1e-3, batches of 32). `litgpt
pretrain` does not take part: by its defaults (512 sequences a step, 2,000 steps of warm-up) it would take few steps in
that time, at a rate near zero. The model is Llama's or Keras's nearest of about 3 M parameters, and the tokens are the
same for all.

Argosy's choices are in `VENTURE`. Its clock runs from starting `argosy train` to its first complete checkpoint that is
no worse on the same text; what training itself evaluates and saves counts, preparing the tokens counts for nobody.
The nats of the peers are summed by `programs/language.py`, and of the weights that transformers wrote also by Argosy's
own held-out loss, which must agree.
"""

import json
import math
import os
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from _common import Results, arguments, header, print_table
from _peers import peer_versions, run_program
from _training import Prepared, Variant, prepared, write_setup
from argosy.models import Transformer, load_model, read_hugging_face
from argosy.training import complete_checkpoints, held_out_loss

VENTURE = """
name = "loss"
[data]
sequence_length = 256
vocabulary_size = 4096
[[data.sources]]
{source}
[model]
size = "3M"
[training]
tokens = {tokens}
batch_size = 8
optimizer = "muon"
learning_rate = 0.01
schedule = "wsd"
decay_fraction = 0.5
keep_last = {checkpoints}
checkpoint_every = {every}
"""
PEERS = {
    "transformers": Variant("transformers", "float32", False),
    "keras": Variant("keras", "float32", False, "tensorflow"),
}
AGREEMENT = 1e-4  # bits per byte; both sum in float64 what float32 products give


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="time_to_loss")
    seconds, seeds, tokens, checkpoints = (20, 1, 40_960, 5) if options.quick else (180, 3, 409_600, 20)
    corpora = {"standard library": 'kind = "python-stdlib"'}
    if not options.quick and (folder := os.environ.get("ARGOSY_DATA")):
        corpora["English"] = f'kind = "jsonl"\npath = "{folder}/text/en.jsonl.gz"'
    threads = min(2, len(os.sched_getaffinity(0)))
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    venture = {"tokens": tokens, "checkpoints": checkpoints, "every": tokens // (8 * 256) // checkpoints}
    versions = peer_versions(["transformers", "accelerate", "keras", "tensorflow-cpu", "torch"])
    configuration = {"seconds": seconds, "threads": threads, "venture": VENTURE, **venture}
    results = Results(options.output, header(["argosy", "torch"], peers=versions, **configuration), fresh=options.fresh)
    rows = []
    with tempfile.TemporaryDirectory() as place:
        text = cache(lambda name: prepared(Path(place) / name, VENTURE.format(source=corpora[name], **venture)))
        for corpus, seed in ((corpus, seed) for corpus in corpora for seed in range(seeds)):
            found = {
                peer: results.measure(
                    f"{corpus}, seed {seed}, {peer}", lambda p=peer, c=corpus, s=seed: _peer(text(c), p, s, seconds)
                )["bits_per_byte"]
                for peer in PEERS
            }
            best = min(found, key=found.__getitem__)
            ours = results.measure(
                f"{corpus}, seed {seed}, argosy", lambda c=corpus, s=seed, b=found[best]: _argosy(text(c), s, b)
            )
            reached = ours["reached_s"]
            rows.append(
                (
                    f"{corpus}, seed {seed}",
                    f"{best} {found[best]:.3f}",
                    f"{seconds}",
                    "not reached" if reached is None else f"{reached:.1f}",
                    "" if reached is None else f"{reached / seconds:.2f}",
                    f"{ours['end']['bits_per_byte']:.3f} in {ours['end']['s']:.0f} s",
                )
            )
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    print_table(("", "best peer, bits per byte", "its time, s", "argosy's, s", "ratio", "argosy's end"), rows)


def _peer(text: Prepared, peer: str, seed: int, seconds: float) -> dict[str, Any]:
    """What a peer has learned when its time is over."""
    variant, place = PEERS[peer], Path(tempfile.mkdtemp(dir=text.venture.parent))
    inputs, targets = map(np.stack, zip(*text.store.held_out(text.recipe.sequence_length), strict=True))
    np.savez(place / "held_out.npz", inputs=inputs, targets=targets)
    more = {"held_out": str(place / "held_out.npz"), "export": str(place / "model"), "defaults": True, "seed": seed}
    setup = write_setup(place / "setup.json", text, variant, seconds=seconds, **more)
    figures = run_program(f"train_{variant.trainer}.py", setup, python=variant.python, environment=variant.environment)
    bits_per_byte = figures["nats"] / math.log(2) / int(text.store.token_bytes[targets[targets >= 0]].sum())
    if peer == "transformers":
        _check(text, place / "model", bits_per_byte)
    return {"bits_per_byte": bits_per_byte, "steps": figures["steps"], "parameters": figures["parameters"]}


def _check(text: Prepared, folder: Path, expected: float) -> None:
    """Argosy's own held-out loss of the weights that transformers wrote is what its program said."""
    tensors, shape = read_hugging_face(folder)
    model = Transformer(shape)
    model.load_state_dict(tensors)
    found = held_out_loss(model, text.store, text.recipe.sequence_length).bits_per_byte
    if abs(found - expected) > AGREEMENT:
        raise SystemExit(f"bits per byte: {found} by argosy.training.held_out_loss, {expected} by programs/language.py")


def _argosy(text: Prepared, seed: int, target: float) -> dict[str, Any]:
    """When the first checkpoint that is as good as the target was complete, and how good the last one is."""
    run = text.copy()
    began = time.time()
    subprocess.run([str(part) for part in text.command(run, f"training.seed={seed}")], check=True, capture_output=True)
    reached_s, figures = None, {}
    for folder in complete_checkpoints(run.checkpoints):
        model = load_model(folder / "model")
        bits_per_byte = held_out_loss(model, text.store, text.recipe.sequence_length).bits_per_byte
        figures = {"s": (folder / "manifest.json").stat().st_mtime - began, "bits_per_byte": bits_per_byte}
        if reached_s is None and bits_per_byte <= target:
            reached_s = figures["s"]
    return {"target": target, "reached_s": reached_s, "end": figures, "steps": text.recipe.steps}


if __name__ == "__main__":
    main()
