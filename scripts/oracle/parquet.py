"""Writes internal/parquet/testdata/kinds.parquet with pyarrow: a column for each encoding, with and without gaps, in two row groups
of pages of every codec. The test knows the values: row i holds i·7 mod 31, and nothing where i mod 5 is 3 in the columns with gaps.

    python scripts/oracle/parquet.py internal/parquet/testdata
"""
import sys

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
