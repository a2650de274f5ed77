/* config_text.c - complaints with their place, and the environment in values. */
#include "app/config_text.h"

#include <stdio.h>
#include <stdlib.h>

enum status config_complain(const struct config_file *file, yaml_mark_t at, struct err *e,
                            const char *msg)
{
    return err_set(e, ST_INVALID, "%s:%zu:%zu: %s", file->path, at.line + 1, at.column + 1, msg);
}

enum status config_complain_of(const struct config_file *file, struct str key, yaml_mark_t at,
                               struct err *e, const char *msg)
{
    char named[sizeof(e->msg)];
    if (key.len == 0)
        return config_complain(file, at, e, msg);
    snprintf(named, sizeof(named), "%.*s: %s", STR_ARG(key), msg);
    return config_complain(file, at, e, named);
}

/* ${1}: no name of a variable begins so, but relabelling calls the groups of an expression so. */
static bool is_group(struct str inside)
{
    return inside.len > 0 && inside.ptr[0] >= '0' && inside.ptr[0] <= '9';
}

/* ${NAME} and ${NAME:-default} of one scalar; other text stays as it is. */
static bool expand(struct str text, struct buf *out, char *wrong, size_t cap)
{
    while (text.len) {
        size_t at = str_search(text, STR("${"));
        buf_append_str(out, str_sub(text, 0, at));
        if (at == text.len)
            break;
        struct str inside, rest;
        if (!str_cut(str_sub(text, at + 2, text.len), '}', &inside, &rest))
            return snprintf(wrong, cap, "a ${ without its }"), false;
        size_t dash = str_search(inside, STR(":-"));
        if (dash == 0 || inside.len == 0)
            return snprintf(wrong, cap, "a ${ that names no variable"), false;
        char name[128];
        str_to_c(str_sub(inside, 0, dash), name, sizeof(name));
        const char *value = getenv(name);
        if (is_group(inside))
            buf_append_str(out, str_sub(text, at, text.len - rest.len));
        else if (value && *value)
            buf_append_str(out, str_from_c(value));
        else if (dash < inside.len)
            buf_append_str(out, str_sub(inside, dash + 2, inside.len));
        else
            return snprintf(wrong, cap, "the environment has no %s", name), false;
        text = rest;
    }
    return true;
}

enum status config_expand(const struct config_file *file, const yaml_event_t *scalar,
                          struct buf *out, struct err *e)
{
    struct str raw = {(const char *)scalar->data.scalar.value, scalar->data.scalar.length};
    char why[160];
    struct str key = file->key ? str_from_c(file->key) : STR("");
    /* `{ key: ${NAME} }`: to YAML the brace begins a map. */
    if (scalar->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && str_eq(raw, STR("$")))
        return config_complain_of(file, key, scalar->start_mark, e,
                                  "inside { } or [ ] a value with ${NAME} needs quotes");
    if (!expand(raw, out, why, sizeof(why)))
        return config_complain_of(file, key, scalar->start_mark, e, why);
    if (str_find(raw, '\0') < raw.len)
        return config_complain_of(file, key, scalar->start_mark, e, "a value holds no NUL");
    return out->failed ? err_set(e, ST_NO_MEMORY, "%s: out of memory", file->path) : ST_OK;
}
