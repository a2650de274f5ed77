/* crc32c.c - CRC-32C, by the instruction where the target has it. */
#include "codec/crc32c.h"

#ifdef __SSE4_2__

uint32_t crc32c(struct str bytes)
{
    uint64_t crc = UINT32_MAX;
    const char *at = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        crc = __builtin_ia32_crc32di(crc, word);
    }
    while (left-- > 0)
        crc = __builtin_ia32_crc32qi((uint32_t)crc, (uint8_t)*at++);
    return ~(uint32_t)crc;
}

#else

/* The reflected polynomial 0x1edc6f41, four bits at a time. */
static const uint32_t nibbles[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c(struct str bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (uint8_t)bytes.ptr[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}

#endif
