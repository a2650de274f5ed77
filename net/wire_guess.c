/* wire_guess.c - tells HTTP/1, HTTP/2 and TLS apart: the commonest mistake is the right client on
 * the wrong port. */
#include "net/wire_guess.h"

enum { TLS_HANDSHAKE = 0x16, TLS_MAJOR = 3 };

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

enum wire wire_guess(struct str first)
{
    if (first.len < WIRE_GUESS_BYTES)
        return WIRE_SHORT;
    if (first.ptr[0] == TLS_HANDSHAKE && first.ptr[1] == TLS_MAJOR)
        return WIRE_TLS;
    if (memcmp(first.ptr, "PRI", 3) == 0)
        return WIRE_HTTP2;
    if (is_upper(first.ptr[0]) && is_upper(first.ptr[1]) && is_upper(first.ptr[2]))
        return WIRE_HTTP1;
    return WIRE_UNKNOWN;
}
