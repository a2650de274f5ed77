"""remote_write.py - writes Prometheus remote write 1.0 bodies: protobuf and snappy (literals only) by hand, standard library only."""
import struct

STALE_BYTES = struct.pack("<Q", 0x7FF0000000000002)


class Stale:
    """Stands for the staleness marker among values; a float would lose its bits."""


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def snappy(data):
    """The block format with literals alone: nothing is compressed, every reader takes it."""
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
    return bytes(out)


def label_bytes(labels):
    return b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))


class Times:
    """The end of a sample of each time, made once: most series share their times."""

    def __init__(self):
        self.tails = {}

    def sample(self, value, time_ms):
        tail = self.tails.get(time_ms)
        if tail is None:
            tail = self.tails[time_ms] = b"\x10" + varint(time_ms)
        bits = STALE_BYTES if value is Stale else struct.pack("<d", value)
        return b"\x12" + bytes([9 + len(tail)]) + b"\x09" + bits + tail


def exemplar_bytes(labels, value, time_ms):
    return field(3, label_bytes(labels) + b"\x11" + struct.pack("<d", value) + b"\x18" + varint(time_ms))


METRIC_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")


def metadata_bytes(metric, kind, text, unit=""):
    return field(3, b"\x08" + varint(METRIC_TYPES.index(kind)) + field(2, metric.encode()) + field(4, text.encode()) + field(5, unit.encode()))


def write_request(series, metadata=(), exemplars=None):
    """[(labels, [(time_ms, value)])] -> body; `exemplars`: index of a series -> [(labels, value, time_ms)]."""
    times = Times()
    body = bytearray()
    for i, (labels, samples) in enumerate(series):
        one = bytearray(label_bytes(labels))
        for t, v in samples:
            one += times.sample(v, t)
        for x in (exemplars or {}).get(i, ()):
            one += exemplar_bytes(*x)
        body += field(1, bytes(one))
    for m in metadata:
        body += metadata_bytes(*m)
    return snappy(bytes(body))


HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
