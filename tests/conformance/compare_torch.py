#!/usr/bin/env python3
"""Compares the rowpool command with PyTorch on random tables: compare_torch.py ROWPOOL

Coded rows must equal PyTorch's prepack operators bit for bit; pooled f32 tables must, too, wherever PyTorch adds in the
same way; everything else lies within the tolerances of PyTorch's own tests. Skipped (exit status 77) when neither this
interpreter nor the one that ROWPOOL_TORCH_PYTHON names can import torch and safetensors.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    other = os.environ.pop("ROWPOOL_TORCH_PYTHON", None)
    if other:
        os.execv(other, [other, *sys.argv])
    print(f"skipped: {missing}; ROWPOOL_TORCH_PYTHON may name an interpreter that has it")
    sys.exit(77)

PREPACK = {
    "int8": torch.ops.quantized.embedding_bag_byte_prepack,
    "int4": torch.ops.quantized.embedding_bag_4bit_prepack,
    "int2": torch.ops.quantized.embedding_bag_2bit_prepack,
}
GREEDY = ("int4", "int2")
QUANTIZED_SUM = {
    "int8": torch.ops.quantized.embedding_bag_byte_rowwise_offsets,
    "int4": torch.ops.quantized.embedding_bag_4bit_rowwise_offsets,
    "int2": torch.ops.quantized.embedding_bag_2bit_rowwise_offsets,
}
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
# torch.testing.assert_close's own (rtol, atol).
TOLERANCE = {"f32": (1.3e-6, 1e-5), "f16": (1e-3, 1e-5), "bf16": (1.6e-2, 1e-5)}
ROWS = 500
PADDING = 7


class Rowpool:
    """The rowpool command, run in a folder of its own."""

    def __init__(self, command, folder):
        self.command = os.path.abspath(command)
        self.folder = folder

    def run(self, *arguments):
        subprocess.run([self.command, *arguments], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def pool(self, file, table, mode, output_type, indices, offsets=None, weights=None, padding=None):
        """What `rowpool pool` writes, as a tensor of the output type."""
        arguments = ["pool", file, table, "--mode", mode, "--output-type", output_type, "-o", "out.npy"]
        for name, values in (("indices", indices), ("offsets", offsets), ("weights", weights)):
            if values is not None:
                np.save(self.folder / f"{name}.npy", values.numpy())
                arguments += [f"--{name}", f"{name}.npy"]
        if padding is not None:
            arguments += ["--padding-idx", str(padding)]
        self.run(*arguments)
        bits = np.load(self.folder / "out.npy")
        return torch.from_numpy(bits.view(np.int32 if output_type == "f32" else np.int16)).view(DTYPES[output_type])


def check(condition, what):
    """Fails the comparison."""
    if not condition:
        sys.exit(f"not as PyTorch: {what}")


def same_bits(a, b):
    """Equality that tells -0 from 0 and takes NaN for itself."""
    return a.shape == b.shape and torch.equal(a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))


def hard_rows(dim):
    """Rows on which a quantizer can go wrong, repeated to `dim` columns."""
    rows = [[0.0, -0.0], [-0.0, 0.0], [0.0] * 8 + [-0.0] * 8, [-0.0] * 8 + [0.0] * 8, [1.0], [-1.0], [1000.3, 1000.4],
            [1000.3], [0.1, 0.2, 0.3, 0.4], [0.0, 1e-9, 5e-9, 1e-8], [1e-9, 2e-9], [0.0, 1e-7], [0.0, 1e-38],
            [0.0, 0.5, 1.5, 2.5, 255.0], [i / 2 for i in range(16)], [-64.0, -2.75, 61.625, 191.0],
            [-65504.0, 65504.0], [0.0, 65504.0], [65504.0], [5.960464477539063e-08, 0.0], [1e-4, 1e-4 + 1e-11]]
    return torch.tensor([(row * dim)[:dim] for row in rows], dtype=torch.float32)


def random_rows(count, dim):
    """Rows of every spread and centre that all coded formats can hold."""
    spread = 10 ** (torch.rand(count, 1) * 12 - 8)
    centre = 10 ** (torch.rand(count, 1) * 10 - 6) * (torch.rand(count, 1) - 0.5) * (torch.rand(count, 1) < 0.5)
    return torch.cat([torch.randn(count, dim) * spread + centre, hard_rows(dim)])


def without_endless_walks(table):
    """The rows on which prepack's optimized_qparams comes to an end: not those whose steps are too small to change a
    value, as of [1, 1 + 5 * 2**-23]."""
    rows = table.float()
    least, most = rows.min(1).values, rows.max(1).values
    step = (most - least) / 200
    largest = torch.maximum(least.abs(), most.abs())
    spacing = torch.nextafter(largest, torch.tensor(torch.inf)) - largest
    return table[(step > spacing) | (least + 168 * step >= most)].contiguous()


def compare_greedy(rowpool, tables):
    """Rows converted by greedy against prepack with optimized_qparams."""
    compared = 0
    for format in GREEDY:
        rowpool.run("convert", "source.safetensors", "-o", "coded.safetensors", "--format", format,
                    "--method", "greedy")
        coded = load_file(rowpool.folder / "coded.safetensors")
        for name, table in tables.items():
            wrong = (coded[name] != PREPACK[format](table, optimized_qparams=True)).any(dim=1).nonzero().flatten()
            check(not len(wrong), f"{format} codes by greedy, {name}, rows {wrong[:5].tolist()}")
            compared += table.shape[0]
    print(f"{compared} rows by greedy equal prepack's with optimized_qparams")


def compare_codes(rowpool):
    """Converted rows against prepack, from f32 and f16, int8, int4 and int2."""
    compared = 0
    for source in ("f32", "f16"):
        tables = {f"dim{dim}": without_endless_walks(random_rows(9000, dim).to(DTYPES[source]))
                  for dim in (4, 8, 20, 64, 100, 128)}
        check(all(torch.isfinite(table).all() for table in tables.values()), "a random row that no format can hold")
        save_file(tables, rowpool.folder / "source.safetensors")
        for format, prepack in PREPACK.items():
            rowpool.run("convert", "source.safetensors", "-o", "coded.safetensors", "--format", format)
            coded = load_file(rowpool.folder / "coded.safetensors")
            for name, table in tables.items():
                wrong = (coded[name] != prepack(table)).any(dim=1).nonzero().flatten().tolist()
                check(not wrong, f"{format} codes from {source}, {name}, rows {wrong[:5]}")
                compared += table.shape[0]
        compare_greedy(rowpool, tables)
    print(f"{compared} coded rows equal prepack's")


def random_bags(longest=700):
    """Indices and offsets, with empty bags and one long one."""
    lengths = torch.cat([torch.randint(0, 12, (200,)), torch.tensor([0, 1, longest, 0])])
    offsets = torch.cumsum(lengths, 0) - lengths
    return torch.randint(0, ROWS, (int(lengths.sum()),)), offsets


def compare_floats(rowpool, dim):
    """Float tables that PyTorch saved, unconverted, against F.embedding_bag and F.embedding."""
    tables = {name: torch.randn(ROWS, dim).to(dtype) for name, dtype in DTYPES.items()}
    save_file(tables, rowpool.folder / "floats.safetensors")
    indices, offsets = random_bags()
    weights = torch.randn(indices.shape[0])
    for name, table in tables.items():
        for mode in ("sum", "mean", "max"):
            for padding in (None, PADDING):
                for weight in (None, weights.to(table.dtype)) if mode == "sum" else (None,):
                    expected = F.embedding_bag(indices, table, offsets, mode=mode, per_sample_weights=weight,
                                               padding_idx=padding)
                    actual = rowpool.pool("floats.safetensors", name, mode, name, indices, offsets,
                                          None if weight is None else weight.float(), padding)
                    what = f"{name} {mode} dim {dim} padding {padding} weighted {weight is not None}"
                    # With weights and a padding index PyTorch rounds each product before it adds.
                    if mode == "max" or name == "f32" and (weight is None or padding is None):
                        check(same_bits(actual, expected), what)
                    rtol, atol = TOLERANCE[name]
                    torch.testing.assert_close(actual, expected, rtol=rtol, atol=atol, msg=what)
        plain = rowpool.pool("floats.safetensors", name, "none", name, indices)
        check(same_bits(plain, F.embedding(indices, table)), f"{name} plain lookup of dim {dim}")


def compare_other_means(rowpool):
    """What PyTorch has no operator for, against its definition in f64."""
    table = torch.randn(ROWS, 33)
    save_file({"t": table}, rowpool.folder / "floats.safetensors")
    indices, offsets = random_bags()
    weights = torch.rand(indices.shape[0]) + 0.1
    for mode, power in (("mean", 1), ("sqrtn", 2)):
        for weight in (torch.ones_like(weights), weights):
            sums = F.embedding_bag(indices, table.double(), offsets, mode="sum", per_sample_weights=weight.double())
            ones = torch.ones(ROWS, 1, dtype=torch.float64)
            totals = F.embedding_bag(indices, ones, offsets, mode="sum", per_sample_weights=weight.double() ** power)
            expected = torch.where(totals == 0, 0.0, sums / totals ** (1 / power)).float()
            actual = rowpool.pool("floats.safetensors", "t", mode, "f32", indices, offsets, weight)
            torch.testing.assert_close(actual, expected, rtol=1.3e-6, atol=1e-5, msg=f"{mode} by weights")


def compare_sums_of_codes(rowpool, dim):
    """Pooled coded tables against the quantized operators, which add the bias row by row: other roundings."""
    table = torch.randn(ROWS, dim)
    save_file({"t": table}, rowpool.folder / "source.safetensors")
    indices, offsets = random_bags(longest=12)
    weights = torch.randn(indices.shape[0])
    for format, quantized_sum in QUANTIZED_SUM.items():
        rowpool.run("convert", "source.safetensors", "-o", "coded.safetensors", "--format", format)
        for weight in (None, weights):
            expected = quantized_sum(PREPACK[format](table), indices, offsets, per_sample_weights=weight)
            actual = rowpool.pool("coded.safetensors", "t", "sum", "f32", indices, offsets, weight)
            # Twelve roundings of sums of up to 60 in size.
            torch.testing.assert_close(actual, expected, rtol=1.3e-6, atol=5e-5, msg=f"{format} sum of dim {dim}")


def compare_max_norm(rowpool):
    """convert --max-norm against embedding_renorm_, which sums norms in f32 in an order that depends on the CPU: bits
    where there is nothing to round in a norm, else as close as those sums are to the norm in f64."""
    rows, same, furthest = 0, 0, 0
    for dim in (1, 3, 8, 64, 100, 300):
        table = torch.randn(ROWS, dim) * 10 ** (torch.rand(ROWS, 1) * 4 - 2)
        save_file({"t": table}, rowpool.folder / "source.safetensors")
        for p in (2.0, 1.0, 3.0, 0.5, float("inf"), float("-inf"), 0.0):
            most = float(table.norm(p, dim=1).median()) * 1.001  # and not the norm of a row itself
            expected = table.clone()
            torch.embedding_renorm_(expected, torch.arange(ROWS), most, p)
            rowpool.run("convert", "source.safetensors", "-o", "out.safetensors", "--format", "f32", "--max-norm",
                        repr(most), "--norm-type", repr(p))
            actual = load_file(rowpool.folder / "out.safetensors")["t"]
            scaled = (actual != table).any(dim=1)
            check(torch.equal(scaled, (expected != table).any(dim=1)), f"rows that {p}-norms scale")
            steps = (actual.view(torch.int32) - expected.view(torch.int32)).abs()
            rows, same = rows + ROWS, same + int((steps.max(dim=1).values == 0).sum())
            furthest = max(furthest, int(steps.max()))
            check(p in (0.5, 1, 2, 3) or int(steps.max()) == 0, f"bits of rows scaled by {p}-norms")
            exact = table.double().norm(p, dim=1, keepdim=True) + 1e-7
            torch.testing.assert_close(actual[scaled], (table.double() * (most / exact)).float()[scaled], rtol=2.5e-7,
                                       atol=0, msg=f"rows scaled by {p}-norms")
            torch.testing.assert_close(actual, expected, rtol=1.3e-6, atol=1e-5)
    print(f"{same} of {rows} rows are embedding_renorm_'s, the others to {furthest} units in the last place")


def check_interchange(rowpool):
    """rowpool's files list and load in Python's safetensors, floats with their own dtype and shape."""
    table = torch.randn(9, 5)
    save_file({"items": table}, rowpool.folder / "source.safetensors")
    for format, dtype in DTYPES.items():
        rowpool.run("convert", "source.safetensors", "-o", "converted.safetensors", "--format", format)
        with safe_open(rowpool.folder / "converted.safetensors", framework="pt") as file:
            check("items" in file.keys(), f"a converted {format} file lists its table")
            check("rowpool" in file.metadata(), f"a converted {format} file carries metadata")
            check(same_bits(file.get_tensor("items"), table.to(dtype)), f"conversion to {format}")


class Nested(torch.nn.Module):
    """Tables of every kind that a module's state_dict holds."""

    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(300, 20)
        self.tags = torch.nn.EmbeddingBag(40, 7).double()
        self.tied = torch.nn.Linear(20, 300)
        self.tied.weight = self.words.weight
        self.parts = torch.nn.ModuleList(torch.nn.Embedding(9, 33).to(kind) for kind in (torch.float16, torch.bfloat16))


