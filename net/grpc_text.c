/* grpc_text.c - encodes what gRPC puts into header values. */
#include "net/grpc_text.h"

void grpc_message_encode(struct buf *out, struct str message)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < message.len; i++) {
        unsigned char c = (unsigned char)message.ptr[i];
        if (c >= 0x20 && c <= 0x7e && c != '%') {
            buf_append_u8(out, c);
            continue;
        }
        buf_append(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

void grpc_base64_encode(struct buf *out, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t have = MIN(bytes.len - i, (size_t)3);
        unsigned bits = (unsigned)in[i] << 16;
        bits |= have > 1 ? (unsigned)in[i + 1] << 8 : 0;
        bits |= have > 2 ? in[i + 2] : 0;
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63],
                        digits[bits & 63]};
        buf_append(out, four, have + 1);
    }
}

static uint64_t unit_ns(char unit)
{
    switch (unit) {
    case 'H':
        return 3600 * NS_PER_S;
    case 'M':
        return 60 * NS_PER_S;
    case 'S':
        return NS_PER_S;
    case 'm':
        return NS_PER_MS;
    case 'u':
        return 1000;
    case 'n':
        return 1;
    default:
        return 0;
    }
}

bool grpc_timeout_parse(struct str text, uint64_t *ns)
{
    uint64_t count;
    if (text.len < 2 || text.len > 9)
        return false;
    uint64_t unit = unit_ns(text.ptr[text.len - 1]);
    if (unit == 0 || !str_to_u64(str_sub(text, 0, text.len - 1), &count))
        return false;
    if (__builtin_mul_overflow(count, unit, ns))
        *ns = UINT64_MAX;
    return true;
}

static void append_field(struct buf *out, unsigned number, struct str bytes)
{
    buf_append_varint(out, (uint64_t)number << 3 | 2);
    buf_append_lenstr(out, bytes);
}

/* google.protobuf.Any{type_url, value: RetryInfo{retry_delay: Duration{seconds}}}. */
static void append_retry_info(struct buf *out, unsigned seconds)
{
    struct buf duration = {0}, info = {0}, any = {0};
    buf_append_varint(&duration, 1 << 3);
    buf_append_varint(&duration, seconds);
    append_field(&info, 1, buf_str(&duration));
    append_field(&any, 1, STR("type.googleapis.com/google.rpc.RetryInfo"));
    append_field(&any, 2, buf_str(&info));
    append_field(out, 3, buf_str(&any));
    buf_deinit(&duration);
    buf_deinit(&info);
    buf_deinit(&any);
}

void grpc_status_encode(struct buf *out, unsigned code, struct str message, unsigned retry_seconds)
{
    buf_append_varint(out, 1 << 3);
    buf_append_varint(out, code);
    append_field(out, 2, message);
    if (retry_seconds)
        append_retry_info(out, retry_seconds);
}
