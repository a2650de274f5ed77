/* annotations.c - keeps each note of a query once and writes them as the API does. */
#include "query/annotations.h"

#include "base/clock.h"
#include "base/number_text.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { NOTE_BYTES_MAX = 1024, NOTES_SHOWN = 10 };

static const char *const prefixes[] = {
    [ANNOTATION_WARNING] = "PromQL warning: ",
    [ANNOTATION_INFO] = "PromQL info: ",
};

void annotations_init(struct annotations *a, struct arena *arena, struct str query)
{
    *a = (struct annotations){.arena = arena, .query = query};
}

struct place {
    unsigned line, column; /* from 1 */
};

static struct place place_of(struct str query, uint32_t offset)
{
    struct place p = {1, 1};
    for (uint32_t i = 0; i < offset && i < query.len; i++) {
        p.column++;
        if (query.ptr[i] == '\n')
            p = (struct place){p.line + 1, 1};
    }
    return p;
}

static struct annotation *find(struct annotations *a, struct str said)
{
    for (size_t i = 0; i < a->count; i++)
        if (str_eq(str_sub(a->items[i].text, 0, a->items[i].said), said))
            return &a->items[i];
    return NULL;
}

static void join(struct annotation_mended *all, const struct annotation_mended *one)
{
    all->low = MIN(all->low, one->low);
    all->high = MAX(all->high, one->high);
    all->most = MAX(all->most, one->most);
    all->from_ms = MIN(all->from_ms, one->from_ms);
    all->to_ms = MAX(all->to_ms, one->to_ms);
    all->samples += one->samples;
}

/* A note that finds no memory is left out: the answer is right without it. */
static void add(struct annotations *a, struct annotation new)
{
    struct annotation *known = find(a, str_sub(new.text, 0, new.said));
    if (!known && a->count == ANNOTATIONS_MAX)
        a->overflowed = true;
    if (known && known->mended && new.mended) {
        join(known->mended, new.mended);
        return;
    }
    if (known ? known->end >= new.end : a->overflowed)
        return;
    new.text = arena_dup_str(a->arena, new.text);
    struct annotation_mended *mended = new.mended ? arena_alloc(a->arena, sizeof(*mended)) : NULL;
    if (!new.text.ptr || (new.mended && !mended))
        return;
    if (mended)
        *mended = *new.mended;
    new.mended = mended;
    if (!known)
        known = &a->items[a->count++];
    *known = new;
}

void annotations_add_plain(struct annotations *a, enum annotation_level level, struct str text)
{
    add(a, (struct annotation){.text = text, .level = level, .said = text.len});
}

void annotations_add_mended(struct annotations *a, const struct promql_span *at,
                            const struct annotation_mended *mended, struct str said)
{
    char text[NOTE_BYTES_MAX];
    struct annotation_mended one = *mended;
    struct place p = place_of(a->query, at->start);
    int len = snprintf(text, sizeof(text), "%s%.*s", prefixes[ANNOTATION_INFO], STR_ARG(said));
    struct annotation new = {
        .level = ANNOTATION_INFO, .said = (size_t)len, .end = at->end, .mended = &one};
    if (len < (int)sizeof(text))
        len += snprintf(text + len, sizeof(text) - (size_t)len, " (%u:%u)", p.line, p.column);
    if (len >= (int)sizeof(text))
        return; /* a name as long as no name is */
    new.text = (struct str){text, (size_t)len};
    add(a, new);
}

void annotations_add(struct annotations *a, enum annotation_level level,
                     const struct promql_span *at, const char *fmt, ...)
{
    char text[NOTE_BYTES_MAX];
    int len = snprintf(text, sizeof(text), "%s", prefixes[level]);
    va_list args;
    va_start(args, fmt);
    len += vsnprintf(text + len, sizeof(text) - (size_t)len, fmt, args);
    va_end(args);
    len = MIN(len, (int)sizeof(text) - 1);
    struct annotation new = {
        .text = {text, (size_t)len}, .level = level, .said = (size_t)len, .end = at ? at->end : 0};
    if (at) {
        struct place p = place_of(a->query, at->start);
        len += snprintf(text + len, sizeof(text) - (size_t)len, " (%u:%u)", p.line, p.column);
        new.text.len = (size_t)MIN(len, (int)sizeof(text) - 1);
    }
    add(a, new);
}

static size_t count_of(const struct annotations *a, enum annotation_level level)
{
    size_t count = 0;
    for (size_t i = 0; i < a->count; i++)
        count += a->items[i].level == level;
    return count;
}

static void append_seconds(struct buf *out, int64_t ms)
{
    enum { DIGITS = sizeof("2006-01-02T15:04:05") - 1 };
    char text[40];
    uint64_t ns = (uint64_t)MAX(ms, INT64_C(0)) * NS_PER_MS;
    buf_append(out, clock_format_rfc3339(ns, text, sizeof(text)), DIGITS);
    buf_append_u8(out, 'Z');
}

/* Between what is said and its place. */
static void append_mended(struct buf *out, const struct annotation_mended *m)
{
    buf_append_str(out, STR(", from buckets "));
    number_append_general(out, m->low);
    buf_append_str(out, STR(" to "));
    number_append_general(out, m->high);
    buf_append_str(out, STR(", with a max diff of "));
    if (isfinite(m->most))
        buf_printf(out, "%.2g", m->most);
    else
        number_append_general(out, m->most);
    buf_printf(out, ", over %llu samples from ", (unsigned long long)m->samples);
    append_seconds(out, m->from_ms);
    buf_append_str(out, STR(" to "));
    append_seconds(out, m->to_ms);
}

void annotation_append(const struct annotation *n, struct buf *out)
{
    buf_append_str(out, str_sub(n->text, 0, n->said));
    if (n->mended)
        append_mended(out, n->mended);
    buf_append_str(out, str_sub(n->text, n->said, n->text.len));
}

static void write_note(struct json_writer *w, const struct annotation *n)
{
    struct buf text = {0};
    annotation_append(n, &text);
    json_str(w, buf_str(&text));
    w->out->failed |= text.failed;
    buf_deinit(&text);
}

static void write_level(const struct annotations *a, enum annotation_level level, const char *key,
                        const char *noun, struct json_writer *w)
{
    size_t all = count_of(a, level), shown = 0;
    if (all == 0)
        return;
    json_key(w, key);
    json_array_begin(w);
    for (size_t i = 0; i < a->count && shown < NOTES_SHOWN; i++)
        if (a->items[i].level == level) {
            write_note(w, &a->items[i]);
            shown++;
        }
    if (all > shown) {
        char text[80];
        snprintf(text, sizeof(text), "%zu more %s annotations omitted", all - shown, noun);
        json_str(w, str_from_c(text));
    }
    json_array_end(w);
}

void annotations_write(const struct annotations *a, struct json_writer *w)
{
    write_level(a, ANNOTATION_WARNING, "warnings", "warning", w);
    write_level(a, ANNOTATION_INFO, "infos", "info", w);
}
