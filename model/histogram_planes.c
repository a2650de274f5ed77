/* histogram_planes.c - counts in bit planes to counts in slots: 16 neighbouring buckets at a time,
 * by plain vectors or by what AVX-512 and GFNI have for it. */
#include "model/histogram_codec.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,gfni")))
#endif

typedef uint8_t bytes16 __attribute__((vector_size(PLANE_GROUP)));
typedef uint64_t words2 __attribute__((vector_size(PLANE_GROUP)));
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "planes are loaded as they lie in the file");

/* One step of turning 8 x 8 bits by 90 degrees, in both halves at once. */
static inline words2 swap_bits(words2 x, unsigned shift, uint64_t mask)
{
    words2 t = (x ^ (x >> shift)) & mask;
    return x ^ t ^ (t << shift);
}

/* Eight planes of 16 bits become 16 bytes: bit j of plane p is bit p of byte j. No branch, for the
 * number of planes changes from group to group and cannot be guessed. */
static inline bytes16 turn_planes(bytes16 planes)
{
    bytes16 rows = __builtin_shufflevector(planes, planes, 0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9,
                                           11, 13, 15);
    words2 x = (words2)rows;
    x = swap_bits(x, 7, UINT64_C(0x00aa00aa00aa00aa));
    x = swap_bits(x, 14, UINT64_C(0x0000cccc0000cccc));
    x = swap_bits(x, 28, UINT64_C(0x00000000f0f0f0f0));
    return (bytes16)x;
}

/* The first `count` of eight planes; `readable` bytes may be touched. */
static inline bytes16 load_planes(const uint8_t *at, unsigned count, size_t readable)
{
    static const uint8_t keep[2 * PLANE_GROUP] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                  255, 255, 255, 255, 255, 255, 255, 255};
    bytes16 planes = {0}, mask;
    memcpy(&mask, keep + PLANE_GROUP - 2 * (size_t)count, sizeof(mask));
    if (LIKELY(readable >= sizeof(planes)))
        memcpy(&planes, at, sizeof(planes));
    else
        memcpy(&planes, at, 2 * (size_t)count);
    return planes & mask;
}

static inline void group_add(const uint8_t *at, unsigned planes, size_t readable, uint32_t scale,
                             uint32_t slots[PLANE_GROUP])
{
    uint8_t each[PLANE_GROUP];
    bytes16 bytes = turn_planes(load_planes(at, MIN(planes, 8u), readable));
    memcpy(each, &bytes, sizeof(each));
    for (unsigned j = 0; j < PLANE_GROUP; j++)
        slots[j] += each[j] * scale;
    for (unsigned done = 8; UNLIKELY(done < planes); done += 8) {
        bytes = turn_planes(load_planes(at + 2 * (size_t)done, MIN(planes - done, 8u),
                                        readable - 2 * (size_t)done));
        memcpy(each, &bytes, sizeof(each));
        for (unsigned j = 0; j < PLANE_GROUP; j++)
            slots[j] += each[j] * (scale << done);
    }
}

/* Calls add() for each group: its planes, and how many bytes may be read there. False on damage.
 * Inlined with what it calls, which has the instructions of its caller. */
static ALWAYS_INLINE bool
groups_each(const struct histogram_head *head, uint32_t scale, uint32_t *slots,
            void (*add)(const uint8_t *at, unsigned planes, size_t readable, uint32_t scale,
                        uint32_t slots[PLANE_GROUP]))
{
    uint32_t groups = head->span / PLANE_GROUP + 1;
    size_t codes = (groups + 1) / 2, left = (size_t)(head->payload.end - head->payload.at);
    if (left < codes)
        return false;
    const uint8_t *at = head->payload.at + codes;
    left -= codes;
    for (uint32_t g = 0; g < groups; g++) {
        unsigned code = head->payload.at[g / 2] >> (4 * (g & 1)) & 15;
        unsigned planes = histogram_code_planes[code];
        if (left < 2 * (size_t)planes)
            return false;
        add(at, planes, left, scale, slots + (size_t)g * PLANE_GROUP);
        at += 2 * (size_t)planes;
        left -= 2 * (size_t)planes;
    }
    return true;
}

bool histogram_planes_add_plain(const struct histogram_head *head, uint32_t scale, uint32_t *slots)
{
    return groups_each(head, scale, slots, group_add);
}

#if defined(__x86_64__)

bool histogram_planes_is_wide(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("gfni");
}

/* Up to 16 planes without a branch: what lies behind them is not read. The low bytes of eight
 * planes are a matrix of 8 x 8 bits, and so are the high ones; multiplying the unit vectors by one
 * turns it. Plane 0 has to be its last row. Source: GF2P8AFFINEQB in Intel's instruction set
 * reference. */
static ALWAYS_INLINE WIDE void group_add_wide(const uint8_t *at, unsigned planes, size_t readable,
                                              uint32_t scale, uint32_t slots[PLANE_GROUP])
{
    const __m256i rows = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(14, 12, 10, 8, 6, 4, 2, 0, 15, 13, 11, 9, 7, 5, 3, 1));
    const __m256i units = _mm256_set1_epi64x((int64_t)UINT64_C(0x8040201008040201));
    unsigned some = MIN(planes, 16u);
    __m256i matrices = _mm256_maskz_loadu_epi16((__mmask16)((1u << some) - 1), at);
    __m256i counts = _mm256_gf2p8affine_epi64_epi8(units, _mm256_shuffle_epi8(matrices, rows), 0);
    __m512i low = _mm512_cvtepu8_epi32(_mm256_castsi256_si128(counts));
    __m512i high = _mm512_cvtepu8_epi32(_mm256_extracti128_si256(counts, 1));
    __m512i all = _mm512_or_si512(low, _mm512_slli_epi32(high, 8));
    all = _mm512_mullo_epi32(all, _mm512_set1_epi32((int32_t)scale));
    _mm512_storeu_si512(slots, _mm512_add_epi32(_mm512_loadu_si512(slots), all));
    if (UNLIKELY(planes > some))
        group_add(at + 2 * (size_t)some, planes - some, readable - 2 * (size_t)some, scale << some,
                  slots);
}

WIDE bool histogram_planes_add_wide(const struct histogram_head *head, uint32_t scale,
                                    uint32_t *slots)
{
    return groups_each(head, scale, slots, group_add_wide);
}

#else

bool histogram_planes_is_wide(void)
{
    return false;
}

bool histogram_planes_add_wide(const struct histogram_head *head, uint32_t scale, uint32_t *slots)
{
    return histogram_planes_add_plain(head, scale, slots);
}

#endif

bool histogram_planes_add(const struct histogram_head *head, uint32_t scale, uint32_t *slots)
{
    return histogram_planes_is_wide() ? histogram_planes_add_wide(head, scale, slots)
                                      : histogram_planes_add_plain(head, scale, slots);
}
