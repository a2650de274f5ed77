/* config_remote_write.h - the list `remote_write` of the configuration file: receivers, everything
 * about them checked. */
#ifndef WEFT_APP_CONFIG_REMOTE_WRITE_H
#define WEFT_APP_CONFIG_REMOTE_WRITE_H

#include "app/config_node.h"
#include "export/remote_target.h"

struct config_remote_write {
    struct arena arena; /* of everything below, but for compiled expressions */
    struct remote_target *targets;
    uint32_t count;
    struct str source; /* for config_remote_write_eq() */
};

/* Reads the list that begins with `first`. ST_INVALID with file:line:column; ST_NO_MEMORY. The
 * caller ends *out with config_remote_write_free(). */
enum status config_remote_write_read(const struct config_file *file, yaml_parser_t *parser,
                                     const yaml_event_t *first, struct config_remote_write **out,
                                     struct err *e);
void config_remote_write_free(struct config_remote_write *c); /* NULL is allowed */
/* The same receivers with the same settings; both may be NULL. */
bool config_remote_write_eq(const struct config_remote_write *a,
                            const struct config_remote_write *b);
/* Its part of docs/config.md. */
void config_remote_write_describe(struct buf *out);

#endif
