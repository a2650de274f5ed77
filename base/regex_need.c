/* regex_need.c - walks RE2's syntax with the strings that a piece of it can be, as long as they are
 * few, and keeps of each sequence the run of them that says most. */
#include "base/regex_need.h"

enum { TEXT_BYTES_MAX = 64, GROUPS_DEEP_MAX = 16 };

struct reader {
    struct str pattern;
    size_t at;
    uint32_t depth;
    struct arena *arena;
    bool nocase;      /* (?i) holds here */
    bool any_nocase;  /* it held somewhere */
    bool has_trouble; /* syntax that is not read here, or no memory */
};

/* What is known of a piece of a pattern. All-zero: nothing. */
struct piece {
    struct need_texts
        exact;              /* it is one of these, which may be empty; count 0: or something else */
    struct need_texts need; /* it contains one of these; count 0: not known */
};

static const struct piece empty_piece = {.exact = {.items = {{"", 0}}, .count = 1}};

static int peek(const struct reader *r)
{
    return r->at < r->pattern.len ? (unsigned char)r->pattern.ptr[r->at] : -1;
}

static bool take(struct reader *r, const char *text)
{
    struct str rest = str_sub(r->pattern, r->at, r->pattern.len);
    if (!str_starts_with(rest, str_from_c(text)))
        return false;
    r->at += strlen(text);
    return true;
}

static struct piece trouble(struct reader *r)
{
    r->has_trouble = true;
    return (struct piece){0};
}

/* --- sets of texts --- */

/* How much it says: long texts are rare, each text is a search of its own. */
static size_t worth(const struct need_texts *t)
{
    enum { LONG = 8 };
    size_t shortest = t->count ? LONG : 0;
    for (uint32_t i = 0; i < t->count; i++)
        shortest = MIN(shortest, t->items[i].len);
    return shortest ? (shortest + 1) * NEED_TEXTS_MAX - t->count : 0;
}

static void keep_better(struct need_texts *best, const struct need_texts *other)
{
    if (worth(other) > worth(best))
        *best = *other;
}

static struct need_texts needs_of(const struct piece *p)
{
    struct need_texts best = p->need;
    keep_better(&best, &p->exact);
    return best;
}

static bool texts_append(struct need_texts *to, const struct need_texts *more)
{
    if (to->count + more->count > NEED_TEXTS_MAX)
        return false;
    for (uint32_t i = 0; i < more->count; i++)
        to->items[to->count++] = more->items[i];
    return true;
}

static struct str join(struct reader *r, struct str a, struct str b)
{
    if (a.len == 0 || b.len == 0)
        return a.len ? a : b;
    if (a.ptr + a.len == b.ptr) /* side by side in the pattern */
        return (struct str){a.ptr, a.len + b.len};
    char *both = arena_alloc(r->arena, a.len + b.len);
    if (!both) {
        r->has_trouble = true;
        return a;
    }
    memcpy(both, a.ptr, a.len);
    memcpy(both + a.len, b.ptr, b.len);
    return (struct str){both, a.len + b.len};
}

/* Each of a followed by each of b. False: too many or too long. */
static bool texts_multiply(struct reader *r, const struct need_texts *a, const struct need_texts *b,
                           struct need_texts *out)
{
    *out = (struct need_texts){.count = a->count * b->count};
    if (out->count == 0 || out->count > NEED_TEXTS_MAX)
        return false;
    for (uint32_t i = 0; i < out->count; i++) {
        struct str x = a->items[i / b->count], y = b->items[i % b->count];
        if (x.len + y.len > TEXT_BYTES_MAX)
            return false;
        out->items[i] = join(r, x, y);
    }
    return true;
}

/* --- characters, classes, escapes --- */

static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The character at `at`. Where case is ignored, 'k' and 's' also stand for letters beyond ASCII
 * (U+212A, U+017F), and letters beyond ASCII for several: such a one is not known. */
