/* annotations.c - keeps each note of a query once and writes them as the API does. */
#include "query/annotations.h"

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

/* A note that finds no memory is left out: the answer is right without it. */
static void add(struct annotations *a, struct annotation new)
{
    struct annotation *known = find(a, str_sub(new.text, 0, new.said));
    if (!known && a->count == ANNOTATIONS_MAX)
        a->overflowed = true;
    if (known ? known->end >= new.end : a->overflowed)
        return;
    new.text = arena_dup_str(a->arena, new.text);
    if (!new.text.ptr)
        return;
    if (!known)
        known = &a->items[a->count++];
    *known = new;
}

void annotations_add_plain(struct annotations *a, enum annotation_level level, struct str text)
{
    add(a, (struct annotation){text, level, text.len, 0});
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
    struct annotation new = {{text, (size_t)len}, level, (size_t)len, at ? at->end : 0};
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
            json_str(w, a->items[i].text);
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
