#!/usr/bin/env python3
"""train_dlrm.cpp in PyTorch: train_dlrm.py CLICKS SAMPLES [SEED]"""
import sys
import time

import numpy as np
import torch
from torch import nn

FEATURES, NUMBERS, DIM, BATCH, LR, TABLE_LR = 26, 13, 16, 512, 0.1, 0.02
VECTORS = FEATURES + 1


class RowWiseAdagrad:
    """FBGEMM's row-wise Adagrad of sparse gradients; torch.optim has none."""

    def __init__(self, weights):
        self.weights = weights
        self.sums = [torch.zeros(len(weight)) for weight in weights]

    @torch.no_grad()
    def step(self):
        for weight, sums in zip(self.weights, self.sums):
            gradient = weight.grad.coalesce()
            rows, values = gradient.indices()[0], gradient.values()
            sums[rows] += (values * values).mean(dim=1)
            weight[rows] -= TABLE_LR / (sums[rows].sqrt() + 1e-8)[:, None] * values
            weight.grad = None


class Dlrm(nn.Module):
    def __init__(self, counts):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(count, DIM, sparse=True) for count in counts)
        for table in self.tables:
            nn.init.uniform_(table.weight, -len(table.weight) ** -0.5, len(table.weight) ** -0.5)
        self.bottom = nn.Sequential(nn.Linear(NUMBERS, 64), nn.ReLU(), nn.Linear(64, DIM), nn.ReLU())
        self.top = nn.Sequential(nn.Linear(DIM + VECTORS * (VECTORS - 1) // 2, 64), nn.ReLU(), nn.Linear(64, 1))
        for layer in [*self.bottom, *self.top]:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=(2 / sum(layer.weight.shape)) ** 0.5)
                nn.init.zeros_(layer.bias)
        self.pairs = torch.tril_indices(VECTORS, VECTORS, -1)

    def forward(self, ids, numbers):
        own = self.bottom(numbers)
        vectors = torch.stack([table(ids[:, f]) for f, table in enumerate(self.tables)] + [own], dim=1)
        products = torch.bmm(vectors, vectors.transpose(1, 2))[:, self.pairs[0], self.pairs[1]]
        return self.top(torch.cat([own, products], dim=1))[:, 0]


def area(logits, labels):
    """The area under the ROC curve."""
    ranks = np.empty(len(logits))
    ranks[np.argsort(logits, kind="stable")] = np.arange(1, len(logits) + 1)
    clicks = labels.sum()
    return (ranks[labels == 1].sum() - clicks * (clicks + 1) / 2) / (clicks * (len(labels) - clicks))


def main():
    samples = int(sys.argv[2])
    with open(sys.argv[1], "rb") as file:
        ids = torch.from_numpy(np.fromfile(file, np.int32, samples * FEATURES).reshape(samples, FEATURES))
        numbers = torch.from_numpy(np.fromfile(file, np.float32, samples * NUMBERS).reshape(samples, NUMBERS))
        labels = torch.from_numpy(np.fromfile(file, np.float32, samples))
    torch.manual_seed(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    model = Dlrm([int(ids[:, f].max()) + 1 for f in range(FEATURES)])
    tables = RowWiseAdagrad([table.weight for table in model.tables])
    networks = torch.optim.SGD([*model.bottom.parameters(), *model.top.parameters()], lr=LR)
    loss_of = nn.BCEWithLogitsLoss()
    batches = samples // BATCH
    for_training = batches * 9 // 10
    start = time.perf_counter()
    for batch in range(for_training):
        part = slice(batch * BATCH, (batch + 1) * BATCH)
        networks.zero_grad()
        loss_of(model(ids[part], numbers[part]), labels[part]).backward()
        networks.step()
        tables.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        parts = [slice(batch * BATCH, (batch + 1) * BATCH) for batch in range(for_training, batches)]
        logits = torch.cat([model(ids[part], numbers[part]) for part in parts]).numpy()
    found = area(logits, labels[for_training * BATCH:batches * BATCH].numpy())
    print(f"AUC {found:.4f}, {1e3 * seconds / for_training:.2f} ms a step")


main()
