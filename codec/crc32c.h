/* crc32c.h - the checksum of snappy's framed format. Source: RFC 3720 appendix B.4 (Castagnoli
 * polynomial). */
#ifndef WEFT_CODEC_CRC32C_H
#define WEFT_CODEC_CRC32C_H

#include "base/str.h"

/* CRC-32C of the bytes. Any thread. */
uint32_t crc32c(struct str bytes);

#endif
