/* promql_fn_info.c - info(): labels of info series (target_info) added to other series of the same
 * instance and job. Source: Prometheus 3.x, promql/info.go. */
#include "query/promql_fn.h"
#include "query/promql_labels.h"
#include "query/promql_pick.h"

/* What tells whose information it is. */
static const struct str identifying[] = {{"instance", 8}, {"job", 3}};

enum { NO_INFO = UINT32_MAX };

struct info {
    struct promql_run *run;
    const struct label_matcher *matchers; /* of the second argument; may be none */
    uint32_t matcher_count;
    struct label_matcher implied; /* of the info metrics' names, unless the argument says which */
    struct promql_rows base;
    struct label_set *infos; /* labels of info series */
    uint32_t info_count;
    struct promql_table keys; /* name, instance, job of info series */
    struct promql_table names;
    uint32_t *newest; /* a slot a key and step: the info series with the newest sample */
    int64_t *when;    /* likewise: time of that sample */
    struct promql_table wanted[LEN(identifying)]; /* values that base series have */
    uint8_t *has_base;                            /* a slot a step */
    struct promql_table results;
    struct promql_rows rows; /* numbered as `results` */
};

static bool is_name(const struct label_matcher *m)
{
    return str_eq(m->name, LABEL_METRIC_NAME);
}

/* target_info; every "_info" when the argument says only which are not meant. */
static enum status imply_name(struct info *x, struct err *e)
{
    bool has_name = false;
    for (uint32_t i = 0; i < x->matcher_count; i++) {
        const struct label_matcher *m = &x->matchers[i];
        if (!is_name(m))
            continue;
        if (m->op == MATCH_EQ || m->op == MATCH_RE)
            return ST_OK;
        has_name = true;
    }
    return label_matcher_init(&x->implied, has_name ? MATCH_RE : MATCH_EQ, LABEL_METRIC_NAME,
                              has_name ? STR(".+_info") : STR("target_info"), e);
}

/* An info series itself gets nothing. */
static bool is_info(const struct info *x, struct str metric)
{
    if (x->implied.name.len && !label_matcher_accepts(&x->implied, metric))
        return false;
    for (uint32_t i = 0; i < x->matcher_count; i++)
        if (is_name(&x->matchers[i]) && !label_matcher_accepts(&x->matchers[i], metric))
            return false;
    return true;
}

/* name, instance and job of a series; `name` is that of the info metric. */
static struct label_set key_of(struct info *x, struct label_set s, struct str name)
{
    struct label_set key = {0};
    key = promql_labels_with(x->run->arena, key, LABEL_METRIC_NAME, name);
    for (size_t i = 0; key.items && i < LEN(identifying); i++)
        key = promql_labels_with(x->run->arena, key, identifying[i],
                                 label_set_get(s, identifying[i]));
    return key;
}

static enum status select_infos(struct info *x, struct promql_picker *p,
                                struct promql_selector *selector, struct err *e)
{
    struct label_matcher *all =
        arena_calloc(x->run->arena, (size_t)x->matcher_count + 1, sizeof(*all));
    if (!all)
        return promql_no_memory(e);
    if (x->matcher_count)
        memcpy(all, x->matchers, x->matcher_count * sizeof(*all));
    selector->matchers = all;
    selector->matcher_count = x->matcher_count;
    if (x->implied.name.len)
        all[selector->matcher_count++] = x->implied;
    return promql_picker_open(x->run, selector, x->run->arena, p, e);
}

static enum status error_duplicate(const struct info *x, uint32_t a, uint32_t b, int64_t at_ms,
                                   struct err *e)
{
    char first[200], second[200];
    return err_set(e, ST_QUERY,
                   "found duplicate series for info metric: existing %s @ %lld, new %s @ %lld",
                   promql_labels_text(x->infos[a], first, sizeof(first)), (long long)at_ms,
                   promql_labels_text(x->infos[b], second, sizeof(second)), (long long)at_ms);
}

static enum status note_newest(struct info *x, const struct promql_picker *p,
                               const struct series_data *s, uint32_t key, uint32_t number,
                               struct err *e)
{
    uint32_t steps = x->run->grid.count;
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t k = p->picks[i];
        size_t slot = (size_t)key * steps + i;
        if (!x->has_base[i] || k == PROMQL_NO_SAMPLE || promql_sample_is_stale(s, k))
            continue;
        if (s->histograms && s->histograms[k])
            return err_set(e, ST_QUERY, "info sample should be float");
        if (x->newest[slot] != NO_INFO && x->when[slot] == s->times_ms[k])
            return error_duplicate(x, x->newest[slot], number, s->times_ms[k], e);
        if (x->newest[slot] != NO_INFO && x->when[slot] > s->times_ms[k])
            continue;
        x->newest[slot] = number;
        x->when[slot] = s->times_ms[k];
    }
    return ST_OK;
}

