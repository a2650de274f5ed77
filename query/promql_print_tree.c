/* promql_print_tree.c - a tree as the JSON of /api/v1/parse_query. Members and their names:
 * Prometheus 3.x, web/api/v1/translate_ast.go; in alphabetical order, as Go writes maps. */
#include "query/promql_number.h"
#include "query/promql_parse.h"
#include "query/promql_words.h"

/* The writer counts at most 63 open containers, an expression has more levels: each node begins a
 * writer of its own on the same bytes. */
static struct json_writer node_begin(struct json_writer *w)
{
    struct json_writer inner = json_writer_of(w->out);
    json_raw(w, STR(""));
    json_object_begin(&inner);
    return inner;
}

static void write_child(struct json_writer *w, const char *key, const struct promql_node *node)
{
    json_key(w, key);
    if (node)
        promql_print_tree(node, w);
    else
        json_null(w);
}

static void write_word(struct json_writer *w, const char *key, const char *word)
{
    JSON_STR(w, key, str_from_c(word));
}

static void write_ms(struct json_writer *w, const char *key, const struct promql_duration *d)
{
    json_key(w, key);
    json_i64(w, d->expr ? 0 : d->ms);
}

static void write_number(struct json_writer *w, double value)
{
    struct buf text = {0};
    promql_number_write(value, &text);
    write_word(w, "type", "numberLiteral");
    JSON_STR(w, "val", buf_str(&text));
    w->out->failed |= text.failed;
    buf_deinit(&text);
}

/* --- duration expressions --- */

static void print_duration(const struct promql_node *node, bool wrapped, struct json_writer *outer);

static void write_part(struct json_writer *w, const char *key, const struct promql_node *node)
{
    json_key(w, key);
    if (node)
        print_duration(node, false, w);
    else
        json_null(w);
}

static void end_duration(struct json_writer *w, const char *op, const struct promql_node *rhs,
                         bool wrapped)
{
    write_word(w, "op", op);
    write_part(w, "rhs", rhs);
    write_word(w, "type", "durationExpr");
    JSON_BOOL(w, "wrapped", wrapped);
    json_object_end(w);
}

/* As print_chain(), with lhs as first member. */
static void print_duration_chain(const struct promql_node *node, bool wrapped,
                                 struct json_writer *outer)
{
    struct json_writer begun = node_begin(outer);
    for (const struct promql_node *n = node; n != node->binary.first; n = n->binary.lhs) {
        json_key(&begun, "lhs");
        begun = node_begin(&begun);
    }
    write_part(&begun, "lhs", node->binary.first->binary.lhs);
    for (const struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node)) {
        struct json_writer w = begun;
        end_duration(&w, promql_op_word(n->binary.op), n->binary.rhs, wrapped && n == node);
    }
}

/* step() and range(), min_of() and max_of(). */
static void print_duration_call(const struct promql_node *node, bool wrapped,
                                struct json_writer *outer)
{
    bool has_args = node->call.arg_count == 2;
    struct json_writer w = node_begin(outer);
    write_part(&w, "lhs", has_args ? node->call.args[0] : NULL);
    end_duration(&w, node->call.function->name, has_args ? node->call.args[1] : NULL, wrapped);
}

static void print_duration(const struct promql_node *node, bool wrapped, struct json_writer *outer)
{
    struct json_writer w;
    switch (node->kind) {
    case PROMQL_PAREN:
        print_duration(node->paren, true, outer);
        break;
    case PROMQL_BINARY:
        print_duration_chain(node, wrapped, outer);
        break;
    case PROMQL_CALL:
        print_duration_call(node, wrapped, outer);
        break;
    case PROMQL_UNARY:
        w = node_begin(outer);
        write_part(&w, "lhs", NULL);
        end_duration(&w, promql_op_word(node->unary.op), node->unary.expr, wrapped);
        break;
    default:
        w = node_begin(outer);
        JSON_BOOL(&w, "duration", node->number.is_duration);
        write_number(&w, node->number.value);
        json_object_end(&w);
    }
}

/* --- nodes --- */

static void write_labels(struct json_writer *w, const char *key, const struct str *labels,
                         uint32_t count)
{
    json_key(w, key);
    json_array_begin(w);
    for (uint32_t i = 0; i < count; i++)
        json_str(w, labels[i]);
    json_array_end(w);
}

static void write_bound(struct json_writer *w, const struct promql_when *when)
{
    json_key(w, "startOrEnd");
    if (when->at == AT_START || when->at == AT_END)
        json_str(w, when->at == AT_START ? STR("start") : STR("end"));
    else
        json_null(w);
}

static void write_time(struct json_writer *w, const struct promql_when *when)
{
    json_key(w, "timestamp");
    if (when->at == AT_TIME)
        json_i64(w, when->at_ms);
    else
        json_null(w);
}

static void write_matchers(struct json_writer *w, const struct promql_selector *s)
{
    json_key(w, "matchers");
    json_array_begin(w);
    for (uint32_t i = 0; i < s->matcher_count; i++) {
        json_object_begin(w);
        JSON_STR(w, "name", s->matchers[i].name);
        write_word(w, "type", match_op_text(s->matchers[i].op));
        JSON_STR(w, "value", s->matchers[i].value);
        json_object_end(w);
    }
    json_array_end(w);
}

