/* promql_number.c - reads and writes numbers as Go does, and durations as Prometheus does. */
#include "query/promql_number.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIGITS_MAX = 800 }; /* no double needs more than 767 */

/* Every '_' stands between digits, or between a base prefix and a digit. */
static bool underscores_fit(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '_')
            continue;
        bool is_behind_prefix = i == 2 && s.ptr[0] == '0' && (s.ptr[1] | 0x20) == 'x';
        if (i == 0 || i + 1 == s.len || !isxdigit((unsigned char)s.ptr[i + 1]) ||
            !(is_behind_prefix || isxdigit((unsigned char)s.ptr[i - 1])))
            return false;
    }
    return true;
}

static bool copy_digits(struct str s, char out[DIGITS_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '_')
            continue;
        if (len + 1 == DIGITS_MAX)
            return false;
        out[len++] = s.ptr[i];
    }
    out[len] = '\0';
    return len > 0;
}

static bool read_integer(const char *text, double *out)
{
    int base = text[0] != '0' || !text[1] ? 10 : (text[1] | 0x20) == 'x' ? 16 : 8;
    const char *digits = base == 16 ? text + 2 : text;
    int64_t value = 0;
    for (; *digits; digits++) {
        int digit = str_hex_digit(*digits);
        if (digit < 0 || digit >= base || __builtin_mul_overflow(value, (int64_t)base, &value) ||
            __builtin_add_overflow(value, (int64_t)digit, &value))
            return false;
    }
    *out = (double)value;
    return true;
}

enum promql_number_fault promql_number_read(struct str text, double *out)
{
    char digits[DIGITS_MAX];
    if (str_eq_nocase(text, STR("inf")) || str_eq_nocase(text, STR("nan"))) {
        *out = (text.ptr[0] | 0x20) == 'i' ? (double)INFINITY : (double)NAN;
        return NUMBER_OK;
    }
    if (!underscores_fit(text) || !copy_digits(text, digits))
        return NUMBER_SYNTAX;
    bool is_hex = digits[0] == '0' && (digits[1] | 0x20) == 'x';
    if (is_hex && !digits[2])
        return NUMBER_SYNTAX;
    if (read_integer(digits, out))
        return NUMBER_OK;
    char *end;
    *out = strtod(digits, &end);
    if (is_hex || *end)
        return NUMBER_SYNTAX;
    return isinf(*out) ? NUMBER_RANGE : NUMBER_OK;
}

static const struct {
    const char *name;
    int64_t ms;
    bool is_exact; /* written only when nothing is left: 90d is plainer than 12w6d */
} units[] = {
    {"y", INT64_C(365) * 24 * 3600000, true},
    {"w", INT64_C(7) * 24 * 3600000, true},
    {"d", INT64_C(24) * 3600000, false},
    {"h", 3600000, false},
    {"m", 60000, false},
    {"s", 1000, false},
    {"ms", 1, false},
};

static size_t unit_find(struct str name)
{
    size_t i = 0;
    while (i < LEN(units) && !str_eq(name, str_from_c(units[i].name)))
        i++;
    return i;
}

enum promql_number_fault promql_duration_read(struct str text, int64_t *ms, struct str *unit)
{
    size_t at = 0, next = 0;
    bool too_big = false;
    *ms = 0;
    while (at < text.len) {
        int64_t value = 0, part;
        size_t start = at;
        for (; at < text.len && isdigit((unsigned char)text.ptr[at]); at++)
            too_big |= __builtin_mul_overflow(value, INT64_C(10), &value) ||
                       __builtin_add_overflow(value, (int64_t)(text.ptr[at] - '0'), &value);
        size_t name_start = at;
        while (at < text.len && !isdigit((unsigned char)text.ptr[at]))
            at++;
        *unit = str_sub(text, name_start, at);
        size_t found = unit_find(*unit);
        if (start == name_start || unit->len == 0)
            return NUMBER_SYNTAX;
        if (found == LEN(units))
            return NUMBER_UNIT;
        if (found < next)
            return NUMBER_SYNTAX;
        too_big |= __builtin_mul_overflow(value, units[found].ms, &part) ||
                   __builtin_add_overflow(*ms, part, ms);
        next = found + 1;
    }
    /* Prometheus counts nanoseconds. */
    return too_big || *ms > INT64_MAX / 1000000 ? NUMBER_RANGE : NUMBER_OK;
}

void promql_duration_write(int64_t ms, struct buf *out)
{
    if (ms < 0)
        buf_append_u8(out, '-');
    uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    if (left == 0)
        buf_append_str(out, STR("0s"));
    for (size_t i = 0; i < LEN(units); i++) {
        uint64_t unit = (uint64_t)units[i].ms;
        if (left < unit || (units[i].is_exact && left % unit != 0))
            continue;
        buf_printf(out, "%llu%s", (unsigned long long)(left / unit), units[i].name);
        left %= unit;
    }
}

/* The shortest digits that read back equal, as "d.ddde+xx". */
static void shortest(double v, char *out, size_t cap)
{
    for (int digits = 0; digits <= 17; digits++) {
        snprintf(out, cap, "%.*e", digits, v);
        if (strtod(out, NULL) == v)
            return;
    }
}

void promql_number_write(double v, struct buf *out)
{
    char text[40], digits[20];
    size_t len = 0;
    if (!isfinite(v)) {
        buf_append_str(out, isnan(v) ? STR("NaN") : v > 0 ? STR("+Inf") : STR("-Inf"));
        return;
    }
    if (signbit(v))
        buf_append_u8(out, '-');
    shortest(fabs(v), text, sizeof(text));
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at != '.')
            digits[len++] = *at;
    int point = atoi(at + 1) + 1; /* digits before the point */
    if (point <= 0)
        buf_append_str(out, STR("0."));
    for (; point < 0; point++)
        buf_append_u8(out, '0');
    for (int i = 0; i < (int)len || i < point; i++) {
        if (i == point && point > 0)
            buf_append_u8(out, '.');
        buf_append_u8(out, (uint8_t)(i < (int)len ? digits[i] : '0'));
    }
}
