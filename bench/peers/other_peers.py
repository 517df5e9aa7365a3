"""What else a user would pick to pool the bags of one table: a function a peer, as in table_peers.py. Each imports its
own library, which need not be there, and asks it for one thread; --isa does not reach it. The bags of a shape are
equally long, which ONNX Runtime's and XLA's gather need. TensorFlow has a copy of the table, the others read the same
one."""
import functools
import importlib
import os
import time

import numpy as np
import torch

from checks import Skipped
from pairs import Side
from table_peers import as_tensors


def needed(module):
    """A library that is installed on request only."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Skipped(f"{module}: {error}; ./dev bench --peers all installs it") from error


def by_bag(shape, data):
    """Ids as [bags, rows of a bag]."""
    return [indices.reshape(shape.batch, shape.bag) for indices in data.indices]


def zentorch(shape, data):
    """int4 rows are the same bytes as PyTorch's, in words of four."""
    needed("zentorch")
    op, offsets = torch.ops.zentorch, torch.from_numpy(data.offsets)
    table = torch.from_numpy(data.rows)
    if shape.format == "int4":
        call = functools.partial(op.zentorch_quant_embedding_bag.default, table.view(torch.int32))
        side = Side(lambda indices: call(indices, offsets, 4, torch.float32, include_last_offset=True),
                    as_tensors(data.indices))
    else:
        table = table.view(torch.bfloat16) if shape.format == "bf16" else table
        call = functools.partial(op.zentorch_embedding_bag.default, table)
        side = Side(lambda indices: call(indices, offsets, include_last_offset=True), as_tensors(data.indices))
    return accepted(side)


def accepted(side):
    """zentorch refuses types that the CPU has no instructions for."""
    try:
        side.call(side.inputs[0])
    except RuntimeError as error:
        raise Skipped(f"zentorch: {str(error).splitlines()[0]}") from error
    return side


def openvino(shape, data):
    ov = needed("openvino")
    ops = needed("openvino.opset15")
    table = ops.parameter(data.rows.shape, np.float32)
    indices, offsets = ops.parameter([shape.lookups], np.int32), ops.parameter([shape.batch], np.int32)
    bags = ops.embedding_bag_offsets(table, indices, offsets, reduction="sum")
    compiled = ov.Core().compile_model(ov.Model([bags], [table, indices, offsets]), "CPU",
                                       {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})
    request, starts = compiled.create_infer_request(), data.offsets[:-1]
    return Side(lambda given: request.infer([data.rows, given, starts], share_inputs=True, share_outputs=True)[0],
                data.indices)


def onnxruntime(shape, data):
    """It has no bags: a gather and a product with ones, which it computes faster than a sum."""
    runtime, onnx = needed("onnxruntime"), needed("onnx")
    types, node = onnx.TensorProto, onnx.helper.make_node
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node("Gather", ["table", "indices"], ["rows"]), node("MatMul", ["ones", "rows"], ["bags"])], "bags",
        [value("table", types.FLOAT, data.rows.shape), value("indices", types.INT32, [shape.batch, shape.bag])],
        [value("bags", types.FLOAT, [shape.batch, 1, shape.dim])],
        [onnx.numpy_helper.from_array(np.ones((1, shape.bag), np.float32), "ones")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return Side(lambda given: session.run(None, {"table": data.rows, "indices": given})[0][:, 0], by_bag(shape, data))


@functools.cache
def tensorflow_on_one_thread():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors only
    tf = needed("tensorflow")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


def tensorflow(shape, data):
    tf = tensorflow_on_one_thread()
    table, bags = tf.constant(data.rows), np.repeat(np.arange(shape.batch), shape.bag)
    places = np.stack([bags, np.tile(np.arange(shape.bag), shape.batch)], axis=1)
    given = [tf.SparseTensor(places, tf.constant(indices), (shape.batch, shape.bag)) for indices in data.indices]
    pool = tf.function(lambda ids: tf.nn.embedding_lookup_sparse(table, ids, None, combiner="sum"))
    return Side(lambda ids: pool(ids).numpy(), given)


def tensorflow_xla(shape, data):
    tf = tensorflow_on_one_thread()
    table = tf.constant(data.rows)
    pool = tf.function(lambda ids: tf.reduce_sum(tf.gather(table, ids), axis=1), jit_compile=True)
    return Side(lambda ids: pool(ids).numpy(), [tf.constant(indices) for indices in by_bag(shape, data)])


def scipy(shape, data):
    """A product with a sparse matrix of ones, made ahead of time."""
    sparse = needed("scipy.sparse")
    ones = np.ones(shape.lookups, np.float32)
    given = [sparse.csr_array((ones, indices, data.offsets), (shape.batch, len(data.rows))) for indices in data.indices]
    return Side(lambda bags: bags @ data.rows, given)


SIDES = {"zentorch": zentorch, "openvino": openvino, "onnxruntime": onnxruntime, "tensorflow": tensorflow,
         "tensorflow-xla": tensorflow_xla, "scipy": scipy}


def clock(peer):
    """Processor time; of all threads where a library may have some of its own even when asked for one."""
    return time.process_time_ns if peer in SIDES else time.thread_time_ns
