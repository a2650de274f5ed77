/* text_search.c - looks for the first and the last byte of a text at their distance, then compares.
 */
#include "base/text_search.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_here(const struct text_search *s, const char *at)
{
    if (!s->nocase)
        return memcmp(at, s->text.ptr, s->text.len) == 0;
    return str_eq_nocase((struct str){at, s->text.len}, s->text);
}

static size_t search_plainly(const struct text_search *s, struct str in, size_t from)
{
    for (; from + s->text.len <= in.len; from++)
        if (is_here(s, in.ptr + from))
            return from;
    return in.len;
}

#ifdef __SSE2__

/* A byte and, when it is a letter whose case is ignored, the bit that case is. */
struct byte_test {
    __m128i byte, case_bit;
};

static struct byte_test byte_test_of(const struct text_search *s, size_t at)
{
    char c = s->text.ptr[at];
    return (struct byte_test){_mm_set1_epi8(c), _mm_set1_epi8(s->nocase && is_lower(c) ? 0x20 : 0)};
}

static __m128i bytes_equal(struct byte_test t, const char *at)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    return _mm_cmpeq_epi8(_mm_or_si128(bytes, t.case_bit), t.byte);
}

/* Bit i: the text may be at at + i, as far as its two ends tell. */
static uint64_t candidates(struct byte_test first, struct byte_test last, const char *at,
                           size_t distance)
{
    __m128i found[4];
    for (int i = 0; i < 4; i++)
        found[i] = _mm_and_si128(bytes_equal(first, at + 16 * i),
                                 bytes_equal(last, at + distance + 16 * i));
    __m128i any = _mm_or_si128(_mm_or_si128(found[0], found[1]), _mm_or_si128(found[2], found[3]));
    uint64_t bits = 0;
    if (LIKELY(_mm_movemask_epi8(any) == 0))
        return 0;
    for (int i = 0; i < 4; i++)
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(found[i]) << 16 * i;
    return bits;
}

size_t text_search_next(const struct text_search *s, struct str in, size_t from)
{
    enum { STEP = 64 };
    size_t distance = s->text.len - 1;
    struct byte_test first = byte_test_of(s, 0), last = byte_test_of(s, distance);
    for (; from + distance + STEP <= in.len; from += STEP) {
        uint64_t bits = candidates(first, last, in.ptr + from, distance);
        for (; bits; bits &= bits - 1) {
            size_t at = from + (unsigned)__builtin_ctzll(bits);
            if (is_here(s, in.ptr + at))
                return at;
        }
    }
    return search_plainly(s, in, from);
}

#else

size_t text_search_next(const struct text_search *s, struct str in, size_t from)
{
    return search_plainly(s, in, from);
}

#endif
