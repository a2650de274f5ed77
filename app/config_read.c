/* config_read.c - the YAML file, walked event by event with libyaml, so that every complaint has
 * its line and column. Why not libcyaml: docs/decisions/0002-libyaml-for-the-configuration.md. */
#include "app/config.h"

#include "app/config_remote_write.h"
#include "app/config_text.h"
#include "base/fileio.h"
#include "base/mem.h"

#include <stdio.h>

enum { FILE_MAX = MIB, PATH_MAX_BYTES = 128, DEPTH_MAX = 4 };

struct reader {
    struct config_file file;
    yaml_parser_t *parser; /* lists are read from it at once */
    struct config *config;
    char path[PATH_MAX_BYTES]; /* dotted path of the mapping we are in */
    size_t lengths[DEPTH_MAX]; /* path length to return to at each end of a mapping */
    unsigned depth;
    char key[PATH_MAX_BYTES]; /* dotted path of the key whose value comes next; empty = a key comes
                                 next */
    yaml_mark_t key_mark;
    bool seen[96];               /* by row: a key may stand once */
    bool seen_section[96];       /* by its first row */
    yaml_mark_t value_marks[96]; /* by row, of those seen */
    bool seen_remote_write;
};

static enum status complain(const struct reader *r, yaml_mark_t at, struct err *e, const char *msg)
{
    return config_complain(&r->file, at, e, msg);
}

/* About the value of the key we are at. */
static enum status complain_of_key(const struct reader *r, yaml_mark_t at, struct err *e,
                                   const char *msg)
{
    return config_complain_of(&r->file, str_from_c(r->key), at, e, msg);
}

/* The one list of sections. */
static bool is_remote_write(const struct reader *r)
{
    return strcmp(r->key, "remote_write") == 0;
}

/* Nothing, or null: a section of which every key is commented out. */
static bool is_nothing(const yaml_event_t *ev)
{
    struct str text = {(const char *)ev->data.scalar.value, ev->data.scalar.length};
    return ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text.len == 0 || str_eq(text, STR("~")) || str_eq(text, STR("null")));
}

static enum status take_value(struct reader *r, const yaml_event_t *ev, struct err *e)
{
    const struct setting *row = config_find(str_from_c(r->key), NULL);
    if (!row && is_nothing(ev)) {
        r->key[0] = '\0';
        return ST_OK;
    }
    if (is_remote_write(r))
        return complain_of_key(r, ev->start_mark, e, "a list is expected here");
    if (!row)
        return complain_of_key(r, ev->start_mark, e,
                               "a section with keys is expected here, not a value");
    struct buf text = {0};
    struct err inner;
    r->value_marks[row - config_settings] = ev->start_mark;
    enum status st = config_expand(&r->file, ev, &text, e);
    if (st == ST_OK && config_set(r->config, row, buf_str(&text), r->file.folder, &inner) != ST_OK)
        st = complain(r, ev->start_mark, e, inner.msg);
    buf_deinit(&text);
    r->key[0] = '\0';
    return st;
}

/* The scalars up to the end of the list, comma separated. */
static enum status join_list(struct reader *r, struct buf *out, struct err *e)
{
    for (bool end = false; !end;) {
        yaml_event_t ev;
        if (!yaml_parser_parse(r->parser, &ev))
            return complain(r, r->parser->problem_mark, e, "this is not YAML");
        enum status st = ST_OK;
        end = ev.type == YAML_SEQUENCE_END_EVENT;
        if (!end && out->len > 0)
            buf_append(out, ",", 1);
        if (ev.type == YAML_SCALAR_EVENT)
            st = config_expand(&r->file, &ev, out, e);
        else if (!end)
            st = complain_of_key(r, ev.start_mark, e, "a number is expected here");
        yaml_event_delete(&ev);
        TRY(st);
    }
    return ST_OK;
}

static enum status take_numbers(struct reader *r, const struct setting *row, const yaml_event_t *ev,
                                struct err *e)
{
    struct buf text = {0};
    struct err inner;
    enum status st = join_list(r, &text, e);
    if (st == ST_OK && config_set(r->config, row, buf_str(&text), r->file.folder, &inner) != ST_OK)
        st = complain(r, ev->start_mark, e, inner.msg);
    buf_deinit(&text);
    r->key[0] = '\0';
    return st;
}

static enum status take_list(struct reader *r, const yaml_event_t *ev, struct err *e)
{
    const struct setting *row = config_find(str_from_c(r->key), NULL);
    if (row && row->unit == CONFIG_BOUNDS)
        return take_numbers(r, row, ev, e);
    if (!is_remote_write(r))
        return complain_of_key(r, ev->start_mark, e, "a list is not expected here");
    r->key[0] = '\0';
    return config_remote_write_read(&r->file, r->parser, ev, &r->config->remote_write, e);
}

