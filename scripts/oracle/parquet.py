"""Writes internal/parquet/testdata with pyarrow. kinds-1.parquet and kinds-2.parquet have a column for each encoding, with and
without nulls, in two row groups, with pages of every codec. The test knows the values: row i contains i·7 mod 31, or null if i mod 5
is 3 in the columns with nulls. groups.parquet has row groups without rows, and columns with logical types.

    python scripts/oracle/parquet.py internal/parquet/testdata
"""
import sys
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

N = 60
whole = [i * 7 % 31 for i in range(N)]
gaps = [None if i % 5 == 3 else v for i, v in enumerate(whole)]
text = lambda values: [None if v is None else b"value-%d" % v * (1 + v % 3) for v in values]

columns, encodings, dictionaries, codecs = {}, {}, [], {}
kinds = ["SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4", "NONE"]


def column(name, values, encoding=None):
    columns[name] = values
    codecs[name] = kinds[len(codecs) % len(kinds)]
    if encoding:
        encodings[name] = encoding
    else:
        dictionaries.append(name)


for suffix, numbers in (("", whole), ("_gaps", gaps)):
    binary = text(numbers)
    column("int32" + suffix, pa.array(numbers, pa.int32()), "PLAIN")
    column("int64_delta" + suffix, pa.array(numbers, pa.int64()), "DELTA_BINARY_PACKED")
    column("int64_dictionary" + suffix, pa.array(numbers, pa.int64()))
    column("double" + suffix, pa.array(numbers, pa.float64()), "PLAIN")
    column("float_split" + suffix, pa.array(numbers, pa.float32()), "BYTE_STREAM_SPLIT")
    column("binary" + suffix, pa.array(binary, pa.binary()), "PLAIN")
    column("binary_dictionary" + suffix, pa.array(binary, pa.binary()))
    column("binary_lengths" + suffix, pa.array(binary, pa.binary()), "DELTA_LENGTH_BYTE_ARRAY")
    column("binary_deltas" + suffix, pa.array(binary, pa.binary()), "DELTA_BYTE_ARRAY")
    column("boolean" + suffix, pa.array([None if v is None else v % 2 == 1 for v in numbers]), "RLE" if suffix else "PLAIN")

for version in ("1.0", "2.0"):
    pq.write_table(
        pa.table(columns), f"{sys.argv[1]}/kinds-{version[0]}.parquet", row_group_size=40, data_page_version=version,
        data_page_size=64, write_batch_size=8, use_dictionary=dictionaries, column_encoding=encodings, compression=codecs,
    )

# Row groups without rows, whose chunks have no position, and columns with logical types.
some = pa.table({
    "text": pa.array(["a", "b", "c"]), "json": pa.array(["1", "2", "3"], pa.json_()), "unsigned32": pa.array([2**32 - 1, 0, 2**31], pa.uint32()),
    "unsigned64": pa.array([2**63 - 1, 0, 1], pa.uint64()), "day": pa.array([0, 1, 2], pa.date32()), "money": pa.array([Decimal(1), Decimal(2), Decimal(3)], pa.decimal128(9, 2)),
    "second": pa.array([0, 1, 2], pa.timestamp("ms")), "turn": pa.array([2**31 - 1, -(2**31), 5], pa.int32()),
    "nested": pa.array([{"bytes": b"x", "path": None}, None, {"bytes": None, "path": "y"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    "list": pa.array([[1], [], None], pa.list_(pa.int64())),
})
with pq.ParquetWriter(f"{sys.argv[1]}/groups.parquet", some.schema, use_dictionary=False, column_encoding={"turn": "DELTA_BINARY_PACKED"}, store_decimal_as_integer=True) as w:
    for part in (some[:0], some[:1], some[:0], some[1:]):
        w.write_table(part)
