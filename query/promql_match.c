/* promql_match.c - arithmetic, comparisons and trims between vectors: one to one, many to one, and
 * what stands in for a missing partner. */
#include "query/promql_match.h"
#include "query/promql_op.h"

#include <stdlib.h>

/* "one" is the side of which a group may have one element a step; "many" the other. Of one to one
 * that is the right side. */
struct matcher {
    struct promql_run *run;
    const struct promql_node *node;
    const struct promql_matching *matching;
    struct promql_combine combine;
    struct promql_meeting meeting;
    struct promql_side *many, *one;
    struct promql_names names; /* of on or ignoring */
    struct promql_rows results;
    struct promql_table labels; /* of the results */
    bool many_is_right, fills_many, fills_one;
    double fill_many, fill_one;
    uint8_t *used, *matched, *many_any; /* slots a step */
    uint8_t *met, *has_one;             /* likewise, of the group at hand */
    uint32_t *holder;                   /* likewise: the row of the "one" side that is there */
    struct taken *taken;                /* a slot a number of `labels` */
    uint32_t taken_cap;
};

/* Steps at which an element of the many side became these labels. */
struct taken {
    uint8_t *steps; /* a slot a step; NULL: none yet */
    uint32_t group; /* in which that was */
};

static enum status error_duplicate(const struct matcher *m, uint32_t group,
                                   const struct promql_row *a, const struct promql_row *b,
                                   struct err *e)
{
    char key[400], first[400], second[400];
    if (label_set_cmp(a->labels, b->labels) > 0) {
        const struct promql_row *swap = a;
        a = b;
        b = swap;
    }
    return err_set(
        e, ST_QUERY,
        "found duplicate series for the match group %s on the %s hand-side of the "
        "operation: [%s, %s];many-to-many matching not allowed: matching labels must be "
        "unique on one side",
        promql_labels_text(promql_table_get(&m->meeting.groups, group), key, sizeof(key)),
        m->many_is_right ? "left" : "right", promql_labels_text(a->labels, first, sizeof(first)),
        promql_labels_text(b->labels, second, sizeof(second)));
}

/* Two of a group's "one" rows at a step are an error, unless the other side is empty there and
 * nothing is filled in: then nothing would match anyhow. */
static enum status check_one(struct matcher *m, uint32_t group, struct err *e)
{
    const struct promql_side *one = m->one;
    uint32_t first = one->first[group], steps = m->run->grid.count;
    if (first == PROMQL_NO_ROW || one->next[first] == PROMQL_NO_ROW)
        return ST_OK;
    for (uint32_t i = 0; i < steps; i++)
        m->holder[i] = PROMQL_NO_ROW;
    for (uint32_t r = first; r != PROMQL_NO_ROW; r = one->next[r]) {
        const struct promql_row *row = &one->rows.items[r];
        TRY(query_budget_work(m->run->budget, steps, e));
        for (uint32_t i = 0; i < steps; i++) {
            if (!promql_row_has(row, i) || !(m->many_any[i] || m->fills_many || m->fills_one))
                continue;
            if (m->holder[i] != PROMQL_NO_ROW)
                return error_duplicate(m, group, &one->rows.items[m->holder[i]], row, e);
            m->holder[i] = r;
        }
    }
    return ST_OK;
}

static bool labels_failed(struct label_set s)
{
    return !s.items && s.count > 0;
}

static struct label_set result_labels(struct matcher *m, struct label_set many,
                                      struct label_set one)
{
    struct arena *arena = m->run->arena;
    struct label_set s = many;
    if (promql_op_changes_meaning(m->node->binary.op))
        s = promql_labels_unnamed(arena, s);
    if (m->matching->card == CARD_ONE_TO_ONE && !labels_failed(s)) {
        struct label *kept = arena_calloc(arena, s.count, sizeof(*kept));
        if (!kept)
            return (struct label_set){NULL, 1};
        s = promql_labels_pick(s, m->names, m->matching->on, kept);
    }
    for (uint32_t i = 0; i < m->matching->include_count && !labels_failed(s); i++)
        s = promql_labels_with(arena, s, m->matching->include[i],
                               label_set_get(one, m->matching->include[i]));
    return s;
}

