/* fuzz_journal.c - opens and replays a segment of arbitrary bytes. The first byte says whether
 * checksums are made to fit, so that the fuzzer gets behind them. Whatever is in the file: no
 * crash, sequences only rise, and weft can go on behind it. */
#include "base/fileio.h"
#include "base/log.h"
#include "base/mem.h"
#include "storage/journal.h"
#include "storage/journal_format.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char directory[64], path[128];

static void place_make(void)
{
    if (directory[0])
        return;
    snprintf(directory, sizeof(directory), "/dev/shm/weft-fuzz-%d", (int)getpid());
    snprintf(path, sizeof(path), "%s/0000000000000001.journal", directory);
    if (dir_make(directory, NULL) != ST_OK)
        abort();
}

/* Makes the checksums of heads and contents fit, as far as the lengths allow. */
static void repair(char *bytes, size_t len)
{
    static const struct segment_head head = {.number = 1, .first_sequence = 1};
    if (len < SEGMENT_DATA_AT)
        return;
    segment_head_encode(&head, bytes);
    size_t at = SEGMENT_DATA_AT;
    while (at + GROUP_HEAD_BYTES <= len) {
        struct journal_place place = {1, at};
        struct group_head g;
        group_head_decode(bytes + at, place, &g);
        size_t end = at + GROUP_HEAD_BYTES;
        for (uint32_t i = 0; i < g.record_count && end + RECORD_HEAD_BYTES <= len; i++) {
            struct record_head r;
            place.offset = end;
            record_head_decode(bytes + end, place, &r);
            if (record_bytes(&r) > len - end)
                break;
            struct str text = {bytes + end + RECORD_HEAD_BYTES,
                               (size_t)r.sender_bytes + r.agent_bytes};
            r.content_sum =
                record_content_sum(text, (struct str){text.ptr + text.len, r.body_bytes});
            record_head_encode(&r, place, bytes + end);
            end += record_bytes(&r);
        }
        place.offset = at;
        g.bytes = g.bytes % 4 ? end - at : g.bytes; /* mostly true, sometimes as it came */
        group_head_encode(&g, place, bytes + at);
        at = end;
    }
}

static uint64_t last;

static void check_order(uint64_t sequence)
{
    if (sequence <= last)
        abort();
    last = sequence;
}

static void take_batch(struct batch *b, void *user)
{
    (void)user;
    check_order(b->sequence);
    batch_free(b);
}

static void take_tick(uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns, void *user)
{
    (void)wall_ns, (void)clock_ns, (void)user;
    check_order(sequence);
}

static void take_flush(uint64_t sequence, uint64_t clock_ns, void *user)
{
    (void)clock_ns, (void)user;
    check_order(sequence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct journal_sink sink = {take_batch, take_tick, take_flush, NULL};
    struct journal_config config = {
        .ack = ACK_KERNEL, .max_bytes = 64 * MIB, .segment_bytes = 64 * KIB};
    struct journal *j;
    uint64_t newest;
    if (len < 1)
        return 0;
    log_set_level(LOG_ERROR);
    place_make();
    /* The input begins where the groups do, so that it need not carry 4 KiB of head. */
    bool heads = data[0] & 1;
    size_t file_len = (heads ? SEGMENT_DATA_AT : 0) + len - 1;
    char *bytes = mem_calloc(1, file_len + 1);
    memcpy(bytes + file_len - (len - 1), data + 1, len - 1);
    if (heads)
        repair(bytes, file_len);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (fd < 0 || write(fd, bytes, file_len) != (ssize_t)file_len)
        abort();
    close(fd);
    mem_free(bytes);

    config.directory = str_from_c(directory);
    last = 0;
    if (journal_open(&config, &j, NULL) == ST_OK) {
        if (journal_replay(j, 1, &sink, &newest, NULL) == ST_OK && newest < last)
            abort();
        journal_close(j);
    }
    return 0;
}
