/* compiler.h - attributes and checked arithmetic that every file may use. */
#ifndef WEFT_BASE_COMPILER_H
#define WEFT_BASE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEN(array)                      (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define PRINTF_LIKE(fmt, first)         __attribute__((format(printf, fmt, first)))
#define NODISCARD                       __attribute__((warn_unused_result))
#define ALWAYS_INLINE                   inline __attribute__((always_inline))
#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))

enum { KIB = 1024, MIB = 1024 * 1024, GIB = 1024 * 1024 * 1024 };
#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

/* True when a*b (a+b) overflows size_t; *out holds the result otherwise. */
static inline bool size_mul_overflow(size_t a, size_t b, size_t *out)
{
    return __builtin_mul_overflow(a, b, out);
}

static inline bool size_add_overflow(size_t a, size_t b, size_t *out)
{
    return __builtin_add_overflow(a, b, out);
}

#endif
