/* label_matcher.h - one condition on a label of a series: =, !=, =~, !~. Source: Prometheus,
 * documentation of PromQL selectors; expressions are RE2's, anchored at both ends, dot matches
 * newline. A missing label is the empty text. */
#ifndef WEFT_MODEL_LABEL_MATCHER_H
#define WEFT_MODEL_LABEL_MATCHER_H

#include "base/regex.h"
#include "model/label_set.h"

enum match_op { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NRE };

struct label_matcher {
    struct str name, value; /* borrowed; value is the text or the expression */
    struct regex *regex;    /* owned; NULL for = and != */
    enum match_op op;
};

/* Compiles the expression of MATCH_RE and MATCH_NRE. ST_INVALID: it is none; ST_NO_MEMORY. The
 * caller ends *out with label_matcher_deinit(). */
enum status label_matcher_init(struct label_matcher *out, enum match_op op, struct str name,
                               struct str value, struct err *e);
void label_matcher_deinit(struct label_matcher *m);
/* Any thread. */
bool label_matcher_accepts(const struct label_matcher *m, struct str value);
/* All of them hold for the set. */
bool label_matchers_accept(const struct label_matcher *matchers, uint32_t count,
                           struct label_set s);
/* "=", "!=", "=~", "!~": static. */
const char *match_op_text(enum match_op op);

#endif
