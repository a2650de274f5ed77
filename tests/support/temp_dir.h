/* temp_dir.h - a directory of a test's own that goes away with everything in it. */
#ifndef WEFT_TESTS_SUPPORT_TEMP_DIR_H
#define WEFT_TESTS_SUPPORT_TEMP_DIR_H

struct temp_dir {
    char path[64];
};

/* Makes an empty directory under $TMPDIR or /tmp; aborts when it cannot. The caller ends it with
 * temp_dir_remove(). */
struct temp_dir temp_dir_make(void);
/* Removes it with its content. */
void temp_dir_remove(struct temp_dir *dir);
/* "PATH/name" into out, which holds at least 256 bytes; returns out. */
char *temp_dir_file(const struct temp_dir *dir, const char *name, char *out);

#endif
