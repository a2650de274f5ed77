/* ask_params.c - range, grouping, view, protocol and step, read alike by every call. */
#include "query/ask_params.h"

enum { LONGEST_STEP_S = 366 * 24 * 3600 };

static const char *const group_names[] = {"service", "workload", "version", "namespace", NULL};

const char *ask_group_name(enum group g)
{
    return group_names[g];
}

const char *ask_picture_name(enum cell_view v)
{
    return v == VIEW_RAW ? "raw" : "mesh";
}

enum status ask_picture(const struct params *p, enum cell_view *out, struct err *e)
{
    static const char *const names[] = {"mesh", "raw", NULL};
    unsigned index;
    TRY(params_word(p, "view", names, 0, &index, e));
    *out = index ? VIEW_RAW : VIEW_MESH;
    return ST_OK;
}

enum status ask_graph(const struct request *r, struct graph_ask *out, struct err *e)
{
    unsigned group;
    *out = (struct graph_ask){.view = r->view, .budget = r->budget, .settings = &r->graph};
    TRY(params_range(&r->params, &out->range, e));
    TRY(params_word(&r->params, "group", group_names, GROUP_SERVICE, &group, e));
    out->group = (enum group)group;
    return ask_picture(&r->params, &out->picture, e);
}

enum status ask_protocol(const struct params *p, int *out, struct err *e)
{
    static const char *const names[] = {"grpc", "http",    "database", "messaging",
                                        "tcp",  "unknown", NULL};
    unsigned index = 0;
    enum protocol protocol = PROTOCOL_UNKNOWN;
    TRY(params_word(p, "protocol", names, LEN(names) - 1, &index, e));
    bool given = names[index] && protocol_from_name(str_from_c(names[index]), &protocol);
    *out = given ? (int)protocol : PROTOCOL_ANY;
    return ST_OK;
}

enum status ask_step(const struct params *p, uint32_t *out, struct err *e)
{
    return params_seconds(p, "step", LONGEST_STEP_S, out, e);
}

void ask_warn_step(uint32_t asked_s, uint32_t given_s, struct warnings *w)
{
    if (asked_s && given_s != asked_s)
        warnings_add(w, "step: %u s is finer than what is kept here, answered at %u s", asked_s,
                     given_s);
}

static bool has_space(const struct node_table *nodes, struct str space)
{
    for (size_t i = 0; i < nodes->nodes.len; i++)
        if (str_eq(nodes->nodes.items[i].space, space))
            return true;
    return false;
}

void ask_warn_spaces(const struct node_table *nodes, struct warnings *w)
{
    const struct str_list *spaces = &nodes->wanted.spaces;
    for (size_t i = 0; i < spaces->len; i++)
        if (!has_space(nodes, spaces->items[i]))
            warnings_add(w, "namespace: nothing is in '%.*s'",
                         (int)MIN(spaces->items[i].len, (size_t)80), spaces->items[i].ptr);
}
