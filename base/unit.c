/* unit.c - strict numbers with units, and back. */
#include "base/unit.h"

#include <stdio.h>

struct unit {
    const char *name;
    uint64_t size;
};

static const struct unit byte_units[] = {
    {"TiB", 1ull << 40},
    {"GiB", 1ull << 30},
    {"MiB", 1ull << 20},
    {"KiB", 1ull << 10},
    {"TB", 1000000000000ull},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"KB", 1000},
    {"B", 1},
    {"", 1},
};

/* Largest first: that is also the order in which they must be written. */
static const struct unit time_units[] = {
    {"y", 365 * 86400 * NS_PER_S},
    {"w", 7 * 86400 * NS_PER_S},
    {"d", 86400 * NS_PER_S},
    {"h", 3600 * NS_PER_S},
    {"m", 60 * NS_PER_S},
    {"s", NS_PER_S},
    {"ms", NS_PER_MS},
};

static size_t digits_at_front(struct str s)
{
    size_t n = 0;
    while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
        n++;
    return n;
}

static const struct unit *unit_find(const struct unit *units, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_from_c(units[i].name)))
            return &units[i];
    return NULL;
}

/* whole.fraction * size, exactly; false when that is no integer or too large. */
static bool scale_exact(struct str whole, struct str fraction, uint64_t size, uint64_t *out)
{
    uint64_t value, part = 0, ten = 1;
    if (!str_to_u64(whole, &value) || __builtin_mul_overflow(value, size, &value))
        return false;
    if (fraction.len) {
        if (fraction.len > 6 || !str_to_u64(fraction, &part))
            return false;
        for (size_t i = 0; i < fraction.len; i++)
            ten *= 10;
        if (__builtin_mul_overflow(part, size, &part) || part % ten != 0)
            return false;
    }
    return !__builtin_add_overflow(value, part / ten, out);
}

enum status unit_parse_bytes(struct str s, uint64_t *bytes, struct err *e)
{
    size_t whole = digits_at_front(s), end = whole;
    struct str fraction = {0};
    if (whole && whole < s.len && s.ptr[whole] == '.') {
        fraction = str_sub(s, whole + 1, whole + 1 + digits_at_front(str_sub(s, whole + 1, s.len)));
        end = whole + 1 + fraction.len;
    }
    const struct unit *unit = unit_find(byte_units, LEN(byte_units), str_sub(s, end, s.len));
    if (!unit || (end > whole && fraction.len == 0) ||
        !scale_exact(str_sub(s, 0, whole), fraction, unit->size, bytes))
        return err_set(e, ST_INVALID,
                       "'%.*s' is not a size: write whole bytes as 512, 64MiB or 1.5GB",
                       (int)MIN(s.len, (size_t)40), s.ptr);
    return ST_OK;
}

static enum status bad_duration(struct str s, struct err *e)
{
    return err_set(e, ST_INVALID, "'%.*s' is not a duration: write it as 250ms, 15s, 1h30m or 7d",
                   (int)MIN(s.len, (size_t)40), s.ptr);
}

enum status unit_parse_duration(struct str s, uint64_t *ns, struct err *e)
{
    uint64_t total = 0;
    const struct unit *next_allowed = time_units, *end = time_units + LEN(time_units);
    if (str_eq(s, STR("0"))) {
        *ns = 0;
        return ST_OK;
    }
    if (s.len == 0)
        return bad_duration(s, e);
    for (struct str rest = s; rest.len;) {
        size_t digits = digits_at_front(rest), stop = digits;
        while (stop < rest.len && rest.ptr[stop] >= 'a' && rest.ptr[stop] <= 'z')
            stop++;
        const struct unit *unit =
            unit_find(next_allowed, (size_t)(end - next_allowed), str_sub(rest, digits, stop));
        uint64_t part;
        if (!unit || !str_to_u64(str_sub(rest, 0, digits), &part) ||
            __builtin_mul_overflow(part, unit->size, &part) ||
            __builtin_add_overflow(total, part, &total))
            return bad_duration(s, e);
        next_allowed = unit + 1;
        rest = str_sub(rest, stop, rest.len);
    }
    *ns = total;
    return ST_OK;
}

enum status unit_parse_bool(struct str s, bool *out, struct err *e)
{
    bool yes = str_eq(s, STR("true"));
    if (!yes && !str_eq(s, STR("false")))
        return err_set(e, ST_INVALID, "'%.*s' is neither true nor false",
                       (int)MIN(s.len, (size_t)40), s.ptr);
    *out = yes;
    return ST_OK;
}

static bool is_host_char(char c, bool in_brackets)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' ||
           c == '-' || c == '_' || (in_brackets && (c == ':' || c == '%'));
}

enum status unit_parse_addr(struct str s, struct str *host, uint16_t *port, struct err *e)
{
    size_t colon = str_find_last(s, ':');
    struct str name = str_sub(s, 0, colon);
    bool bracketed = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (bracketed)
        name = str_sub(name, 1, name.len - 1);
    bool ok = colon < s.len;
    for (size_t i = 0; i < name.len; i++)
        ok = ok && is_host_char(name.ptr[i], bracketed);
    uint64_t number;
    if (!ok || !str_to_u64(str_sub(s, colon + 1, s.len), &number) || number > UINT16_MAX)
        return err_set(e, ST_INVALID, "'%.*s' is not an address: write HOST:PORT or [IPV6]:PORT",
                       (int)MIN(s.len, (size_t)80), s.ptr);
    *host = name;
    *port = (uint16_t)number;
    return ST_OK;
}

char *unit_format_duration(uint64_t ns, char *out, size_t cap)
{
    if (ns == 0) {
        snprintf(out, cap, "0s");
        return out;
    }
    out[0] = '\0';
    /* From days on: 90d says more than 12w6d. */
    const struct unit *end = time_units + LEN(time_units);
    for (const struct unit *unit = &time_units[2]; unit < end; unit++) {
        size_t len = strlen(out);
        if (ns >= unit->size)
            snprintf(out + len, cap - len, "%llu%s", (unsigned long long)(ns / unit->size),
                     unit->name);
        ns %= unit->size;
    }
    size_t len = strlen(out);
    if (ns)
        snprintf(out + len, cap - len, "%lluns", (unsigned long long)ns);
    return out;
}

char *unit_format_bytes(uint64_t bytes, char *out, size_t cap)
{
    size_t i = 0;
    while (i < 4 && (bytes == 0 || bytes % byte_units[i].size != 0))
        i++;
    const struct unit *unit = i < 4 ? &byte_units[i] : &byte_units[8];
    snprintf(out, cap, "%llu%s", (unsigned long long)(bytes / unit->size), unit->name);
    return out;
}
