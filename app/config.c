/* config.c - the rows: every setting's place, unit, default, bounds and help, and how a text
 * becomes its value. */
#include "app/config.h"

#include "app/config_remote_write.h"
#include "base/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define AT(field)      offsetof(struct config, field)
#define RESTART(field) AT(field), false
#define LIVE(field)    AT(field), true
#define SECONDS(n)     ((double)(n)*1e9)
#define ANY_TIME       4e18
#define PIB            (1024.0 * 1024.0 * GIB)

const struct setting config_settings[] = {
    {"data", CONFIG_PATH, "./weft-data", 0, 0, "directory of everything that is kept",
     RESTART(data)},
    {"listen.http", CONFIG_ADDR, "127.0.0.1:9600", 0, 0, "UI, APIs, metrics", RESTART(http)},
    {"listen.otlp_grpc", CONFIG_ADDR, "127.0.0.1:4317", 0, 0, "OTLP over gRPC", RESTART(otlp_grpc)},
    {"listen.otlp_http", CONFIG_ADDR, "127.0.0.1:4318", 0, 0, "OTLP over HTTP", RESTART(otlp_http)},
    {"insecure", CONFIG_BOOL, "false", 0, 0, "allows listeners that are not on loopback",
     RESTART(insecure)},
    {"admin", CONFIG_BOOL, "false", 0, 0, "allows POST /-/flush, /-/compact and /api/v1/admin/tsdb",
     RESTART(admin)},
    {"ack", CONFIG_ACK, "disk", 0, 0, "OK means: on `disk`, with the `kernel`, or in `memory`",
     RESTART(ack)},
    {"journal.max", CONFIG_BYTES, "2GiB", 64.0 * MIB, PIB, "over it new data is refused",
     RESTART(journal_max_bytes)},
    {"journal.checkpoint", CONFIG_DURATION, "30s", SECONDS(1), SECONDS(3600),
     "how often open state is saved", RESTART(checkpoint_ns)},
    {"limits.body", CONFIG_BYTES, "64MiB", KIB, 1.0 * GIB, "largest request as it comes",
     RESTART(limits.body_bytes)},
    {"limits.unpacked", CONFIG_BYTES, "64MiB", KIB, 1.0 * GIB, "largest request unpacked",
     RESTART(limits.unpacked_bytes)},
    {"limits.spans", CONFIG_COUNT, "1000000", 1, 1e8, "spans in one request",
     RESTART(limits.spans)},
    {"limits.samples", CONFIG_COUNT, "1000000", 1, 1e8,
     "samples in one request of metrics; each bucket of a histogram is one",
     RESTART(limits.samples)},
    {"limits.attributes", CONFIG_COUNT, "256", 1, 65536,
     "attributes of one span, point or resource", RESTART(limits.attributes)},
    {"limits.depth", CONFIG_COUNT, "32", 1, 60, "nesting of attribute values",
     RESTART(limits.depth)},
    {"limits.connections", CONFIG_COUNT, "10000", 1, 1e6,
     "open connections in all; fewer where `ulimit -Hn` is not 512 above",
     RESTART(limits.connections)},
    {"limits.per_peer", CONFIG_COUNT, "1024", 1, 1e6, "open connections of one address",
     RESTART(limits.per_peer)},
    {"limits.streams", CONFIG_COUNT, "100", 1, 10000, "concurrent calls on one gRPC connection",
     RESTART(limits.streams)},
    {"limits.header_list", CONFIG_BYTES, "32KiB", KIB, 1.0 * MIB,
     "headers of one request; over HTTP/1.1 at most 12KiB with the request line",
     RESTART(limits.header_list_bytes)},
    {"limits.head", CONFIG_DURATION, "10s", SECONDS(0.1), SECONDS(600),
     "time for the head of a request", RESTART(limits.head_ns)},
    {"limits.body_time", CONFIG_DURATION, "30s", SECONDS(0.1), SECONDS(3600),
     "time for the body of a request", RESTART(limits.body_time_ns)},
    {"limits.idle", CONFIG_DURATION, "60s", SECONDS(0.1), SECONDS(86400),
     "silence before an HTTP connection is closed and a gRPC one gets a PING",
     RESTART(limits.idle_ns)},
    {"workers", CONFIG_COUNT, "0", 0, 256, "network threads; 0 = one a core", RESTART(workers)},
    {"memory", CONFIG_BYTES, "512MiB", 64.0 * MIB, PIB,
     "budget for all that is in flight and open, and for queries", RESTART(memory_bytes)},
    {"retention.series", CONFIG_DURATION, "15d", 0, ANY_TIME, "time series; 0 = for ever",
     RESTART(retention.series_ns)},
    {"retention.edges", CONFIG_DURATION, "90d", 0, ANY_TIME, "edges and operations; 0 = for ever",
     RESTART(retention.edges_ns)},
    {"retention.spans", CONFIG_DURATION, "7d", 0, ANY_TIME,
     "traces (kept from a later version on); 0 = for ever", RESTART(retention.spans_ns)},
    {"retention.logs", CONFIG_DURATION, "3d", 0, ANY_TIME,
     "access logs (kept from a later version on); 0 = for ever", RESTART(retention.logs_ns)},
    {"retention.disk", CONFIG_BYTES, "50GiB", 0, 1e18,
     "all parts together; the oldest go first; 0 = no limit", RESTART(retention.disk_bytes)},
    {"graph.wait", CONFIG_DURATION, "30s", SECONDS(0.1), SECONDS(3600),
     "a request closes this long after its last evidence", RESTART(graph.wait_ns)},
    {"graph.remember", CONFIG_DURATION, "30s", 0, SECONDS(3600),
     "late halves are recognised this long after the closing", RESTART(graph.remember_ns)},
    {"graph.max_edges", CONFIG_COUNT, "20000", 1, 1e6, "distinct edges; more go to `other`",
     RESTART(graph.max_edges)},
    {"graph.max_operations", CONFIG_COUNT, "200", 1, 1e5,
     "operations of one workload; more go to `other`", RESTART(graph.max_operations)},
    {"graph.failing_error_ratio", CONFIG_RATIO, "0.10", 0, 1, "health: failing from here",
     LIVE(graph.failing_error_ratio)},
    {"graph.degraded_error_ratio", CONFIG_RATIO, "0.01", 0, 1, "health: degraded from here",
     LIVE(graph.degraded_error_ratio)},
    {"graph.degraded_p95_factor", CONFIG_RATIO, "2", 1, 1e6,
     "health: degraded when p95 grew by more than this factor", AT(graph.degraded_p95_factor),
     true},
    {"graph.health_min_requests", CONFIG_COUNT, "10", 1, 1e9, "health: idle below",
     LIVE(graph.health_min_requests)},
    {"self.series", CONFIG_BOOL, "true", 0, 0, "weft's own metrics as time series, every 15 s",
     RESTART(self_series)},
    {"series.max_active", CONFIG_COUNT, "2000000", 1, 1e9,
     "time series with a sample in the last hour; new ones over it are rejected",
     RESTART(series_max_active)},
    {"series.max_per_sender", CONFIG_COUNT, "0", 0, 1e9,
     "the same of one sender's address; 0 = no limit of its own", RESTART(series_max_per_sender)},
    {"series.native", CONFIG_BOOL, "false", 0, 0,
     "latencies of edges under the peers' names as native histograms, not as classic buckets",
     RESTART(derived.native)},
    {"series.buckets", CONFIG_BOUNDS, "0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10",
     1e-9, 1e9, "upper bounds, in seconds, of the classic buckets of edges' latencies (a list)",
     RESTART(derived)},
    {"series.translation", CONFIG_TRANSLATION, "UnderscoreEscapingWithSuffixes", 0, 0,
     "names of OTLP metrics: `UnderscoreEscapingWithSuffixes` or `NoTranslation`",
     RESTART(translation)},
    {"series.downsample_after", CONFIG_DURATION, "0", 0, ANY_TIME,
     "age from which samples are thinned out; 0 = never", RESTART(series_downsample_after_ns)},
    {"series.downsample_step", CONFIG_DURATION, "5m", SECONDS(1), SECONDS(86400),
     "distance of the samples that are left then", RESTART(series_downsample_step_ns)},
};
const size_t config_setting_count = LEN(config_settings);