/* The steps that `labels` took in this group; NULL when memory is short. */
static uint8_t *taken_steps(struct matcher *m, struct label_set labels, uint32_t group)
{
    bool is_new;
    uint32_t steps = m->run->grid.count, number = promql_table_put(&m->labels, labels, &is_new);
    if (number == PROMQL_TABLE_NONE)
        return NULL;
    if (number >= m->taken_cap) {
        uint32_t cap = MAX(16u, 2 * m->taken_cap);
        struct taken *taken = arena_calloc(m->run->arena, cap, sizeof(*taken));
        if (!taken)
            return NULL;
        if (m->taken_cap)
            memcpy(taken, m->taken, m->taken_cap * sizeof(*taken));
        m->taken = taken;
        m->taken_cap = cap;
    }
    struct taken *t = &m->taken[number];
    if (!t->steps)
        t->steps = arena_calloc(m->run->arena, steps, 1);
    else if (t->group != group)
        memset(t->steps, 0, steps);
    t->group = group;
    return t->steps;
}

/* Two elements of the many side may not end as one, be it that a comparison leaves both out. */
static enum status check_used(struct matcher *m, struct label_set labels, uint32_t group,
                              struct err *e)
{
    bool one_to_one = m->matching->card == CARD_ONE_TO_ONE;
    uint8_t *used = one_to_one ? m->used : taken_steps(m, labels, group);
    if (!used)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < m->run->grid.count; i++) {
        if (!m->matched[i])
            continue;
        m->met[i] = 1;
        if (used[i])
            return err_set(e, ST_QUERY,
                           one_to_one
                               ? "multiple matches for labels: many-to-one matching must be "
                                 "explicit (group_left/group_right)"
                               : "multiple matches for labels: grouping labels must ensure unique "
                                 "matches");
        used[i] = 1;
    }
    return ST_OK;
}

static enum status meet(struct matcher *m, const struct promql_row *many,
                        const struct promql_row *one, uint32_t group, struct err *e)
{
    uint32_t steps = m->run->grid.count;
    struct promql_row r = {.values = arena_calloc(m->run->arena, steps, sizeof(double)),
                           .drop_name = many->drop_name || m->node->binary.returns_bool};
    if (many->histograms || one->histograms)
        r.histograms = arena_calloc(m->run->arena, steps, sizeof(*r.histograms));
    if (!r.values || (!r.histograms && (many->histograms || one->histograms)))
        return promql_no_memory(e);
    TRY(query_budget_check(m->run->budget, e));
    TRY(promql_combine_rows(&m->combine, m->many_is_right ? one : many,
                            m->many_is_right ? many : one, &r, m->matched, e));
    r.labels = result_labels(m, many->labels, one->labels);
    if (labels_failed(r.labels))
        return promql_no_memory(e);
    TRY(check_used(m, r.labels, group, e));
    if (promql_row_points(&r, steps) == 0)
        return ST_OK;
    return promql_run_push(m->run, &m->results, &r, e);
}

/* The stand-in of a side: the value where nothing is present. */
static enum status filler(struct matcher *m, uint32_t group, double value, const uint8_t *present,
                          struct promql_row *out, struct err *e)
{
    uint32_t steps = m->run->grid.count;
    *out = (struct promql_row){.labels = promql_table_get(&m->meeting.groups, group),
                               .values = arena_calloc(m->run->arena, steps, sizeof(double))};
    if (!out->values)
        return promql_no_memory(e);
    for (uint32_t i = 0; i < steps; i++)
        out->values[i] = present[i] ? value_absent() : value;
    return ST_OK;
}

/* An element that met another, and had no result, has no stand-in on the side of many; one that
 * could not be combined has. */
