/* fuzz_remote_write.c - any bytes as remote write, of both versions: what is accepted keeps every
 * promise of model/metric_batch.h. */
#include "fuzz/metric_promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str body = {(const char *)data, len};
    metric_promises_check(body, ENCODING_REMOTE_WRITE_1);
    metric_promises_check(body, ENCODING_REMOTE_WRITE_2);
    return 0;
}
