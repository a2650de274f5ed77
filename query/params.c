/* params.c - reads a query string strictly: whatever is not understood is named in the answer. */
#include "query/params.h"
#include "base/clock.h"
#include "base/unit.h"
#include <math.h>

enum { SHOWN_BYTES = 40 };                        /* of a peer's text in a sentence */
#define LATEST_S      (UINT64_MAX / NS_PER_S - 1) /* in 2554: times are 64 bits of ns */
#define DEFAULT_RANGE (15 * 60 * NS_PER_S)
#define ALLOWED_TIMES "Unix seconds, RFC 3339 or relative like -15m is allowed"

static struct str shown(struct str s)
{
    return str_sub(s, 0, SHOWN_BYTES);
}

/* "parameter 'depth' is 'x': " and the sentence about what is allowed. */
static enum status bad_value(const char *name, struct str value, const char *allowed, struct err *e)
{
    return err_set(e, ST_INVALID, "parameter '%s' is '%.*s': %s", name, STR_ARG(shown(value)),
                   allowed);
}

static bool needs_decoding(struct str text, bool plus_is_space)
{
    return str_find(text, '%') < text.len || (plus_is_space && str_find(text, '+') < text.len);
}

bool params_decode(struct str text, bool plus_is_space, struct arena *arena, struct str *out)
{
    *out = text;
    if (!needs_decoding(text, plus_is_space))
        return true;
    struct str copy = arena_dup_str(arena, text);
    *out = copy;
    if (!copy.ptr)
        return true;
    char *to = (char *)copy.ptr;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? str_hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? str_hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        *to++ = c;
    }
    out->len = (size_t)(to - copy.ptr);
    return true;
}

/* "start, end, last" as far as a sentence has room. */
static void list_specs(const struct param_spec *specs, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = 0;
    for (; specs->name && len + strlen(specs->name) + 3 < cap; specs++) {
        len += (size_t)(stpcpy(stpcpy(out + len, len ? ", " : ""), specs->name) - (out + len));
    }
}

static enum status check_name(const struct params *p, struct str name,
                              const struct param_spec *specs, struct err *e)
{
    const struct param_spec *spec = specs;
    while (spec->name && !str_eq(name, str_from_c(spec->name)))
        spec++;
    if (!spec->name) {
        char allowed[120];
        list_specs(specs, allowed, sizeof(allowed));
        return err_set(e, ST_INVALID, "unknown parameter '%.*s': this call takes %s",
                       STR_ARG(shown(name)), allowed[0] ? allowed : "none");
    }
    struct str before;
    if (!spec->repeatable && params_find(p, spec->name, &before))
        return err_set(e, ST_INVALID, "parameter '%s' is given twice: once is allowed", spec->name);
    return ST_OK;
}

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for the parameters");
}

static enum status decode_pair(struct params *p, struct str pair, struct param *out, struct err *e)
{
    struct str name, value;
    str_cut(pair, '=', &name, &value);
    if (!params_decode(name, true, p->arena, &out->name) ||
        !params_decode(value, true, p->arena, &out->value))
        return err_set(e, ST_INVALID,
                       "parameter '%.*s' has a bad percent escape: two hex digits must follow %%",
                       STR_ARG(shown(name)));
    if ((name.len && !out->name.ptr) || (value.len && !out->value.ptr))
        return no_memory(e);
    return ST_OK;
}

/* `specs` NULL: any name. */
static enum status add_pair(struct params *p, struct str pair, const struct param_spec *specs,
                            size_t max, struct err *e)
{
    struct param param;
    TRY(decode_pair(p, pair, &param, e));
    if (specs)
        TRY(check_name(p, param.name, specs, e));
    if (p->len == max)
        return err_set(e, ST_INVALID, "more than %zu parameters", max);
    p->items[p->len++] = param;
    return ST_OK;
}

static enum status add_pairs(struct params *p, struct str query, const struct param_spec *specs,
                             size_t max, struct err *e)
{
    while (query.len) {
        struct str pair;
        str_cut(query, '&', &pair, &query);
        if (pair.len)
            TRY(add_pair(p, pair, specs, max, e));
    }
    return ST_OK;
}