/* Where it is kept that the key was seen; NULL: there is no such setting. */
static bool *seen_of(struct reader *r)
{
    const struct setting *section;
    const struct setting *row = config_find(str_from_c(r->key), &section);
    if (row)
        return &r->seen[row - config_settings];
    if (section)
        return &r->seen_section[section - config_settings];
    return is_remote_write(r) ? &r->seen_remote_write : NULL;
}

static enum status take_key(struct reader *r, const yaml_event_t *ev, struct err *e)
{
    const char *name = (const char *)ev->data.scalar.value;
    int n = snprintf(r->key, sizeof(r->key), "%s%s%s", r->path, *r->path ? "." : "", name);
    bool *seen = n > 0 && (size_t)n < sizeof(r->key) ? seen_of(r) : NULL;
    char msg[160];
    if (!seen) {
        snprintf(msg, sizeof(msg), "there is no setting %.80s (docs/config.md lists them all)",
                 r->key);
        return complain(r, ev->start_mark, e, msg);
    }
    if (*seen) {
        snprintf(msg, sizeof(msg), "%s stands here a second time", r->key);
        return complain(r, ev->start_mark, e, msg);
    }
    *seen = true;
    r->key_mark = ev->start_mark;
    return ST_OK;
}

static enum status begin_mapping(struct reader *r, const yaml_event_t *ev, struct err *e)
{
    const struct setting *section = config_settings;
    if (r->depth > 0)
        config_find(str_from_c(r->key), &section);
    if (!section || r->depth == DEPTH_MAX)
        return complain_of_key(r, ev->start_mark, e,
                               is_remote_write(r) ? "a list is expected here"
                                                  : "a value is expected here, not a section");
    r->lengths[r->depth++] = strlen(r->path);
    memcpy(r->path, r->key, sizeof(r->path));
    r->key[0] = '\0';
    return ST_OK;
}

static enum status take_event(struct reader *r, const yaml_event_t *ev, struct err *e)
{
    switch (ev->type) {
    case YAML_MAPPING_START_EVENT:
        return begin_mapping(r, ev, e);
    case YAML_MAPPING_END_EVENT:
        r->path[r->lengths[--r->depth]] = '\0';
        return ST_OK;
    case YAML_SCALAR_EVENT:
        if (r->depth == 0) /* an empty document */
            return ev->data.scalar.length == 0
                       ? ST_OK
                       : complain(r, ev->start_mark, e, "keys with values are expected here");
        return r->key[0] ? take_value(r, ev, e) : take_key(r, ev, e);
    case YAML_SEQUENCE_START_EVENT:
        return take_list(r, ev, e);
    case YAML_ALIAS_EVENT:
        return complain(r, ev->start_mark, e, "aliases are not allowed in this file");
    default:
        return ST_OK;
    }
}

static enum status walk(struct reader *r, struct err *e)
{
    yaml_parser_t *parser = r->parser;
    for (;;) {
        yaml_event_t ev;
        if (!yaml_parser_parse(parser, &ev)) {
            char msg[160];
            snprintf(msg, sizeof(msg), "this is not YAML: %.120s",
                     parser->problem ? parser->problem : "?");
            return complain(r, parser->problem_mark, e, msg);
        }
        bool end = ev.type == YAML_STREAM_END_EVENT;
        enum status st = take_event(r, &ev, e);
        yaml_event_delete(&ev);
        if (st != ST_OK || end)
            return st;
    }
}

/* What several settings together make wrong is complained about where the one to blame stands. */
static enum status check_together(const struct reader *r, struct err *e)
{
    struct err inner;
    const char *setting;
    if (config_check(r->config, &setting, &inner) == ST_OK)
        return ST_OK;
    size_t row = (size_t)(config_find(str_from_c(setting), NULL) - config_settings);
    if (r->seen[row])
        return complain(r, r->value_marks[row], e, inner.msg);
    return err_set(e, ST_INVALID, "%s: %s", r->file.path, inner.msg);
}

enum status config_read(const char *path, struct config *c, struct err *e)
{
    char *text;
    size_t len;
    TRY(file_read_all(path, FILE_MAX, &text, &len, e));
    struct config fresh = *c;
    fresh.remote_write = NULL;
    struct str folder = str_from_c(path);
    folder.len = str_find_last(folder, '/') == folder.len ? 0 : str_find_last(folder, '/');
    yaml_parser_t parser;
    struct reader r = {.file = {path, folder, NULL}, .parser = &parser, .config = &fresh};
    r.file.key = r.key;
    enum status st;
    if (!yaml_parser_initialize(&parser)) {
        st = err_set(e, ST_NO_MEMORY, "%s: out of memory", path);
    } else {
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
        st = walk(&r, e);
        yaml_parser_delete(&parser);
    }
    if (st == ST_OK)
        st = check_together(&r, e);
    if (st == ST_OK) {
        config_deinit(c);
        *c = fresh;
    } else {
        config_deinit(&fresh);
    }
    mem_free(text);
    return st;
}
