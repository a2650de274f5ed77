/* config_node.c - YAML events to a tree of scalars, lists and maps. */
#include "app/config_node.h"

#include <stdio.h>

struct node_reader {
    const struct config_file *file;
    yaml_parser_t *parser;
    struct arena *arena;
    struct err *e;
};

static enum status no_memory(const struct node_reader *r)
{
    return err_set(r->e, ST_NO_MEMORY, "%s: out of memory", r->file->path);
}

static enum status next_event(const struct node_reader *r, yaml_event_t *ev)
{
    char msg[160];
    if (yaml_parser_parse(r->parser, ev))
        return ST_OK;
    snprintf(msg, sizeof(msg), "this is not YAML: %.120s",
             r->parser->problem ? r->parser->problem : "?");
    return config_complain(r->file, r->parser->problem_mark, r->e, msg);
}

static enum status take_text(const struct node_reader *r, const yaml_event_t *ev, struct str *out)
{
    struct buf text = {0};
    enum status status = config_expand(r->file, ev, &text, r->e);
    buf_append_u8(&text, 0);
    if (status == ST_OK) {
        *out = arena_dup_str(r->arena, buf_str(&text));
        status = text.failed || !out->ptr ? no_memory(r) : ST_OK;
        out->len--;
    }
    buf_deinit(&text);
    return status;
}

static enum status check_key(const struct node_reader *r, const struct config_node *map,
                             const yaml_event_t *ev, struct str key)
{
    char msg[160];
    for (const struct config_node *n = map->child; n; n = n->next)
        if (str_eq(n->key, key)) {
            snprintf(msg, sizeof(msg), "%.80s stands here a second time", key.ptr);
            return config_complain(r->file, ev->start_mark, r->e, msg);
        }
    return ST_OK;
}

static enum status read_node(const struct node_reader *r, const yaml_event_t *first, unsigned depth,
                             struct config_node **out);

static enum status read_value(const struct node_reader *r, unsigned depth, struct config_node **out)
{
    yaml_event_t ev;
    TRY(next_event(r, &ev));
    enum status status = read_node(r, &ev, depth, out);
    yaml_event_delete(&ev);
    return status;
}

/* One child: an item of a list, or a key and its value. */
static enum status read_child(const struct node_reader *r, const struct config_node *parent,
                              const yaml_event_t *ev, unsigned depth, struct config_node **out)
{
    struct str key;
    if (parent->kind == NODE_LIST)
        return read_node(r, ev, depth, out);
    if (ev->type != YAML_SCALAR_EVENT)
        return config_complain(r->file, ev->start_mark, r->e, "a key is expected here");
    TRY(take_text(r, ev, &key));
    TRY(check_key(r, parent, ev, key));
    TRY(read_value(r, depth, out));
    (*out)->key = key;
    (*out)->key_at = ev->start_mark;
    return ST_OK;
}

static enum status read_children(const struct node_reader *r, struct config_node *parent,
                                 unsigned depth)
{
    struct config_node **end = &parent->child;
    yaml_event_type_t last =
        parent->kind == NODE_LIST ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT;
    for (;;) {
        yaml_event_t ev;
        TRY(next_event(r, &ev));
        bool ends = ev.type == last;
        enum status status = ends ? ST_OK : read_child(r, parent, &ev, depth + 1, end);
        yaml_event_delete(&ev);
        if (ends || status != ST_OK)
            return status;
        end = &(*end)->next;
    }
}

static enum status read_node(const struct node_reader *r, const yaml_event_t *first, unsigned depth,
                             struct config_node **out)
{
    struct config_node *node = arena_calloc(r->arena, 1, sizeof(*node));
    if (!node)
        return no_memory(r);
    if (depth > NODE_DEPTH_MAX)
        return config_complain(r->file, first->start_mark, r->e, "this is nested too deep");
    node->at = first->start_mark;
    *out = NULL;
    if (first->type == YAML_ALIAS_EVENT)
        return config_complain(r->file, first->start_mark, r->e,
                               "aliases are not allowed in this file");
    node->kind = first->type == YAML_SEQUENCE_START_EVENT  ? NODE_LIST
                 : first->type == YAML_MAPPING_START_EVENT ? NODE_MAP
                                                           : NODE_SCALAR;
    TRY(node->kind == NODE_SCALAR ? take_text(r, first, &node->text)
                                  : read_children(r, node, depth));
    *out = node;
    return ST_OK;
}

enum status config_node_read(const struct config_file *file, yaml_parser_t *parser,
                             const yaml_event_t *first, struct arena *arena,
                             struct config_node **out, struct err *e)
{
    struct node_reader r = {file, parser, arena, e};
    return read_node(&r, first, 0, out);
}

uint32_t config_node_count(const struct config_node *node)
{
    uint32_t count = 0;
    for (const struct config_node *n = node->child; n; n = n->next)
        count++;
    return count;
}

void config_node_print(const struct config_node *node, struct buf *out)
{
    buf_append_u8(out, (uint8_t)node->kind);
    buf_append_lenstr(out, node->key);
    buf_append_lenstr(out, node->text);
    buf_append_varint(out, config_node_count(node));
    for (const struct config_node *n = node->child; n; n = n->next)
        config_node_print(n, out);
}
