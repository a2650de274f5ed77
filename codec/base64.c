/* base64.c - decodes base64. */
#include "codec/base64.h"

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool base64_decode(struct str text, char *out, size_t *out_len)
{
    if (text.len % 4 == 0) {
        for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
            text.len--;
    }
    if (text.len % 4 == 1)
        return false;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[len++] = (char)(bits >> held);
        }
    }
    *out_len = len;
    return true;
}
