/* remote_cursor.c - one line of text with a checksum, replaced whole. */
#include "export/remote_cursor.h"

#include "base/fileio.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdio.h>

enum { LINE_MAX_BYTES = 256 };

void remote_cursor_path(const char *directory, const char *url, const char *source, char *out)
{
    uint64_t hash = hash_str(str_from_c(source), hash_str(str_from_c(url), 0));
    snprintf(out, REMOTE_CURSOR_PATH, "%s/%016llx.cursor", directory, (unsigned long long)hash);
}

static size_t write_line(const struct remote_cursor *c, char *out)
{
    int n = snprintf(out, LINE_MAX_BYTES, "weft-cursor 1 until=%lld to=%lld passed=%016llx",
                     (long long)c->until_ms, (long long)c->to_ms, (unsigned long long)c->passed);
    return (size_t)(n + snprintf(out + n, LINE_MAX_BYTES - (size_t)n, " sum=%016llx\n",
                                 (unsigned long long)hash_checksum(out, (size_t)n)));
}

/* Written again and compared: that checks the form, the version and the checksum at once. */
static bool parse(struct str line, struct remote_cursor *out)
{
    long long until, to;
    unsigned long long passed;
    char text[LINE_MAX_BYTES], again[LINE_MAX_BYTES];
    if (sscanf(str_to_c(line, text, sizeof(text)), "weft-cursor 1 until=%lld to=%lld passed=%llx",
               &until, &to, &passed) != 3)
        return false;
    *out = (struct remote_cursor){.until_ms = until, .to_ms = to, .passed = passed};
    return str_eq(line, (struct str){again, write_line(out, again)});
}

enum status remote_cursor_read(const char *path, struct remote_cursor *out, struct err *e)
{
    char *text;
    size_t len;
    TRY(file_read_all(path, LINE_MAX_BYTES, &text, &len, e));
    bool ok = parse((struct str){text, len}, out);
    mem_free(text);
    return ok ? ST_OK : err_set(e, ST_CORRUPT, "%s is damaged", path);
}

enum status remote_cursor_write(const char *path, const struct remote_cursor *c, struct err *e)
{
    char line[LINE_MAX_BYTES];
    struct str bytes = {line, write_line(c, line)};
    return file_replace(path, bytes, e);
}
