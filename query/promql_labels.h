/* promql_labels.h - label sets made of other label sets, and a table of them. Private to query/. */
#ifndef WEFT_QUERY_PROMQL_LABELS_H
#define WEFT_QUERY_PROMQL_LABELS_H

#include "base/arena.h"
#include "model/label_set.h"

/* Names of a by, without, on or ignoring: sorted, once per query. */
struct promql_names {
    const struct str *items; /* ascending */
    uint32_t count;
};

/* A sorted copy in the arena; items NULL with count > 0: no memory. `extra` is added unless empty.
 */
struct promql_names promql_names_sorted(struct arena *arena, const struct str *names,
                                        uint32_t count, struct str extra);

/* The labels of `s` that are (keep) or are not among `names`; written to `out`, which has room for
 * s.count. */
struct label_set promql_labels_pick(struct label_set s, struct promql_names names, bool keep,
                                    struct label *out);
/* `s` with one label set to value; an empty value removes it. Arena's; items NULL with count > 0:
 * no memory. */
struct label_set promql_labels_with(struct arena *arena, struct label_set s, struct str name,
                                    struct str value);
/* Without __name__, __type__, __unit__. Borrows `s` when it has none of them; arena's otherwise;
 * items NULL with count > 0: no memory. */
struct label_set promql_labels_unnamed(struct arena *arena, struct label_set s);
/* {a="b", c="d"} as Prometheus writes it in messages, cut to `cap` bytes; returns out. */
char *promql_labels_text(struct label_set s, char *out, size_t cap);

/* Label sets, numbered in the order in which they came. All-zero but for `arena`. */
struct promql_table {
    struct arena *arena;
    struct promql_entry *entries; /* one per set */
    uint32_t *slots;              /* open addressing: entry number + 1 */
    uint32_t count, cap, mask;
};

enum { PROMQL_TABLE_NONE = UINT32_MAX };

/* Number of the set, added (its label array is copied, its strings are borrowed) when new;
 * PROMQL_TABLE_NONE when memory is short. */
uint32_t promql_table_put(struct promql_table *t, struct label_set s, bool *added);
/* PROMQL_TABLE_NONE when it is not there. */
uint32_t promql_table_find(const struct promql_table *t, struct label_set s);
struct label_set promql_table_get(const struct promql_table *t, uint32_t number);

#endif
