/* series_postings.h - finds series by matchers: postings of the label pairs that a matcher takes or
 * excludes, intersected smallest first. All calls: any thread with series_index_lock() held, or the
 * owner. */
#ifndef WEFT_STORAGE_SERIES_POSTINGS_H
#define WEFT_STORAGE_SERIES_POSTINGS_H

#include "model/label_matcher.h"
#include "storage/series_ids.h"
#include "storage/series_index.h"

/* The series for which all matchers hold (none: all series). *out is the arena's or the index's: it
 * is valid until the lock is given back. ST_NO_MEMORY. */
enum status series_postings_match(struct series_index *x, const struct label_matcher *matchers,
                                  uint32_t count, struct arena *arena, struct id_list *out,
                                  struct err *e);

/* Sorted, distinct. The array is the arena's, the strings live as long as the index. */
struct text_list {
    struct str *items;
    uint32_t count;
};

/* Values of a label among `ids` (NULL: among all series) for which has() is true. ST_NO_MEMORY. */
enum status series_postings_values(struct series_index *x, struct str name,
                                   const struct id_list *ids, bool (*has)(uint32_t id, void *user),
                                   void *user, struct arena *arena, struct text_list *out,
                                   struct err *e);
/* Names of labels, likewise. */
enum status series_postings_names(struct series_index *x, const struct id_list *ids,
                                  bool (*has)(uint32_t id, void *user), void *user,
                                  struct arena *arena, struct text_list *out, struct err *e);

#endif
