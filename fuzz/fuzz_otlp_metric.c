/* fuzz_otlp_metric.c - any bytes as OTLP metrics: what is accepted keeps every promise of
 * model/metric_batch.h. A body that begins with a brace is JSON too. */
#include "fuzz/metric_promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str body = {(const char *)data, len};
    metric_promises_check(body, ENCODING_PROTOBUF);
    if (len > 0 && data[0] == '{')
        metric_promises_check(body, ENCODING_JSON);
    return 0;
}
