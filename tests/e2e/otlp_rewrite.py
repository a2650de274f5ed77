"""otlp_rewrite.py - takes ExportTraceServiceRequests (protobuf) apart into single spans, changes them, and puts them together again."""

LENGTH = 2


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, payload):
    return varint(number << 3 | LENGTH) + varint(len(payload)) + payload


def fields(message):
    """[(number, wire type, value)]: value is bytes for length-delimited fields, else the raw bytes of the number."""
    out, at = [], 0
    while at < len(message):
        key, at = read_varint(message, at)
        kind = key & 7
        if kind == LENGTH:
            size, at = read_varint(message, at)
        elif kind == 0:
            size = read_varint(message, at)[1] - at
        else:
            size = {1: 8, 5: 4}[kind]
        out.append((key >> 3, kind, message[at:at + size]))
        at += size
    return out


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def message(parts):
    return b"".join(field(n, v) if kind == LENGTH else varint(n << 3 | kind) + v for n, kind, v in parts)


# Of each message that has text in it: {field: None for text, else the message below}.
VALUE = {1: None}
KEY_VALUE = {2: VALUE}
SPAN = {5: None, 9: KEY_VALUE}
RESOURCE = {1: KEY_VALUE}


def map_text(data, shape, change):
    """The message with each text of its values and names (not of its keys) changed."""
    return message([(n, kind, v if n not in shape or kind != LENGTH else change(v) if shape[n] is None else map_text(v, shape[n], change))
                    for n, kind, v in fields(data)])


class Span:
    """One span with the resource and the scope that it came under, each as bytes."""

    def __init__(self, resource, scope, span):
        self.resource, self.scope, self.span = resource, scope, span

    def map_text(self, change):
        self.resource, self.span = map_text(self.resource, RESOURCE, change), map_text(self.span, SPAN, change)

    def map_trace_id(self, change):
        links = lambda link: message([(n, k, change(v) if n == 1 else v) for n, k, v in fields(link)])
        self.span = message([(n, k, change(v) if n == 1 else links(v) if n == 13 else v) for n, k, v in fields(self.span)])

    def shift(self, ns):
        at = lambda v: (int.from_bytes(v, "little") + ns).to_bytes(8, "little")
        self.span = message([(n, k, at(v) if n in (7, 8) else v) for n, k, v in fields(self.span)])

    def text_of(self, key):
        """The value of a text attribute, or None."""
        for n, _, v in fields(self.span):
            if n == 9 and v.startswith(field(1, key.encode())):
                return dict((k, x) for k, _, x in fields(dict((k, x) for k, _, x in fields(v))[2])).get(1, b"").decode()

    def kind(self):
        return next((v[0] for n, _, v in fields(self.span) if n == 6), 0)

    def sender(self):
        """What tells one proxy or application from another, as bytes: the node id, else the resource."""
        return next((v for n, k, v in fields(self.span) if n == 9 and b"node_id" in v), self.resource)


def spans_of(request):
    out = []
    for n, _, resource_spans in fields(request):
        inside = fields(resource_spans)
        resource = next((v for k, _, v in inside if k == 1), b"")
        for k, _, scope_spans in inside:
            if n != 1 or k != 2:
                continue
            below = fields(scope_spans)
            scope = next((v for m, _, v in below if m == 1), b"")
            out += [Span(resource, scope, v) for m, _, v in below if m == 2]
    return out


def request_of(spans):
    return b"".join(field(1, field(1, s.resource) + field(2, field(1, s.scope) + field(2, s.span))) for s in spans)
