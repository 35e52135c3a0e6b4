"""A decoder of the layers that Keras ships, on the backend that KERAS_BACKEND names: `train_keras.py SETUP RESULT`.

Keras has no rotary embedding, so positions are learned, as in its own examples of small GPTs. With the recipe of the
setup, or (`defaults`) with everything as `compile` and `fit` have it: Adam 1e-3, batches of 32.
"""

import sys

import keras
import numpy as np
from keras import layers, ops
from language import Clock, held_out_nats, read_setup, token_rows
from timed import report

setup = read_setup()
rows, clock, shape, recipe = token_rows(setup), Clock(setup), setup.model, setup.recipe
keras.utils.set_random_seed(setup.seed)
if setup.precision == "bfloat16":
    keras.config.set_dtype_policy("mixed_bfloat16")


class Watch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None) -> None:
        self.model.stop_training = clock.step()


def norm(x):
    return layers.RMSNormalization(epsilon=shape.norm_eps)(x)


def dense(width, x, activation=None):
    return layers.Dense(width, activation, use_bias=False)(x)


tokens = layers.Input((shape.sequence_length,), dtype="int32")
places = ops.cumsum(ops.ones_like(tokens), axis=1) - 1
x = layers.Embedding(shape.vocabulary_size, shape.dim)(tokens)
x = x + layers.Embedding(shape.sequence_length, shape.dim)(places)
for _ in range(shape.layers):
    y = norm(x)
    x = x + layers.MultiHeadAttention(shape.heads, shape.dim // shape.heads, use_bias=False)(y, y, use_causal_mask=True)
    y = norm(x)
    x = x + dense(shape.dim, dense(shape.ffn_dim, y, "silu") * dense(shape.ffn_dim, y))
logits = layers.Activation("linear", dtype="float32")(dense(shape.vocabulary_size, norm(x)))
model = keras.Model(tokens, logits)

optimizer = (
    "adam"
    if setup.defaults
    else keras.optimizers.AdamW(
        recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        beta_2=recipe.beta2,
        global_clipnorm=recipe.gradient_clip,
    )
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer, loss, jit_compile="auto" if setup.defaults else setup.compile)
batch = {} if setup.defaults else {"batch_size": recipe.batch_size}
with report(sys.argv[2]) as figures:
    inputs, targets = rows[:, :-1].astype(np.int32), rows[:, 1:].astype(np.int32)
    model.fit(inputs, targets, epochs=1000, verbose=0, callbacks=[Watch()], **batch)
    figures |= {"steps": clock.steps, "parameters": model.count_params()}
    figures["nats"] = held_out_nats(setup, model.predict_on_batch)
