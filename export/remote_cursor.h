/* remote_cursor.h - how far a receiver has got, in a file that a crash leaves old or new. */
#ifndef WEFT_EXPORT_REMOTE_CURSOR_H
#define WEFT_EXPORT_REMOTE_CURSOR_H

#include "base/err.h"
#include "base/str.h"

/* Everything up to until_ms was delivered. In the round that goes on to to_ms (> until_ms: one is
 * under way) series with a hash up to `passed` were delivered up to to_ms, too. */
struct remote_cursor {
    int64_t until_ms, to_ms;
    uint64_t passed; /* label_set_hash() without a seed; 0 = none yet */
};

enum { REMOTE_CURSOR_PATH = 1024 };

/* "DIR/HASH.cursor" of a receiver's URL and a source's name into out (at least REMOTE_CURSOR_PATH
 * bytes). */
void remote_cursor_path(const char *directory, const char *url, const char *source, char *out);
/* ST_NOT_FOUND: there is none; ST_CORRUPT: it is damaged; ST_IO, ST_NO_MEMORY. */
enum status remote_cursor_read(const char *path, struct remote_cursor *out, struct err *e);
/* Durable when it returns ST_OK; else the old one still is. ST_IO, ST_NO_MEMORY. */
enum status remote_cursor_write(const char *path, const struct remote_cursor *c, struct err *e);

#endif
