/* connect.h - a connection to whoever answers at an address, for the sub-commands that ask one. */
#ifndef WEFT_NET_CONNECT_H
#define WEFT_NET_CONNECT_H

#include "base/err.h"
#include "base/str.h"

/* Waits for a TCP connection to "HOST:PORT", at the first of the host's addresses at which somebody
 * answers; an empty host is 127.0.0.1. `limit_s` bounds each connecting, and each later read and
 * write; 0: the kernel does. The caller closes *fd, which blocks. ST_INVALID: no address; ST_IO:
 * nobody answers. Any thread. */
enum status net_connect(struct str addr, unsigned limit_s, int *fd, struct err *e);

#endif