static size_t count_pairs(struct str query)
{
    size_t n = 1;
    for (size_t i = 0; i < query.len; i++)
        n += query.ptr[i] == '&';
    return n;
}

enum status params_parse(struct str query, const struct param_spec *specs, struct arena *arena,
                         uint64_t now_ns, struct params *out, struct err *e)
{
    *out = (struct params){.arena = arena, .now_ns = now_ns};
    size_t most = MIN(count_pairs(query), (size_t)PARAMS_MAX);
    out->items = arena_calloc(arena, most, sizeof(*out->items));
    return out->items ? add_pairs(out, query, specs, PARAMS_MAX, e) : no_memory(e);
}

enum status params_parse_lax(struct str form, struct str query, struct arena *arena,
                             uint64_t now_ns, struct params *out, struct err *e)
{
    *out = (struct params){.arena = arena, .now_ns = now_ns};
    size_t most = MIN(count_pairs(form) + count_pairs(query), (size_t)PARAMS_LAX_MAX);
    out->items = arena_calloc(arena, most, sizeof(*out->items));
    if (!out->items)
        return no_memory(e);
    TRY(add_pairs(out, form, NULL, PARAMS_LAX_MAX, e));
    return add_pairs(out, query, NULL, PARAMS_LAX_MAX, e);
}

bool params_find(const struct params *p, const char *name, struct str *out)
{
    for (size_t i = 0; i < p->len; i++)
        if (str_eq(p->items[i].name, str_from_c(name))) {
            *out = p->items[i].value;
            return true;
        }
    return false;
}

enum status params_all(const struct params *p, const char *name, struct str_list *out,
                       struct err *e)
{
    struct str *items = arena_calloc(p->arena, p->len + 1, sizeof(*items));
    if (!items)
        return no_memory(e);
    *out = (struct str_list){.items = items};
    for (size_t i = 0; i < p->len; i++)
        if (str_eq(p->items[i].name, str_from_c(name)))
            items[out->len++] = p->items[i].value;
    return ST_OK;
}

enum status params_u64(const struct params *p, const char *name, uint64_t min, uint64_t max,
                       uint64_t fallback, uint64_t *out, struct err *e)
{
    struct str value;
    *out = fallback;
    if (!params_find(p, name, &value))
        return ST_OK;
    if (str_to_u64(value, out) && *out >= min && *out <= max)
        return ST_OK;
    return err_set(e, ST_INVALID,
                   "parameter '%s' is '%.*s': a whole number from %llu to %llu is allowed", name,
                   STR_ARG(shown(value)), (unsigned long long)min, (unsigned long long)max);
}

static bool word_index(struct str value, const char *const *words, unsigned *out)
{
    for (unsigned i = 0; words[i]; i++)
        if (str_eq(value, str_from_c(words[i]))) {
            *out = i;
            return true;
        }
    return false;
}

static enum status bad_word(const char *name, struct str value, const char *const *words,
                            struct err *e)
{
    char allowed[100] = "";
    for (size_t i = 0, len = 0; words[i] && len + strlen(words[i]) + 3 < sizeof(allowed); i++)
        len = (size_t)(stpcpy(stpcpy(allowed + len, i ? ", " : ""), words[i]) - allowed);
    return err_set(e, ST_INVALID, "parameter '%s' is '%.*s': allowed are %s", name,
                   STR_ARG(shown(value)), allowed);
}

enum status params_word(const struct params *p, const char *name, const char *const *words,
                        unsigned fallback, unsigned *out, struct err *e)
{
    struct str value;
    *out = fallback;
    if (!params_find(p, name, &value) || word_index(value, words, out))
        return ST_OK;
    return bad_word(name, value, words, e);
}

enum status params_word_set(const struct params *p, const char *name, const char *const *words,
                            unsigned fallback, unsigned *out, struct err *e)
{
    struct str rest;
    *out = fallback;
    if (!params_find(p, name, &rest))
        return ST_OK;
    bool more = rest.len > 0;
    for (*out = 0; more;) {
        struct str word;
        unsigned index;
        more = str_cut(rest, ',', &word, &rest);
        if (!word_index(word, words, &index))
            return bad_word(name, word, words, e);
        *out |= 1u << index;
    }
    return ST_OK;
}

