/* utf8.c - replaces what is not UTF-8 by U+FFFD. */
#include "codec/utf8.h"

static const char replacement[] = {(char)0xef, (char)0xbf, (char)0xbd};

/* What may follow a lead byte (Unicode 15, table 3-7): how many bytes in all, and the range of the
 * second one. */
struct lead {
    uint8_t bytes, second_min, second_max;
};

static struct lead lead_of(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){1, 0, 0};
    if (byte < 0xc2 || byte > 0xf4)
        return (struct lead){0, 0, 0};
    if (byte < 0xe0)
        return (struct lead){2, 0x80, 0xbf};
    if (byte < 0xf0)
        return (struct lead){3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
    return (struct lead){4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
}

/* Length of the sequence at s[0]; *valid tells whether it is a character or the longest start of
 * one. */
static size_t sequence_length(const uint8_t *s, size_t left, bool *valid)
{
    struct lead lead = lead_of(s[0]);
    *valid = false;
    if (lead.bytes == 0)
        return 1;
    for (size_t i = 1; i < lead.bytes; i++) {
        uint8_t min = i == 1 ? lead.second_min : 0x80, max = i == 1 ? lead.second_max : 0xbf;
        if (i == left || s[i] < min || s[i] > max)
            return i;
    }
    *valid = true;
    return lead.bytes;
}

/* Writes the repaired text to out (NULL: only counts); returns its length. */
static size_t write_repaired(struct str s, char *out)
{
    size_t written = 0;
    for (size_t at = 0; at < s.len;) {
        bool valid;
        size_t len = sequence_length((const uint8_t *)s.ptr + at, s.len - at, &valid);
        const char *from = valid ? s.ptr + at : replacement;
        size_t bytes = valid ? len : sizeof(replacement);
        if (out)
            memcpy(out + written, from, bytes);
        written += bytes;
        at += len;
    }
    return written;
}

bool utf8_repair(struct arena *arena, struct str *s)
{
    if (utf8_is_ascii(*s) || str_is_utf8(*s))
        return true;
    size_t len = write_repaired(*s, NULL);
    char *copy = arena_alloc(arena, len);
    if (!copy)
        return false;
    write_repaired(*s, copy);
    *s = (struct str){copy, len};
    return true;
}
