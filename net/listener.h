/* listener.h - a bound, listening TCP socket. */
#ifndef WEFT_NET_LISTENER_H
#define WEFT_NET_LISTENER_H

#include "base/err.h"
#include "base/str.h"

struct sockaddr;

enum port_kind { PORT_HTTP, PORT_OTLP_HTTP, PORT_OTLP_GRPC, PORT_COUNT };

#define ADDR_TEXT_BYTES 64 /* "[full IPv6]:65535" and its NUL */

struct listener {
    int fd;                     /* owned; -1 when closed */
    char addr[ADDR_TEXT_BYTES]; /* as bound: "127.0.0.1:9600" */
};

/* Binds "127.0.0.1:4317", "[::1]:0", ":9600" (every interface; IPv4 alone only where there is no
 * IPv6) or "localhost:1" and listens, non-blocking. The caller ends it with listener_close().
 * ST_INVALID: not an address; ST_IO: cannot bind, the sentence names the address and the reason. */
enum status listener_open(struct str addr, struct listener *out, struct err *e);
void listener_close(struct listener *l);
/* "127.0.0.1:4242" or "[::1]:4242" into out; returns out. Any thread. */
char *addr_format(const struct sockaddr *addr, char out[ADDR_TEXT_BYTES]);

#endif
