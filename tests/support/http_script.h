/* http_script.h - a receiver on 127.0.0.1 that answers by a script, and remembers what it was
 * asked. */
#ifndef WEFT_TESTS_SUPPORT_HTTP_SCRIPT_H
#define WEFT_TESTS_SUPPORT_HTTP_SCRIPT_H

#include "base/buf.h"

enum { SCRIPT_ASKED_MAX = 64 };

struct http_script;

/* Answers one request after the other with the texts of `answers`, the last one for ever. A text is
 * sent as it is and the connection closed; "": it is closed at once; NULL ends the list; "hang": no
 * answer until the client goes away. Aborts when it cannot listen. The caller ends it with
 * http_script_stop(). */
struct http_script *http_script_start(const char *const *answers);
void http_script_stop(struct http_script *s);
/* http://127.0.0.1:PORT/write; borrowed. */
const char *http_script_url(const struct http_script *s);
/* How many requests came, whole. Any thread. */
unsigned http_script_count(struct http_script *s);
/* Head and body of the i-th (before SCRIPT_ASKED_MAX); borrowed until the end. */
struct str http_script_head(struct http_script *s, unsigned i);
struct str http_script_body(struct http_script *s, unsigned i);
/* When it came: clock_mono_ns(). */
uint64_t http_script_time_ns(struct http_script *s, unsigned i);

#endif
