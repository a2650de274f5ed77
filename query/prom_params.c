/* prom_params.c - times, durations, limits and selectors out of the parameters of Prometheus' API.
 */
#include "query/prom_params.h"
#include "query/promql_quote.h"
#include "base/clock.h"
#include "base/unit.h"
#include <math.h>

static bool find_filled(const struct params *p, const char *name, struct str *out)
{
    *out = (struct str){0};
    return params_find(p, name, out) && out->len;
}

/* As Go reads a float: a plus in front is allowed, and one side of the point may be empty. */
static bool read_float(struct str text, double *out)
{
    char whole[64];
    if (str_starts_with(text, STR("+")))
        text = str_sub(text, 1, text.len);
    size_t point = str_find(text, '.');
    if (point + 1 == text.len && text.len > 1)
        return str_to_double(str_sub(text, 0, point), out);
    if (!str_starts_with(text, STR(".")) || text.len + 2 > sizeof(whole))
        return str_to_double(text, out);
    whole[0] = '0';
    str_to_c(text, whole + 1, sizeof(whole) - 1);
    return str_to_double(str_from_c(whole), out);
}

/* --- times --- */

static int64_t ms_of_seconds(double seconds)
{
    double whole = trunc(seconds);
    double ms = whole * 1000 + round((seconds - whole) * 1000);
    return (int64_t)MAX(MIN(ms, (double)PROM_TIME_MAX_MS), (double)PROM_TIME_MIN_MS);
}

/* The bounds of time as Prometheus prints them, which no reader of RFC 3339 takes. */
static bool read_bound(struct str text, int64_t *out_ms)
{
    bool is_min = str_eq(text, STR("-292273086-05-16T16:47:06Z"));
    if (!is_min && !str_eq(text, STR("292277025-08-18T07:12:54.999999999Z")))
        return false;
    *out_ms = is_min ? PROM_TIME_MIN_MS : PROM_TIME_MAX_MS;
    return true;
}

static bool read_time(struct str text, int64_t *out_ms)
{
    double seconds;
    if (read_float(text, &seconds)) {
        *out_ms = ms_of_seconds(seconds);
        return true;
    }
    return clock_parse_rfc3339_ms(text, out_ms) || read_bound(text, out_ms);
}

enum status prom_param_time(const struct params *p, const char *name, int64_t *out_ms,
                            struct err *e)
{
    struct str text;
    find_filled(p, name, &text);
    if (read_time(text, out_ms))
        return ST_OK;
    char quoted[PROMQL_SHOWN_BYTES];
    return err_set(e, ST_INVALID, "invalid parameter \"%s\": cannot parse %s to a valid timestamp",
                   name, promql_quote_shown(text, quoted));
}

enum status prom_param_time_or(const struct params *p, const char *name, int64_t fallback_ms,
                               int64_t *out_ms, struct err *e)
{
    struct str text;
    *out_ms = fallback_ms;
    if (!find_filled(p, name, &text) || read_time(text, out_ms))
        return ST_OK;
    char quoted[PROMQL_SHOWN_BYTES];
    return err_set(e, ST_INVALID,
                   "invalid parameter \"%s\": invalid time value for '%s': cannot parse %s to a "
                   "valid timestamp",
                   name, name, promql_quote_shown(text, quoted));
}

enum status prom_param_range(const struct params *p, int64_t *start_ms, int64_t *end_ms,
                             struct err *e)
{
    TRY(prom_param_time_or(p, "start", PROM_TIME_MIN_MS, start_ms, e));
    return prom_param_time_or(p, "end", PROM_TIME_MAX_MS, end_ms, e);
}

/* --- durations --- */

enum status prom_read_duration(struct str text, int64_t *out_ns, struct err *e)
{
    double seconds;
    uint64_t ns;
    bool is_number = read_float(text, &seconds);
    if (is_number && fabs(seconds) * 1e9 < (double)INT64_MAX) {
        *out_ns = (int64_t)(seconds * 1e9);
        return ST_OK;
    }
    if (!is_number && unit_parse_duration(text, &ns, NULL) == ST_OK && ns <= INT64_MAX) {
        *out_ns = (int64_t)ns;
        return ST_OK;
    }
    char quoted[PROMQL_SHOWN_BYTES];
    return err_set(e, ST_INVALID, "cannot parse %s to a valid duration%s",
                   promql_quote_shown(text, quoted), is_number ? ". It overflows int64" : "");
}

