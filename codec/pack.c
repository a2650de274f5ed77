/* pack.c - zstd at its fastest regular level: a disk is slower. */
#include "codec/pack.h"

#include "base/mem.h"

#include <zstd.h>

enum { LEVEL = 1, PROBE_BYTES = 128 * KIB };

static bool pack(struct str in, struct str *out)
{
    /* Where it would not fit zstd stops. */
    size_t cap = in.len - in.len / 4;
    char *packed = mem_alloc(cap);
    size_t len = packed ? ZSTD_compress(packed, cap, in.ptr, in.len, LEVEL) : 0;
    if (!packed || ZSTD_isError(len)) {
        mem_free(packed);
        return false;
    }
    char *fit = mem_realloc(packed, len);
    *out = (struct str){fit ? fit : packed, len};
    return true;
}

/* What begins with noise is taken for noise. */
bool pack_zstd(struct str in, struct str *out)
{
    if (in.len > 2 * PROBE_BYTES) {
        if (!pack(str_sub(in, 0, PROBE_BYTES), out))
            return false;
        mem_free((char *)(uintptr_t)out->ptr);
    }
    return pack(in, out);
}
