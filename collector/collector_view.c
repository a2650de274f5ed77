/* collector_view.c - publishes what readers see, and tells them about the collector itself. */
#include "base/clock.h"
#include "base/json_write.h"
#include "base/log.h"
#include "collector/collector_private.h"
#include "storage/edge_store.h"

/* At most four views a second, and never more than a tenth of the time, but for one made afresh:
 * the next ones follow it and are cheap. Afresh without need only when that takes a twentieth of
 * the time. When nobody has asked for a while the view is no longer kept up. */
enum { VIEW_EVERY_MS = 250, VIEW_SHARE = 10, FRESH_SHARE = 20, SLEEP_AFTER_S = 60 };

/* *out stays NULL without cells. */
static enum status make_part(const struct cell_set *cells, struct edge_part **out, struct err *e)
{
    struct buf bytes = {0};
    if (cell_set_cell_count(cells) == 0)
        return ST_OK;
    enum status status = edge_part_encode(cells, false, &bytes, e);
    if (status == ST_OK)
        return edge_part_open_memory(&bytes, out, e);
    buf_deinit(&bytes);
    return status;
}

/* What is closed but in no part of the store yet, without what is open. */
static enum status make_closed(struct collector *c, struct edge_head *head, struct err *e)
{
    if (!edge_store_wants_closed(c->config.store))
        return ST_OK;
    if (c->in_flight)
        TRY(make_part(cell_feed_cells(c->in_flight), &head->closed[0], e));
    head->has_closed = true;
    return make_part(cell_feed_cells(c->pipeline.closed), &head->closed[1], e);
}

/* A view from then is too old for every reader. */
static const uint64_t long_ago_mono_ns = 1;

static bool nobody_looks(const struct collector *c)
{
    return !c->view_wanted &&
           (c->asked_mono_ns == 0 || clock_mono_ns() - c->asked_mono_ns > SLEEP_AFTER_S * NS_PER_S);
}

static enum status look(struct collector *c, struct live_view *view, struct err *e)
{
    struct cell_set *in_flight = c->in_flight ? cell_feed_cells(c->in_flight) : NULL;
    bool afresh = live_is_stale(c->live) && clock_mono_ns() >= c->next_fresh_mono_ns;
    return live_look(c->live, in_flight, afresh, view, e);
}

static enum status make_head(struct collector *c, struct edge_head *head, struct err *e)
{
    struct live_view view;
    /* A checkpoint must show its part even so. */
    bool asleep = nobody_looks(c);
    TRY(asleep ? live_look_closed(c->live, &view, e) : look(c, &view, e));
    c->was_fresh = view.is_afresh;
    *head = (struct edge_head){
        .registry = view.registry,
        .complete_until_ns = pipeline_complete_until(&c->pipeline, clock_wall_ns()),
        .checkpointed = c->saved_position,
        .is_closed_only = view.is_closed_only,
        .open_hops = view.open_hops,
        .open_traces = view.open_traces,
        .open_bytes = pipeline_open_bytes(&c->pipeline),
        .captured_mono_ns = asleep ? long_ago_mono_ns : c->taken_mono_ns,
    };
    enum status status = make_part(view.cells, &head->head, e);
    if (status == ST_OK)
        status = make_closed(c, head, e);
    if (status == ST_OK)
        return ST_OK;
    registry_free(head->registry);
    edge_part_unref(head->head);
    for (size_t i = 0; i < EDGE_HEAD_CLOSED; i++)
        edge_part_unref(head->closed[i]);
    return status;
}

void collector_publish(struct collector *c)
{
    uint64_t begun = clock_mono_ns();
    struct edge_head head;
    struct err e;
    if (make_head(c, &head, &e) == ST_OK) {
        pthread_mutex_lock(&c->stats_lock);
        c->stats.open_hops = head.open_hops;
        pthread_mutex_unlock(&c->stats_lock);
        edge_store_publish(c->config.store, &head);
        c->view_wanted = false;
    } else {
        log_limited(LOG_WARN, "collector: no view published reason=\"%s\"", e.msg);
    }
    collector_charge(c);
    uint64_t now = clock_mono_ns(), took = now - begun;
    if (c->was_fresh)
        c->next_fresh_mono_ns = now + took * FRESH_SHARE;
    uint64_t rest = c->was_fresh ? 0 : took * VIEW_SHARE;
    c->next_view_mono_ns = now + MAX(rest, VIEW_EVERY_MS * NS_PER_MS);
}

void collector_rest(struct collector *c)
{
    if (nobody_looks(c))
        live_sleep(c->live);
}

static void note_offenders(struct collector *c)
{
    const struct pipeline *p = &c->pipeline;
    c->offender_count = row_caps_offenders(p->caps, c->offenders, LEN(c->offenders));
    for (size_t i = 0; i < c->offender_count; i++) {
        struct buf id = {0};
        if (c->offenders[i].entity != NAMES_NONE)
            entity_append_id(&id, &names_entity_at(p->names, c->offenders[i].entity)->entity,
                             false);
        (void)str_to_c(buf_str(&id), c->offender_names[i], sizeof(c->offender_names[i]));
        buf_deinit(&id);
    }
}

void collector_note_stats(struct collector *c)
{
    const struct pipeline *p = &c->pipeline;
    pthread_mutex_lock(&c->stats_lock);
    struct collector_stats *s = &c->stats;
    s->open_traces = p->table.traces.live;
    s->open_spans = open_table_spans(&p->table);
    s->open_bytes = pipeline_open_bytes(p);
    s->closed_requests = p->closed_requests;
    s->end_before_start = p->end_before_start;
    s->closed_early = p->closed_early;
    row_caps_overflow(p->caps, &s->overflow_edges, &s->overflow_operations, &s->overflow_versions);
    if (s->overflow_edges + s->overflow_operations + s->overflow_versions > 0)
        note_offenders(c);
    pthread_mutex_unlock(&c->stats_lock);
}

void collector_stats(struct collector *c, struct collector_stats *out)
{
    pthread_mutex_lock(&c->stats_lock);
    *out = c->stats;
    pthread_mutex_unlock(&c->stats_lock);
}

void collector_offenders_json(struct collector *c, struct buf *out)
{
    struct json_writer w = json_writer_of(out);
    static const char *const kinds[] = {"edges", "operations", "versions"};
    const uint32_t limits[] = {c->config.graph.max_edges, c->config.graph.max_operations,
                               ROW_CAPS_VARIANTS};
    json_array_begin(&w);
    pthread_mutex_lock(&c->stats_lock);
    for (size_t i = 0; i < c->offender_count; i++) {
        enum cap_kind kind = c->offenders[i].kind;
        json_object_begin(&w);
        JSON_STR(&w, "kind", str_from_c(kinds[kind]));
        JSON_STR(&w, "name", str_from_c(c->offender_names[i]));
        JSON_U64(&w, "distinct", c->offenders[i].distinct);
        JSON_U64(&w, "limit", limits[kind]);
        JSON_U64(&w, "refused", c->offenders[i].refused);
        json_object_end(&w);
    }
    pthread_mutex_unlock(&c->stats_lock);
    json_array_end(&w);
}
