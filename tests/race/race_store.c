/* race_store.c - a collector that publishes and checkpoints, readers that add up, and the writer
 * thread that merges, all at once; run under TSan. Every view holds each request exactly once,
 * wherever it is: head, part, or sum of parts. */
#include "base/mem.h"
#include "storage/edge_store.h"
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 400, READERS = 2, CHECKPOINT_EVERY = 5, CHECKPOINTS_MIN = 3 };
static const uint64_t base_s = 1700000000;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "race_store: %s\n", what);
    exit(1);
}

static struct store *store;
static atomic_bool finished;

/* --- the collector --- */

struct collector {
    struct cell_set *cells; /* since the last checkpoint that was begun */
    struct cell_set *saved; /* in the part that is being written, NULL = none */
    uint64_t requests, saving, checkpointed;
    unsigned checkpoints;
    atomic_int answer; /* -1: none yet, else the status */
};

static void add_request(struct cell_set *cells, uint64_t n)
{
    struct cell_row row = {.client = {.name = STR("web")},
                           .server = {.name = STR("cart")},
                           .views = VIEW_BOTH,
                           .is_total = true};
    struct cell *c = cell_set_cell(cells, cell_set_row(cells, &row), base_s + n % ROUNDS * 7);
    must(c != NULL, "no memory");
    c->observed++;
    c->weight += 1 << 16;
}

static struct edge_part *head_part(const struct collector *c)
{
    struct buf bytes = {0};
    struct edge_part *part;
    struct cell_set *all = cell_set_new(1);
    must(cell_set_merge(all, c->cells, NULL) == ST_OK, "merge");
    must(!c->saved || cell_set_merge(all, c->saved, NULL) == ST_OK, "merge");
    must(edge_part_encode(all, false, &bytes, NULL) == ST_OK, "encode");
    must(edge_part_open_memory(&bytes, &part, NULL) == ST_OK, "open");
    cell_set_free(all);
    return part;
}

static void publish(const struct collector *c)
{
    struct edge_head head = {
        .head = head_part(c),
        .registry = registry_new(1, 10),
        .complete_until_ns = c->requests, /* what a reader must find */
        .checkpointed = c->checkpointed,
    };
    edge_store_publish(store, &head);
}

static void on_done(void *user, enum status status, const struct err *e)
{
    (void)e;
    atomic_store((atomic_int *)user, (int)status);
}

static void checkpoint_begin(struct collector *c)
{
    struct image_writer *w;
    struct buf part = {0};
    if (c->saved || store_checkpoint_begin(store, &w, NULL) != ST_OK)
        return;
    must(image_write(w, STR("open state"), NULL) == ST_OK, "image");
    must(edge_part_encode(c->cells, true, &part, NULL) == ST_OK, "encode");
    c->saved = c->cells;
    c->cells = cell_set_new(1);
    c->saving = c->requests;
    atomic_store(&c->answer, -1);
    store_checkpoint_commit(w, &part, c->saving, on_done, &c->answer);
}

static void checkpoint_end(struct collector *c)
{
    if (!c->saved || atomic_load(&c->answer) < 0)
        return;
    must(atomic_load(&c->answer) == ST_OK, "checkpoint failed");
    cell_set_free(c->saved);
    c->saved = NULL;
    c->checkpointed = c->saving;
    c->checkpoints++;
}

static void collect(void)
{
    struct collector c = {.cells = cell_set_new(1)};
    /* On a busy machine a checkpoint may last as long as all rounds. */
    for (uint64_t n = 0; n < ROUNDS || c.checkpoints < CHECKPOINTS_MIN; n++) {
        add_request(c.cells, n);
        c.requests++;
        checkpoint_end(&c);
        if (n % CHECKPOINT_EVERY == 0)
            checkpoint_begin(&c);
        publish(&c);
    }
    while (c.saved) {
        checkpoint_end(&c);
        usleep(1000);
    }
    publish(&c);
    cell_set_free(c.cells);
}

/* --- readers --- */

static uint32_t one_group(const struct cell_row *row, void *user)
{
    (void)row, (void)user;
    return 0;
}

static void *read_on(void *user)
{
    (void)user;
    while (!finished) {
        const struct edge_view *v;
        struct edge_result sum;
        struct edge_query q = {.start_s = base_s - 86400,
                               .end_s = base_s + 86400,
                               .sections = SECTION_COUNTS,
                               .group = one_group,
                               .max_points = 10};
        must(edge_store_view(store, UINT64_MAX, &v, NULL) == ST_OK, "view");
        must(edge_query_run(v, &q, &sum, NULL) == ST_OK, "query");
        uint64_t found =
            sum.series_count && sum.series[0].len ? sum.series[0].points[0].cell.observed : 0;
        if (found != v->complete_until_ns)
            fprintf(stderr, "found %llu of %llu\n", (unsigned long long)found,
                    (unsigned long long)v->complete_until_ns);
        must(found == v->complete_until_ns, "a request is missing or twice there");
        edge_result_deinit(&sum);
        edge_view_unref(v);
    }
    return NULL;
}

static void *look_after(void *user)
{
    (void)user;
    struct store_stats stats;
    while (!finished) {
        store_maintain(store);
        store_stats(store, &stats);
        must(store_compact(store, NULL) == ST_OK, "compact");
        usleep(20000);
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
    pthread_t threads[READERS + 1];
    must(mkdtemp(directory) != NULL, "no temporary directory");
    struct store_config config = {.directory = str_from_c(directory)};
    must(store_open(&config, &store, NULL) == ST_OK, "open");
    for (int i = 0; i <= READERS; i++)
        must(pthread_create(&threads[i], NULL, i < READERS ? read_on : look_after, NULL) == 0,
             "thread");
    collect();
    finished = true;
    for (int i = 0; i <= READERS; i++)
        pthread_join(threads[i], NULL);
    /* A busy machine may leave the merging to the end. */
    must(store_compact(store, NULL) == ST_OK, "compact");
    struct store_stats stats;
    store_stats(store, &stats);
    must(stats.merges > 0, "nothing was merged");
    must(stats.lost_blocks == 0, "blocks were lost");
    store_close(store);
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    puts("1 passed, 0 failed, 0 skipped");
    return 0;
}
