/* config_node.h - a list of the configuration file as a small tree, each node with its place. */
#ifndef WEFT_APP_CONFIG_NODE_H
#define WEFT_APP_CONFIG_NODE_H

#include "app/config_text.h"
#include "base/arena.h"

enum config_node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

/* Everything lives in the arena it was read into. */
struct config_node {
    enum config_node_kind kind;
    yaml_mark_t at;
    struct str text;           /* NODE_SCALAR; NUL-ended too. The environment is filled in */
    struct str key;            /* child of a NODE_MAP; distinct, NUL-ended too */
    yaml_mark_t key_at;        /* and where it stands */
    struct config_node *child; /* of a list or map: the first; NULL: empty */
    struct config_node *next;  /* behind this one in the list or map */
};

enum { NODE_DEPTH_MAX = 8 };

/* Reads the node that begins with `first`, to its end. ST_INVALID with file:line:column;
 * ST_NO_MEMORY. */
enum status config_node_read(const struct config_file *file, yaml_parser_t *parser,
                             const yaml_event_t *first, struct arena *arena,
                             struct config_node **out, struct err *e);
/* How many children. */
uint32_t config_node_count(const struct config_node *node);
/* A text that is the same for equal trees only. */
void config_node_print(const struct config_node *node, struct buf *out);

#endif
