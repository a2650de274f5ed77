/* option.c - one long option with a value, in either form. */
#include "app/command.h"

#include <string.h>

const char *option_value(int argc, char **argv, int *at, const char *name, const char **missing)
{
    const char *arg = argv[*at];
    size_t len = strlen(name);
    if (strncmp(arg, name, len) != 0)
        return NULL;
    if (arg[len] == '=')
        return arg + len + 1;
    if (arg[len] != '\0')
        return NULL;
    if (*at + 1 >= argc) {
        *missing = name;
        return NULL;
    }
    return argv[++*at];
}
