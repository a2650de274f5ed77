/* otlp_oracle.h - holds the span decoder against code that protobuf-c generated from proto/. */
#ifndef WEFT_TESTS_SUPPORT_OTLP_ORACLE_H
#define WEFT_TESTS_SUPPORT_OTLP_ORACLE_H

#include "tests/support/pb_oracle.h"

/* Decodes an ExportTraceServiceRequest both ways (attributes: at most 64, depth: at most 8) and
 * compares every field of every span. `why` gets a sentence unless both agree. protobuf-c allocates
 * from an arena of at most 64 MiB. */
enum oracle_verdict otlp_oracle_compare(struct str body, char *why, size_t cap);

#endif
