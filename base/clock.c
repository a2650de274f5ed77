/* clock.c - the system's clocks, or what a test set; RFC 3339 both ways. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic uint64_t fixed_wall_ns, fixed_mono_ns;

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0 || t.tv_sec < 0)
        return 0;
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_wall_ns(void)
{
    uint64_t fixed = atomic_load_explicit(&fixed_wall_ns, memory_order_relaxed);
    return fixed ? fixed : read_clock(CLOCK_REALTIME);
}

uint64_t clock_mono_ns(void)
{
    uint64_t fixed = atomic_load_explicit(&fixed_mono_ns, memory_order_relaxed);
    return fixed ? fixed : read_clock(CLOCK_MONOTONIC);
}

void clock_set_ns(uint64_t wall_ns, uint64_t mono_ns)
{
    atomic_store(&fixed_wall_ns, wall_ns);
    atomic_store(&fixed_mono_ns, mono_ns);
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Leap days of the years 1 to `year`, as if the calendar of today had always been. */
static int64_t leaps_until(int64_t year)
{
    return year / 4 - year / 100 + year / 400;
}

/* Days from 1970-01-01, for years from 1 on. */
static int64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    int64_t days =
        ((int64_t)year - 1970) * 365 + leaps_until((int64_t)year - 1) - leaps_until(1969);
    for (unsigned m = 1; m < month; m++)
        days += days_in_month(year, m);
    return days + day - 1;
}

/* Takes exactly `width` digits off the front. */
static bool take_digits(struct str *s, size_t width, unsigned max, unsigned *out)
{
    uint64_t value;
    if (s->len < width || !str_to_u64(str_sub(*s, 0, width), &value) || value > max)
        return false;
    *out = (unsigned)value;
    *s = str_sub(*s, width, s->len);
    return true;
}

static bool take_char(struct str *s, const char *any_of)
{
    if (s->len == 0 || s->ptr[0] == '\0' || !strchr(any_of, s->ptr[0]))
        return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

/* ".5": digits after the ninth are cut off. No dot is fine. */
static bool take_fraction(struct str *s, uint64_t *ns)
{
    *ns = 0;
    if (!take_char(s, "."))
        return true;
    size_t digits = 0;
    uint64_t scale = NS_PER_S;
    while (digits < s->len && s->ptr[digits] >= '0' && s->ptr[digits] <= '9') {
        scale /= 10;
        *ns += scale * (uint64_t)(s->ptr[digits++] - '0');
    }
    *s = str_sub(*s, digits, s->len);
    return digits > 0;
}

/* "Z" or "+01:00"; seconds to subtract. */
static bool take_offset(struct str *s, int64_t *offset_s)
{
    *offset_s = 0;
    if (take_char(s, "Zz"))
        return true;
    bool west = s->len && s->ptr[0] == '-';
    unsigned hours, minutes;
    if (!take_char(s, "+-") || !take_digits(s, 2, 23, &hours) || !take_char(s, ":") ||
        !take_digits(s, 2, 59, &minutes))
        return false;
    *offset_s = (int64_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

/* Seconds since 1970, before it negative, and nanoseconds on top. */
static bool parse_rfc3339(struct str s, int64_t *seconds, uint64_t *fraction)
{
    unsigned year, month, day, hour, minute, second;
    int64_t offset;
    if (!take_digits(&s, 4, 9999, &year) || !take_char(&s, "-") ||
        !take_digits(&s, 2, 12, &month) || !take_char(&s, "-") || !take_digits(&s, 2, 31, &day) ||
        !take_char(&s, "Tt ") || !take_digits(&s, 2, 23, &hour) || !take_char(&s, ":") ||
        !take_digits(&s, 2, 59, &minute) || !take_char(&s, ":") ||
        !take_digits(&s, 2, 60, &second) || !take_fraction(&s, fraction) ||
        !take_offset(&s, &offset) || s.len)
        return false;
    if (year == 0 || month == 0 || day == 0 || day > days_in_month(year, month))
        return false;
    *seconds =
        days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
    return true;
}

bool clock_parse_rfc3339(struct str s, uint64_t *wall_ns)
{
    int64_t seconds;
    uint64_t fraction, ns;
    if (!parse_rfc3339(s, &seconds, &fraction) || seconds < 0 ||
        __builtin_mul_overflow((uint64_t)seconds, NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, fraction, &ns))
        return false;
    *wall_ns = ns;
    return true;
}

bool clock_parse_rfc3339_ms(struct str s, int64_t *unix_ms)
{
    int64_t seconds;
    uint64_t fraction;
    if (!parse_rfc3339(s, &seconds, &fraction))
        return false;
    *unix_ms = seconds * 1000 + (int64_t)(fraction / NS_PER_MS);
    return true;
}

char *clock_format_rfc3339(uint64_t wall_ns, char *out, size_t cap)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm t;
    gmtime_r(&seconds, &t);
    snprintf(out, cap, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", t.tm_year + 1900, t.tm_mon + 1,
             t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, (unsigned)(wall_ns % NS_PER_S / NS_PER_MS));
    return out;
}
