/* node_words.h - words that belong to nodes, gathered in any order, dealt out sorted and distinct.
 */
#ifndef WEFT_QUERY_NODE_WORDS_H
#define WEFT_QUERY_NODE_WORDS_H

#include "base/vec.h"
#include "query/params.h"

struct node_word {
    uint32_t node;
    struct str text; /* borrowed until dealt */
};

/* All-zero is valid and empty. */
struct node_words {
    VEC(struct node_word) all;
};

/* Empty words are nobody's. */
bool node_words_add(struct node_words *w, uint32_t node, struct str text) NODISCARD;
/* *out: one list per node below node_count, list and words in the arena. Words of other nodes are
 * left out. */
enum status node_words_deal(struct node_words *w, struct arena *arena, size_t node_count,
                            struct str_list **out, struct err *e);
void node_words_deinit(struct node_words *w);

#endif
