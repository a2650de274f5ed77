/* test_regex_need.c - every text that an expression matches has one of the texts it is said to
 * need: expressions of all kinds of syntax, and made-up ones against RE2 itself. */
#include "base/mem.h"
#include "base/regex.h"
#include "base/regex_re2.h"
#include "base/text_search.h"
#include "tests/support/leak.h"
#include <criterion/new/assert.h>
#include <stdio.h>

static struct regex *regex_of(const char *pattern)
{
    struct regex *r = NULL;
    struct err e = {0};
    cr_assert(eq(int, regex_new(str_from_c(pattern), &r, &e), ST_OK), "%s: %s", pattern, e.msg);
    return r;
}

/* The texts, joined by ','; "~" before them when case is ignored. */
static void needs_of(const struct regex *r, struct buf *out)
{
    const struct str *texts;
    bool nocase;
    uint32_t count = regex_needs(r, &texts, &nocase);
    buf_append_str(out, count && nocase ? STR("~") : STR(""));
    for (uint32_t i = 0; i < count; i++) {
        buf_append_str(out, i ? STR(",") : STR(""));
        buf_append_str(out, texts[i]);
    }
}

Test(regex_need, tells_the_longest_texts)
{
    static const struct {
        const char *pattern, *want;
    } rows[] = {
        {".*foo.*", "foo"},
        {"foo|bar", ""}, /* literals: they are looked up */
        {".*(foo|bar)baz.*", "foobaz,barbaz"},
        {".*foo.*|.*bar", "foo,bar"},
        {".*foo.*|.*", ""},
        {"[a-z]+-longest-[0-9]+x", "-longest-"},
        {"a[bc]d.*", "abd,acd"},
        {"a[^b]cd", "cd"},
        {"a[]b]c.+", "a]c,abc"},
        {"x[[:alpha:]]yz", "yz"},
        {"x[[.]]yz", ""}, /* not read */
        {"(abc)+d", "abc"},
        {"(abc)*d", "d"},
        {"(?:abc)?d.*", "abcd,d"},
        {"ab{2}cd", "cd"},
        {"ab{0,2}cde", "cde"},
        {"ab{,2}c.", "ab{,2}c"},
        {"a{x.*", "a{x"},
        {"^foo.$", "foo"},
        {"a\\.b\\d+", "a.b"},
        {"\\bfoo\\b.", "foo"},
        {"a\\x41.*", ""},
        {"\\Qa.b\\E.*", ""},
        {"\\pL+abc", ""},
        {"(?i)FooBar.*", "~foobar"},
        {"(?i)mast.*", "~ma"},
        {"(?i:ab)CDE.*", "~abcde"},
        {"(?P<n>foo).*", "foo"},
        {"(?-i)foo.*", "foo"},
        {"(?is)é.*abc", "~abc"},
        {"é+", "é"},
        {"(a|b|c|d|e)(a|b|c|d|e)x.*", "ax,bx,cx,dx,ex"},
        {"ab(?i)*c.*", ""},
        {"", ""},
        {".+", ""},
        {"a??b.*", "ab,b"},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct regex *r = regex_of(rows[i].pattern);
        struct buf got = {0};
        needs_of(r, &got);
        cr_expect(str_eq(buf_str(&got), str_from_c(rows[i].want)), "%s: %.*s", rows[i].pattern,
                  (int)got.len, got.ptr);
        buf_deinit(&got);
        regex_free(r);
    }
    EXPECT_NO_LEAK();
}

static bool has_need(const struct regex *r, struct str text)
{
    const struct str *texts;
    bool nocase;
    uint32_t count = regex_needs(r, &texts, &nocase);
    for (uint32_t i = 0; i < count; i++)
        if (text_search_next(&(struct text_search){texts[i], nocase}, text, 0) < text.len)
            return true;
    return count == 0;
}

static uint64_t state = 88172645463325252u;

static uint32_t random_below(uint32_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % limit;
}