static struct piece read_char(struct reader *r)
{
    size_t start = r->at++;
    while (r->at < r->pattern.len && ((unsigned char)r->pattern.ptr[r->at] & 0xc0) == 0x80)
        r->at++;
    int c = (unsigned char)r->pattern.ptr[start];
    if (r->nocase && (c >= 0x80 || strchr("kKsS", c)))
        return (struct piece){0};
    return (struct piece){.exact = {.items = {str_sub(r->pattern, start, r->at)}, .count = 1}};
}

static struct piece read_escape(struct reader *r)
{
    r->at++;
    int c = peek(r);
    if (c < 0 || c >= 0x80)
        return trouble(r);
    if (!is_letter(c) && !(c >= '0' && c <= '9'))
        return read_char(r);
    r->at++;
    if (strchr("dDsSwW", c))
        return (struct piece){0};
    if (strchr("bBAz", c))
        return empty_piece;
    return trouble(r); /* \pL, \x41, \Q...\E, \n, \C, \1 */
}

/* [:alpha:] behind the bracket; anything else that begins so is not read. */
static bool skip_named_class(struct reader *r)
{
    if (!take(r, "[:"))
        return false;
    take(r, "^");
    while (peek(r) >= 'a' && peek(r) <= 'z')
        r->at++;
    return take(r, ":]");
}

/* A few characters in brackets are as many texts; ranges, exclusions and the like are not known. */
static struct piece read_class(struct reader *r)
{
    struct piece out = {0};
    r->at++;
    bool is_list = !r->nocase && !take(r, "^");
    if (r->nocase)
        take(r, "^");
    for (bool first = true; first || peek(r) != ']'; first = false) {
        int c = peek(r);
        if (c < 0)
            return trouble(r);
        is_list = is_list && c < 0x80 && !strchr("\\[-", c) && out.exact.count < NEED_TEXTS_MAX;
        if (is_list)
            out.exact.items[out.exact.count++] = str_sub(r->pattern, r->at, r->at + 1);
        if (c == '[') {
            if (!skip_named_class(r))
                return trouble(r);
            continue;
        }
        r->at += c == '\\' ? 2 : 1;
    }
    r->at++;
    return is_list ? out : (struct piece){0};
}

/* --- groups, repetitions, sequences --- */

static struct piece read_alternatives(struct reader *r);

/* Flags behind "(?": true when they hold for the rest of the group around, not for one of their
 * own. */
static bool read_flags(struct reader *r)
{
    bool negative = false;
    for (int c; (c = peek(r)) >= 0 && c != ')' && c != ':'; r->at++) {
        if (!strchr("imsU-", c)) {
            r->has_trouble = true;
            return false;
        }
        negative |= c == '-';
        if (c == 'i')
            r->nocase = !negative;
    }
    r->any_nocase |= r->nocase;
    return peek(r) == ')';
}

static struct piece read_group(struct reader *r)
{
    bool outer = r->nocase;
    r->at++;
    if (take(r, "?P<") || take(r, "?<")) {
        r->at += str_find(str_sub(r->pattern, r->at, r->pattern.len), '>') + 1;
    } else if (take(r, "?")) {
        bool is_flags_only = read_flags(r);
        r->at++;
        int c = peek(r);
        if (is_flags_only) /* a repetition behind them is of what stands before them */
            return c >= 0 && strchr("*+?{", c) ? trouble(r) : empty_piece;
    }
    if (++r->depth > GROUPS_DEEP_MAX || r->has_trouble)
        return trouble(r);
    struct piece inner = read_alternatives(r);
    r->depth--;
    r->nocase = outer;
    return take(r, ")") ? inner : trouble(r);
}

/* "{n}", "{n,}", "{n,m}"; anything else is text, and `at` stays. */
static bool read_count(struct reader *r, uint64_t *least)
{
    size_t start = r->at++;
    struct str body = str_sub(r->pattern, r->at, r->pattern.len), low, high, rest;
    uint64_t most;
    if (str_cut(body, '}', &body, &rest) && body.len < 12 && peek(r) != ',') {
        bool has_comma = str_cut(body, ',', &low, &high);
        if (str_to_u64(low, least) && (!has_comma || high.len == 0 || str_to_u64(high, &most))) {
            r->at += body.len + 1;
            return true;
        }
    }
    r->at = start;
    return false;
}

