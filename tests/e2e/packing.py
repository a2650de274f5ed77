"""packing.py - compressed bodies by the libraries that weft itself links (ctypes); the framing of Snappy by hand."""
import ctypes, gzip, zlib


def _lz4(data):
    lib = ctypes.CDLL("liblz4.so.1")
    lib.LZ4F_compressFrameBound.restype = lib.LZ4F_compressFrame.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(lib.LZ4F_compressFrameBound(ctypes.c_size_t(len(data)), None))
    n = lib.LZ4F_compressFrame(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)), None)
    return out.raw[:n]


def _zstd(data):
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_compressBound.restype = lib.ZSTD_compress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(lib.ZSTD_compressBound(ctypes.c_size_t(len(data))))
    n = lib.ZSTD_compress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:n]


def _snappy(data):
    lib = ctypes.CDLL("libsnappy.so.1")
    lib.snappy_max_compressed_length.restype = ctypes.c_size_t
    n = ctypes.c_size_t(lib.snappy_max_compressed_length(ctypes.c_size_t(len(data))))
    out = ctypes.create_string_buffer(n.value)
    assert lib.snappy_compress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(n)) == 0
    return out.raw[:n.value]


def masked_crc(data):
    """CRC-32C as framing_format.txt masks it, little endian."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    crc ^= 0xffffffff
    return ((crc >> 15 | crc << 17) + 0xa282ead8 & 0xffffffff).to_bytes(4, "little")


def _snappy_framed(data):
    """framing_format.txt: the name of the format, then chunks of at most 64 KiB, each with the masked checksum of what is in it."""
    out = b"\xff\x06\x00\x00sNaPpY"
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        body = masked_crc(piece) + _snappy(piece)
        out += b"\x00" + len(body).to_bytes(3, "little") + body
    return out


HTTP = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "zlib": zlib.compress, "zstd": _zstd, "snappy": _snappy,
        "x-snappy-framed": _snappy_framed, "lz4": _lz4, "identity": bytes}
GRPC = {"gzip": gzip.compress, "zstd": _zstd, "snappy": _snappy_framed}