/* Of no concern is what two info series of some other instance are. */
static bool may_match(const struct info *x, struct label_set s)
{
    for (size_t i = 0; i < LEN(identifying); i++) {
        struct label l = {identifying[i], label_set_get(s, identifying[i])};
        if (x->wanted[i].count &&
            promql_table_find(&x->wanted[i], (struct label_set){&l, 1}) == PROMQL_TABLE_NONE)
            return false;
    }
    return true;
}

static enum status read_info(struct info *x, const struct promql_picker *p,
                             const struct series_data *s, struct err *e)
{
    bool added;
    struct label_set key = key_of(x, s->labels, label_set_metric(s->labels)), name = {0};
    if (!key.items)
        return promql_no_memory(e);
    uint32_t number = promql_table_put(&x->keys, key, &added);
    name = promql_labels_with(x->run->arena, name, LABEL_METRIC_NAME, label_set_metric(s->labels));
    if (!name.items || number == PROMQL_TABLE_NONE ||
        promql_table_put(&x->names, name, &added) == PROMQL_TABLE_NONE)
        return promql_no_memory(e);
    x->infos[x->info_count++] = s->labels;
    return note_newest(x, p, s, number, x->info_count - 1, e);
}

static enum status read_infos(struct info *x, struct err *e)
{
    struct promql_picker p;
    struct promql_selector selector = {0};
    const struct series_data *s;
    enum status status;
    TRY(select_infos(x, &p, &selector, e));
    size_t slots = (size_t)p.list.count * x->run->grid.count;
    x->infos = arena_calloc(x->run->arena, p.list.count, sizeof(*x->infos));
    x->newest = arena_calloc(x->run->arena, slots, sizeof(*x->newest));
    x->when = arena_calloc(x->run->arena, slots, sizeof(*x->when));
    if (!x->infos || !x->newest || !x->when)
        return promql_no_memory(e);
    for (size_t i = 0; i < slots; i++)
        x->newest[i] = NO_INFO;
    while ((s = promql_picker_next(&p, &status, e)))
        if (may_match(x, s->labels))
            TRY(read_info(x, &p, s, e));
    promql_picker_close(&p);
    return status;
}

/* Without a second argument, or when that names no label, all labels are taken. */
static bool wants_label(const struct info *x, struct str name)
{
    bool names_labels = false;
    for (uint32_t i = 0; i < x->matcher_count; i++) {
        if (is_name(&x->matchers[i]))
            continue;
        if (str_eq(x->matchers[i].name, name))
            return true;
        names_labels = true;
    }
    return !names_labels;
}

static enum status add_labels(struct info *x, struct label_set base, struct label_set info,
                              struct label_set *labels, struct err *e)
{
    for (uint32_t i = 0; i < info.count; i++) {
        struct label l = info.items[i];
        if (str_eq(l.name, LABEL_METRIC_NAME) || !wants_label(x, l.name) ||
            label_set_get(base, l.name).len)
            continue;
        struct str known = label_set_get(*labels, l.name);
        if (known.len && !str_eq(known, l.value))
            return err_set(e, ST_QUERY, "conflicting label: %.*s", (int)MIN(l.name.len, 100u),
                           l.name.ptr);
        *labels = promql_labels_with(x->run->arena, *labels, l.name, l.value);
        if (!labels->items)
            return promql_no_memory(e);
    }
    return ST_OK;
}

static enum status result_of(struct info *x, const struct promql_row *base, struct label_set labels,
                             uint32_t *number, struct err *e)
{
    bool added;
    uint32_t steps = x->run->grid.count;
    *number = promql_table_put(&x->results, labels, &added);
    if (*number == PROMQL_TABLE_NONE)
        return promql_no_memory(e);
    if (!added)
        return ST_OK;
    struct promql_row row = {
        promql_table_get(&x->results, *number), promql_values_new(x->run->arena, steps),
        arena_calloc(x->run->arena, steps, sizeof(*row.histograms)), base->drop_name};
    if (!row.values || !row.histograms)
        return promql_no_memory(e);
    return promql_run_push(x->run, &x->rows, &row, e);
}

static enum status put_point(struct info *x, const struct promql_row *base, uint32_t step,
                             uint32_t number, struct err *e)
{
    struct promql_row *to = &x->rows.items[number];
    if (promql_row_has(to, step))
        return err_set(e, ST_QUERY, "vector cannot contain metrics with the same labelset");
    memcpy(&to->values[step], &base->values[step], sizeof(double));
    to->histograms[step] = promql_row_histogram(base, step);
    return ST_OK;
}

