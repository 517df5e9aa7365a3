#!/usr/bin/env python3
"""embedding.cpp in PyTorch: embedding.py WEIGHTS prints the same numbers, for the tensor "weight" of a safetensors file."""
import sys

import torch
from safetensors.torch import load_file
from torch.nn import Embedding, EmbeddingBag


def show(title, rows):
    print(title)
    for row in rows.tolist():
        print("  " + " ".join(f"{value:8.4f}" for value in row))


def make(kind=Embedding, **options):
    return kind.from_pretrained(load_file(sys.argv[1])["weight"], freeze=False, **options)


embedding = make()
show("Embedding(10, 3), indices 1 2 3 4", embedding(torch.tensor([1, 2, 3, 4])))

embedding = make(max_norm=1)
show("max_norm=1, indices 4 3 2 9", embedding(torch.tensor([4, 3, 2, 9])))

indices = torch.tensor([1, 2, 2, 5])
embedding = make(scale_grad_by_freq=True)
(embedding(indices) ** 2).sum().backward()
show("scale_grad_by_freq=True, the gradient of indices 1 2 2 5", embedding.weight.grad)

embedding = make(sparse=True)
sgd = torch.optim.SGD(embedding.parameters(), lr=0.1)
(embedding(indices) ** 2).sum().backward()
gradient = embedding.weight.grad.coalesce()
rows = " ".join(str(row) for row in gradient.indices()[0].tolist())
show(f"sparse=True, the gradient of rows {rows}", gradient.values())
sgd.step()
show("after a step of SGD", embedding(torch.tensor([1, 2, 5, 9])))

bags = make(EmbeddingBag, mode="mean", padding_idx=2, sparse=True, include_last_offset=True)
adagrad = torch.optim.Adagrad(bags.parameters(), lr=0.1)
items, offsets = torch.tensor([7, 2, 8, 2, 7]), torch.tensor([0, 3, 5])
out = bags(items, offsets)
show("EmbeddingBag(10, 3, mode='mean', padding_idx=2), bags 7 2 8 and 2 7", out)
(out ** 2).sum().backward()
adagrad.step()
show("after a step of Adagrad", bags(items, offsets))
