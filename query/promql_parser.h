/* promql_parser.h - what the files of the parser share: the token at hand, new nodes, complaints.
 * Functions that return a status leave the message in parser.e. Private to promql_parse*.c. */
#ifndef WEFT_QUERY_PROMQL_PARSER_H
#define WEFT_QUERY_PROMQL_PARSER_H

#include "query/promql_lex.h"
#include "query/promql_parse.h"

/* A matcher and the one read before it, so that a failed parse can end them all. */
struct promql_matcher_link {
    struct promql_matcher_link *older;
    struct label_matcher matcher;
};

struct promql_parser {
    struct str text;     /* borrowed */
    struct arena *arena; /* borrowed */
    struct err *e;       /* borrowed */
    struct promql_lexer lexer;
    struct promql_token token; /* valid when has_token */
    bool has_token;
    uint32_t last_end;                    /* of the token taken last */
    uint32_t depth, nodes;                /* open parse calls; nodes made */
    uint32_t aggregations;                /* that are open: they name themselves in complaints */
    size_t regex_bytes;                   /* of the matchers */
    struct promql_matcher_link *matchers; /* arena; newest first */
};

/* Makes p->token the next token, which stays until it is taken. */
enum status promql_parser_peek(struct promql_parser *p);
/* Takes p->token, which must be there. */
void promql_parser_take(struct promql_parser *p);
/* Peeks, and takes the token when it is of that kind; *did tells. */
enum status promql_parser_accept(struct promql_parser *p, enum promql_token_kind kind, bool *did);
/* As accept, but another token is unexpected, without context. */
enum status promql_parser_expect(struct promql_parser *p, enum promql_token_kind kind);

/* ST_INVALID: "unexpected TOKEN in CONTEXT, expected EXPECTED" about p->token; "" leaves a part
 * out. */
enum status promql_parser_unexpected(struct promql_parser *p, const char *context,
                                     const char *expected);
/* The same for where Prometheus' grammar has no complaint of its own. */
enum status promql_parser_stuck(struct promql_parser *p);
enum status promql_parser_no_memory(struct promql_parser *p);

/* A zeroed node of the arena. ST_INVALID: the expression has too many; ST_NO_MEMORY. */
enum status promql_node_new(struct promql_parser *p, enum promql_kind kind, struct promql_span span,
                            struct promql_node **out);
/* Raises the node's height above that of a child, which may be NULL. ST_INVALID: too high. */
enum status promql_node_adopt(struct promql_parser *p, struct promql_node *node,
                              const struct promql_node *child);

/* The same for both sides of an operation, which becomes the last link of its lhs's chain. */
enum status promql_node_link(struct promql_parser *p, struct promql_node *node);

/* Enter and leave one level of recursion. ST_INVALID: too deep. */
enum status promql_parser_enter(struct promql_parser *p);
void promql_parser_leave(struct promql_parser *p);

/* A number or duration token as a node. */
enum status promql_parse_number(struct promql_parser *p, struct promql_node **out);
/* "(a, b)" of by, on, group_left. */
enum status promql_parse_labels(struct promql_parser *p, struct str **labels, uint32_t *count);
/* May the token be a metric's name? Most keywords may. */
bool promql_token_is_metric(const struct promql_token *t);
/* p->token begins a selector: a name, or braces. */
enum status promql_parse_vector(struct promql_parser *p, struct promql_node **out);
/* What follows an operand: [5m], offset, @, anchored, smoothed. Replaces *node. */
enum status promql_parse_postfix(struct promql_parser *p, struct promql_node **node);
/* A whole expression. */
enum status promql_parse_expression(struct promql_parser *p, struct promql_node **out);

enum promql_duration_place { DURATION_RANGE, DURATION_STEP, DURATION_OFFSET };
/* A duration or an expression of durations. */
enum status promql_parse_duration(struct promql_parser *p, enum promql_duration_place place,
                                  struct promql_duration *out);

/* Types and static rules of a whole tree (promql_check.c). */
enum status promql_check(struct str text, struct promql_node *root, struct err *e);

#endif
