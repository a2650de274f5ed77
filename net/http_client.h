/* http_client.h - one peer that weft posts to, over libcurl: kept-alive connection, TLS, proxies,
 * HTTP/2. Blocking: for threads of their own, never for a loop. */
#ifndef WEFT_NET_HTTP_CLIENT_H
#define WEFT_NET_HTTP_CLIENT_H

#include "base/err.h"
#include "base/str.h"
#include <stdatomic.h>

/* Texts are NUL-ended and borrowed as long as the client; NULL or empty: not set. */
struct http_client_config {
    const char *url; /* http or https */
    const char *ca_file;
    const char *user, *password; /* basic authentication */
    /* Read anew for each request, because secrets are rotated: the password, or a bearer token. */
    const char *password_file, *bearer_token_file;
    uint32_t timeout_ms;          /* of a whole request; 0 = 30 s */
    const atomic_bool *cancelled; /* a request ends within about a second once it is true; may be
                                     NULL */
};

struct http_client; /* one thread at a time */

struct http_client_header {
    const char *name, *value; /* NUL-ended; borrowed for the call */
};

enum { HTTP_CLIENT_REASON = 256, HTTP_CLIENT_HEADERS = 32 };

struct http_client_answer {
    unsigned status;          /* 0: no answer came */
    uint32_t retry_after_ms;  /* of Retry-After, seconds or a date; 0 = none; at most 6 hours */
    bool has_written;         /* X-Prometheus-Remote-Write-Samples-Written or -Histograms- came */
    uint64_t samples_written; /* both together */
    char reason[HTTP_CLIENT_REASON]; /* what went wrong, or how the body begins; NUL-ended */
};

/* ST_INVALID: it is no http:// or https:// address. Any thread. */
enum status http_client_check_url(const char *url, struct err *e);
/* ST_INVALID: the URL or the CA file is none. The caller ends *out with http_client_free(). */
enum status http_client_new(const struct http_client_config *config, struct http_client **out,
                            struct err *e);
/* NULL is allowed. */
void http_client_free(struct http_client *c);
/* Posts `body` (borrowed for the call) with at most HTTP_CLIENT_HEADERS headers and waits for the
 * answer. Redirects are not followed. ST_OK: there is an answer, whatever its status; ST_TIMEOUT,
 * ST_IO: there is none (answer->reason says why); ST_NO_MEMORY. */
enum status http_client_post(struct http_client *c, struct str body,
                             const struct http_client_header *headers, size_t header_count,
                             struct http_client_answer *answer, struct err *e);

#endif
