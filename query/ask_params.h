/* ask_params.h - the parameters that several calls share, read into what graph_build() takes. */
#ifndef WEFT_QUERY_ASK_PARAMS_H
#define WEFT_QUERY_ASK_PARAMS_H

#include "query/api.h"
#include "query/graph_view.h"

/* Range, group and view; everything else all zero. ST_INVALID. */
enum status ask_graph(const struct request *r, struct graph_ask *out, struct err *e);
/* enum protocol or PROTOCOL_ANY. */
enum status ask_protocol(const struct params *p, int *out, struct err *e);
/* Whole seconds, 0 when absent. */
enum status ask_step(const struct params *p, uint32_t *out, struct err *e);
enum status ask_picture(const struct params *p, enum cell_view *out, struct err *e);
const char *ask_group_name(enum group g);
const char *ask_picture_name(enum cell_view v);
/* "step was finer than what is kept" when the sums came coarser than asked. */
void ask_warn_step(uint32_t asked_s, uint32_t given_s, struct warnings *w);
/* "nothing is in the namespace" for each that was asked and that no node of the answer has. */
void ask_warn_spaces(const struct node_table *nodes, struct warnings *w);

#endif
