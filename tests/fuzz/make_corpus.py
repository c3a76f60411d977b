#!/usr/bin/env python3
"""Writes the seed inputs of the fuzz targets into corpus/<target>/ beside this script (standard library only)."""
import pathlib
import struct

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
