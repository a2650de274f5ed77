/* test_remote_cursor.c - what was written is read; what is damaged is no position. */
#include "export/remote_cursor.h"

#include "base/fileio.h"
#include "base/mem.h"
#include "tests/support/leak.h"
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(remote_cursor, comes_back)
{
    struct temp_dir dir = temp_dir_make();
    struct remote_cursor wrote = {1764345600000, 1764345900000, 0xfedcba9876543210}, read;
    char path[REMOTE_CURSOR_PATH], other[REMOTE_CURSOR_PATH];
    struct err e;
    remote_cursor_path(dir.path, "http://a/", "stored", path);
    remote_cursor_path(dir.path, "http://a/", "derived", other);
    cr_expect_str_neq(path, other);
    cr_expect(remote_cursor_read(path, &read, &e) == ST_NOT_FOUND);
    cr_assert(remote_cursor_write(path, &wrote, &e) == ST_OK);
    cr_assert(remote_cursor_read(path, &read, &e) == ST_OK, "%s", e.msg);
    cr_expect_eq(read.until_ms, wrote.until_ms);
    cr_expect_eq(read.to_ms, wrote.to_ms);
    cr_expect_eq(read.passed, wrote.passed);
    temp_dir_remove(&dir);
    EXPECT_NO_LEAK();
}

Test(remote_cursor, every_flipped_bit_is_seen)
{
    struct temp_dir dir = temp_dir_make();
    struct remote_cursor c = {15000, 30000, 7}, read;
    char path[REMOTE_CURSOR_PATH];
    char *bytes;
    size_t len;
    remote_cursor_path(dir.path, "u", "s", path);
    cr_assert(remote_cursor_write(path, &c, NULL) == ST_OK);
    cr_assert(file_read_all(path, KIB, &bytes, &len, NULL) == ST_OK);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        FILE *f = fopen(path, "wb");
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        cr_assert_eq(fwrite(bytes, 1, len, f), len);
        fclose(f);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        cr_expect(remote_cursor_read(path, &read, NULL) == ST_CORRUPT, "bit %zu", bit);
    }
    mem_free(bytes);
    temp_dir_remove(&dir);
    EXPECT_NO_LEAK();
}
