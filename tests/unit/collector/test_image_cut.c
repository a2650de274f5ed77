/* test_image_cut.c - one journal, cut by an image at any record and gone on with from it, gives the
 * same account, the same requests and the same services as uncut. */
#include "base/clock.h"
#include "tests/support/random.h"
#include "support/leak.h"
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>

static const uint64_t START_NS = UINT64_C(1700000000) * NS_PER_S;

enum { RECORDS = 400, PICKS = 16, CUTS = 24 };

/* Spans that arrive, or none: a tick. */
struct record {
    uint64_t clock_ns;
    uint32_t count;
    uint32_t picks[PICKS]; /* of the rig's spans */
};

struct journal {
    struct rig rig;
    struct record records[RECORDS];
    uint64_t open_bytes_max;
    uint64_t random;
};

static uint32_t any(struct journal *j, uint32_t below)
{
    return (uint32_t)((random_step(&j->random) >> 33) % below);
}

/* A trace of proxies and applications; each span hangs below some span before it. */
static void add_trace(struct journal *j, uint32_t spans)
{
    static const char *const services[] = {"web", "cart", "pay", "stock"};
    struct rig *r = &j->rig;
    r->trace++;
    for (uint32_t id = 1; id <= spans; id++) {
        uint64_t parent = id == 1 ? 0 : 1 + any(j, id - 1), at = 10 * id;
        const char *service = services[any(j, LEN(services))];
        enum span_kind kind = any(j, 2) ? SPAN_CLIENT : SPAN_SERVER;
        switch (any(j, 4)) {
        case 0:
            rig_gateway(r, id, parent, "outbound|80||cart.shop.svc.cluster.local", "http://cart/a",
                        200, "-", at, 500);
            break;
        case 1:
            rig_istio(r, id, parent, kind, service, "shop", "v1",
                      "outbound|80||pay.shop.svc.cluster.local", "http://pay/b", 503, "UF", at, 400,
                      NULL);
            break;
        case 2:
            rig_app(r, id, parent, SPAN_INTERNAL, service, "work", "", at, 300);
            break;
        default:
            rig_app(r, id, parent, kind, service, "GET /c", "", at, 200);
        }
    }
}

/* Most spans come once, near the others of their trace; some again or late, before and after what
 * is remembered of them is forgotten. */
static void fill(struct journal *j, uint64_t seed, unsigned wait_s)
{
    struct rig *r = &j->rig;
    j->random = seed;
    rig_init(r);
    r->graph.wait_ns = wait_s * NS_PER_S;
    r->graph.remember_ns = 3 * NS_PER_S;
    add_trace(j, 150);
    while (r->count < RIG_SPANS - 80)
        add_trace(j, any(j, 30) ? 1 + any(j, 7) : 70);
    uint64_t clock_ns = 1000 * NS_PER_S;
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct record *x = &j->records[i];
        x->clock_ns = clock_ns += any(j, 8) ? any(j, 4) * 67 * NS_PER_MS : any(j, 3) * NS_PER_S;
        x->count = i % 5 == 4 ? 0 : 1 + any(j, PICKS);
        /* The window moves through the spans, and reaches back by some seconds. */
        uint32_t front = r->count * (i + 1) / RECORDS, back = MIN(front, 1 + any(j, 60));
        for (uint32_t k = 0; k < x->count; k++)
            x->picks[k] = any(j, 6) ? front - any(j, back + 1) : any(j, front + 1);
        for (uint32_t k = 0; k < x->count; k++)
            x->picks[k] = any(j, 9) ? MIN(x->picks[k], r->count - 1) : any(j, 150);
    }
}

static void take(struct pipeline *p, const struct journal *j, uint32_t which)
{
    const struct record *x = &j->records[which];
    if (x->count == 0) {
        pipeline_tick(p, which + 1, START_NS, x->clock_ns);
        return;
    }
    struct batch *b = batch_new();
    b->spans = arena_calloc(&b->arena, x->count, sizeof(*b->spans));
    for (uint32_t k = 0; k < x->count; k++)
        b->spans[k] = j->rig.spans[x->picks[k]].span;
    b->span_count = b->received = x->count;
    cr_assert(collector_prepare(b, NULL) == ST_OK);
    b->sequence = which + 1;
    b->arrival_ns = START_NS;
    b->clock_ns = x->clock_ns;
    pipeline_batch(p, b);
    batch_free(b);
}

