/* store_rig.h - a store in a directory, one checkpoint at a time, and a look at what it holds.
 * Shared by the tests of the store. */
#ifndef WEFT_TESTS_STORE_RIG_H
#define WEFT_TESTS_STORE_RIG_H

#include "storage/store_parts.h"

/* Start of a tile of 15 s. */
static const uint64_t tile_s = 1700000000 / 15 * 15;

/* Asserts that it opens. */
struct store *store_rig_open(const char *directory, struct retention retention);
/* A part with one cell in the tile that holds `unix_s`; the caller ends it with buf_deinit. */
struct buf store_rig_part(uint64_t unix_s);

/* Writes an image of chunks of these lengths, and a part when part_s is not 0; waits for the
 * answer. */
enum status store_rig_checkpoint(struct store *s, uint64_t position, const size_t *chunks,
                                 size_t count, uint64_t part_s);
extern const size_t store_rig_image[2]; /* lengths for whom they do not matter */

struct image_seen {
    size_t count, lengths[8];
    int first_bytes[8];
};

/* For store_image_read(): notes a chunk in a struct image_seen. */
enum status store_rig_chunk(struct str bytes, void *user, struct err *e);
/* Position of the last checkpoint; its image goes into *seen. Asserts that it can be read. */
uint64_t store_rig_position(struct store *s, struct image_seen *seen);
/* How many parts show once the collector has handled this checkpoint. */
size_t store_rig_showing(struct store *s, uint64_t checkpointed);
size_t store_rig_files(const char *directory, const char *folder);
/* Writes DIRECTORY/NAME. */
void store_rig_touch(const char *directory, const char *name, const char *content);

#endif
