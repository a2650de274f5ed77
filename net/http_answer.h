/* http_answer.h - builds libmicrohttpd responses: compression, the fixed header fields, error
 * bodies. Private to net/. */
#ifndef WEFT_NET_HTTP_ANSWER_H
#define WEFT_NET_HTTP_ANSWER_H

#include "net/fields.h"
#include "net/listener.h"
#include "net/server.h"

struct MHD_Response;

/* Takes over r->body; compresses it with gzip when it is large text and the request's fields allow.
 * NULL: no memory. The caller ends it with MHD_destroy_response. Any thread. */
struct MHD_Response *http_answer_build(const struct fields *request, struct http_response *r);
/* Fills *r with the error body that the port's clients expect: google.rpc.Status for OTLP, in the
 * request's own encoding; the API's envelope elsewhere. `http` 0: as status_wire says. */
void http_answer_error(const struct fields *request, enum port_kind port, unsigned http,
                       const struct err *e, struct http_response *r);
/* True when Accept-Encoding names gzip, and not with q=0. */
bool http_accepts_gzip(struct str accept_encoding);

#endif
