/* derived_ask.c - matchers held against the names and bounds that derived series can have. */
#include "query/derived_ask.h"

#include "storage/edge_part.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    enum derived_part part;
    const char *suffix;
} parts[] = {{PART_BUCKET, "_bucket"}, {PART_SUM, "_sum"}, {PART_COUNT, "_count"}};

static bool name_wanted(const struct series_request *r, const char *name, const char *suffix)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "%s%s", name, suffix);
    for (uint32_t i = 0; i < r->matcher_count; i++)
        if (str_eq(r->matchers[i].name, LABEL_METRIC_NAME) &&
            !label_matcher_accepts(&r->matchers[i], (struct str){text, (size_t)len}))
            return false;
    return true;
}

static unsigned parts_of(const struct series_request *r, const struct derived_family *f,
                         bool native)
{
    unsigned wanted = 0;
    if (f->shape != SHAPE_LATENCY || native)
        return name_wanted(r, f->name, "") ? PART_PLAIN : 0;
    for (size_t i = 0; i < LEN(parts); i++)
        if (name_wanted(r, f->name, parts[i].suffix))
            wanted |= (unsigned)parts[i].part;
    return wanted;
}

/* --- bounds --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* `=` on le names a bound that nobody configured: in the unit of whatever family it belongs to. */
static uint32_t asked_bounds(const struct series_request *r, double unit, double *out, uint32_t cap)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->matcher_count && count < cap; i++) {
        const struct label_matcher *m = &r->matchers[i];
        double bound;
        if (m->op == MATCH_EQ && str_eq(m->name, STR("le")) && str_to_double(m->value, &bound) &&
            bound > 0 && isfinite(bound))
            out[count++] = bound / unit;
    }
    return count;
}

static enum status make_bounds(const struct derived_settings *s, bool milliseconds,
                               struct derived_ask *ask, struct err *e)
{
    enum { ASKED_MAX = 4 };
    double values[DERIVED_BUCKETS_MAX + ASKED_MAX + 1];
    uint32_t count = 0, *kept = &ask->bound_count[milliseconds];
    for (; count < s->bucket_count; count++)
        values[count] = s->buckets[count];
    count += asked_bounds(ask->request, milliseconds ? 1000 : 1, values + count, ASKED_MAX);
    qsort(values, count, sizeof(*values), by_value);
    values[count++] = INFINITY;
    struct derived_bound *out = arena_calloc(ask->request->arena, count, sizeof(*out));
    for (uint32_t i = 0; out && i < count; i++) {
        struct derived_bound *bound = &out[*kept];
        if (!derived_bound_make(values[i], milliseconds, ask->request->arena, bound))
            return err_set(e, ST_NO_MEMORY, "no memory for bucket bounds");
        if (!derived_ask_accepts_le(ask, bound->text) ||
            (*kept > 0 && str_eq(bound[-1].text, bound->text)))
            continue; /* "2.1" in ms is not to the last bit 0.0021 s */
        ask->cuts_buckets |= !derived_bound_is_exact(bound);
        ++*kept;
    }
    ask->bounds[milliseconds] = out;
    return out ? ST_OK : err_set(e, ST_NO_MEMORY, "no memory for bucket bounds");
}

static int by_index(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static enum status find_apart(struct derived_ask *ask, struct err *e)
{
    size_t all = 0, kept = 0, most = (size_t)ask->bound_count[0] + ask->bound_count[1];
    int32_t *out = arena_calloc(ask->request->arena, most + 1, sizeof(*out));
    for (size_t i = 0; i < derived_family_count; i++)
        if (ask->parts[i] && ask->native[i])
            return ST_OK;
    if (!out)
        return err_set(e, ST_NO_MEMORY, "no memory for bucket bounds");
    for (unsigned unit = 0; unit < 2; unit++)
        for (uint32_t i = 0; i < ask->bound_count[unit]; i++)
            out[all++] = ask->bounds[unit][i].index;
    if (all > 0)
        qsort(out, all, sizeof(*out), by_index);
    for (size_t i = 0; i < all; i++)
        if (kept == 0 || out[kept - 1] != out[i])
            out[kept++] = out[i];
    ask->apart = out;
    ask->apart_count = kept;
    return ST_OK;
}

enum status derived_ask_make(const struct derived_settings *settings,
                             const struct series_request *request, struct derived_ask *out,
                             bool *wanted, struct err *e)
{
    bool buckets = false;
    *wanted = false;
    *out = (struct derived_ask){.request = request};
    for (size_t i = 0; i < derived_family_count; i++) {
        const struct derived_family *f = &derived_families[i];
        out->native[i] =
            f->shape == SHAPE_LATENCY && (f->native || (settings->native && !f->milliseconds));
        out->parts[i] = parts_of(request, f, out->native[i]);
        *wanted |= out->parts[i] != 0;
        buckets |= (out->parts[i] & PART_BUCKET) != 0;
    }
    if (!*wanted)
        return ST_OK;
    TRY(make_bounds(settings, false, out, e));
    TRY(make_bounds(settings, true, out, e));
    TRY(find_apart(out, e));
    out->cuts_buckets &= buckets;
    return ST_OK;
}

/* --- labels --- */

static bool is_special(struct str name)
{
    return str_eq(name, LABEL_METRIC_NAME) || str_eq(name, STR("le"));
}

bool derived_ask_accepts(const struct derived_ask *ask, const struct label *labels, uint32_t count)
{
    const struct series_request *r = ask->request;
    for (uint32_t i = 0; i < r->matcher_count; i++) {
        if (!is_special(r->matchers[i].name) &&
            !label_matcher_accepts(&r->matchers[i], label_set_get((struct label_set){labels, count},
                                                                  r->matchers[i].name)))
            return false;
    }
    return true;
}

bool derived_ask_accepts_le(const struct derived_ask *ask, struct str le)
{
    const struct series_request *r = ask->request;
    for (uint32_t i = 0; i < r->matcher_count; i++)
        if (str_eq(r->matchers[i].name, STR("le")) && !label_matcher_accepts(&r->matchers[i], le))
            return false;
    return true;
}

static unsigned section_of(const struct derived_family *f)
{
    static const unsigned sections[] = {SECTION_CLIENT, SECTION_SERVER, SECTION_TRANSIT,
                                        SECTION_CLIENT | SECTION_SERVER};
    if (f->shape != SHAPE_LATENCY)
        return SECTION_COUNTS;
    return f->side == SIDE_OWN ? SECTION_COUNTS | sections[f->side] : sections[f->side];
}

unsigned derived_ask_sections(const struct derived_ask *ask, enum derived_rows rows)
{
    unsigned sections = 0;
    for (size_t i = 0; i < derived_family_count; i++)
        if (ask->parts[i] && derived_families[i].rows == rows)
            sections |= section_of(&derived_families[i]);
    return sections;
}