const struct setting *config_find(struct str path, const struct setting **section)
{
    const struct setting *found = NULL, *below = NULL;
    for (size_t i = 0; i < config_setting_count; i++) {
        struct str row = str_from_c(config_settings[i].path);
        if (str_eq(row, path))
            found = &config_settings[i];
        if (!below && row.len > path.len && row.ptr[path.len] == '.' && str_starts_with(row, path))
            below = &config_settings[i];
    }
    if (section)
        *section = below;
    return found;
}

/* A bound in the words of its row's unit. Returns out. */
static const char *bound_text(const struct setting *row, double bound, char *out, size_t cap)
{
    if (row->unit == CONFIG_DURATION)
        return unit_format_duration((uint64_t)bound, out, cap);
    if (row->unit == CONFIG_BYTES)
        return unit_format_bytes((uint64_t)bound, out, cap);
    snprintf(out, cap, bound < 1e15 && bound == (double)(uint64_t)bound ? "%.0f" : "%g", bound);
    return out;
}

static enum status in_bounds(const struct setting *row, double value, struct str text,
                             struct err *e)
{
    if (value >= row->min && value <= row->max)
        return ST_OK;
    char min[32], max[32];
    return err_set(e, ST_INVALID, "%s: %.*s is outside what is allowed (%s to %s)", row->path,
                   STR_ARG(text), bound_text(row, row->min, min, sizeof(min)),
                   bound_text(row, row->max, max, sizeof(max)));
}

