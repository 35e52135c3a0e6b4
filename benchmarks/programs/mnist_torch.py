"""MNIST in a bare PyTorch loop, without progress or figures on the way: `mnist_torch.py DATA RESULT SEED`."""

import sys

import numpy as np
import torch
from timed import report
from torch import nn

data, result, seed = sys.argv[1:]
torch.manual_seed(int(seed))
with np.load(data) as file:
    x, y, x_test, y_test = (torch.from_numpy(file[name]) for name in ("x_train", "y_train", "x_test", "y_test"))

with report(result) as figures:
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    for _ in range(20):
        for rows in torch.randperm(len(x)).split(128):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            figures["accuracy"] = float((model(x_test).argmax(1) == y_test).float().mean())
