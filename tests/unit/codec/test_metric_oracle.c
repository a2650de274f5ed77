/* test_metric_oracle.c - the decoders of metrics against protobuf-c: whole bodies and mutated ones.
 * WEFT_MUTATIONS sets how many of each format (default 20,000; the full run is 1,000,000),
 * WEFT_SEED says where the random numbers start. */
#include "base/mem.h"
#include "tests/support/corpus.h"
#include "tests/support/leak.h"
#include "tests/support/metric_oracle.h"
#include "tests/support/otlp_build.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_MAX = 64 * KIB, BODIES_MAX = 200 };

struct bodies {
    enum batch_encoding encoding; /* of all */
    struct str items[BODIES_MAX];
    size_t len;
};

static void add_body(struct bodies *b, struct str body)
{
    char *copy = mem_alloc(body.len + 1);
    memcpy(copy, body.ptr, body.len);
    b->items[b->len++] = (struct str){copy, body.len};
}

/* At most six small requests a scenario: different senders are worth more than many of one. */
static void add_scenario(const char *root, const char *name, void *user)
{
    struct bodies *b = user;
    struct corpus c;
    struct corpus_request request;
    if (!corpus_open(root, name, &c))
        return;
    for (int taken = 0; taken < 6 && b->len < BODIES_MAX && corpus_next_metrics(&c, &request);) {
        if (request.encoding != b->encoding)
            continue;
        struct batch *batch = corpus_batch(&request);
        if (batch && batch->plain.len > 0 && batch->plain.len < BODY_MAX / 4) {
            add_body(b, batch->plain);
            taken++;
        }
        batch_free(batch);
    }
    corpus_close(&c);
}

/* What senders rarely write: unpacked lists, exemplars with attributes, summaries, messages in two
 * parts, start times of samples. */
static const char *const rare[] = {
    [ENCODING_PROTOBUF] =
        "0a6b 0a0a 0a08 0a0161 1203 0a0162 125d 0a05 0a0173 1a00"
        "1254 0a0168 1a0173 4a4c 0a48 11 0100000000000000 19 0200000000000000 21 0300000000000000"
        "29 000000000000f03f 31 0100000000000000 3208 0200000000000000 39 000000000000f03f"
        "4a05 0a0161 1200 5001 1001",
    [ENCODING_REMOTE_WRITE_1] =
        "0a3e 0a0d 0a085f5f6e616d655f5f 120178 1209 09 000000000000f03f 1a0c 0a06 0a0161 120162 "
        "1801"
        "2210 0806 6002 6a00 5a02 1002 6202 0402 7801 1a0b 0803 120178 220168 2a0173",
    [ENCODING_REMOTE_WRITE_2] =
        "2200 2208 5f5f6e616d655f5f 220178 2a2c 0801 0802 120b 09 000000000000f03f 1801"
        "1a0c 0804 5a02 1002 6202 0402 7801 2206 0a02 0102 1801 2a04 0803 1802",
};

static void load(struct bodies *b, enum batch_encoding encoding)
{
    const char *root = corpus_root();
    struct buf own = {0};
    b->encoding = encoding;
    b->len = 0;
    pb_put_hex(&own, rare[encoding]);
    add_body(b, buf_str(&own));
    buf_deinit(&own);
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

static unsigned long env_number(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

/* The body that shows the difference is left in the working directory. */
static void keep_body(struct str body)
{
    FILE *f = fopen("metric-oracle-differs.bin", "wb");
    if (!f)
        return;
    fwrite(body.ptr, 1, body.len, f);
    fclose(f);
}

static void whole_bodies(enum batch_encoding encoding)
{
    static struct bodies b;
    char why[300] = "";
    load(&b, encoding);
    for (size_t i = 1; i < b.len; i++)
        cr_expect(metric_oracle_compare(b.items[i], encoding, why, sizeof(why)) == ORACLE_AGREES,
                  "body %zu: %s", i, why);
    cr_expect(metric_oracle_compare(b.items[0], encoding, why, sizeof(why)) <= ORACLE_REFUSED,
              "our own: %s", why);
    unload(&b);
    EXPECT_NO_LEAK();
}

static void mutated_bodies(enum batch_encoding encoding)
{
    static struct bodies b;
    static char body[BODY_MAX];
    unsigned long count = env_number("WEFT_MUTATIONS", 20000), seen[ORACLE_DIFFERS + 1] = {0};
    uint64_t state = env_number("WEFT_SEED", 88172645463325252u);
    load(&b, encoding);
    for (unsigned long i = 0; i < count; i++) {
        char why[300] = "";
        struct str from = b.items[i % b.len];
        uint64_t seed = state;
        memcpy(body, from.ptr, from.len);
        struct str mutant = {body, pb_mutate(body, from.len, sizeof(body), &state)};
        enum oracle_verdict v = metric_oracle_compare(mutant, encoding, why, sizeof(why));
        seen[v]++;
        if (v == ORACLE_DIFFERS)
            keep_body(mutant);
        cr_assert(v != ORACLE_DIFFERS, "body %zu of %zu, mutation %lu, seed %lu: %s", i % b.len,
                  b.len, i, seed, why);
    }
    fprintf(stderr, "metric oracle: %lu mutated bodies, %lu taken, %lu refused, %lu excused\n",
            count, seen[ORACLE_AGREES], seen[ORACLE_REFUSED], seen[ORACLE_EXCUSED]);
    /* Of captures a tenth is still taken; our own bodies are so dense that few mutants are. */
    unsigned long least = corpus_root() ? count / 10 : count / 5000;
    cr_expect(seen[ORACLE_EXCUSED] < count / 20 && seen[ORACLE_AGREES] > least);
    unload(&b);
    EXPECT_NO_LEAK();
}

Test(metric_oracle, whole_otlp_bodies_agree, .timeout = 60)
{
    whole_bodies(ENCODING_PROTOBUF);
}

Test(metric_oracle, whole_write_1_bodies_agree, .timeout = 60)
{
    whole_bodies(ENCODING_REMOTE_WRITE_1);
}

Test(metric_oracle, whole_write_2_bodies_agree, .timeout = 60)
{
    whole_bodies(ENCODING_REMOTE_WRITE_2);
}

Test(metric_oracle, mutated_otlp_bodies_agree, .timeout = 3600)
{
    mutated_bodies(ENCODING_PROTOBUF);
}

Test(metric_oracle, mutated_write_1_bodies_agree, .timeout = 3600)
{
    mutated_bodies(ENCODING_REMOTE_WRITE_1);
}

Test(metric_oracle, mutated_write_2_bodies_agree, .timeout = 3600)
{
    mutated_bodies(ENCODING_REMOTE_WRITE_2);
}
