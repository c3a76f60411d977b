#!/usr/bin/env python3
"""Writes the seed inputs of the fuzz targets into corpus/<target>/ beside this script (standard library only)."""
import pathlib
import struct
import zlib

root = pathlib.Path(__file__).parent / "corpus"


def put(target, name, data):
    folder = root / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


put("json", "object", b'{"a": [1, -2.5e3, true, false, null], "b": {"c": "text \\u00e9 \\ud83d\\ude00 \\n", "d": []}, "": {}}')
put("json", "numbers", b"[0, -0, 18446744073709551615, -9223372036854775808, 1e308, 1e-400, 0.1, 123456789012345678901.0]")
put("json", "deep", b"[" * 31 + b"]" * 31)
put("json", "utf8", '["ä", "€", "😀", "\\\\", "\\"", "\\/"]'.encode())


def safetensors(header, data):
    return struct.pack("<Q", len(header)) + header + data


put("safetensors", "empty", safetensors(b"{}", b""))
put("safetensors", "one", safetensors(b'{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}', bytes(24)))
put("safetensors", "several", safetensors(
    b'{"__metadata__":{"step":"7"},"x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},'
    b'"y.0":{"dtype":"BF16","shape":[2,0],"data_offsets":[8,8]},"z":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}  ', bytes(9)))


def npy(version, text, data):
    text = text.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


put("npy", "v1", npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", bytes(24)))
put("npy", "v2_fortran", npy(2, "{'descr': '<i8', 'fortran_order': True, 'shape': (3,), }", bytes(24)))
put("npy", "v3_scalar", npy(3, "{'descr': '|u1', 'fortran_order': False, 'shape': (), }", bytes(1)))
put("npy", "empty", npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 5), }", b""))

pixels = bytes(i % 251 for i in range(3072))
put("cifar", "ten", b"\0" + bytes([3]) + pixels)
put("cifar", "hundred", b"\1" + bytes([4, 30]) + pixels + bytes([4, 30]) + pixels)

images = struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 3, 4) + bytes(24)
labels = struct.pack(">BBBBI", 0, 0, 8, 1, 2) + bytes([1, 9])
put("idx", "pair", struct.pack("<H", len(images)) + images + labels)


# PyTorch files: a state_dict of two tensors that share a storage, as PyTorch pickles it, alone, in a zip archive and in the
# legacy format.
def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


def storage(kind, key, count, legacy):
    return b"(" + text(b"storage") + b"ctorch\n" + kind + b"\n" + text(key) + text(b"cpu") + b"K" + bytes([count]) + (b"N" if legacy else b"") + b"tQ"


def tensor(place, offset, shape, strides):
    numbers = lambda values: b"(" + b"".join(b"K" + bytes([v]) for v in values) + b"t"
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + place + b"K" + bytes([offset]) + numbers(shape) + numbers(strides) + b"\x89"
            b"ccollections\nOrderedDict\n)RtR")


def state_dict(legacy):
    return (b"\x80\x02ccollections\nOrderedDict\n)R(" + text(b"weight") + tensor(storage(b"FloatStorage", b"0", 6, legacy), 0, (2, 3), (3, 1)) +
            text(b"turned") + tensor(storage(b"FloatStorage", b"0", 6, legacy), 1, (2, 2), (1, 2)) +
            text(b"steps") + tensor(storage(b"LongStorage", b"1", 1, legacy), 0, (), ()) +
            text(b"list") + b"](K\x01G" + struct.pack(">d", 0.5) + b"\x88Neq\x01" + text(b"again") + b"h\x01u}" + text(b"_metadata") + b"}sb.")


def stored_zip(members):
    body, directory = b"", b""
    for name, data in members:
        crc = zlib.crc32(data)
        sizes = struct.pack("<III", crc, len(data), len(data))
        directory += struct.pack("<IHHHHHH", 0x02014b50, 20, 20, 0, 0, 0, 0) + sizes + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, len(body)) + name
        body += struct.pack("<IHHHHH", 0x04034b50, 20, 0, 0, 0, 0) + sizes + struct.pack("<HH", len(name), 0) + name + data
    return body + directory + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, len(members), len(members), len(directory), len(body), 0)


floats, steps = struct.pack("<6f", *range(6)), struct.pack("<q", 7)
put("pickle", "state_dict", state_dict(False))
put("pickle", "protocol4", b"\x80\x04\x95" + struct.pack("<Q", 40) + b"}\x94\x8c\x01k\x94\x8c\x0bcollections\x8c\x0bOrderedDict\x93]K\x01\x8c\x01v\x86a\x85Rs.")
put("pickle", "numbers", b"\x80\x02(J\xff\xff\xff\xffM\x01\x02\x8a\x03abc\x8a\x09123456789G" + struct.pack(">d", -1e9) + b"tq\x00h\x00\x86.")
put("torch", "zip", stored_zip([(b"a/data.pkl", state_dict(False)), (b"a/byteorder", b"little"), (b"a/data/0", floats), (b"a/data/1", steps)]))
put("torch", "legacy", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + b"\x80\x02M\xe9\x03." +
    b"\x80\x02}" + text(b"little_endian") + b"\x88s." + state_dict(True) + b"\x80\x02](" + text(b"0") + text(b"1") + b"e." +
    struct.pack("<q", 6) + floats + struct.pack("<q", 1) + steps)
