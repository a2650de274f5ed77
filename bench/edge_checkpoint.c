/* edge_checkpoint.c - a set of cells becomes a part of a store, by the way of the collector. */
#include "bench/edge_checkpoint.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum outcome { WAITING, WRITTEN, FAILED };

void edge_checkpoint_need(enum status status, const struct err *e)
{
    if (status == ST_OK)
        return;
    fprintf(stderr, "bench: %s\n", e->msg);
    exit(1);
}

static void on_done(void *user, enum status status, const struct err *e)
{
    if (status != ST_OK)
        fprintf(stderr, "bench: %s\n", e->msg);
    atomic_store((atomic_int *)user, status == ST_OK ? WRITTEN : FAILED);
}

void edge_checkpoint_write(struct store *s, struct cell_set *set, uint64_t position)
{
    struct image_writer *w;
    struct buf part = {0};
    struct err e;
    atomic_int done = WAITING;
    edge_checkpoint_need(edge_part_encode(set, true, &part, &e), &e);
    edge_checkpoint_need(store_checkpoint_begin(s, &w, &e), &e);
    store_checkpoint_commit(w, &part, position, on_done, &done);
    while (atomic_load(&done) == WAITING)
        usleep(1000);
    if (atomic_load(&done) == FAILED)
        exit(1);
    edge_store_publish(s, &(struct edge_head){.checkpointed = position});
}
