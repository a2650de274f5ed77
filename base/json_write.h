/* json_write.h - streaming JSON writer onto a buf: commas and escapes are its business. */
#ifndef WEFT_BASE_JSON_WRITE_H
#define WEFT_BASE_JSON_WRITE_H

#include "base/buf.h"

struct json_writer {
    struct buf *out;     /* borrowed */
    uint64_t need_comma; /* bit per depth */
    unsigned depth;      /* at most 63 */
    bool keeps_html;     /* <, >, & stay as they are */
};

static inline struct json_writer json_writer_of(struct buf *out)
{
    return (struct json_writer){.out = out};
}

/* An object holds keys each followed by a value, an array holds values; at most 63 are open. */
void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
/* A key inside an object; a value must follow. */
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key);
/* Values. Invalid UTF-8 becomes U+FFFD; <, >, & (unless keeps_html) and U+2028/9 are escaped so
 * that the text is safe inside HTML. */
void json_str(struct json_writer *w, struct str s);
void json_u64(struct json_writer *w, uint64_t v);
void json_i64(struct json_writer *w, int64_t v);
/* Shortest form that reads back equal; NaN and infinities become null. */
void json_double(struct json_writer *w, double v);
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
/* Bytes that are JSON already. */
void json_raw(struct json_writer *w, struct str json);

#define JSON_STR(w, key, value)    (json_key(w, key), json_str(w, value))
#define JSON_U64(w, key, value)    (json_key(w, key), json_u64(w, value))
#define JSON_DOUBLE(w, key, value) (json_key(w, key), json_double(w, value))
#define JSON_BOOL(w, key, value)   (json_key(w, key), json_bool(w, value))
#define JSON_NULL(w, key)          (json_key(w, key), json_null(w))

#endif
