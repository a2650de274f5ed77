/* relabel.h - rules that change, add and drop labels of a series on its way out. Source:
 * Prometheus, configuration, relabel_config; expressions are RE2's, anchored at both ends. */
#ifndef WEFT_EXPORT_RELABEL_H
#define WEFT_EXPORT_RELABEL_H

#include "base/regex.h"
#include "model/label_set.h"

enum relabel_action {
    RELABEL_REPLACE,
    RELABEL_KEEP,
    RELABEL_DROP,
    RELABEL_KEEP_EQUAL,
    RELABEL_DROP_EQUAL,
    RELABEL_LOWERCASE, /* ASCII letters only */
    RELABEL_UPPERCASE,
    RELABEL_LABEL_MAP,
    RELABEL_LABEL_DROP,
    RELABEL_LABEL_KEEP,
};

/* A rule as it is written; a text without ptr is not set. */
struct relabel_text {
    const struct str *source_labels;
    uint32_t source_count;
    struct str action, separator, target_label, regex, replacement;
};

struct relabel_rule {
    const struct str *source_labels; /* borrowed, as all texts */
    struct regex *regex;             /* owned */
    struct str separator, target_label, replacement;
    uint32_t source_count;
    enum relabel_action action;
};

/* Checks a rule and compiles its expression. ST_INVALID says what is wrong with it; ST_NO_MEMORY.
 * The texts are borrowed as long as *out, which the caller ends with relabel_rule_deinit(). */
enum status relabel_rule_init(const struct relabel_text *text, struct relabel_rule *out,
                              struct err *e);
void relabel_rule_deinit(struct relabel_rule *rule);
/* Applies the rules in order. *kept false: the series is dropped. Otherwise *out is the arena's, or
 * borrows what did not change. Any thread. ST_NO_MEMORY. */
enum status relabel_apply(const struct relabel_rule *rules, uint32_t count, struct label_set in,
                          struct arena *arena, struct label_set *out, bool *kept, struct err *e);

#endif