/* `range` is NULL for an instant selector. */
static void write_selector(struct json_writer *w, const struct promql_selector *s,
                           const struct promql_duration *range)
{
    JSON_BOOL(w, "anchored", s->extension == EXTEND_ANCHORED);
    write_matchers(w, s);
    JSON_STR(w, "name", s->metric);
    write_ms(w, "offset", &s->when.offset);
    write_part(w, "offsetExpr", s->when.offset.expr);
    if (range) {
        write_ms(w, "range", range);
        write_part(w, "rangeExpr", range->expr);
    }
    JSON_BOOL(w, "smoothed", s->extension == EXTEND_SMOOTHED);
    write_bound(w, &s->when);
    write_time(w, &s->when);
    write_word(w, "type", range ? "matrixSelector" : "vectorSelector");
}

static void write_subquery(struct json_writer *w, const struct promql_node *node)
{
    write_child(w, "expr", node->subquery.expr);
    write_ms(w, "offset", &node->subquery.when.offset);
    write_part(w, "offsetExpr", node->subquery.when.offset.expr);
    write_ms(w, "range", &node->subquery.range);
    write_part(w, "rangeExpr", node->subquery.range.expr);
    write_bound(w, &node->subquery.when);
    write_ms(w, "step", &node->subquery.step);
    write_part(w, "stepExpr", node->subquery.step.expr);
    write_time(w, &node->subquery.when);
    write_word(w, "type", "subquery");
}

static void write_fill(struct json_writer *w, const char *key, bool fills, double value)
{
    json_key(w, key);
    if (fills)
        json_double(w, value);
    else
        json_null(w);
}

static void write_matching(struct json_writer *w, const struct promql_matching *m)
{
    static const char *const cards[] = {"one-to-one", "many-to-one", "one-to-many", "many-to-many"};
    json_key(w, "matching");
    if (!m) {
        json_null(w);
        return;
    }
    json_object_begin(w);
    write_word(w, "card", cards[m->card]);
    json_key(w, "fillValues");
    json_object_begin(w);
    write_fill(w, "lhs", m->fills_left, m->fill_left);
    write_fill(w, "rhs", m->fills_right, m->fill_right);
    json_object_end(w);
    write_labels(w, "include", m->include, m->include_count);
    write_labels(w, "labels", m->labels, m->label_count);
    JSON_BOOL(w, "on", m->on);
    json_object_end(w);
}

/* Each link is in the one above: they are begun from the top, and ended from the bottom, where all
 * writers are behind an object's second member. */
static void print_chain(const struct promql_node *node, struct json_writer *outer)
{
    struct json_writer begun = node_begin(outer);
    for (const struct promql_node *n = node;; n = n->binary.lhs) {
        JSON_BOOL(&begun, "bool", n->binary.returns_bool);
        if (n == node->binary.first)
            break;
        json_key(&begun, "lhs");
        begun = node_begin(&begun);
    }
    write_child(&begun, "lhs", node->binary.first->binary.lhs);
    for (const struct promql_node *n = node->binary.first; n; n = promql_link_above(n, node)) {
        struct json_writer w = begun;
        write_matching(&w, n->binary.matching);
        write_word(&w, "op", promql_op_word(n->binary.op));
        write_child(&w, "rhs", n->binary.rhs);
        write_word(&w, "type", "binaryExpr");
        json_object_end(&w);
    }
}

static void write_aggregate(struct json_writer *w, const struct promql_node *node)
{
    write_child(w, "expr", node->aggregate.expr);
    write_labels(w, "grouping", node->aggregate.labels, node->aggregate.label_count);
    write_word(w, "op", promql_aggregation_word(node->aggregate.op));
    write_child(w, "param", node->aggregate.param);
    write_word(w, "type", "aggregation");
    JSON_BOOL(w, "without", node->aggregate.without);
}

static void write_function(struct json_writer *w, const struct promql_function *f)
{
    json_object_begin(w);
    json_key(w, "argTypes");
    json_array_begin(w);
    for (uint32_t i = 0; i < f->arg_count; i++)
        json_str(w, str_from_c(promql_type_name(f->args[i])));
    json_array_end(w);
    write_word(w, "name", f->name);
    write_word(w, "returnType", promql_type_name(f->result));
    json_key(w, "variadic");
    json_i64(w, f->variadic);
    json_object_end(w);
}

static void write_call(struct json_writer *w, const struct promql_node *node)
{
    json_key(w, "args");
    json_array_begin(w);
    for (uint32_t i = 0; i < node->call.arg_count; i++)
        promql_print_tree(node->call.args[i], w);
    json_array_end(w);
    json_key(w, "func");
    write_function(w, node->call.function);
    write_word(w, "type", "call");
}

void promql_print_tree(const struct promql_node *node, struct json_writer *outer)
{
    if (node->kind == PROMQL_BINARY) {
        print_chain(node, outer);
        return;
    }
    struct json_writer inner = node_begin(outer), *w = &inner;
    switch (node->kind) {
    case PROMQL_NUMBER:
        write_number(w, node->number.value);
        break;
    case PROMQL_STRING_LITERAL:
        write_word(w, "type", "stringLiteral");
        JSON_STR(w, "val", node->text);
        break;
    case PROMQL_SELECTOR:
        write_selector(w, &node->selector, NULL);
        break;
    case PROMQL_RANGE:
        write_selector(w, &node->range.selector->selector, &node->range.range);
        break;
    case PROMQL_SUBQUERY:
        write_subquery(w, node);
        break;
    case PROMQL_UNARY:
        write_child(w, "expr", node->unary.expr);
        write_word(w, "op", promql_op_word(node->unary.op));
        write_word(w, "type", "unaryExpr");
        break;
    case PROMQL_BINARY: /* above */
        break;
    case PROMQL_AGGREGATE:
        write_aggregate(w, node);
        break;
    case PROMQL_CALL:
        write_call(w, node);
        break;
    case PROMQL_PAREN:
        write_child(w, "expr", node->paren);
        write_word(w, "type", "parenExpr");
        break;
    }
    json_object_end(w);
}