enum status params_quantiles(const struct params *p, const char *name, double *out, size_t cap,
                             size_t *len, struct err *e)
{
    struct str rest, value;
    *len = 0;
    if (!params_find(p, name, &rest))
        return ST_OK;
    bool more = true;
    while (more) {
        more = str_cut(rest, ',', &value, &rest);
        double q;
        if (!str_to_double(value, &q) || !(q >= 0 && q <= 1))
            return bad_value(name, value, "numbers from 0 to 1, joined by commas, are allowed", e);
        if (*len == cap)
            return err_set(e, ST_INVALID,
                           "parameter '%s' has too many numbers: at most %zu are allowed", name,
                           cap);
        out[(*len)++] = q;
    }
    return ST_OK;
}

/* --- times --- */

static bool whole_seconds(struct str text, uint64_t *out)
{
    uint64_t ns;
    if (str_to_u64(text, out))
        return true;
    if (unit_parse_duration(text, &ns, NULL) != ST_OK || ns % NS_PER_S)
        return false;
    *out = ns / NS_PER_S;
    return true;
}

enum status params_seconds(const struct params *p, const char *name, uint32_t max, uint32_t *out,
                           struct err *e)
{
    struct str value;
    uint64_t seconds = 0;
    *out = 0;
    if (!params_find(p, name, &value))
        return ST_OK;
    if (!whole_seconds(value, &seconds) || seconds < 1 || seconds > max)
        return err_set(e, ST_INVALID,
                       "parameter '%s' is '%.*s': whole seconds from 1 to %u, or a duration like "
                       "1m or 1h30m, are allowed",
                       name, STR_ARG(shown(value)), max);
    *out = (uint32_t)seconds;
    return ST_OK;
}

static bool relative_time(struct str text, uint64_t now_ns, uint64_t *out)
{
    uint64_t ago;
    if (unit_parse_duration(str_sub(text, 1, text.len), &ago, NULL) != ST_OK)
        return false;
    *out = ago < now_ns ? now_ns - ago : 0;
    return true;
}

static bool unix_time(struct str text, uint64_t *out)
{
    double seconds;
    if (!str_to_double(text, &seconds) || !(seconds >= 0 && seconds <= (double)LATEST_S))
        return false;
    double whole = floor(seconds);
    *out = (uint64_t)whole * NS_PER_S + (uint64_t)((seconds - whole) * 1e9);
    return true;
}

static enum status read_time(const struct params *p, const char *name, bool *found, uint64_t *out,
                             struct err *e)
{
    struct str text;
    *found = params_find(p, name, &text);
    if (!*found)
        return ST_OK;
    if (text.len && text.ptr[0] == '-' ? relative_time(text, p->now_ns, out)
                                       : unix_time(text, out) || clock_parse_rfc3339(text, out))
        return ST_OK;
    return bad_value(name, text, ALLOWED_TIMES, e);
}

static enum status read_last(const struct params *p, bool *found, uint64_t *start_ns, struct err *e)
{
    struct str text;
    uint64_t ago;
    *found = params_find(p, "last", &text);
    if (!*found)
        return ST_OK;
    if (unit_parse_duration(text, &ago, NULL) != ST_OK)
        return bad_value("last", text, "a duration like 15m or 1h30m is allowed", e);
    *start_ns = ago < p->now_ns ? p->now_ns - ago : 0;
    return ST_OK;
}

enum status params_range(const struct params *p, struct time_range *out, struct err *e)
{
    bool has_start, has_end, has_last;
    uint64_t start = 0, end = p->now_ns, last = 0;
    TRY(read_time(p, "start", &has_start, &start, e));
    TRY(read_time(p, "end", &has_end, &end, e));
    TRY(read_last(p, &has_last, &last, e));
    if (has_start && has_last)
        return err_set(e, ST_INVALID,
                       "parameter 'last' is short for 'start': only one of them is allowed");
    if (has_last)
        start = last;
    else if (!has_start)
        start = end > DEFAULT_RANGE ? end - DEFAULT_RANGE : 0;
    if (end < start)
        return err_set(e, ST_INVALID, "parameter 'end' is before 'start': a later time is allowed");
    out->start_s = start / NS_PER_S;
    out->end_s = MAX(end / NS_PER_S + (end % NS_PER_S > 0), out->start_s + 1);
    return ST_OK;
}
