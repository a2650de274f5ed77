/* test_corpus_spans.c - every captured request with spans decodes to what Google's library read in
 * it (summary.json). */
#include "base/json_read.h"
#include "base/mem.h"
#include "codec/otlp_trace.h"
#include "tests/support/corpus.h"
#include "tests/support/leak.h"

#include <stdio.h>

/* Spans by "service KIND status". */
struct tally {
    char name[160];
    uint64_t want, got;
};

struct tallies {
    struct tally rows[256];
    size_t len;
    uint64_t total;
};

static struct tally *find_tally(struct tallies *t, const char *name)
{
    for (size_t i = 0; i < t->len; i++) {
        if (strcmp(t->rows[i].name, name) == 0)
            return &t->rows[i];
    }
    cr_assert(t->len < LEN(t->rows));
    struct tally *row = &t->rows[t->len++];
    *row = (struct tally){0};
    snprintf(row->name, sizeof(row->name), "%s", name);
    return row;
}

/* Reads "spans" and "span_total". */
static void read_summary(struct str json, struct tallies *t)
{
    struct arena arena = {0};
    struct json_reader r;
    json_reader_init(&r, json, &arena, 16);
    cr_assert(json_next(&r) == JSON_OBJECT_BEGIN);
    while (json_next(&r) == JSON_KEY) {
        if (str_eq(r.text, STR("span_total"))) {
            json_next(&r);
            cr_assert(str_to_u64(r.text, &t->total));
        } else if (str_eq(r.text, STR("spans"))) {
            json_next(&r);
            while (json_next(&r) == JSON_KEY) {
                char name[160];
                struct tally *row = find_tally(t, str_to_c(r.text, name, sizeof(name)));
                json_next(&r);
                cr_assert(str_to_u64(r.text, &row->want));
            }
        } else {
            json_skip(&r);
        }
    }
    arena_deinit(&arena);
}

static void count_span(struct tallies *t, const struct span *s)
{
    static const char *const kinds[] = {"UNSPECIFIED", "INTERNAL", "SERVER",
                                        "CLIENT",      "PRODUCER", "CONSUMER"};
    static const char *const statuses[] = {"unset", "ok", "error"};
    struct str service = STR("");
    char name[160];
    for (uint32_t i = 0; i < s->resource->attr_count; i++) {
        if (str_eq(s->resource->attrs[i].key, STR("service.name")))
            service = s->resource->attrs[i].text;
    }
    snprintf(name, sizeof(name), "%.*s %s %s", STR_ARG(service), kinds[s->kind],
             statuses[s->status]);
    find_tally(t, name)->got++;
}

static uint64_t decode_all(struct corpus *c, const char *name, struct tallies *t)
{
    struct limits limits = {.spans = 1000000, .attributes = 256, .depth = 32};
    struct otlp_trace_rules rules = {.limits = &limits};
    struct corpus_request request;
    uint64_t spans = 0;
    while (corpus_next_spans(c, &request)) {
        struct err e;
        struct batch *b = corpus_batch(&request);
        cr_assert(b, "%s: a body cannot be unpacked", name);
        enum status status = otlp_trace_decode(b, &rules, &e);
        cr_assert(status == ST_OK, "%s: %s", name, e.msg);
        cr_expect(batch_rejected_total(b) == 0, "%s: %.*s", name, STR_ARG(b->reject_message));
        for (uint32_t i = 0; i < b->span_count; i++)
            count_span(t, &b->spans[i]);
        spans += b->received;
        batch_free(b);
    }
    return spans;
}

static void check_scenario(const char *root, const char *name, void *user)
{
    static struct tallies t;
    struct corpus c;
    t = (struct tallies){.len = 0};
    struct str summary = corpus_read_file(root, name, "summary.json");
    cr_assert(summary.ptr, "%s has no summary.json", name);
    read_summary(summary, &t);
    cr_assert(corpus_open(root, name, &c), "%s cannot be opened", name);
    uint64_t spans = decode_all(&c, name, &t);
    cr_expect(spans == t.total, "%s: %lu spans, not %lu", name, spans, t.total);
    for (size_t i = 0; i < t.len; i++) {
        struct tally *row = &t.rows[i];
        cr_expect(row->got == row->want, "%s: %s: %lu spans, not %lu", name, row->name, row->got,
                  row->want);
    }
    *(uint64_t *)user += spans;
    corpus_close(&c);
    mem_free((void *)(uintptr_t)summary.ptr);
}

Test(corpus, own_captures_decode_as_summarised)
{
    uint64_t spans = 0;
    cr_expect(corpus_each_scenario(corpus_own(), check_scenario, &spans) == 2);
    cr_expect(spans == 126);
    EXPECT_NO_LEAK();
}

Test(corpus, every_scenario_decodes_as_summarised, .timeout = 120)
{
    uint64_t spans = 0;
    const char *root = corpus_root();
    if (!root) {
        cr_skip_test("skipped: no corpus; set WEFT_CORPUS to a folder of captures");
    }
    unsigned scenarios = corpus_each_scenario(root, check_scenario, &spans);
    cr_expect(scenarios > 0 && spans > 0, "no scenario with spans in %s", root);
    fprintf(stderr, "corpus: %u scenarios, %lu spans\n", scenarios, spans);
    EXPECT_NO_LEAK();
}
