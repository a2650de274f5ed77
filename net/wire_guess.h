/* wire_guess.h - what a client speaks, told by its first bytes; and the one line that tells it
 * where to go. */
#ifndef WEFT_NET_WIRE_GUESS_H
#define WEFT_NET_WIRE_GUESS_H

#include "base/str.h"

enum wire {
    WIRE_SHORT, /* too few bytes to tell */
    WIRE_HTTP1,
    WIRE_HTTP2,
    WIRE_TLS,
    WIRE_UNKNOWN,
};

enum { WIRE_GUESS_BYTES = 3 }; /* enough to tell "PRI" (HTTP/2) from every HTTP/1 method */

/* Judges by the first WIRE_GUESS_BYTES; fewer are WIRE_SHORT. Any thread. */
enum wire wire_guess(struct str first);

#endif
