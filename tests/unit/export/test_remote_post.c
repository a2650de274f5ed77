/* test_remote_post.c - a batch against receivers that are slow, broken, full, old or wrong. */
#include "export/remote_post.h"

#include "base/clock.h"
#include "tests/support/alloc_walk.h"
#include "tests/support/http_script.h"
#include "tests/support/leak.h"
#include "tests/support/patience.h"

#include <criterion/criterion.h>
#include <unistd.h>

/* HANG_MS: how long an answer is waited for that never comes, and the next one may take. */
enum { SERIES = 8, HANG_MS = 2000 };

#define GOOD "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define WRITTEN                                                                                    \
    "HTTP/1.1 204 No Content\r\nX-Prometheus-Remote-Write-Samples-Written: 8\r\nConnection: "      \
    "close\r\n\r\n"
#define ANSWER(status, more)                                                                       \
    "HTTP/1.1 " status "\r\n" more "Content-Length: 9\r\nConnection: close\r\n\r\nsome\ntext"

#define PARTLY(samples, histograms)                                                                \
    "X-Prometheus-Remote-Write-Samples-Written: " samples "\r\n"                                   \
    "X-Prometheus-Remote-Write-Histograms-Written: " histograms "\r\n"

#define ORDER                                                                                      \
    "HTTP/1.1 400 Bad\r\nContent-Length: 19\r\nConnection: close\r\n\r\nout of order sample"

static struct label names[SERIES];

/* One sample of each of SERIES series. */
static void fill(struct remote_batch *b)
{
    static const char *const texts[SERIES] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (size_t i = 0; i < SERIES; i++) {
        names[i] = (struct label){LABEL_METRIC_NAME, str_from_c(texts[i])};
        int64_t time = 1000;
        double value = 1;
        struct series_data data = {.sample_count = 1, .times_ms = &time, .values = &value};
        uint32_t at = 0;
        struct label_set set = {&names[i], 1};
        cr_assert(remote_batch_add(b, set, &data, &at, 1, NULL, NULL) == ST_OK);
    }
}

static const struct {
    const char *name;
    const char *answers[4];
    uint32_t protocol;
    unsigned requests; /* that came */
    uint64_t sent, failed, retries, rejected, too_big;
    uint64_t at_least_ms;
    uint32_t speaks; /* in the end */
} rows[] = {
    {"good", {GOOD}, 1, 1, 8, 0, 0, 0, 0, 0, 1},
    {"good 2.0", {WRITTEN}, 2, 1, 8, 0, 0, 0, 0, 0, 2},
    {"500 twice", {ANSWER("500 No", ""), ANSWER("503 No", ""), GOOD}, 1, 3, 8, 2, 2, 0, 0, 40, 1},
    {"429 with Retry-After",
     {ANSWER("429 Slow", "Retry-After: 1\r\n"), GOOD},
     1,
     2,
     8,
     1,
     1,
     0,
     0,
     1000,
     1},
    {"400", {ANSWER("400 Bad", "")}, 1, 1, 0, 1, 0, 8, 0, 0, 1},
    {"400 for one of them", {ORDER}, 1, 15, 0, 15, 7, 8, 0, 0, 1},
    {"400 of 2.0 for some of them",
     {ANSWER("400 Bad", PARTLY("5", "1"))},
     2,
     1,
     6,
     1,
     0,
     2,
     0,
     0,
     2},
    {"400 of 2.0 that wrote more than it got",
     {ANSWER("400 Bad", PARTLY("18446744073709551615", "18446744073709551615"))},
     2,
     1,
     8,
     1,
     0,
     0,
     0,
     0,
     2},
    {"401", {ANSWER("401 Who", "")}, 1, 1, 0, 1, 0, 8, 0, 0, 1},
    {"413 is split", {ANSWER("413 Big", ""), GOOD}, 1, 3, 8, 1, 1, 0, 0, 0, 1},
    {"413 for ever", {ANSWER("413 Big", "")}, 1, 15, 0, 15, 7, 0, 8, 0, 1},
    {"415 on 2.0", {ANSWER("415 Type", ""), GOOD}, 2, 2, 8, 0, 0, 0, 0, 0, 1},
    {"415 on 1.0", {ANSWER("415 Type", "")}, 1, 1, 0, 1, 0, 8, 0, 0, 1},
    {"nothing written of 2.0", {GOOD, GOOD}, 2, 2, 8, 0, 0, 0, 0, 0, 1},
    {"302 is not followed",
     {ANSWER("302 Go", "Location: /elsewhere\r\n"), GOOD},
     1,
     2,
     8,
     1,
     1,
     0,
     0,
     10,
     1},
    {"garbage", {"\x01\x02nonsense\r\n\r\n", GOOD}, 1, 2, 8, 1, 1, 0, 0, 10, 1},
    {"closed at once", {"", GOOD}, 1, 2, 8, 1, 1, 0, 0, 10, 1},
    {"never answers", {"hang", GOOD}, 1, 2, 8, 1, 1, 0, 0, HANG_MS, 1},
};

