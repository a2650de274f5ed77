/* test_server_budget.c - bodies and answers in the shared budget, as a peer sees them. */
#include "tests/unit/net/server_rig.h"
#include "base/mem.h"
#include "tests/support/leak.h"
#include "tests/support/patience.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static char answer[400 * KIB];

static bool said(const char *text)
{
    return strstr(answer, text) != NULL;
}

/* Each long answer that is not read counts, and none does afterwards. */
Test(server_budget, answers_count_in_the_budget_until_they_are_sent)
{
    enum { READERS = 24 };
    struct server_rig rig;
    struct budget budget = {.limit = GIB};
    int fds[READERS];
    server_rig_init(&rig);
    rig.config.budget = &budget;
    server_rig_start(&rig);
    for (int i = 0; i < READERS; i++) {
        fds[i] = dial(net_server_http_addr(rig.server));
        int small = 4096;
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        for (int k = 0; k < 32; k++) /* more than any socket takes in */
            say(fds[i], STR("GET /long HTTP/1.1\r\nHost: x\r\n\r\n"));
    }
    struct patience all = {0}, none = {0};
    uint64_t used; /* read once: it falls again while what was answered goes out */
    while ((used = budget_used(&budget)) < READERS * 200 * KIB && patience_left(&all))
        ;
    cr_expect(used >= READERS * 200 * KIB, "%llu bytes", (unsigned long long)used);
    for (int i = 0; i < READERS; i++)
        close(fds[i]);
    while (budget_used(&budget) > 0 && patience_left(&none))
        ;
    cr_expect(eq(u64, budget_used(&budget), 0));
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

Test(server_budget, bodies_that_the_budget_cannot_pay_may_come_again)
{
    struct server_rig rig;
    static char big[200 * KIB];
    struct budget budget = {.limit = 100 * KIB};
    bool closed;
    server_rig_init(&rig);
    rig.config.budget = &budget;
    server_rig_start(&rig);
    int fd = dial(net_server_otlp_http_addr(rig.server));
    say(fd, STR("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 204800\r\n\r\n"));
    say(fd, (struct str){big, sizeof(big)});
    hear(fd, answer, sizeof(answer), QUIET_MS, "again later", &closed);
    cr_expect(said("HTTP/1.1 429 "), "%.80s", answer);
    cr_expect(said("Retry-After: "), "%.400s", answer);
    cr_expect(said("the memory budget is used up; send it again later"), "%.400s", answer);
    close(fd);
    cr_expect(eq(sz, rig.handled, 0));
    server_rig_stop(&rig, NS_PER_S);
    cr_expect(eq(u64, budget_used(&budget), 0));
    EXPECT_NO_LEAK();
}

/* The packed form needs as much again: without room for it the answer goes as it is. */
Test(server_budget, packs_only_what_the_budget_can_pay)
{
    static const struct {
        const char *encoding;
        uint64_t free;
        bool is_packed;
    } rows[] = {
        {"gzip", 300 * KIB, true},
        {"gzip", 100 * KIB, false},
        {"zstd", 300 * KIB, true},
        {"zstd", 100 * KIB, false},
    };
    struct server_rig rig;
    struct budget budget = {.limit = MIB};
    bool closed;
    server_rig_init(&rig);
    rig.config.budget = &budget;
    server_rig_start(&rig);
    for (size_t i = 0; i < LEN(rows); i++) {
        char request[128];
        struct patience rest = {0};
        int fd = dial(net_server_http_addr(rig.server));
        budget_force(&budget, MIB - rows[i].free);
        snprintf(request, sizeof(request),
                 "GET /long HTTP/1.1\r\nHost: x\r\nAccept-Encoding: %s\r\nConnection: "
                 "close\r\n\r\n",
                 rows[i].encoding);
        say(fd, str_from_c(request));
        size_t len = hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed);
        cr_expect(said("HTTP/1.1 200") && said("Content-Encoding") == rows[i].is_packed, "row %zu",
                  i);
        cr_expect(eq(int, len <= 204800, rows[i].is_packed), "row %zu", i);
        close(fd);
        while (budget_used(&budget) > MIB - rows[i].free && patience_left(&rest))
            ;
        cr_expect(eq(u64, budget_used(&budget), MIB - rows[i].free), "row %zu", i);
        budget_give(&budget, MIB - rows[i].free);
    }
    server_rig_stop(&rig, NS_PER_S);
    EXPECT_NO_LEAK();
}

/* What nobody could answer ends, and leaves nothing behind. */
Test(server_budget, an_answer_without_memory_ends_its_connection)
{
    struct server_rig rig;
    static char text[8 * KIB];
    struct budget budget = {.limit = GIB};
    bool closed;
    memset(text, 'x', sizeof(text) - 1);
    server_rig_init(&rig);
    rig.config.budget = &budget;
    server_rig_start(&rig);
    int fd = dial(net_server_http_addr(rig.server));
    say(fd, STR("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
    cr_assert(server_rig_wait_held(&rig, 1, 0));
    struct http_response r = {.status = 200, .content_type = "text/plain"};
    buf_append_str(&r.body, str_from_c(text));
    mem_fail_after(0); /* what remembers that the body counts */
    http_reply(rig.held[0], &r);
    cr_expect(mem_did_fail());
    mem_fail_after(-1);
    rig.held[--rig.held_count] = NULL;
    cr_expect(eq(sz, hear(fd, answer, sizeof(answer), QUIET_MS, NULL, &closed), 0));
    cr_expect(closed);
    close(fd);
    server_rig_stop(&rig, NS_PER_S);
    cr_expect(eq(u64, budget_used(&budget), 0));
    EXPECT_NO_LEAK();
}
