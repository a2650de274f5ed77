/* base64.h - bytes in JSON. Source: RFC 4648, sections 4 and 5. */
#ifndef WEFT_CODEC_BASE64_H
#define WEFT_CODEC_BASE64_H

#include "base/buf.h"

/* Upper bound of what base64_decode() writes. */
static inline size_t base64_decoded_max(size_t text_len)
{
    return text_len / 4 * 3 + 3;
}

/* Decodes either alphabet, padded or not, into out (base64_decoded_max() bytes, the caller's).
 * False: not base64. Any thread. */
bool base64_decode(struct str text, char *out, size_t *out_len);
/* Appends the standard alphabet's form, padded. */
void base64_encode(struct str bytes, struct buf *out);

#endif
