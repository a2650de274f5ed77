/* promql_quote.h - string literals of PromQL, which are Go's: reading and writing them. Private to
 * query/. */
#ifndef WEFT_QUERY_PROMQL_QUOTE_H
#define WEFT_QUERY_PROMQL_QUOTE_H

#include "base/arena.h"
#include "base/buf.h"

/* Reads the character at the start of `s`; returns its bytes, 0 at the end. What is not UTF-8 is
 * one byte and U+FFFD. Any thread. */
size_t promql_rune_read(struct str s, uint32_t *rune);
/* Appends "text" with Go's escapes (strconv.Quote). Any thread. */
void promql_quote(struct str text, struct buf *out);
/* Appends a label's name: quoted when it is more than letters, digits, underscores. Any thread. */
void promql_quote_label(struct str name, struct buf *out);
/* promql_quote() into out[cap], NUL-ended and cut to what fits; returns out. For messages only. */
const char *promql_quote_c(struct str text, char *out, size_t cap);
/* What a message shows of a peer's text: its first 80 bytes, quoted. As promql_quote_c(). */
enum { PROMQL_SHOWN_BYTES = 100 };
const char *promql_quote_shown(struct str text, char out[PROMQL_SHOWN_BYTES]);
/* 'x' as messages show one character, U+FFFD for what is none. As promql_quote_c(). */
const char *promql_quote_rune(uint32_t rune, char *out, size_t cap);
/* Text between the quotes of a literal that the lexer accepted, escapes replaced; borrowed from it
 * or the arena's. False when memory is short. */
bool promql_unquote(struct str literal, struct arena *arena, struct str *out) NODISCARD;

#endif
