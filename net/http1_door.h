/* http1_door.h - the first bytes of a connection on an HTTP port, looked at before libmicrohttpd
 * gets it. Private to net/. */
#ifndef WEFT_NET_HTTP1_DOOR_H
#define WEFT_NET_HTTP1_DOOR_H

#include "net/http1.h"

/* Waits for the first bytes, then hands the socket to http1_add(), or ends it: HTTP/2 with 505, TLS
 * silently, a head that libmicrohttpd would be too lenient with by 400. Takes over the socket and
 * its seat. Loop thread. */
void http1_door_enter(struct http1 *h, struct inbound *in);
/* Ends those that said nothing within limits.head. */
void http1_door_tick(struct http1 *h, uint64_t now_ns);

#endif
