/* histogram_json.c - a native histogram in the JSON of Prometheus' HTTP API. */
#include "query/histogram_json.h"

#include "base/number_text.h"

/* Numbers are strings there. */
static void write_number(struct json_writer *w, double v)
{
    json_raw(w, STR("\""));
    number_append_shortest(w->out, v);
    buf_append_u8(w->out, '"');
}

static unsigned boundary_rule(const struct native_range *r)
{
    if (r->has_lower)
        return r->has_upper ? 3 : 1;
    return r->has_upper ? 0 : 2;
}

static void write_range(struct json_writer *w, const struct native_range *r)
{
    json_array_begin(w);
    json_u64(w, boundary_rule(r));
    write_number(w, r->lower);
    write_number(w, r->upper);
    write_number(w, r->count);
    json_array_end(w);
}

static void write_buckets(struct json_writer *w, const struct native_histogram *h)
{
    bool is_open = false;
    uint32_t count = native_histogram_range_count(h);
    for (uint32_t i = 0; i < count; i++) {
        struct native_range range = native_histogram_range(h, i);
        if (range.count == 0)
            continue;
        if (!is_open) {
            json_key(w, "buckets");
            json_array_begin(w);
            is_open = true;
        }
        write_range(w, &range);
    }
    if (is_open)
        json_array_end(w);
}

void histogram_json_write(struct json_writer *w, const struct native_histogram *h)
{
    json_object_begin(w);
    json_key(w, "count");
    write_number(w, h->count);
    json_key(w, "sum");
    write_number(w, h->sum);
    write_buckets(w, h);
    json_object_end(w);
}