Test(remote_post, answers, .timeout = 60)
{
    for (size_t i = 0; i < LEN(rows); i++) {
        struct http_script *script = http_script_start(rows[i].answers);
        bool hangs = strcmp(rows[i].answers[0], "hang") == 0;
        struct remote_target target = {.url = http_script_url(script),
                                       .protocol = rows[i].protocol,
                                       .timeout_ms = hangs ? HANG_MS : 30000};
        struct remote_state state = {0};
        struct remote_post *post;
        struct remote_batch batch = {0};
        struct remote_stats stats;
        struct err e = {0};
        remote_state_init(&state);
        fill(&batch);
        uint64_t began = clock_mono_ns();
        cr_assert(remote_post_new(&target, &state, &post, &e) == ST_OK, "%s", e.msg);
        cr_expect(remote_post_batch(post, &batch, &e) == ST_OK, "%s: %s", rows[i].name, e.msg);
        remote_state_read(&state, &stats);
        cr_expect_eq(http_script_count(script), rows[i].requests, "%s", rows[i].name);
        cr_expect_eq(stats.sent, rows[i].sent, "%s", rows[i].name);
        cr_expect_eq(stats.failed, rows[i].failed, "%s", rows[i].name);
        cr_expect_eq(stats.retries, rows[i].retries, "%s", rows[i].name);
        cr_expect_eq(stats.lost[REMOTE_LOST_REJECTED], rows[i].rejected, "%s", rows[i].name);
        cr_expect_eq(stats.lost[REMOTE_LOST_TOO_BIG], rows[i].too_big, "%s", rows[i].name);
        cr_expect_eq(stats.protocol, rows[i].speaks, "%s", rows[i].name);
        cr_expect_eq(stats.pending, 0u, "%s", rows[i].name);
        cr_expect((clock_mono_ns() - began) / NS_PER_MS >= rows[i].at_least_ms, "%s", rows[i].name);
        remote_post_free(post);
        remote_batch_deinit(&batch);
        remote_state_deinit(&state);
        http_script_stop(script);
    }
    EXPECT_NO_LEAK();
}

static bool has(struct str text, const char *part)
{
    return str_search(text, str_from_c(part)) < text.len;
}

