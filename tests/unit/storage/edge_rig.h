/* edge_rig.h - random requests, what they sum up to by brute force, and cells compared in
 * everything. */
#ifndef WEFT_TESTS_UNIT_STORAGE_EDGE_RIG_H
#define WEFT_TESTS_UNIT_STORAGE_EDGE_RIG_H

#include "base/intern.h"
#include "storage/edge_store.h"

struct rig_request {
    unsigned row; /* 0 .. rows-1; every fourth is a total */
    uint64_t time_s, client_ns, server_ns, weight, bytes;
    unsigned code; /* 0..3 */
    bool error, has_server;
};

struct edge_rig {
    struct rig_request *requests; /* mem_alloc'ed */
    size_t count;
    unsigned rows;
    uint64_t state; /* of the random numbers */
};

uint64_t edge_rig_random(struct edge_rig *r, uint64_t below);
/* `count` requests of `rows` rows in [start_s, start_s + span_s). */
struct edge_rig edge_rig_new(size_t count, unsigned rows, uint64_t start_s, uint64_t span_s,
                             uint64_t seed);
void edge_rig_free(struct edge_rig *r);
/* The row with this number; text holds its name. */
struct cell_row edge_rig_row(unsigned row, char text[16]);
unsigned edge_rig_row_number(const struct cell_row *row);
void edge_rig_add(struct cell_set *set, const struct rig_request *request);
/* A new set with all requests of the rig. */
struct cell_set *edge_rig_set(const struct edge_rig *r);
/* Adds it to one cell whose tallies are named by `names`. */
void edge_rig_add_cell(struct cell *cell, struct intern *names, const struct rig_request *request);
/* Every field, histograms bucket by bucket, tallies by name. */
bool edge_rig_cells_equal(const struct cell *a, const struct intern *a_names, const struct cell *b,
                          const struct intern *b_names, unsigned sections);
/* Everything as one part. */
struct edge_part *edge_rig_part(const struct cell_set *set, bool sealed);
/* The golden file of that version: docs/formats/edge_part.md says what it holds. */
struct edge_part *edge_rig_open_golden(unsigned version);
/* Dealt out to `count` parts, which overlap in time and rows; the last one has fine tiles only, as
 * the head. The caller ends them with edge_rig_unref(). */
void edge_rig_split(const struct edge_rig *r, struct edge_part **parts, size_t count);
void edge_rig_unref(struct edge_part **parts, size_t count);

#endif
