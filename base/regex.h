/* regex.h - RE2 expressions as Prometheus uses them: anchored at both ends, dot matches newline,
 * linear time. Literals, alternations of literals, prefixes, `.*` and `.+` are recognised and never
 * reach RE2. */
#ifndef WEFT_BASE_REGEX_H
#define WEFT_BASE_REGEX_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct regex; /* immutable: any number of threads */

/* ST_INVALID: "error parsing regexp: ..." in Go's words; ST_TOO_BIG: the compiled form would take
 * more than 8 MiB. The caller ends *out with regex_free(). Equal patterns may share one compiled
 * form. */
enum status regex_new(struct str pattern, struct regex **out, struct err *e);
/* NULL is allowed. */
void regex_free(struct regex *r);
/* Most bytes it may take, automata that grow while it matches included. */
size_t regex_bytes(const struct regex *r);
bool regex_match(const struct regex *r, struct str text);

/* When the expression is nothing but one or more literals ("a|b|c"): all of them, borrowed from r.
 * False otherwise. An index looks them up instead of trying every value. */
bool regex_literals(const struct regex *r, const struct str **out, size_t *count);
/* Every match begins with this text (may be empty). Borrowed from r. */
struct str regex_prefix(const struct regex *r);
/* Every match contains one of these texts; none is empty, and with *nocase they are in lower case
 * and ASCII letters of the match may be in either. 0: nothing is known. Borrowed from r. */
uint32_t regex_needs(const struct regex *r, const struct str **texts, bool *nocase);

/* Replaces $1, ${1}, $name, ${name}, $$ in `template` by what the groups matched, as Go's
 * Regexp.Expand does (unknown groups are empty), and appends it. False: text does not match. */
bool regex_expand(const struct regex *r, struct str text, struct str template, struct buf *out);

#endif
