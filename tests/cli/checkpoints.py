"""PyTorch checkpoints written by hand: pickles put together from opcodes, in a zip archive with their storages."""
import io
import struct
import zipfile


class Raw(bytes):
    """Opcodes that leave one value on the stack."""


def encoded(value):
    """The opcodes of a plain value, as torch.save writes them but for the memo."""
    if isinstance(value, Raw):
        return value
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        small = -(2**31) <= value < 2**31
        return b"J" + struct.pack("<i", value) if small else b"\x8a\x08" + struct.pack("<q", value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, (str, bytes)):
        text = value.encode() if isinstance(value, str) else value
        return b"X" + struct.pack("<I", len(text)) + text
    if isinstance(value, dict):
        return b"}(" + b"".join(encoded(key) + encoded(part) for key, part in value.items()) + b"u"
    parts = b"".join(encoded(part) for part in value)
    return b"](" + parts + b"e" if isinstance(value, list) else b"(" + parts + b"t"


def named(name):
    """A function or class."""
    module, _, attribute = name.rpartition(".")
    return Raw(b"c" + module.encode() + b"\n" + attribute.encode() + b"\n")


def call(function, *arguments):
    return Raw(named(function) + encoded(arguments) + b"R")


def storage(key, count, kind="Float"):
    name = kind if "." in kind else f"torch.{kind}Storage"
    return Raw(encoded(("storage", named(name), key, "cpu", count)) + b"Q")


def tensor(stored, shape, strides=None, offset=0):
    if strides is None:
        strides = [1] * len(shape)
        for i in range(len(shape) - 1, 0, -1):
            strides[i - 1] = strides[i] * shape[i]
    hooks = call("collections.OrderedDict")
    return call("torch._utils._rebuild_tensor_v2", stored, offset, tuple(shape), tuple(strides), False, hooks)


def archive(members, compression=zipfile.ZIP_STORED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content, compression)
    return data.getvalue()


def checkpoint(value, storages=None, compression=zipfile.ZIP_STORED, **more):
    """A checkpoint of a value, or of a whole pickle's bytes; `more` are other members."""
    pickle = value if type(value) is bytes else b"\x80\x02" + encoded(value) + b"."
    members = {"m/data.pkl": pickle, "m/byteorder": b"little"}
    members.update({f"m/data/{key}": content for key, content in (storages or {}).items()})
    members.update({f"m/{name}": content for name, content in more.items()})
    return archive(members, compression)