def nested_checkpoint():
    """What people save, with views of every kind, and {path: tensor} of what must become tables."""
    base = torch.randn(50, 60)
    views = {"transposed": base.t(), "strided": base[::3, 1::2], "narrow": base[5:9, 10:30], "column": base[:, 7:8],
             "expanded": base[:1].expand(8, 60), "diagonals": base.as_strided((20, 3), (61, 5), 2), "none": base[:0],
             "half": base.half().t(), "bf16": base.bfloat16()[1:, 1:], "double": base.double()[:, ::7],
             "hard": hard_rows(16)}
    model = Nested()
    optimizer = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    saved = {"epoch": 3, "lr": 0.1, "args": {"name": "x", "device": torch.device("cpu"), "shape": torch.Size([1, 2])},
             "model": model.state_dict(), "optimizer": optimizer.state_dict(), "views": views,
             "raw": list(model.parameters()), 1: {-2: base, "again": base}}
    return saved, dict(matrices(saved))


def matrices(value, path=""):
    """The two-dimensional float tensors in nested containers."""
    if isinstance(value, torch.Tensor):
        if value.dim() == 2 and value.is_floating_point():
            yield path, value.detach()
        return
    parts = value.items() if isinstance(value, dict) else enumerate(value) if type(value) in (list, tuple) else ()
    for key, part in parts:
        yield from matrices(part, f"{path}.{key}" if path else str(key))


