"""A Llama in transformers' Trainer: `train_transformers.py SETUP RESULT`.

With the recipe of the setup, or (`defaults`) with everything as `TrainingArguments` has it: AdamW 5e-5, linear decay
over three epochs, batches of 8.
"""

import sys
import tempfile

import numpy as np
import torch
from language import Clock, held_out_nats, read_setup, token_rows
from timed import report
from torch.utils.data import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments, set_seed

setup = read_setup()
rows, clock, shape, recipe = token_rows(setup), Clock(setup), setup.model, setup.recipe


class Rows(Dataset):
    def __len__(self) -> int:
        return len(rows)

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        tokens = torch.from_numpy(rows[number, :-1].astype(np.int64))
        return {"input_ids": tokens, "labels": tokens}  # the model shifts them


class Watch(TrainerCallback):
    def on_step_end(self, args, state, control, **_) -> None:
        control.should_training_stop = clock.step()


def logits(tokens: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.eval()(torch.from_numpy(tokens)).logits.numpy()


own = (
    {}
    if setup.defaults
    else {
        "optim": "adamw_torch_fused",
        "per_device_train_batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "constant",
        "weight_decay": recipe.weight_decay,
        "adam_beta2": recipe.beta2,
        "max_grad_norm": recipe.gradient_clip,
        "max_steps": 1_000_000,
        "bf16": setup.precision == "bfloat16",
        "torch_compile": setup.compile,
    }
)
set_seed(setup.seed)
model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=shape.vocabulary_size,
        hidden_size=shape.dim,
        intermediate_size=shape.ffn_dim,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.sequence_length,
        rms_norm_eps=shape.norm_eps,
        attn_implementation="sdpa",
        use_cache=False,
    )
)
with tempfile.TemporaryDirectory() as folder, report(sys.argv[2]) as figures:
    arguments = TrainingArguments(folder, save_strategy="no", report_to="none", seed=setup.seed, **own)
    Trainer(model, arguments, train_dataset=Rows(), callbacks=[Watch()]).train()
    figures |= {"steps": clock.steps, "parameters": model.num_parameters(), "nats": held_out_nats(setup, logits)}
    model.save_pretrained(setup.export)