static enum status set_text(const struct setting *row, char *field, struct str text,
                            struct str folder, struct err *e)
{
    bool join = row->unit == CONFIG_PATH && folder.len && text.len && text.ptr[0] != '/';
    int n = join ? snprintf(field, CONFIG_TEXT_BYTES, "%.*s/%.*s", STR_ARG(folder), STR_ARG(text))
                 : snprintf(field, CONFIG_TEXT_BYTES, "%.*s", STR_ARG(text));
    if (text.len == 0 || n < 0 || n >= CONFIG_TEXT_BYTES)
        return err_set(e, ST_INVALID, "%s: a text of 1 to %d bytes is needed", row->path,
                       CONFIG_TEXT_BYTES - 1);
    return ST_OK;
}

static enum status set_addr(const struct setting *row, char *field, struct str text, struct err *e)
{
    struct str host;
    uint16_t port;
    struct err why;
    if (unit_parse_addr(text, &host, &port, &why) != ST_OK)
        return err_set(e, ST_INVALID, "%s: %s", row->path, why.msg);
    return set_text(row, field, text, STR(""), e);
}

/* Fields that hold the place of a word in a list; an enum is an unsigned here. */
static enum status set_word(const struct setting *row, unsigned *field, struct str text,
                            struct err *e)
{
    struct str left =
        str_from_c(row->unit == CONFIG_ACK ? "disk, kernel, memory"
                                           : "UnderscoreEscapingWithSuffixes, NoTranslation");
    struct str all = left, word;
    for (unsigned i = 0; left.len > 0; i++) {
        str_cut(left, ',', &word, &left);
        if (str_eq(text, str_trim(word))) {
            *field = i;
            return ST_OK;
        }
    }
    return err_set(e, ST_INVALID, "%s: %.*s is none of %.*s", row->path, STR_ARG(text),
                   STR_ARG(all));
}

static enum status set_u64(const struct setting *row, uint64_t *field, struct str text,
                           struct err *e)
{
    struct err why;
    uint64_t value;
    enum status st = row->unit == CONFIG_BYTES ? unit_parse_bytes(text, &value, &why)
                                               : unit_parse_duration(text, &value, &why);
    if (st != ST_OK)
        return err_set(e, ST_INVALID, "%s: %s", row->path, why.msg);
    TRY(in_bounds(row, (double)value, text, e));
    *field = value;
    return ST_OK;
}

