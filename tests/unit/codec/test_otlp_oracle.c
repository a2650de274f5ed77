/* test_otlp_oracle.c - the span decoder against protobuf-c: whole bodies and mutated ones.
 * WEFT_MUTATIONS sets how many (default 20,000; the full run is 1,000,000 and takes about 20 s),
 * WEFT_SEED says where the random numbers start. */
#include "base/mem.h"
#include "tests/support/corpus.h"
#include "tests/support/leak.h"
#include "tests/support/otlp_build.h"
#include "tests/support/otlp_oracle.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_MAX = 64 * KIB, BODIES_MAX = 400 };

struct bodies {
    struct str items[BODIES_MAX];
    size_t len;
};

static void add_body(struct bodies *b, struct str body)
{
    char *copy = mem_alloc(body.len + 1);
    memcpy(copy, body.ptr, body.len);
    b->items[b->len++] = (struct str){copy, body.len};
}

/* At most eight small requests a scenario: different senders are worth more than many of one. */
static void add_scenario(const char *root, const char *name, void *user)
{
    struct bodies *b = user;
    struct corpus c;
    struct corpus_request request;
    if (!corpus_open(root, name, &c))
        return;
    for (int taken = 0; taken < 8 && b->len < BODIES_MAX && corpus_next_spans(&c, &request);) {
        struct batch *batch = corpus_batch(&request);
        if (batch && request.encoding == ENCODING_PROTOBUF && batch->plain.len < BODY_MAX / 4) {
            add_body(b, batch->plain);
            taken++;
        }
        batch_free(batch);
    }
    corpus_close(&c);
}

/* Everything that proxies rarely send: every type of value, nested ones, events, links, messages in
 * two parts. */
static const char rare_span[] =
    "0a10 30313233343536373839616263646566 1208 6162636465666768 1a01 74 "
    "2208 706172656e746964 2a01 6e 30 03 39 3132333435363738 41 3233343536373839 "
    "4a07 0a0162 1202 1001 4a07 0a0163 1202 187f 4a0e 0a0164 1209 21 000000000000f03f "
    "4a08 0a0165 1203 3a01 7a 4a03 0a0166 4a13 0a0161 120e 2a0c 0a02 1801 0a06 3204 0a02 0a00 "
    "4a13 0a0161 1206 2a04 0a02 1801 1206 2a04 0a02 1802 50 01 "
    "5a17 09 3132333435363738 1201 65 1a07 0a0178 1202 1001 20 01 60 02 "
    "6a10 0a01 61 220b 0a0179 1206 2a04 0a02 1802 70 03 7a05 1201 6d 18 02 7a02 18 01 "
    "8501 01010000";

static void add_own(struct bodies *b)
{
    struct buf envoy = {0}, span = {0}, scope_spans = {0}, outer = {0}, rare = {0};
    otlp_build_envoy(&envoy, 5, 42);
    add_body(b, buf_str(&envoy));
    buf_reset(&envoy);
    otlp_build_envoy(&envoy, 1, 43);
    add_body(b, buf_str(&envoy));
    pb_put_hex(&span, rare_span);
    pb_put_message(&scope_spans, 2, &span);
    pb_put_hex(&scope_spans, "0a0f 0a0161 120162 1a05 0a0163 1200 2001 0a03 0a0164");
    pb_put_message(&outer, 2, &scope_spans);
    pb_put_hex(&outer, "0a09 0a07 0a0161 1202 1801 0a0b 0a07 0a0162 1202 1802 10 01 1a0175");
    pb_put_message(&rare, 1, &outer);
    add_body(b, buf_str(&rare));
    buf_deinit(&envoy);
    buf_deinit(&span);
    buf_deinit(&scope_spans);
    buf_deinit(&outer);
    buf_deinit(&rare);
}

static unsigned long env_number(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

static void load(struct bodies *b)
{
    const char *root = corpus_root();
    add_own(b);
    corpus_each_scenario(corpus_own(), add_scenario, b);
    if (root)
        corpus_each_scenario(root, add_scenario, b);
    else
        fprintf(stderr, "skipped: no corpus (WEFT_CORPUS); only bodies of our own are mutated\n");
}

static void unload(struct bodies *b)
{
    for (size_t i = 0; i < b->len; i++)
        mem_free((void *)(uintptr_t)b->items[i].ptr);
}

Test(otlp_oracle, whole_bodies_agree, .timeout = 60)
{
    static struct bodies b;
    char why[300] = "";
    load(&b);
    for (size_t i = 0; i < b.len; i++)
        cr_expect(otlp_oracle_compare(b.items[i], why, sizeof(why)) == ORACLE_AGREES,
                  "body %zu: %s", i, why);
    unload(&b);
    EXPECT_NO_LEAK();
}

/* The body that shows the difference is left in the working directory. */
static void keep_body(struct str body)
{
    FILE *f = fopen("oracle-differs.bin", "wb");
    if (!f)
        return;
    fwrite(body.ptr, 1, body.len, f);
    fclose(f);
}

Test(otlp_oracle, mutated_bodies_agree, .timeout = 1200)
{
    static struct bodies b;
    static char body[BODY_MAX];
    unsigned long count = env_number("WEFT_MUTATIONS", 20000), seen[ORACLE_DIFFERS + 1] = {0};
    uint64_t state = env_number("WEFT_SEED", 88172645463325252u);
    load(&b);
    for (unsigned long i = 0; i < count; i++) {
        char why[300] = "";
        struct str from = b.items[i % b.len];
        uint64_t seed = state;
        memcpy(body, from.ptr, from.len);
        size_t len = pb_mutate(body, from.len, sizeof(body), &state);
        enum oracle_verdict v = otlp_oracle_compare((struct str){body, len}, why, sizeof(why));
        seen[v]++;
        if (v == ORACLE_DIFFERS)
            keep_body((struct str){body, len});
        cr_assert(v != ORACLE_DIFFERS, "body %zu of %zu, mutation %lu, seed %lu: %s", i % b.len,
                  b.len, i, seed, why);
    }
    fprintf(stderr, "oracle: %lu mutated bodies, %lu taken, %lu refused, %lu excused\n", count,
            seen[ORACLE_AGREES], seen[ORACLE_REFUSED], seen[ORACLE_EXCUSED]);
    cr_expect(seen[ORACLE_EXCUSED] < count / 20 && seen[ORACLE_AGREES] > count / 10);
    unload(&b);
    EXPECT_NO_LEAK();
}
