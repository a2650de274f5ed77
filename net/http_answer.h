/* http_answer.h - builds libmicrohttpd responses: compression, the fixed header fields, error
 * bodies. Private to net/. */
#ifndef WEFT_NET_HTTP_ANSWER_H
#define WEFT_NET_HTTP_ANSWER_H

#include "net/fields.h"
#include "net/listener.h"
#include "net/server.h"

struct MHD_Response;

/* Takes over r->body, which counts in the budget (may be NULL) until it is sent; compresses large
 * text with zstd or gzip, whichever the request's fields like better, zstd of two equals. NULL: no
 * memory. The caller ends it with MHD_destroy_response. Any thread. */
struct MHD_Response *http_answer_build(const struct fields *request, struct budget *budget,
                                       struct http_response *r);
/* Fills *r with the error body that the port's clients expect: google.rpc.Status for OTLP, in the
 * request's own encoding; the API's envelope elsewhere. `http` 0: as status_wire says. */
void http_answer_error(const struct fields *request, enum port_kind port, unsigned http,
                       const struct err *e, struct http_response *r);
/* The weight that Accept-Encoding gives a coding (q, 1 unless told); 0 when it does not name it. */
double http_coding_weight(struct str accept_encoding, struct str coding);

#endif
