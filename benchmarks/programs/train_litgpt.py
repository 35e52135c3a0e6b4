"""A Llama in `litgpt pretrain`, until it is killed: `train_litgpt.py SETUP`.

Its loop compiles the model always, TORCHDYNAMO_DISABLE=1 undoes that, and fuses AdamW on GPUs alone.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from language import Clock, read_setup, token_rows
from litgpt.args import EvalArgs, TrainArgs
from litgpt.config import Config
from litgpt.data import DataModule
from litgpt.pretrain import setup as pretrain
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader, Dataset

setup = read_setup()
rows, clock, shape, recipe = token_rows(setup), Clock(setup), setup.model, setup.recipe


class Rows(Dataset):
    def __len__(self) -> int:
        return len(rows)

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.from_numpy(rows[number].astype(np.int64))


class Tokens(DataModule):
    def connect(self, tokenizer=None, batch_size=1, max_seq_length=None) -> None:
        self.batch_size = batch_size

    def train_dataloader(self) -> DataLoader:
        return DataLoader(Rows(), batch_size=self.batch_size, shuffle=True)

    val_dataloader = train_dataloader


config = Config(
    name="llama",
    block_size=shape.sequence_length,
    n_layer=shape.layers,
    n_embd=shape.dim,
    n_head=shape.heads,
    n_query_groups=shape.kv_heads,
    intermediate_size=shape.ffn_dim,
    padded_vocab_size=shape.vocabulary_size,
    vocab_size=shape.vocabulary_size,
    rotary_percentage=1.0,
    parallel_residual=False,
    bias=False,
    norm_class_name="RMSNorm",
    norm_eps=shape.norm_eps,
    mlp_class_name="LLaMAMLP",
)
optimizer = {
    "class_path": "torch.optim.AdamW",
    "init_args": {
        "lr": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "betas": (recipe.beta1, recipe.beta2),
    },
}
register_optimizer_step_post_hook(lambda *_: clock.step() and None)
with tempfile.TemporaryDirectory() as folder:
    pretrain(
        "llama",
        model_config=config,
        out_dir=Path(folder),
        precision="bf16-mixed" if setup.precision == "bfloat16" else "32-true",
        data=Tokens(),
        train=TrainArgs(
            save_interval=None,
            global_batch_size=recipe.batch_size,
            micro_batch_size=recipe.batch_size,
            max_tokens=10**12,
            max_norm=recipe.gradient_clip,
            lr_warmup_steps=0,
        ),
        eval=EvalArgs(interval=10**9, max_iters=1),
        optimizer=optimizer,
        devices=1,
        logger_name="csv",
    )
