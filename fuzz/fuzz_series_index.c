/* fuzz_series_index.c - loads blocks of the label index's log, and states of series, of arbitrary
 * bytes. The first byte says which. No crash, and what is taken is a whole index: every series is
 * found by its labels and listed by each of its label pairs. */
#include "base/log.h"
#include "base/mem.h"
#include "model/series_hash.h"
#include "storage/series_exemplars.h"
#include "storage/series_index_file.h"
#include "storage/series_metadata.h"
#include "storage/series_postings.h"
#include "storage/series_states.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { SEED = 1 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void check_series(struct series_index *x, uint32_t id, struct arena *arena)
{
    struct label_set set;
    must(series_index_labels(x, id, arena, &set, NULL) == ST_OK);
    must(series_index_find(x, set, series_hash(set, SEED)) == id);
    for (uint32_t i = 0; i < set.count; i++) {
        struct label_matcher m = {set.items[i].name, set.items[i].value, NULL, MATCH_EQ};
        struct id_list found;
        must(series_postings_match(x, &m, 1, arena, &found, NULL) == ST_OK);
        must(ids_contain(found, id));
    }
}

static void load_index(struct str bytes)
{
    struct series_index *x = series_index_new(SEED);
    struct arena arena = {0};
    uint32_t count;
    enum status st = series_index_load_block(x, bytes, NULL);
    must(st == ST_OK || st == ST_CORRUPT);
    const uint32_t *ids = series_index_all(x, &count);
    for (uint32_t i = 0; i < count && i < 64; i++)
        check_series(x, ids[i], &arena);
    arena_deinit(&arena);
    series_index_unref(x);
}

static bool is_low(uint32_t id, void *user)
{
    (void)user;
    return id < 100000;
}

static void load_states(struct str bytes)
{
    struct series_states states;
    struct exemplar_ring ring = {0};
    struct metadata_table table = {0};
    struct cursor in = cursor_of(bytes);
    series_states_init(&states, SEED);
    enum status st = series_states_decode(&states, &in, is_low, NULL, NULL);
    if (st == ST_OK)
        st = exemplars_decode(&ring, &in, NULL);
    if (st == ST_OK)
        st = metadata_decode(&table, &in, NULL);
    must(st == ST_OK || st == ST_CORRUPT);
    series_states_deinit(&states);
    exemplars_deinit(&ring);
    metadata_deinit(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    log_set_level(LOG_ERROR);
    struct str bytes = {(const char *)data + 1, len - 1};
    if (data[0] & 1)
        load_states(bytes);
    else
        load_index(bytes);
    return 0;
}
