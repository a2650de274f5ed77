/* race_shared.c - what several threads write without asking each other: log, budget, account and
 * senders. Sums must come out exact; TSan looks on. */
#include "base/budget.h"
#include "base/log.h"
#include "model/account.h"
#include "model/senders.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 20000, LIMIT = 1000 };

struct shared {
    struct budget budget;
    struct account *account;
    struct senders *senders;
    _Atomic uint64_t allowed, held;
};

static void need(bool promise, const char *what)
{
    if (promise)
        return;
    printf("race_shared: broken: %s\n", what);
    exit(1);
}

/* One place of the log for all threads. */
static void log_noise(struct shared *s)
{
    static struct log_limit limit;
    unsigned held;
    if (!log_limit_allow(&limit, &held))
        return;
    s->allowed++;
    s->held += held;
    log_warn("race: noise held=%u", held);
}

static void *work(void *user)
{
    struct shared *s = user;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (budget_take(&s->budget, 400, 100)) {
            need(budget_used(&s->budget) <= LIMIT, "budget over its limit");
            budget_give(&s->budget, 400);
        }
        account_add(s->account, SIGNAL_SPANS, &(struct account_row){.received = 3, .pending = 3});
        account_add(s->account, SIGNAL_SPANS,
                    &(struct account_row){.pending = -UINT64_C(3), .stored = 3});
        senders_note(s->senders, STR("peer:1"), STR("name"), STR(""), 1, 1, 0, 1, 1);
        log_noise(s);
    }
    return NULL;
}

/* Every snapshot balances, also in the middle. */
static void *watch(void *user)
{
    struct shared *s = user;
    struct account_totals totals;
    struct sender_row row;
    for (unsigned i = 0; i < ROUNDS; i++) {
        account_read(s->account, &totals);
        need(account_difference(&totals.rows[SIGNAL_SPANS]) == 0, "account out of balance");
        senders_read(s->senders, &row, 1);
    }
    return NULL;
}

int main(void)
{
    struct shared s = {.budget = {.limit = LIMIT}, account_new(), senders_new(), 0, 0};
    pthread_t threads[THREADS + 1];
    struct account_totals totals;
    struct sender_row row;
    dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
    for (unsigned i = 0; i <= THREADS; i++)
        need(pthread_create(&threads[i], NULL, i < THREADS ? work : watch, &s) == 0, "thread");
    for (unsigned i = 0; i <= THREADS; i++)
        pthread_join(threads[i], NULL);
    account_read(s.account, &totals);
    need(totals.rows[SIGNAL_SPANS].stored == 3ull * THREADS * ROUNDS, "sum of the account");
    need(senders_read(s.senders, &row, 1) == 1 && row.items == THREADS * ROUNDS, "sum of senders");
    need(budget_used(&s.budget) == 0, "budget given back");
    need(s.allowed >= 5 && s.allowed + s.held <= THREADS * ROUNDS, "lines of the log");
    account_free(s.account);
    senders_free(s.senders);
    puts("1 passed, 0 failed, 0 skipped");
    return 0;
}
