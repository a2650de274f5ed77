/* command_health.c - weft health: asks a running weft whether it is ready. */
#include "app/command.h"

#include "base/unit.h"
#include "net/connect.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_S = 5 };

/* The status code and the body of GET /-/ready; 0 when nobody answers. */
static unsigned ask(int fd, char *answer, size_t cap)
{
    static const char request[] =
        "GET /-/ready HTTP/1.1\r\nHost: weft\r\nConnection: close\r\n\r\n";
    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
        return 0;
    size_t len = 0;
    ssize_t n;
    while (len + 1 < cap && (n = read(fd, answer + len, cap - 1 - len)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    unsigned code = 0;
    return sscanf(answer, "HTTP/1.1 %u", &code) == 1 ? code : 0;
}

int command_health(int argc, char **argv)
{
    const char *addr = "127.0.0.1:9600", *missing = NULL;
    for (int i = 1; i < argc; i++) {
        const char *value = option_value(argc, argv, &i, "--http", &missing);
        if (!value) {
            fprintf(stderr, "weft health: %s\n",
                    missing ? "--http needs ADDR:PORT" : "only --http ADDR:PORT is known");
            return EXIT_USAGE;
        }
        addr = value;
    }
    struct str host;
    uint16_t port;
    struct err why;
    if (unit_parse_addr(str_from_c(addr), &host, &port, &why) != ST_OK) {
        fprintf(stderr, "weft health: %s\n", why.msg);
        return EXIT_USAGE;
    }
    int fd;
    if (net_connect(str_from_c(addr), PATIENCE_S, &fd, &why) != ST_OK) {
        fprintf(stderr, "weft health: nobody answers at %s\n", addr);
        return EXIT_FAILED;
    }
    char answer[4096] = "";
    unsigned code = ask(fd, answer, sizeof(answer));
    close(fd);
    const char *body = strstr(answer, "\r\n\r\n");
    printf("%s\n", code == 200 ? "ready" : body ? body + 4 : "no answer");
    return code == 200 ? EXIT_WELL : EXIT_FAILED;
}
