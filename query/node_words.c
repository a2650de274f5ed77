/* node_words.c - sorts words by node and text, and drops repetitions. */
#include "query/node_words.h"
#include <stdlib.h>

bool node_words_add(struct node_words *w, uint32_t node, struct str text)
{
    struct node_word word = {node, text};
    return !text.len || vec_push(&w->all, word);
}

static int by_node_and_text(const void *a, const void *b)
{
    const struct node_word *x = a, *y = b;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return str_cmp(x->text, y->text);
}

enum status node_words_deal(struct node_words *w, struct arena *arena, size_t node_count,
                            struct str_list **out, struct err *e)
{
    struct str_list *lists = *out = arena_calloc(arena, node_count + 1, sizeof(*lists));
    struct str *texts = arena_calloc(arena, w->all.len + 1, sizeof(*texts));
    if (!lists || !texts)
        return err_set(e, ST_NO_MEMORY, "no memory for names of nodes");
    if (w->all.len)
        qsort(w->all.items, w->all.len, sizeof(*w->all.items), by_node_and_text);
    size_t kept = 0;
    for (size_t i = 0; i < w->all.len; i++) {
        const struct node_word *word = &w->all.items[i];
        if (word->node >= node_count || (i && by_node_and_text(word - 1, word) == 0))
            continue;
        struct str_list *list = &lists[word->node];
        texts[kept] = arena_dup_str(arena, word->text);
        if (!texts[kept].ptr)
            return err_set(e, ST_NO_MEMORY, "no memory for names of nodes");
        if (!list->len++)
            list->items = &texts[kept];
        kept++;
    }
    return ST_OK;
}

void node_words_deinit(struct node_words *w)
{
    vec_deinit(&w->all);
}
