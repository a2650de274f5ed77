/* native_text.c - reads and compares native histograms in the notation of Prometheus' scripts. */
#include "tests/support/native_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 4096, LIST_MAX = 128 };

static void give_up(const char *why, const char *text)
{
    fprintf(stderr, "native histogram in a test: %s: %s\n", why, text);
    abort();
}

/* Text behind `name:`, which stands at the front or behind a blank; NULL when it is missing. */
static const char *find_member(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
        if (at[length] == ':' && at > text && (at[-1] == ' ' || at[-1] == '{'))
            return at + length + 1;
    return NULL;
}

static double number_of(const char *text, const char *name)
{
    const char *at = find_member(text, name);
    return at ? strtod(at, NULL) : 0;
}

static uint32_t list_of(const char *text, const char *name, double *out)
{
    const char *at = find_member(text, name);
    if (!at)
        return 0;
    if (*at++ != '[')
        give_up("no list", text);
    uint32_t count = 0;
    for (;;) {
        at += strspn(at, " ");
        if (*at == ']')
            return count;
        char *end;
        if (count == LIST_MAX)
            give_up("long list", text);
        out[count++] = strtod(at, &end);
        if (end == at)
            give_up("no number", text);
        at = end;
    }
}

static void *take(struct arena *arena, size_t bytes, const char *text)
{
    void *p = arena_calloc(arena, 1, bytes + 1);
    if (!p)
        give_up("no memory", text);
    return p;
}

static struct native_buckets side_of(struct arena *arena, const char *text, const char *offset,
                                     const char *name)
{
    double counts[LIST_MAX];
    struct native_buckets side = {.count = list_of(text, name, counts)};
    side.items = take(arena, side.count * sizeof(*side.items), text);
    for (uint32_t i = 0; i < side.count; i++)
        side.items[i] =
            (struct native_bucket){(int32_t)number_of(text, offset) + (int32_t)i, counts[i]};
    return side;
}

static uint8_t hint_of(const char *text)
{
    static const char *const words[] = {"unknown", "reset", "not_reset", "gauge"};
    const char *at = find_member(text, "counter_reset_hint");
    for (uint8_t i = 0; at && i < LEN(words); i++)
        if (strncmp(at, words[i], strlen(words[i])) == 0)
            return i;
    return RESET_UNKNOWN;
}

struct native_histogram *native_from_text(struct arena *arena, const char *text)
{
    struct native_histogram *h = take(arena, sizeof(*h), text);
    double bounds[LIST_MAX];
    *h = (struct native_histogram){
        .count = number_of(text, "count"),
        .sum = number_of(text, "sum"),
        .zero_count = number_of(text, "z_bucket"),
        .zero_threshold = number_of(text, "z_bucket_w"),
        .positive = side_of(arena, text, "offset", "buckets"),
        .negative = side_of(arena, text, "n_offset", "n_buckets"),
        .bound_count = list_of(text, "custom_values", bounds),
        .schema = (int8_t)number_of(text, "schema"),
        .hint = hint_of(text),
    };
    double *copy = take(arena, h->bound_count * sizeof(*copy), text);
    memcpy(copy, bounds, h->bound_count * sizeof(*copy));
    h->bounds = copy;
    return h;
}

static bool is_near(double a, double b)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * (fabs(a) + fabs(b));
}

static bool sides_near(const struct native_buckets *a, const struct native_buckets *b)
{
    uint32_t i = 0, j = 0;
    for (;;) {
        while (i < a->count && a->items[i].count == 0)
            i++;
        while (j < b->count && b->items[j].count == 0)
            j++;
        if (i == a->count || j == b->count)
            return i == a->count && j == b->count;
        if (a->items[i].index != b->items[j].index ||
            !is_near(a->items[i++].count, b->items[j++].count))
            return false;
    }
}

bool native_is_near(const struct native_histogram *a, const struct native_histogram *b)
{
    if (a->schema != b->schema || a->hint != b->hint || a->bound_count != b->bound_count)
        return false;
    for (uint32_t i = 0; i < a->bound_count; i++)
        if (a->bounds[i] != b->bounds[i])
            return false;
    return is_near(a->count, b->count) && is_near(a->sum, b->sum) &&
           is_near(a->zero_count, b->zero_count) && is_near(a->zero_threshold, b->zero_threshold) &&
           sides_near(&a->positive, &b->positive) && sides_near(&a->negative, &b->negative);
}

static size_t write_side(char *text, size_t at, const char *name, const struct native_buckets *b)
{
    for (uint32_t i = 0; i < b->count && at < TEXT_MAX; i++)
        at += (size_t)snprintf(text + at, TEXT_MAX - at, " %s[%d]=%.10g", name, b->items[i].index,
                               b->items[i].count);
    return at;
}

const char *native_to_text(struct arena *arena, const struct native_histogram *h)
{
    if (!h)
        return "(none)";
    char *text = take(arena, TEXT_MAX, "");
    size_t at =
        (size_t)snprintf(text, TEXT_MAX,
                         "schema %d count %.10g sum %.10g zero %.10g w %g "
                         "hint %u bounds",
                         h->schema, h->count, h->sum, h->zero_count, h->zero_threshold, h->hint);
    for (uint32_t i = 0; i < h->bound_count && at < TEXT_MAX; i++)
        at += (size_t)snprintf(text + at, TEXT_MAX - at, " %g", h->bounds[i]);
    at = write_side(text, at, "p", &h->positive);
    if (at < TEXT_MAX)
        write_side(text, at, "n", &h->negative);
    return text;
}
