/* pack.h - makes a body smaller for the journal. */
#ifndef WEFT_CODEC_PACK_H
#define WEFT_CODEC_PACK_H

#include "base/err.h"
#include "base/str.h"

/* `in` as one zstd frame that unpack() reads again. True: *out (mem_alloc'ed) is the caller's.
 * False: it, or its beginning, would save less than a quarter, or memory is short; nothing is kept.
 * Any thread. */
bool pack_zstd(struct str in, struct str *out);

#endif
