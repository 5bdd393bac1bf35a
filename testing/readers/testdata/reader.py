# SPDX-FileCopyrightText: The filebeat-websocket authors
# SPDX-License-Identifier: Apache-2.0
"""Decodes messages of one kind and prints the records of each as a line of JSON.

A message comes with its length before it, 4 bytes, big endian. In what is printed
text is ["s", hex of its UTF-8], bytes are ["b", hex], numbers ["n", digits], times
["t", seconds, nanoseconds], lists ["l", ...], objects ["m", {hex of key: value}].
"""

import csv
import gzip
import io
import json
import math
import struct
import sys
import urllib.parse

import msgpack


def canonical(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return ["n", str(value)]
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return ["n", "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"]
        if value.is_integer():
            return ["n", str(int(value))]
        return ["n", struct.pack(">d", value).hex()]
    if isinstance(value, str):
        return ["s", value.encode("utf-8", "surrogateescape").hex()]
    if isinstance(value, bytes):
        return ["b", value.hex()]
    if isinstance(value, msgpack.ExtType):
        assert value.code == 0 and len(value.data) == 8, value
        return ["t", *struct.unpack(">II", value.data)]
    if isinstance(value, (list, tuple)):
        return ["l", *map(canonical, value)]
    return ["m", {canonical(k)[1]: canonical(v) for k, v in value.items()}]


def unpacked(data):
    unpacker = msgpack.Unpacker(io.BytesIO(data), raw=False, unicode_errors="surrogateescape")
    return list(unpacker)


def concatenated_json(data):
    text, at, records = data.decode("utf-8"), 0, []
    decoder = json.JSONDecoder()
    while at < len(text):
        record, at = decoder.raw_decode(text, at)
        records.append(record)
    return records


def lines(data):
    text = data.decode("utf-8")
    assert text.endswith("\n")
    return text[:-1].split("\n")


def forward(data):
    """The entries of requests, with the tag and the size that they come with."""
    records = []
    for tag, *request in unpacked(data):
        if isinstance(request[0], (msgpack.ExtType, int)):
            entries, option = [request[0:2]], request[2] if len(request) > 2 else {}
        else:
            entries, option = request
            if option.get("compressed") == "gzip":
                entries = gzip.decompress(entries)
            if isinstance(entries, bytes):
                entries = unpacked(entries)
            assert option["size"] == len(entries)
        records += [[tag, *entry] for entry in entries]
    return records


def form(data):
    return urllib.parse.parse_qs(data.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")


READ = {
    "json": lambda data: [json.loads(data)],
    "json_lines": lambda data: [json.loads(line) for line in lines(data)],
    "json_array": json.loads,
    "json_stream": concatenated_json,
    "msgpack": unpacked,
    "forward": forward,
    "ltsv": lambda data: [dict(field.split(":", 1) for field in line.split("\t")) for line in lines(data)],
    "form": lambda data: [form(data)],
    "csv": lambda data: list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)),
}

read = READ[sys.argv[1]]
while header := sys.stdin.buffer.read(4):
    message = sys.stdin.buffer.read(struct.unpack(">I", header)[0])
    print(json.dumps([canonical(record) for record in read(message)]))