/* A series without information stays only when no label is asked for that it would lack. */
static bool stays_alone(const struct info *x)
{
    for (uint32_t i = 0; i < x->matcher_count; i++)
        if (!is_name(&x->matchers[i]) && !label_matcher_accepts(&x->matchers[i], STR("")))
            return false;
    return true;
}

static enum status enrich_step(struct info *x, const struct promql_row *base, const uint32_t *keys,
                               uint32_t step, struct err *e)
{
    struct label_set labels = base->labels;
    bool any = false;
    uint32_t number;
    for (uint32_t n = 0; n < x->names.count; n++) {
        if (keys[n] == PROMQL_TABLE_NONE)
            continue;
        uint32_t info = x->newest[(size_t)keys[n] * x->run->grid.count + step];
        if (info == NO_INFO)
            continue;
        any = true;
        TRY(add_labels(x, base->labels, x->infos[info], &labels, e));
    }
    if (!any && !stays_alone(x))
        return ST_OK;
    TRY(result_of(x, base, labels, &number, e));
    return put_point(x, base, step, number, e);
}

static enum status keep_as_it_is(struct info *x, const struct promql_row *base, struct err *e)
{
    uint32_t number;
    TRY(result_of(x, base, base->labels, &number, e));
    for (uint32_t i = 0; i < x->run->grid.count; i++)
        if (promql_row_has(base, i))
            TRY(put_point(x, base, i, number, e));
    return ST_OK;
}

static enum status enrich(struct info *x, const struct promql_row *base, struct err *e)
{
    uint32_t *keys = arena_calloc(x->run->arena, x->names.count, sizeof(*keys));
    if (!keys)
        return promql_no_memory(e);
    for (uint32_t n = 0; n < x->names.count; n++) {
        struct str name = label_set_metric(promql_table_get(&x->names, n));
        struct label_set key = key_of(x, base->labels, name);
        if (!key.items)
            return promql_no_memory(e);
        keys[n] = promql_table_find(&x->keys, key);
    }
    TRY(query_budget_check(x->run->budget, e));
    for (uint32_t i = 0; i < x->run->grid.count; i++)
        if (promql_row_has(base, i))
            TRY(enrich_step(x, base, keys, i, e));
    return ST_OK;
}

/* What the base series have of the identifying labels, and when. */
static enum status want_labels(struct info *x, bool *any, struct err *e)
{
    bool added;
    *any = false;
    for (uint32_t r = 0; r < x->base.count; r++) {
        const struct promql_row *row = &x->base.items[r];
        for (uint32_t i = 0; i < x->run->grid.count; i++)
            x->has_base[i] |= promql_row_has(row, i);
        if (is_info(x, label_set_metric(row->labels)))
            continue;
        for (size_t i = 0; i < LEN(identifying); i++) {
            struct label l = {identifying[i], label_set_get(row->labels, identifying[i])};
            if (l.value.len == 0)
                continue;
            *any = true;
            if (promql_table_put(&x->wanted[i], (struct label_set){&l, 1}, &added) ==
                PROMQL_TABLE_NONE)
                return promql_no_memory(e);
        }
    }
    return ST_OK;
}

static enum status info_rows(struct info *x, const struct promql_node *node,
                             const struct promql_sink *out, struct err *e)
{
    bool any_wanted;
    TRY(promql_run_keep(x->run, node->call.args[0], &x->base, e));
    x->has_base = arena_calloc(x->run->arena, x->run->grid.count, 1);
    if (!x->has_base)
        return promql_no_memory(e);
    TRY(want_labels(x, &any_wanted, e));
    if (any_wanted)
        TRY(read_infos(x, e));
    for (uint32_t r = 0; r < x->base.count; r++) {
        const struct promql_row *base = &x->base.items[r];
        TRY(is_info(x, label_set_metric(base->labels)) ? keep_as_it_is(x, base, e)
                                                       : enrich(x, base, e));
    }
    promql_run_drop(x->run, &x->base);
    for (uint32_t i = 0; i < x->rows.count; i++)
        TRY(out->put(out->self, &x->rows.items[i], e));
    promql_run_drop(x->run, &x->rows);
    return ST_OK;
}

enum status promql_fn_info_rows(struct promql_run *run, const struct promql_node *node,
                                const struct promql_sink *out, struct err *e)
{
    struct info x = {.run = run,
                     .keys.arena = run->arena,
                     .names.arena = run->arena,
                     .wanted = {{.arena = run->arena}, {.arena = run->arena}},
                     .results.arena = run->arena};
    if (node->call.arg_count > 1) {
        const struct promql_node *arg = promql_unwrap(node->call.args[1]);
        x.matchers = arg->selector.matchers;
        x.matcher_count = arg->selector.matcher_count;
    }
    TRY(imply_name(&x, e));
    enum status status = info_rows(&x, node, out, e);
    label_matcher_deinit(&x.implied);
    return status;
}