static enum status set_count(const struct setting *row, uint32_t *field, struct str text,
                             struct err *e)
{
    uint64_t value;
    if (!str_to_u64(text, &value))
        return err_set(e, ST_INVALID, "%s: %.*s is not a whole number", row->path, STR_ARG(text));
    TRY(in_bounds(row, (double)value, text, e));
    *field = (uint32_t)value;
    return ST_OK;
}

static enum status set_ratio(const struct setting *row, double *field, struct str text,
                             struct err *e)
{
    double value;
    if (!str_to_double(text, &value))
        return err_set(e, ST_INVALID, "%s: %.*s is not a number", row->path, STR_ARG(text));
    TRY(in_bounds(row, value, text, e));
    *field = value;
    return ST_OK;
}

/* limits.header_list is the one size that is kept in 32 bits. */
static enum status set_bytes(struct config *c, const struct setting *row, struct str text,
                             struct err *e)
{
    if (row->offset != AT(limits.header_list_bytes))
        return set_u64(row, (uint64_t *)(void *)((char *)c + row->offset), text, e);
    uint64_t bytes;
    TRY(set_u64(row, &bytes, text, e));
    c->limits.header_list_bytes = (uint32_t)bytes;
    return ST_OK;
}

static enum status set_bounds(const struct setting *row, struct derived_settings *field,
                              struct str text, struct err *e)
{
    struct derived_settings fresh = *field;
    struct str head, tail = text;
    double before = 0;
    for (fresh.bucket_count = 0; tail.len > 0; fresh.bucket_count++) {
        str_cut(tail, ',', &head, &tail);
        double *bound = &fresh.buckets[fresh.bucket_count];
        if (fresh.bucket_count == DERIVED_BUCKETS_MAX || !str_to_double(str_trim(head), bound) ||
            *bound <= before)
            return err_set(e, ST_INVALID, "%s: at most %d ascending numbers above 0 are needed",
                           row->path, DERIVED_BUCKETS_MAX);
        TRY(in_bounds(row, *bound, head, e));
        before = *bound;
    }
    *field = fresh;
    return ST_OK;
}

enum status config_set(struct config *c, const struct setting *row, struct str text,
                       struct str folder, struct err *e)
{
    void *field = (char *)c + row->offset;
    struct err why;
    switch (row->unit) {
    case CONFIG_PATH:
        return set_text(row, field, text, folder, e);
    case CONFIG_ADDR:
        return set_addr(row, field, text, e);
    case CONFIG_BOOL:
        if (unit_parse_bool(text, field, &why) != ST_OK)
            return err_set(e, ST_INVALID, "%s: %s", row->path, why.msg);
        return ST_OK;
    case CONFIG_BYTES:
        return set_bytes(c, row, text, e);
    case CONFIG_DURATION:
        return set_u64(row, field, text, e);
    case CONFIG_COUNT:
        return set_count(row, field, text, e);
    case CONFIG_RATIO:
        return set_ratio(row, field, text, e);
    case CONFIG_ACK:
    case CONFIG_TRANSLATION:
        return set_word(row, field, text, e);
    case CONFIG_BOUNDS:
        return set_bounds(row, field, text, e);
    }
    return err_set(e, ST_INTERNAL, "%s: unit without a converter", row->path);
}

void config_defaults(struct config *c)
{
    *c = (struct config){0};
    for (size_t i = 0; i < config_setting_count; i++) {
        struct err e;
        const struct setting *row = &config_settings[i];
        if (config_set(c, row, str_from_c(row->fallback), STR(""), &e) != ST_OK) {
            fprintf(stderr, "weft: broken default: %s\n", e.msg);
            abort();
        }
    }
}

void config_deinit(struct config *c)
{
    config_remote_write_free(c->remote_write);
    c->remote_write = NULL;
}

static bool is_loopback(const char *addr)
{
    struct str host;
    uint16_t port;
    if (unit_parse_addr(str_from_c(addr), &host, &port, NULL) != ST_OK)
        return false;
    return str_starts_with(host, STR("127.")) || str_eq(host, STR("::1")) ||
           str_eq(host, STR("localhost"));
}

static bool is_any_port(const char *addr)
{
    struct str host;
    uint16_t port;
    return unit_parse_addr(str_from_c(addr), &host, &port, NULL) == ST_OK && port == 0;
}