static const char *const atoms[] = {
    "a",   "b",           "K", "s",   "-",       "é",  ".",    "[ab]", "[^a]", "[a-k]", "\\.",
    "\\d", "ab",          "^", "$",   "(?i)",    "bk", "\\w",  "[]a]", "{",    "aé",    "(?-i)",
    "\\b", "[[:alpha:]]", "S", "\\-", "[a\\]b]", "1",  "[1-]", "[K]",  "\\pL", "(?s)",  "k",
};
static const char *const repeats[] = {"",  "",    "",      "",     "*",  "+",
                                      "?", "{2}", "{0,2}", "{1,}", "*?", "{,2}"};

static void random_pattern(struct buf *out, unsigned depth)
{
    for (uint32_t i = 0, n = 1 + random_below(4); i < n; i++) {
        if (i && random_below(4) == 0)
            buf_append_u8(out, '|');
        if (depth > 0 && random_below(3) == 0) {
            static const char *const opens[] = {"(", "(?:", "(?i:", "(?P<n>", "(?-i:"};
            buf_append_str(out, str_from_c(opens[random_below(LEN(opens))]));
            random_pattern(out, depth - 1);
            buf_append_u8(out, ')');
        } else {
            buf_append_str(out, str_from_c(atoms[random_below(LEN(atoms))]));
        }
        buf_append_str(out, str_from_c(repeats[random_below(LEN(repeats))]));
    }
}

static void random_text(struct buf *out)
{
    static const char *const pieces[] = {"a", "b", "A", "B", "k",  "K",      "s", "S",      "-",
                                         "é", "É", ".", "1", "\n", "\u212a", "]", "\u017f", "{"};
    for (uint32_t i = 0, n = random_below(9); i < n; i++)
        buf_append_str(out, str_from_c(pieces[random_below(LEN(pieces))]));
}

Test(regex_need, no_match_is_without_a_need, .timeout = 60)
{
    enum { PATTERNS = 30000, TEXTS = 40 };
    unsigned compiled = 0, matches = 0, needed = 0;
    for (int i = 0; i < PATTERNS; i++) {
        struct buf pattern = {0};
        struct regex *r;
        random_pattern(&pattern, 2);
        if (regex_new(buf_str(&pattern), &r, NULL) == ST_OK) {
            const struct str *texts;
            bool nocase;
            compiled++;
            needed += regex_needs(r, &texts, &nocase) > 0;
            for (int k = 0; k < TEXTS; k++) {
                struct buf text = {0};
                random_text(&text);
                bool match = regex_match(r, buf_str(&text));
                bool is_told = !match || has_need(r, buf_str(&text));
                matches += match;
                cr_assert(is_told == true, "%.*s matches %.*s", (int)pattern.len, pattern.ptr,
                          (int)text.len, text.ptr);
                buf_deinit(&text);
            }
            regex_free(r);
        }
        buf_deinit(&pattern);
    }
    bool is_much = (compiled > PATTERNS / 4 && needed > PATTERNS / 8 && matches > PATTERNS / 4);
    cr_expect(is_much == true, "the tries tell something: %u %u %u", compiled, needed, matches);
    EXPECT_NO_LEAK();
}

static size_t encode(uint32_t c, char *out)
{
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (char)(0x80 | (c & 0x3f));
    return 3;
}

/* Only 'k' and 's' have a third case, which ASCII does not have. */
Test(regex_need, letters_stand_for_themselves_in_two_cases, .timeout = 60)
{
    for (char letter = 'a'; letter <= 'z'; letter++) {
        enum re2_fault fault;
        char pattern[8], where[40], text[3];
        snprintf(pattern, sizeof(pattern), "(?i)%c", letter);
        void *program = re2_new(str_from_c(pattern), MIB, &fault, where, sizeof(where));
        unsigned others = 0;
        cr_assert(ne(ptr, program, NULL));
        for (uint32_t c = 0x80; c < 0xd800; c++)
            others += re2_match(program, (struct str){text, encode(c, text)}, NULL, 0);
        cr_expect(eq(u32, others, letter == 'k' || letter == 's'), "%c", letter);
        re2_free(program);
    }
    EXPECT_NO_LEAK();
}
