/* metric_oracle.h - holds the decoders of metrics against code that protobuf-c generated from
 * proto/. */
#ifndef WEFT_TESTS_SUPPORT_METRIC_ORACLE_H
#define WEFT_TESTS_SUPPORT_METRIC_ORACLE_H

#include "model/batch.h"
#include "tests/support/pb_oracle.h"

/* Decodes a body twice: as it is, and as protobuf-c writes it again after reading it. Both must
 * give the same series, sample by sample, and the same rejections. ENCODING_PROTOBUF is an
 * ExportMetricsServiceRequest. `why` gets a sentence unless both agree. */
enum oracle_verdict metric_oracle_compare(struct str body, enum batch_encoding encoding, char *why,
                                          size_t cap);

#endif