enum status config_check(const struct config *c, const char **setting, struct err *e)
{
    const struct {
        const char *setting, *addr;
    } listeners[] = {{"listen.http", c->http},
                     {"listen.otlp_grpc", c->otlp_grpc},
                     {"listen.otlp_http", c->otlp_http}};
    for (size_t i = 0; i < LEN(listeners) && !c->insecure; i++) {
        *setting = listeners[i].setting;
        if (!is_loopback(listeners[i].addr))
            return err_set(e, ST_INVALID,
                           "%s is reachable from other machines without TLS or authentication: say "
                           "`insecure: true` or --insecure if that is meant",
                           listeners[i].addr);
    }
    for (size_t i = 1; i < LEN(listeners); i++)
        for (size_t j = 0; j < i; j++) {
            *setting = listeners[i].setting;
            if (strcmp(listeners[i].addr, listeners[j].addr) == 0 &&
                !is_any_port(listeners[i].addr))
                return err_set(e, ST_INVALID, "%s is the address of %s, too", listeners[i].addr,
                               listeners[j].setting);
        }
    *setting = "limits.per_peer";
    if (c->limits.per_peer > c->limits.connections)
        return err_set(e, ST_INVALID, "limits.per_peer (%u) is larger than limits.connections (%u)",
                       c->limits.per_peer, c->limits.connections);
    return ST_OK;
}

static size_t field_bytes(const struct setting *row)
{
    switch (row->unit) {
    case CONFIG_PATH:
    case CONFIG_ADDR:
        return CONFIG_TEXT_BYTES;
    case CONFIG_BOOL:
        return sizeof(bool);
    case CONFIG_COUNT:
        return sizeof(uint32_t);
    case CONFIG_RATIO:
        return sizeof(double);
    case CONFIG_ACK:
    case CONFIG_TRANSLATION:
        return sizeof(unsigned);
    case CONFIG_BOUNDS:
        return sizeof(struct derived_settings);
    default:
        return row->offset == AT(limits.header_list_bytes) ? sizeof(uint32_t) : sizeof(uint64_t);
    }
}

void config_take_live(struct config *c, const struct config *fresh, struct buf *waiting)
{
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *row = &config_settings[i];
        char *mine = (char *)c + row->offset;
        const char *theirs = (const char *)fresh + row->offset;
        if (memcmp(mine, theirs, field_bytes(row)) == 0)
            continue;
        if (row->live)
            memcpy(mine, theirs, field_bytes(row));
        else
            buf_printf(waiting, "%s%s", waiting->len ? ", " : "", row->path);
    }
    if (!config_remote_write_eq(c->remote_write, fresh->remote_write))
        buf_printf(waiting, "%sremote_write", waiting->len ? ", " : "");
}

static const char *unit_word(enum config_unit unit)
{
    static const char *const words[] = {"path",   "address", "true or false", "size", "duration",
                                        "number", "ratio",   "word",          "word", "list"};
    return words[unit];
}

void config_print_reference(struct buf *out)
{
    buf_printf(
        out,
        "# Configuration\n\n"
        "Every key is optional; no file is read unless `--config FILE` names it. Check one with\n"
        "`weft check-config FILE`. Sizes: `64MiB`, `2GiB`; durations: `15s`, `1h30m`, `90d`; `0` "
        "keeps for ever.\n"
        "`${NAME}` and `${NAME:-default}` in values come from the environment. This page is "
        "printed by\n"
        "`weft check-config --reference` from the rows that also check the file.\n\n"
        "SIGHUP or `POST /-/reload` reads the file again, whole or not at all. What is marked live "
        "changes at once; the log\n"
        "names the other changed settings, which wait for a restart.\n\n"
        "| key | kind | default | live | what it is |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < config_setting_count; i++) {
        const struct setting *row = &config_settings[i];
        buf_printf(out, "| `%s` | %s | `%s` | %s | %s |\n", row->path, unit_word(row->unit),
                   row->fallback, row->live ? "yes" : "", row->help);
    }
    config_remote_write_describe(out);
}