static struct piece repeat(const struct piece *p, uint64_t least)
{
    return least > 0 ? (struct piece){.need = needs_of(p)} : (struct piece){0};
}

static struct piece read_repeats(struct reader *r, struct piece p)
{
    for (;;) {
        uint64_t least;
        int c = peek(r);
        if (c == '?') {
            bool is_finite = p.exact.count && texts_append(&p.exact, &empty_piece.exact);
            p.need.count = 0;
            p.exact.count = is_finite ? p.exact.count : 0;
            r->at++;
        } else if (c == '*' || c == '+') {
            p = repeat(&p, c == '+');
            r->at++;
        } else if (c == '{' && read_count(r, &least)) {
            p = repeat(&p, least);
        } else {
            return p;
        }
        take(r, "?"); /* lazy: the same whole texts */
    }
}

static struct piece read_atom(struct reader *r)
{
    switch (peek(r)) {
    case '(':
        return read_group(r);
    case '[':
        return read_class(r);
    case '\\':
        return read_escape(r);
    case '.':
        r->at++;
        return (struct piece){0};
    case '^':
    case '$':
        r->at++;
        return empty_piece;
    default:
        return read_char(r);
    }
}

static struct piece read_sequence(struct reader *r)
{
    struct need_texts run = empty_piece.exact, best = {0};
    bool is_exact = true;
    for (int c; !r->has_trouble && (c = peek(r)) >= 0 && c != '|' && c != ')';) {
        struct need_texts longer;
        struct piece p = read_repeats(r, read_atom(r));
        keep_better(&best, &p.need);
        if (p.exact.count && texts_multiply(r, &run, &p.exact, &longer)) {
            run = longer;
            continue;
        }
        keep_better(&best, &run);
        run = p.exact.count ? p.exact : empty_piece.exact;
        is_exact = false;
    }
    keep_better(&best, &run);
    run.count = is_exact ? run.count : 0;
    return (struct piece){run, best};
}

static struct piece read_alternatives(struct reader *r)
{
    struct piece all = read_sequence(r);
    while (!r->has_trouble && take(r, "|")) {
        struct piece next = read_sequence(r);
        struct need_texts need = needs_of(&all), more = needs_of(&next);
        bool is_exact = all.exact.count && next.exact.count;
        if (!is_exact || !texts_append(&all.exact, &next.exact))
            all.exact = (struct need_texts){0};
        bool is_needed = need.count && more.count && worth(&need) && worth(&more);
        all.need = is_needed && texts_append(&need, &more) ? need : (struct need_texts){0};
    }
    return all;
}

static bool lower_texts(struct need_texts *t, struct arena *arena)
{
    for (uint32_t i = 0; i < t->count; i++) {
        char *lower = arena_alloc(arena, t->items[i].len);
        if (!lower)
            return false;
        for (size_t k = 0; k < t->items[i].len; k++) {
            char c = t->items[i].ptr[k];
            lower[k] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        }
        t->items[i].ptr = lower;
    }
    return true;
}

struct regex_need regex_need_read(struct str pattern, struct arena *arena)
{
    struct reader r = {.pattern = pattern, .arena = arena};
    struct regex_need out = {0};
    /* strchr() finds a NUL in every list of bytes. */
    if (str_find(pattern, 0) < pattern.len)
        return out;
    struct piece all = read_alternatives(&r);
    struct need_texts texts = needs_of(&all);
    if (r.has_trouble || r.at < pattern.len || worth(&texts) == 0)
        return out;
    if (r.any_nocase && !lower_texts(&texts, arena))
        return out;
    return (struct regex_need){texts, r.any_nocase};
}