def compare_checkpoint(rowpool):
    """Every table of a checkpoint, converted to its own precision and exported, against the tensor in it."""
    saved, wanted = nested_checkpoint()
    torch.save(saved, rowpool.folder / "model.pt")
    exact = {torch.float64: "f32", torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16"}
    for dtype in ("f32", "f16", "bf16"):
        names = [name for name, tensor in wanted.items() if exact[tensor.dtype] == dtype]
        rowpool.run("convert", "model.pt", "-o", "model.safetensors", "--format", dtype,
                    *(option for name in names for option in ("--table", name)))
        for name in names:
            rowpool.run("export", "model.safetensors", name, "-o", "out.npy")
            exported = torch.from_numpy(np.load(rowpool.folder / "out.npy"))
            check(same_bits(exported, wanted[name].float()), f"table {name}")
    rowpool.run("convert", "model.pt", "-o", "model.safetensors", "--format", "f32", "--table", "*")
    check(set(load_file(rowpool.folder / "model.safetensors")) >= set(wanted), "the tables of a checkpoint")
    print(f"{len(wanted)} tables of a checkpoint equal its tensors")


def compare_quantized_checkpoint(rowpool):
    """Embeddings that PyTorch quantized itself, against its own lookups and values."""
    for dtype, lookup in ((torch.quint8, torch.ops.quantized.embedding_byte),
                          (torch.quint4x2, torch.ops.quantized.embedding_4bit)):
        rows = torch.cat([torch.randn(200, 24) * 10 ** (torch.rand(200, 1) * 4 - 3), hard_rows(24)[:12]])
        scheme = torch.per_channel_affine_float_qparams
        observer = torch.ao.quantization.PerChannelMinMaxObserver(dtype=dtype, qscheme=scheme, ch_axis=0)
        observer(rows)
        quantized = torch.quantize_per_channel(rows, *observer.calculate_qparams(), 0, dtype)
        torch.save({"q": quantized}, rowpool.folder / "q.pt")
        rowpool.run("convert", "q.pt", "-o", "q.safetensors")
        rowpool.run("export", "q.safetensors", "q", "-o", "out.npy")
        exported = torch.from_numpy(np.load(rowpool.folder / "out.npy"))
        packed = torch.ops.quantized.embedding_bag_prepack(quantized)
        looked_up = lookup(packed, torch.arange(rows.shape[0]), False)
        scale = quantized.q_per_channel_scales().float().abs()[:, None]
        close = (exported - looked_up).abs() <= 1e-6 * (scale * 255 + looked_up.abs())
        check(close.all(), f"rows of {dtype}")
    for kind, prepack in PREPACK.items():
        packed = prepack(random_rows(300, 32))
        torch.save({"rows": packed}, rowpool.folder / "p.pt")
        save_file({"rows": packed}, rowpool.folder / "p.safetensors")
        for source in ("p.pt", "p.safetensors"):
            rowpool.run("convert", source, "-o", "out.safetensors", "--packed", f"rows={kind}")
            check(same_bits(load_file(rowpool.folder / "out.safetensors")["rows"], packed), f"{kind} rows of {source}")
    print("quantized and packed checkpoints keep their codes")


def compare_float8(rowpool):
    """All codes of 8-bit floating point, and scaled ones, against PyTorch's casts."""
    codes = torch.arange(256, dtype=torch.uint8).reshape(16, 16)
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz):
        torch.save({"t": codes.view(dtype)}, rowpool.folder / "f8.pt")
        rowpool.run("convert", "f8.pt", "-o", "f8.safetensors", "--format", "f32")
        values, expected = load_file(rowpool.folder / "f8.safetensors")["t"], codes.view(dtype).float()
        check(torch.equal(values.isnan(), expected.isnan()), f"NaN of {dtype}")
        check(same_bits(values.nan_to_num(7, 8, 9), expected.nan_to_num(7, 8, 9)), f"codes of {dtype}")
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.int8):
        weight = (torch.randn(300, 24) * 40).clamp(-127, 127).to(dtype)
        scale = torch.rand(300, 4) + 0.01
        save_file({"e.weight": weight, "e.weight_scale": scale}, rowpool.folder / "s.safetensors")
        rowpool.run("convert", "s.safetensors", "-o", "out.safetensors", "--format", "f32")
        expected = weight.float() * scale.repeat_interleave(6, 1)
        check(same_bits(load_file(rowpool.folder / "out.safetensors")["e.weight"], expected), f"scaled {dtype}")
    print("8-bit floating point and scaled codes equal PyTorch's")


