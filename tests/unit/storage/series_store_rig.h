/* series_store_rig.h - a series store in a directory, fed with batches written as text, asked with
 * matchers written as text. Shared by the tests of the series store. */
#ifndef WEFT_TESTS_SERIES_STORE_RIG_H
#define WEFT_TESTS_SERIES_STORE_RIG_H

#include "base/budget.h"
#include "base/vec.h"
#include "storage/series_store.h"
#include "tests/unit/storage/journal_rig.h"

struct series_store_rig {
    char *dir; /* owned */
    struct store *store;
    struct account *account;
    struct budget budget;
    struct series_store *series;
    struct series_store_config config; /* retention and settings may be changed before opening */
    uint64_t position, sequence, arrival_ms;
    bool is_started;
    uint64_t disk_bytes; /* retention of the store */
};

/* An empty directory; nothing is open. */
struct series_store_rig series_store_rig_new(void);
/* Opens everything; asserts that it works. `start`: with its thread. */
void series_store_rig_open(struct series_store_rig *r, bool start);
/* Stops (a last checkpoint) and closes. */
void series_store_rig_close(struct series_store_rig *r);
/* Closes without a checkpoint, as kill -9 would. Only when it was not started. */
void series_store_rig_free(struct series_store_rig *r);

/* A batch under way: series are added by series_store_rig_put(). */
struct rig_batch {
    struct batch *batch;
    VEC(struct metric_series) series;
    uint64_t seed;
};
struct rig_batch series_store_rig_batch(struct series_store_rig *r);
/* Adds a sample to the series "name,label=value,label=value" (to the last one put when that is the
 * same). */
void series_store_rig_put(struct rig_batch *b, const char *labels, int64_t time_ms, double value);
struct sample *series_store_rig_last(struct rig_batch *b); /* the sample put last */
/* Hands it over and waits for its outcome. */
struct metric_outcome series_store_rig_send(struct series_store_rig *r, struct rig_batch *b);
/* One batch of one sample. */
struct metric_outcome series_store_rig_one(struct series_store_rig *r, const char *labels,
                                           int64_t time_ms, double value);

/* "name,label=value 10=1 20=2;..." of what the matchers ("__name__=x,a!=b,c=~d|e") select, by
 * labels; static storage until the next call. Values are written with %g, stale markers as "stale",
 * histograms as "h<count>". */
const char *series_store_rig_select(struct series_store_rig *r, const char *matchers,
                                    int64_t start_ms, int64_t end_ms);
/* Only the labels; "name,label=value;...". */
const char *series_store_rig_names(struct series_store_rig *r, const char *matchers,
                                   int64_t start_ms, int64_t end_ms);
/* "a;b;c": values of a label, or names of labels. */
const char *series_store_rig_values(struct series_store_rig *r, const char *matchers,
                                    const char *name, int64_t start_ms, int64_t end_ms);

/* Parses "a=b,c!=d,e=~f,g!~h"; the caller ends each with label_matcher_deinit(). Strings are the
 * arena's. */
uint32_t series_store_rig_matchers(const char *text, struct arena *arena,
                                   struct label_matcher out[8]);

#endif
