/* race_catalogue.c - one thread commits edge parts, one series parts, one takes snapshots; run
 * under TSan. A snapshot lists parts without a gap. */
#include "storage/catalogue_series.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PARTS = 150 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "race_catalogue: %s\n", what);
    exit(1);
}

static struct catalogue *catalogue;
static atomic_int working = 2;

static void *add_edges(void *user)
{
    for (uint64_t id = 1; id <= PARTS; id++) {
        struct catalogue_part part = {.id = id};
        struct catalogue_change change = {.added = &part};
        bool unknown;
        must(catalogue_commit(catalogue, &change, &unknown, NULL) == ST_OK, "commit");
    }
    working--;
    return user;
}

static void *add_series(void *user)
{
    for (uint64_t id = 1; id <= PARTS; id++) {
        struct catalogue_series_part part = {.id = id, .rank = id};
        struct catalogue_series_change change = {.added = &part};
        bool unknown;
        must(catalogue_series_commit(catalogue, &change, &unknown, NULL) == ST_OK, "commit");
    }
    working--;
    return user;
}

struct seen {
    uint64_t edges, series;
};

static enum status see(const char *folder, const char *suffix, uint64_t id, void *user,
                       struct err *e)
{
    struct seen *seen = user;
    uint64_t *last = strcmp(folder, "edges") == 0 ? &seen->edges : &seen->series;
    (void)suffix, (void)e;
    must(id == *last + 1, "a part is not where it belongs");
    *last = id;
    return ST_OK;
}

int main(void)
{
    char directory[] = "/tmp/weft-race-XXXXXX", path[64], copy[64];
    pthread_t threads[2];
    bool created;
    must(mkdtemp(directory) != NULL, "no temporary directory");
    snprintf(path, sizeof(path), "%s/catalogue.db", directory);
    snprintf(copy, sizeof(copy), "%s/copy.db", directory);
    must(catalogue_open(path, &catalogue, &created, NULL) == ST_OK, "open");
    must(pthread_create(&threads[0], NULL, add_edges, NULL) == 0, "thread");
    must(pthread_create(&threads[1], NULL, add_series, NULL) == 0, "thread");
    struct seen seen;
    do {
        seen = (struct seen){0};
        unlink(copy);
        must(catalogue_snapshot(catalogue, copy, see, &seen, NULL) == ST_OK, "snapshot");
    } while (working > 0 || seen.edges + seen.series < 2 * PARTS);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    catalogue_close(catalogue);
    unlink(copy);
    unlink(path);
    rmdir(directory);
    puts("1 passed, 0 failed, 0 skipped");
    return 0;
}
