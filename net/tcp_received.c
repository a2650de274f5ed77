/* tcp_received.c - alone in its file: the kernel's struct tcp_info is newer than glibc's, and the
 * two headers clash. */
#include "net/tcp_received.h"
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

uint64_t tcp_received_bytes(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_received : 0;
}