enum status prom_param_duration(const struct params *p, const char *name, int64_t *out_ns,
                                struct err *e)
{
    struct str text;
    struct err inner = {0};
    find_filled(p, name, &text);
    if (prom_read_duration(text, out_ns, &inner) == ST_OK)
        return ST_OK;
    return err_set(e, ST_INVALID, "invalid parameter \"%s\": %s", name, inner.msg);
}

enum status prom_param_duration_or_0(const struct params *p, const char *name, int64_t *out_ns,
                                     struct err *e)
{
    struct str text;
    *out_ns = 0;
    return find_filled(p, name, &text) ? prom_param_duration(p, name, out_ns, e) : ST_OK;
}

/* --- limit --- */

enum status prom_param_limit(const struct params *p, uint64_t *out, struct err *e)
{
    struct str text;
    int64_t limit = 0;
    *out = 0;
    if (!find_filled(p, "limit", &text))
        return ST_OK;
    char quoted[PROMQL_SHOWN_BYTES];
    if (!str_to_i64(text, &limit))
        return err_set(e, ST_INVALID,
                       "invalid parameter \"limit\": strconv.Atoi: parsing %s: invalid syntax",
                       promql_quote_shown(text, quoted));
    if (limit < 0)
        return err_set(e, ST_INVALID, "invalid parameter \"limit\": limit must be non-negative");
    *out = (uint64_t)limit;
    return ST_OK;
}

/* --- match[] --- */

static size_t regex_bytes_of(const struct promql_selector *s)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < s->matcher_count; i++)
        if (s->matchers[i].regex)
            bytes += regex_bytes(s->matchers[i].regex);
    return bytes;
}

static enum status add_selector(struct prom_selectors *s, struct str text, struct arena *arena,
                                struct err *e)
{
    struct promql_node *node = NULL;
    struct err inner = {0};
    enum status status = promql_parse_selector(text, arena, &node, &inner);
    if (status == ST_INVALID)
        return err_set(e, status, "invalid parameter \"match[]\": %s", inner.msg);
    if (status != ST_OK)
        return err_set(e, status, "%s", inner.msg);
    s->items[s->len++] = node;
    s->regex_bytes += regex_bytes_of(&node->selector);
    if (s->regex_bytes > PROMQL_REGEX_BYTES_MAX)
        return err_set(e, ST_INVALID,
                       "invalid parameter \"match[]\": regular expressions take more than %d MiB",
                       PROMQL_REGEX_BYTES_MAX / MIB);
    return ST_OK;
}

enum status prom_param_selectors(const struct params *p, struct prom_selectors *out, struct err *e)
{
    struct str_list texts;
    *out = (struct prom_selectors){0};
    TRY(params_all(p, "match[]", &texts, e));
    out->items = arena_calloc(p->arena, texts.len + 1, sizeof(struct promql_node *));
    if (!out->items)
        return err_set(e, ST_NO_MEMORY, "no memory for the selectors");
    for (size_t i = 0; i < texts.len; i++)
        TRY(add_selector(out, texts.items[i], p->arena, e));
    return ST_OK;
}

enum status prom_selectors_check(const struct prom_selectors *s, struct err *e)
{
    for (size_t i = 0; i < s->len; i++)
        if (promql_selector_is_wide(&s->items[i]->selector))
            return err_set(e, ST_INVALID,
                           "invalid parameter \"match[]\": match[] must contain at least one "
                           "non-empty matcher");
    return ST_OK;
}

void prom_selectors_deinit(struct prom_selectors *s)
{
    for (size_t i = 0; i < s->len; i++)
        promql_free(s->items[i]);
    s->len = 0;
}
