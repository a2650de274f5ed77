/* descriptors.c - shares the limit of file descriptors between connections and everything else. */
#include "app/descriptors.h"

#include "base/log.h"

#include <sys/resource.h>

/* Parts are open as long as a view shows them, and come in hundreds. */
enum { FILES = 512 };

uint32_t descriptors_for(uint32_t connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections + FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return connections;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = MIN(limit.rlim_max, wanted);
        setrlimit(RLIMIT_NOFILE, &limit); /* up to the hard limit it is allowed */
    }
    if (limit.rlim_cur >= wanted)
        return connections;
    uint32_t room = (uint32_t)MAX(limit.rlim_cur / 2, limit.rlim_cur - MIN(limit.rlim_cur, FILES));
    log_warn("app: limits.connections is %u, but only %llu file descriptors are allowed (ulimit "
             "-Hn): at most %u are open at a time",
             connections, (unsigned long long)limit.rlim_cur, room);
    return room;
}
