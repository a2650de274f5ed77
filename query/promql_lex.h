/* promql_lex.h - PromQL text to tokens. Rules: Prometheus 3.x, promql/parser/lex.go. Private to
 * query/. */
#ifndef WEFT_QUERY_PROMQL_LEX_H
#define WEFT_QUERY_PROMQL_LEX_H

#include "query/promql_ast.h"

enum promql_token_kind {
    TOK_EOF,
    TOK_IDENTIFIER,        /* no colon */
    TOK_METRIC_IDENTIFIER, /* with a colon */
    TOK_NUMBER,
    TOK_DURATION,
    TOK_STRING, /* quotes included */
    TOK_LEFT_PAREN,
    TOK_RIGHT_PAREN,
    TOK_LEFT_BRACE,
    TOK_RIGHT_BRACE,
    TOK_LEFT_BRACKET,
    TOK_RIGHT_BRACKET,
    TOK_COMMA,
    TOK_COLON,
    TOK_ASSIGN,    /* = */
    TOK_RE_MATCH,  /* =~ */
    TOK_RE_DIFFER, /* !~ */
    TOK_AT,
    TOK_OPERATOR,    /* of two operands: token.op */
    TOK_AGGREGATION, /* token.aggregation */
    TOK_BOOL,
    TOK_BY,
    TOK_WITHOUT,
    TOK_ON,
    TOK_IGNORING,
    TOK_GROUP_LEFT,
    TOK_GROUP_RIGHT,
    TOK_FILL,
    TOK_FILL_LEFT,
    TOK_FILL_RIGHT,
    TOK_OFFSET,
    TOK_ANCHORED,
    TOK_SMOOTHED,
    TOK_START,
    TOK_END,
    TOK_STEP,
    TOK_RANGE,
    TOK_MIN_OF,
    TOK_MAX_OF,
};

struct promql_token {
    enum promql_token_kind kind;
    struct promql_span span;
    struct str text; /* borrowed from the query */
    union {
        enum promql_op op;
        enum promql_aggregation aggregation;
    };
};

/* Zero but for `text` at the beginning. One thread at a time. */
struct promql_lexer {
    struct str text;    /* borrowed */
    uint32_t at, start; /* next byte; start of the token */
    uint32_t paren_depth;
    bool in_braces, in_brackets;
    bool in_duration; /* inside brackets, before the first number */
    bool got_number;  /* in any brackets so far, as Prometheus has it */
    bool got_colon;   /* in these brackets */
};

/* The next token; comments and blanks are skipped. ST_INVALID with a message that tells the place.
 */
enum status promql_lex(struct promql_lexer *l, struct promql_token *out, struct err *e);

/* ST_INVALID and "line:column: parse error: ..." for byte `at` of the query. Any thread. */
enum status promql_fail(struct str query, uint32_t at, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* "unexpected <op:+>" and the like, as much as Prometheus' messages show of a token, into out[cap];
 * returns out. */
const char *promql_token_show(const struct promql_token *t, char *out, size_t cap);

#endif
