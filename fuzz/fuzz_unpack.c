/* fuzz_unpack.c - any bytes in any compression (the first byte says which): never more than the cap
 * comes out. */
#include "codec/unpack.h"

#include "base/mem.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    enum batch_compression named;
    struct str token = {(const char *)data + 1, MIN(len - 1, (size_t)20)};
    (void)unpack_from_http(token, &named);
    (void)unpack_from_grpc(token, &named);
    enum batch_compression how = (enum batch_compression)(1 + data[0] % 6);
    size_t cap = data[0] & 0x80 ? 1000 : 1 * MIB;
    struct str in = {(const char *)data + 1, len - 1}, out = {NULL, 0};
    struct err e;
    enum status status = unpack(how, in, cap, &out, &e);
    if (status == ST_OK && (out.len > cap || (out.len > 0 && !out.ptr)))
        abort();
    if (status != ST_OK && status != ST_INVALID && status != ST_TOO_BIG)
        abort();
    if (status == ST_OK)
        mem_free((void *)(uintptr_t)out.ptr);
    return 0;
}
