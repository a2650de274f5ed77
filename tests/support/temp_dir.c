/* temp_dir.c - mkdtemp and its way back. */
#include "tests/support/temp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct temp_dir temp_dir_make(void)
{
    struct temp_dir dir;
    const char *top = getenv("TMPDIR");
    if (!top || strlen(top) > 32)
        top = "/tmp";
    snprintf(dir.path, sizeof(dir.path), "%s/weft-test-XXXXXX", top);
    if (!mkdtemp(dir.path)) {
        perror(dir.path);
        abort();
    }
    return dir;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

void temp_dir_remove(struct temp_dir *dir)
{
    nftw(dir->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    dir->path[0] = '\0';
}

char *temp_dir_file(const struct temp_dir *dir, const char *name, char *out)
{
    snprintf(out, 256, "%s/%.190s", dir->path, name);
    return out;
}
