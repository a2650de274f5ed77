/* race_journal.c - four senders, two trimmers and a reader of the counters against one journal; run
 * under TSan. Every record is delivered once and in order, also by a replay. */
#include "base/clock.h"
#include "base/mem.h"
#include "storage/journal.h"
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SENDERS = 4, EACH = 1500, BODY_BYTES = 500, SEQUENCE_MAX = 1000000 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "race_journal: %s\n", what);
    exit(1);
}

static atomic_uint delivered, answered;
static atomic_bool finished, ended;
static uint64_t last_sequence; /* of the journal thread, then of the replay */

static void take_batch(struct batch *b, void *user)
{
    (void)user;
    must(b->sequence > last_sequence, "out of order");
    last_sequence = b->sequence;
    delivered++;
    batch_free(b);
}

static void take_tick(uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns, void *user)
{
    (void)wall_ns, (void)clock_ns, (void)user;
    last_sequence = sequence;
}

static void take_flush(uint64_t sequence, uint64_t clock_ns, void *user)
{
    (void)clock_ns, (void)user;
    last_sequence = sequence;
}

static const struct journal_sink sink = {take_batch, take_tick, take_flush, NULL};

static void on_done(void *user, enum status status, const struct err *e)
{
    (void)user, (void)e;
    must(status == ST_OK, "an append failed");
    answered++;
}

static void *send_all(void *user)
{
    struct journal *j = user;
    for (unsigned i = 0; i < EACH; i++) {
        struct batch *b = batch_new();
        b->body = (struct str){mem_calloc(1, BODY_BYTES), BODY_BYTES};
        b->sender = STR("127.0.0.1:1");
        b->signal = BATCH_SPANS;
        must(journal_append(j, b, on_done, NULL, NULL) == ST_OK, "refused");
    }
    return NULL;
}

static void *look_on(void *user)
{
    struct journal *j = user;
    struct journal_stats stats;
    while (!finished) {
        journal_set_ticking(j, true);
        journal_stats(j, 0, &stats);
        must(stats.last_sequence <= SEQUENCE_MAX, "absurd sequence"); /* with ticks and flushes */
        journal_trim(j, stats.last_sequence / 4);
        must(journal_append_flush(j, NULL) == ST_OK, "flush refused");
        journal_set_ticking(j, false);
        usleep(50000);
    }
    return NULL;
}

/* As the collector's and the series' checkpoints do, also while the journal stops. */
static void *trim_on(void *user)
{
    struct journal *j = user;
    struct journal_stats stats;
    while (!ended) {
        journal_stats(j, 0, &stats);
        journal_trim(j, stats.last_sequence / 3);
        usleep(100);
    }
    return NULL;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

int main(void)
{
    char directory[] = "/tmp/weft-race-XXXXXX";
    pthread_t senders[SENDERS], onlooker, trimmer;
    struct journal *j;
    must(mkdtemp(directory) != NULL, "no temporary directory");
    struct journal_config config = {str_from_c(directory), ACK_DISK, 64 * MIB, 256 * KIB};
    must(journal_open(&config, &j, NULL) == ST_OK && journal_start(j, &sink, NULL) == ST_OK,
         "open");
    for (int i = 0; i < SENDERS; i++)
        pthread_create(&senders[i], NULL, send_all, j);
    pthread_create(&onlooker, NULL, look_on, j);
    pthread_create(&trimmer, NULL, trim_on, j);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i], NULL);
    finished = true;
    pthread_join(onlooker, NULL);
    journal_stop(j, true);
    journal_let_go(j);
    ended = true;
    pthread_join(trimmer, NULL);
    must(delivered == SENDERS * EACH && answered == SENDERS * EACH, "something was lost");
    journal_close(j);

    uint64_t end = last_sequence, last;
    must(journal_open(&config, &j, NULL) == ST_OK, "open again");
    struct journal_stats stats;
    journal_stats(j, 0, &stats);
    last_sequence = end / 2;
    must(journal_replay(j, end / 2 + 1, &sink, &last, NULL) == ST_OK && last == end, "replay");
    journal_stats(j, 0, &stats);
    must(last_sequence == end && stats.bad_records == 0, "the replay has holes");
    journal_close(j);
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    puts("1 passed, 0 failed, 0 skipped");
    return 0;
}