def compare_affine(rowpool):
    """Tensors quantized with integer zero points, against dequantize()."""
    rows = torch.randn(200, 24) * 3
    for dtype in (torch.qint8, torch.quint8):
        zero = 3 if dtype == torch.qint8 else 130
        for axis in (None, 0, 1):
            size = rows.shape[axis or 0]
            scales = torch.rand(size, dtype=torch.float64) / 10 + 0.01
            zeros = torch.full((size,), zero, dtype=torch.int64)
            quantized = (torch.quantize_per_tensor(rows, 0.03, zero, dtype) if axis is None else
                         torch.quantize_per_channel(rows, scales, zeros, axis, dtype))
            torch.save({"q": quantized}, rowpool.folder / "q.pt")
            rowpool.run("convert", "q.pt", "-o", "q.safetensors", "--format", "f32")
            got, expected = load_file(rowpool.folder / "q.safetensors")["q"], quantized.dequantize()
            if dtype == torch.quint8 and axis != 1:
                check(((got - expected).abs() <= 4e-6).all(), f"{dtype} along {axis}, whose scale * zero point is rounded")
            else:
                check(same_bits(got, expected), f"{dtype} along {axis}")
    print("quantized tensors equal dequantize()")


def main():
    torch.manual_seed(12)
    warnings.simplefilter("ignore")  # quantized tensors are deprecated, but checkpoints have them
    with tempfile.TemporaryDirectory() as folder:
        rowpool = Rowpool(sys.argv[1], pathlib.Path(folder))
        compare_codes(rowpool)
        for dim in (1, 3, 16, 37, 64, 100):
            compare_floats(rowpool, dim)
        for dim in (4, 20, 64):
            compare_sums_of_codes(rowpool, dim)
        compare_other_means(rowpool)
        compare_max_norm(rowpool)
        check_interchange(rowpool)
        compare_checkpoint(rowpool)
        compare_quantized_checkpoint(rowpool)
        compare_float8(rowpool)
        compare_affine(rowpool)
    print(f"as PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
