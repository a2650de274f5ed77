/* ui_files.h - the embedded web UI, generated at build time by tools/embed_ui.py. */
#ifndef WEFT_QUERY_UI_FILES_H
#define WEFT_QUERY_UI_FILES_H

#include <stddef.h>

struct ui_file {
    const char *path;                  /* "/index.html", "/app.js" */
    const char *type;                  /* Content-Type */
    const char *etag;                  /* weak, from the content: the same for every coding */
    const unsigned char *bytes, *gzip; /* gzip: the same, compressed */
    size_t len, gzip_len;
};

/* Ended by a NULL path. */
extern const struct ui_file ui_files[];

#endif
