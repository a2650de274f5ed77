/* fuzz_otlp_trace.c - any bytes as a protobuf request: what is accepted keeps every promise of
 * model/span.h. */
#include "codec/otlp_trace.h"

#include "fuzz/span_promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    span_promises_check((struct str){(const char *)data, len}, ENCODING_PROTOBUF);
    return 0;
}
