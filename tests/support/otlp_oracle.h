/* otlp_oracle.h - holds the span decoder against code that protobuf-c generated from proto/. */
#ifndef WEFT_TESTS_SUPPORT_OTLP_ORACLE_H
#define WEFT_TESTS_SUPPORT_OTLP_ORACLE_H

#include "base/str.h"

enum oracle_verdict {
    ORACLE_AGREES,  /* both take it, span by span and field by field the same */
    ORACLE_REFUSED, /* both refuse it */
    ORACLE_EXCUSED, /* one of the known differences: groups, tags above 32 bits, field 0, too deep,
                       out of its memory */
    ORACLE_DIFFERS,
};

/* Decodes an ExportTraceServiceRequest both ways (attributes: at most 64, depth: at most 8) and
 * compares every field of every span. `why` gets a sentence unless both agree. protobuf-c allocates
 * from an arena of at most 64 MiB. */
enum oracle_verdict otlp_oracle_compare(struct str body, char *why, size_t cap);

/* Changes bytes of `body` (at most body_max long) in 1 to 4 places: bits, bytes, lengths, cuts,
 * copies. Returns its new length. The same *state gives the same changes. */
size_t otlp_mutate(char *body, size_t len, size_t body_max, uint64_t *state);

#endif
