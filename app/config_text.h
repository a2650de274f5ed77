/* config_text.h - what every reader of the configuration file shares: places of complaints, and
 * values out of the environment. */
#ifndef WEFT_APP_CONFIG_TEXT_H
#define WEFT_APP_CONFIG_TEXT_H

#include "base/buf.h"
#include "base/err.h"

#include <yaml.h>

struct config_file {
    const char *path;
    struct str folder; /* relative paths in the file belong to it; may be empty */
    const char *key;   /* dotted, of the value that is read; NULL or empty: told by others */
};

/* "FILE:LINE:COLUMN: MSG", ST_INVALID. */
enum status config_complain(const struct config_file *file, yaml_mark_t at, struct err *e,
                            const char *msg);
/* The same with "KEY: " before MSG, when there is a key. */
enum status config_complain_of(const struct config_file *file, struct str key, yaml_mark_t at,
                               struct err *e, const char *msg);
/* Appends a scalar's text with ${NAME} and ${NAME:-default} filled in; ${1} stays. ST_INVALID: the
 * environment lacks a name, or none is written; the complaint names file->key. */
enum status config_expand(const struct config_file *file, const yaml_event_t *scalar,
                          struct buf *out, struct err *e);

#endif