static enum status meet_fillers(struct matcher *m, uint32_t group, struct err *e)
{
    struct promql_row stand_in;
    if (m->fills_one) {
        TRY(filler(m, group, m->fill_one, m->has_one, &stand_in, e));
        for (uint32_t r = m->many->first[group]; r != PROMQL_NO_ROW; r = m->many->next[r])
            TRY(meet(m, &m->many->rows.items[r], &stand_in, group, e));
    }
    if (m->fills_many) {
        TRY(filler(m, group, m->fill_many, m->met, &stand_in, e));
        for (uint32_t r = m->one->first[group]; r != PROMQL_NO_ROW; r = m->one->next[r])
            TRY(meet(m, &stand_in, &m->one->rows.items[r], group, e));
    }
    return ST_OK;
}

static void begin_group(struct matcher *m, uint32_t group)
{
    uint32_t steps = m->run->grid.count;
    memset(m->used, 0, steps);
    memset(m->met, 0, steps);
    memset(m->has_one, 0, steps);
    for (uint32_t r = m->one->first[group]; r != PROMQL_NO_ROW; r = m->one->next[r])
        for (uint32_t i = 0; i < steps; i++)
            m->has_one[i] |= promql_row_has(&m->one->rows.items[r], i);
}

static enum status meet_group(struct matcher *m, uint32_t group, struct err *e)
{
    TRY(query_budget_check(m->run->budget, e));
    begin_group(m, group);
    for (uint32_t a = m->many->first[group]; a != PROMQL_NO_ROW; a = m->many->next[a])
        for (uint32_t b = m->one->first[group]; b != PROMQL_NO_ROW; b = m->one->next[b])
            TRY(meet(m, &m->many->rows.items[a], &m->one->rows.items[b], group, e));
    return meet_fillers(m, group, e);
}

static enum status matcher_open(struct matcher *m, struct err *e)
{
    uint32_t steps = m->run->grid.count;
    const struct promql_matching *x = m->matching;
    TRY(promql_meeting_open(m->run, m->node, &m->meeting, e));
    m->many_is_right = x->card == CARD_ONE_TO_MANY;
    m->many = m->many_is_right ? &m->meeting.right : &m->meeting.left;
    m->one = m->many_is_right ? &m->meeting.left : &m->meeting.right;
    /* With group_right Prometheus swaps the sides but not the fillers: "left" is the many side. */
    m->fills_many = x->fills_left;
    m->fill_many = x->fill_left;
    m->fills_one = x->fills_right;
    m->fill_one = x->fill_right;
    m->names = promql_names_sorted(m->run->arena, x->labels, x->label_count, (struct str){0});
    m->used = arena_calloc(m->run->arena, steps, 1);
    m->matched = arena_calloc(m->run->arena, steps, 1);
    m->many_any = arena_calloc(m->run->arena, steps, 1);
    m->met = arena_calloc(m->run->arena, steps, 1);
    m->has_one = arena_calloc(m->run->arena, steps, 1);
    m->holder = arena_calloc(m->run->arena, steps, sizeof(*m->holder));
    if (!m->names.items || !m->used || !m->matched || !m->many_any || !m->met || !m->has_one ||
        !m->holder)
        return promql_no_memory(e);
    for (uint32_t r = 0; r < m->many->rows.count; r++)
        for (uint32_t i = 0; i < steps; i++)
            m->many_any[i] |= promql_row_has(&m->many->rows.items[r], i);
    return ST_OK;
}

enum status promql_match_rows(struct promql_run *run, const struct promql_node *node,
                              const struct promql_sink *out, struct err *e)
{
    struct matcher m = {.run = run,
                        .node = node,
                        .matching = node->binary.matching,
                        .labels.arena = run->arena,
                        .combine = {run, node, run->arena, false}};
    TRY(matcher_open(&m, e));
    for (uint32_t g = 0; g < m.meeting.groups.count; g++)
        TRY(check_one(&m, g, e));
    for (uint32_t g = 0; g < m.meeting.groups.count; g++)
        TRY(meet_group(&m, g, e));
    promql_meeting_close(run, &m.meeting);
    TRY(promql_rows_merge(&m.results, run->arena, run->grid.count, e));
    for (uint32_t i = 0; i < m.results.count; i++)
        TRY(out->put(out->self, &m.results.items[i], e));
    promql_run_drop(run, &m.results);
    return ST_OK;
}