Test(remote_post, headers)
{
    static const char *const answers[] = {ANSWER("415 Type", ""), GOOD, NULL};
    static const struct remote_header headers[] = {{"X-Scope-OrgID", "mesh"}};
    struct http_script *script = http_script_start(answers);
    struct remote_target target = {.url = http_script_url(script),
                                   .protocol = 2,
                                   .user = "me",
                                   .password = "secret",
                                   .headers = headers,
                                   .header_count = 1};
    struct remote_state state = {0};
    struct remote_post *post;
    struct remote_batch batch = {0};
    remote_state_init(&state);
    fill(&batch);
    cr_assert(remote_post_new(&target, &state, &post, NULL) == ST_OK);
    cr_expect(remote_post_batch(post, &batch, NULL) == ST_OK);
    static const char *const first[] = {"POST /write HTTP/1.1\r\n",
                                        "proto=io.prometheus.write.v2.Request\r\n",
                                        "Content-Encoding: snappy\r\n",
                                        "X-Prometheus-Remote-Write-Version: 2.0.0\r\n",
                                        "User-Agent: weft/",
                                        "X-Scope-OrgID: mesh\r\n",
                                        "Authorization: Basic bWU6c2VjcmV0\r\n"};
    for (size_t i = 0; i < LEN(first); i++)
        cr_expect(has(http_script_head(script, 0), first[i]), "%s", first[i]);
    cr_expect(has(http_script_head(script, 1), "Content-Type: application/x-protobuf\r\n"));
    cr_expect(has(http_script_head(script, 1), "X-Prometheus-Remote-Write-Version: 0.1.0\r\n"));
    remote_post_free(post);
    remote_batch_deinit(&batch);
    remote_state_deinit(&state);
    http_script_stop(script);
    EXPECT_NO_LEAK();
}

struct stopping {
    struct remote_state *state;
    struct http_script *script;
    pthread_t thread;
};

static void *stop_when_asked(void *arg)
{
    struct stopping *s = arg;
    for (struct patience p = {0}; http_script_count(s->script) == 0 && patience_left(&p);)
        ;
    usleep(100000); /* the answer is there, too */
    remote_state_stop(s->state);
    return NULL;
}

/* In a request, and in the wait after one. */
Test(remote_post, stops_within_seconds, .timeout = 120)
{
    static const char *const hang[] = {"hang", NULL};
    static const char *const slow[] = {ANSWER("503 No", "Retry-After: 600\r\n"), NULL};
    const char *const *const both[] = {hang, slow};
    for (size_t i = 0; i < LEN(both); i++) {
        struct http_script *script = http_script_start(both[i]);
        struct remote_target target = {
            .url = http_script_url(script), .protocol = 1, .timeout_ms = 60000};
        struct remote_state state = {0};
        struct remote_post *post;
        struct remote_batch batch = {0};
        struct stopping stopping = {.state = &state, .script = script};
        remote_state_init(&state);
        fill(&batch);
        cr_assert(remote_post_new(&target, &state, &post, NULL) == ST_OK);
        uint64_t began = clock_mono_ns();
        pthread_create(&stopping.thread, NULL, stop_when_asked, &stopping);
        cr_expect(remote_post_batch(post, &batch, NULL) == ST_BUSY);
        cr_expect(clock_mono_ns() - began < 30 * NS_PER_S);
        pthread_join(stopping.thread, NULL);
        remote_post_free(post);
        remote_batch_deinit(&batch);
        remote_state_deinit(&state);
        http_script_stop(script);
    }
    EXPECT_NO_LEAK();
}

Test(remote_post, short_memory_loses_nothing, .timeout = 60)
{
    static const char *const answers[] = {WRITTEN, NULL};
    struct http_script *script = http_script_start(answers);
    for (struct alloc_walk walk = {0}; alloc_walk_next(&walk);) {
        struct remote_target target = {.url = http_script_url(script), .protocol = 2};
        struct remote_state state = {0};
        struct remote_post *post;
        struct remote_batch batch = {0};
        struct err e = {0};
        remote_state_init(&state);
        mem_fail_after(-1);
        fill(&batch);
        mem_fail_after(walk.next - 1);
        enum status status = remote_post_new(&target, &state, &post, &e);
        if (status == ST_OK) {
            status = remote_post_batch(post, &batch, &e);
            if (status == ST_NO_MEMORY)
                status = remote_post_batch(post, &batch, &e);
            cr_expect(status == ST_OK, "%s", e.msg);
            cr_expect_eq(state.stats.sent, 8u);
            remote_post_free(post);
        }
        cr_expect(status == ST_OK || status == ST_NO_MEMORY, "%s", e.msg);
        remote_batch_deinit(&batch);
        remote_state_deinit(&state);
    }
    http_script_stop(script);
    EXPECT_NO_LEAK();
}
