/* promql_set.c - groups two vectors by the labels they match on; and, or, unless. */
#include "query/promql_match.h"

static enum status number_rows(struct promql_meeting *m, const struct promql_rows *rows,
                               struct promql_names names, bool on, uint32_t **out,
                               struct arena *arena, struct err *e)
{
    uint32_t labels = 0;
    for (uint32_t i = 0; i < rows->count; i++)
        labels = MAX(labels, rows->items[i].labels.count);
    struct label *scratch = arena_calloc(arena, labels, sizeof(*scratch));
    *out = arena_calloc(arena, rows->count, sizeof(**out));
    if (!*out || !scratch)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < rows->count; i++) {
        bool added;
        (*out)[i] = promql_table_put(
            &m->groups, promql_labels_pick(rows->items[i].labels, names, on, scratch), &added);
        if ((*out)[i] == PROMQL_TABLE_NONE)
            return promql_no_memory(e);
    }
    return ST_OK;
}

/* `groups`: the group of each row; becomes the chain. */
static enum status chain_rows(struct promql_side *side, uint32_t *groups, uint32_t group_count,
                              struct arena *arena, struct err *e)
{
    side->next = groups;
    side->first = arena_calloc(arena, group_count, sizeof(*side->first));
    if (!side->first)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < group_count; i++)
        side->first[i] = PROMQL_NO_ROW;
    for (uint32_t i = side->rows.count; i-- > 0;) {
        uint32_t group = groups[i];
        side->next[i] = side->first[group];
        side->first[group] = i;
    }
    return ST_OK;
}

enum status promql_meeting_open(struct promql_run *run, const struct promql_node *node,
                                struct promql_meeting *out, struct err *e)
{
    const struct promql_matching *matching = node->binary.matching;
    *out = (struct promql_meeting){.groups.arena = run->arena};
    struct promql_names names =
        promql_names_sorted(run->arena, matching->labels, matching->label_count,
                            matching->on ? (struct str){0} : LABEL_METRIC_NAME);
    if (!names.items)
        return promql_no_memory(e);
    TRY(promql_run_keep(run, node->binary.lhs, &out->left.rows, e));
    TRY(promql_run_keep(run, node->binary.rhs, &out->right.rows, e));
    uint32_t *left, *right;
    TRY(number_rows(out, &out->left.rows, names, matching->on, &left, run->arena, e));
    TRY(number_rows(out, &out->right.rows, names, matching->on, &right, run->arena, e));
    TRY(chain_rows(&out->left, left, out->groups.count, run->arena, e));
    return chain_rows(&out->right, right, out->groups.count, run->arena, e);
}

void promql_meeting_close(struct promql_run *run, struct promql_meeting *m)
{
    promql_run_drop(run, &m->left.rows);
    promql_run_drop(run, &m->right.rows);
}

/* At which steps one of the group's rows has a value. */
static bool mark_present(const struct promql_side *side, uint32_t group, uint8_t *present,
                         uint32_t steps)
{
    memset(present, 0, steps);
    for (uint32_t r = side->first[group]; r != PROMQL_NO_ROW; r = side->next[r])
        for (uint32_t i = 0; i < steps; i++)
            present[i] |= promql_row_has(&side->rows.items[r], i);
    return side->first[group] != PROMQL_NO_ROW;
}

/* Clears values at steps that are (not) marked. */
static void filter_rows(struct promql_side *side, uint32_t group, const uint8_t *marks,
                        bool keep_marked, uint32_t steps)
{
    for (uint32_t r = side->first[group]; r != PROMQL_NO_ROW; r = side->next[r]) {
        struct promql_row *row = &side->rows.items[r];
        for (uint32_t i = 0; i < steps; i++) {
            if ((marks[i] != 0) == keep_marked)
                continue;
            row->values[i] = value_absent();
            if (row->histograms)
                row->histograms[i] = NULL;
        }
    }
}

static enum status put_rows(const struct promql_sink *out, struct promql_rows *rows, uint32_t steps,
                            struct err *e)
{
    for (uint32_t i = 0; i < rows->count; i++)
        if (promql_row_points(&rows->items[i], steps))
            TRY(out->put(out->self, &rows->items[i], e));
    return ST_OK;
}

/* Rows of both sides; what has equal labels becomes one row, as a later step may find it on the
 * other side. */
static enum status put_both(struct promql_run *run, struct promql_meeting *m,
                            const struct promql_sink *out, struct err *e)
{
    struct promql_rows all = {0};
    const struct promql_rows *sides[] = {&m->left.rows, &m->right.rows};
    for (size_t s = 0; s < LEN(sides); s++)
        for (uint32_t i = 0; i < sides[s]->count; i++)
            if (!promql_rows_push(&all, run->arena, &sides[s]->items[i]))
                return promql_no_memory(e);
    TRY(promql_rows_merge(&all, run->arena, run->grid.count, e));
    return put_rows(out, &all, run->grid.count, e);
}

enum status promql_set_rows(struct promql_run *run, const struct promql_node *node,
                            const struct promql_sink *out, struct err *e)
{
    uint32_t steps = run->grid.count;
    enum promql_op op = node->binary.op;
    struct promql_meeting m;
    TRY(promql_meeting_open(run, node, &m, e));
    uint8_t *marks = arena_alloc(run->arena, steps);
    if (!marks)
        return promql_no_memory(e);
    for (uint32_t g = 0; g < m.groups.count; g++) {
        mark_present(op == OP_OR ? &m.left : &m.right, g, marks, steps);
        filter_rows(op == OP_OR ? &m.right : &m.left, g, marks, op == OP_AND, steps);
    }
    enum status s = op == OP_OR ? put_both(run, &m, out, e) : put_rows(out, &m.left.rows, steps, e);
    promql_meeting_close(run, &m);
    return s;
}
