/* tcp_received.h - how many bytes a peer has sent on a socket, whoever read them. */
#ifndef WEFT_NET_TCP_RECEIVED_H
#define WEFT_NET_TCP_RECEIVED_H

#include <stdint.h>

/* Since the connection began; 0 when the kernel does not tell. Any thread. */
uint64_t tcp_received_bytes(int fd);

#endif