static void begin(struct pipeline *p, const struct journal *j)
{
    struct pipeline_config config = {
        .seed = 99, .graph = j->rig.graph, .open_bytes_max = j->open_bytes_max};
    cr_assert(pipeline_init(p, &config, NULL) == ST_OK);
}

static bool same_account(const struct account_row *a, const struct account_row *b)
{
    for (size_t i = 0; i < DROP_REASON_COUNT; i++)
        if (a->dropped[i] != b->dropped[i])
            return false;
    return a->stored == b->stored && a->pending == b->pending;
}

/* What was counted, and who was seen. */
static void write_down(struct pipeline *p, struct buf *out)
{
    rig_counted(p, out);
    registry_encode(p->registry, out);
}

/* Both take every record; one of them is cut before some. True: they agree after each, and in what
 * they counted. */
static bool agree(const struct journal *j, struct account_row *account,
                  const bool cut_before[RECORDS], uint32_t *at)
{
    struct pipeline whole, cut;
    begin(&whole, j);
    begin(&cut, j);
    bool same = true;
    for (*at = 0; same && *at < RECORDS; ++*at) {
        if (cut_before[*at])
            rig_restart(&cut);
        take(&whole, j, *at);
        take(&cut, j, *at);
        same = same_account(&whole.delta, &cut.delta) &&
               whole.closed_requests == cut.closed_requests &&
               pipeline_complete_until(&whole, 0) == pipeline_complete_until(&cut, 0);
    }
    struct buf counted = {0}, cut_counted = {0};
    write_down(&whole, &counted);
    write_down(&cut, &cut_counted);
    same = same && str_eq(buf_str(&counted), buf_str(&cut_counted));
    *account = whole.delta;
    buf_deinit(&counted);
    buf_deinit(&cut_counted);
    pipeline_deinit(&whole);
    pipeline_deinit(&cut);
    return same;
}

static void check_journals(uint64_t open_bytes_max, unsigned wait_s)
{
    struct account_row seen = {0};
    struct journal *j = mem_calloc(1, sizeof(*j));
    for (uint64_t seed = 1; seed <= CUTS; seed++) {
        struct account_row account;
        bool cut_before[RECORDS] = {false};
        uint32_t at;
        *j = (struct journal){.open_bytes_max = open_bytes_max};
        fill(j, seed, wait_s);
        for (uint32_t i = 0; i < RECORDS; i++)
            cut_before[i] = seed % 3 == 0 || any(j, seed % 3 == 1 ? 20 : 200) == 0;
        cr_expect(agree(j, &account, cut_before, &at), "journal %llu is judged differently at %u",
                  (unsigned long long)seed, at);
        seen.stored += account.stored;
        seen.dropped[DROP_DUPLICATE] += account.dropped[DROP_DUPLICATE];
        seen.dropped[DROP_LATE] += account.dropped[DROP_LATE];
        rig_deinit(&j->rig);
    }
    mem_free(j);
    cr_expect(seen.stored > 1000 && seen.dropped[DROP_DUPLICATE] > 1000 &&
                  seen.dropped[DROP_LATE] > 100,
              "the journals have all kinds: %llu %llu %llu", (unsigned long long)seen.stored,
              (unsigned long long)seen.dropped[DROP_DUPLICATE],
              (unsigned long long)seen.dropped[DROP_LATE]);
}

Test(image_cut, the_same_records_are_judged_the_same)
{
    check_journals(0, 2);
    EXPECT_NO_LEAK();
}

Test(image_cut, as_well_when_memory_is_short)
{
    check_journals(12 * KIB, 2);
    check_journals(15 * KIB, 2);
    EXPECT_NO_LEAK();
}

/* Traces to which nothing is added for three seconds rest, before the cut and after it. */
Test(image_cut, as_well_when_traces_rest)
{
    check_journals(0, 9);
    check_journals(16 * KIB, 9);
    check_journals(25 * KIB, 9);
    EXPECT_NO_LEAK();
}
