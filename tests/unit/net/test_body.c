/* test_body.c - growth of bodies, their limits and budget; fields; peers; Accept-Encoding. */
#include "net/body.h"
#include "net/fields.h"
#include "net/http_answer.h"
#include "net/peer_table.h"
#include "base/mem.h"
#include "tests/support/leak.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(body, memory_follows_what_arrives)
{
    struct body b = {.promised = 64 * MIB};
    struct err e;
    static char chunk[64 * KIB];
    cr_expect(eq(int, body_append(&b, STR("x"), 64 * MIB, &e), ST_OK));
    cr_expect(le(sz, b.cap, (size_t)MIB), "a promise is believed up to 1 MiB");
    for (int i = 0; i < 100; i++)
        cr_assert(
            eq(int, body_append(&b, (struct str){chunk, sizeof(chunk)}, 64 * MIB, &e), ST_OK));
    cr_expect(le(sz, b.cap, 2 * b.len));
    body_deinit(&b);
    b.promised = 10000;
    body_append(&b, STR("x"), 64 * MIB, &e);
    cr_expect(eq(sz, b.cap, 10000), "a small promise is reserved exactly");
    body_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(body, stops_at_limit_and_budget)
{
    struct budget budget = {.limit = 100 * KIB};
    struct body b = {.budget = &budget};
    struct err e;
    static char chunk[40 * KIB];
    struct str piece = {chunk, sizeof(chunk)};
    cr_expect(eq(int, body_append(&b, piece, 10, &e), ST_TOO_BIG));
    cr_expect(eq(int, body_append(&b, piece, MIB, &e), ST_OK));
    cr_expect(eq(u64, budget_used(&budget), 64 * KIB), "taken in steps");
    cr_expect(eq(int, body_append(&b, piece, MIB, &e), ST_BUSY));
    struct str all = body_take(&b);
    cr_expect(eq(sz, all.len, sizeof(chunk)));
    cr_expect(eq(u64, budget_used(&budget), 0));
    mem_free((void *)(uintptr_t)all.ptr);
    body_deinit(&b);
    EXPECT_NO_LEAK();
}

Test(fields, finds_names_in_any_case)
{
    struct fields f = {0};
    fields_add(&f, STR("Content-Type"), STR("text/plain"));
    fields_add(&f, STR("X"), STR(""));
    fields_add(&f, STR("content-type"), STR("second"));
    cr_expect(str_eq(fields_find(&f, STR("CONTENT-TYPE")), STR("text/plain")));
    cr_expect(eq(sz, fields_find(&f, STR("absent")).len, 0));
    cr_expect(eq(uint, fields_count(&f, STR("content-Type")), 2));
    fields_deinit(&f);
    EXPECT_NO_LEAK();
}

static struct peer *enter(struct peer_table *t, const char *addr, uint32_t limit)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    inet_pton(AF_INET, addr, &in.sin_addr);
    return peer_table_enter(t, (struct sockaddr *)&in, limit);
}

Test(peer_table, counts_each_address)
{
    struct peer_table t = {0};
    struct peer *a = enter(&t, "10.0.0.1", 2), *b = enter(&t, "10.0.0.1", 2);
    cr_assert(a == b && a != NULL);
    cr_expect(enter(&t, "10.0.0.1", 2) == NULL, "the third is refused");
    cr_expect(enter(&t, "10.0.0.2", 2) != NULL, "another peer is not");
    peer_leave(a);
    cr_expect(enter(&t, "10.0.0.1", 2) == a);
    peer_table_deinit(&t);
    EXPECT_NO_LEAK();
}

static struct peer *enter6(struct peer_table *t, const char *addr, uint32_t limit)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, addr, &in.sin6_addr);
    return peer_table_enter(t, (struct sockaddr *)&in, limit);
}

/* A listener of both families, as ":4317" is, sees IPv4 clients as ::ffff:a.b.c.d. */
Test(peer_table, counts_each_address_of_both_families)
{
    struct peer_table t = {0};
    cr_expect(enter6(&t, "::ffff:10.0.0.1", 1) != NULL);
    cr_expect(enter6(&t, "::ffff:10.0.0.2", 1) != NULL, "another address");
    cr_expect(enter(&t, "10.0.0.1", 1) == NULL, "the same one");
    cr_expect(enter6(&t, "::1", 1) != NULL);
    cr_expect(enter6(&t, "2001:db8::1", 1) != NULL);
    cr_expect(enter6(&t, "2001:db8::2", 1) == NULL, "of the same /64");
    cr_expect(enter6(&t, "2001:db8:0:1::1", 1) != NULL);
    peer_table_deinit(&t);
    EXPECT_NO_LEAK();
}

/* A scan from a /16: entries of peers that left do not stay. */
Test(peer_table, forgets_who_has_left)
{
    struct peer_table t = {0};
    struct peer *stays = enter(&t, "10.0.0.1", 1);
    for (unsigned i = 0; i < 65536; i++) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0a80000u + i)};
        struct peer *p = peer_table_enter(&t, (struct sockaddr *)&in, 1);
        cr_assert(p != NULL);
        peer_leave(p);
    }
    cr_expect(lt(sz, t.peers.count, 5000));
    cr_expect(enter(&t, "10.0.0.1", 1) == NULL, "still counted in");
    peer_leave(stays);
    peer_table_deinit(&t);
    EXPECT_NO_LEAK();
}

Test(http_answer, weighs_codings)
{
    static const struct {
        const char *text;
        double gzip, zstd;
    } rows[] = {
        {"", 0, 0},
        {"gzip", 1, 0},
        {"deflate, GZIP;q=0.5", 0.5, 0},
        {"gzip;q=0", 0, 0},
        {"br, gzip; q=0.0", 0, 0},
        {"gzipped", 0, 0},
        {"identity", 0, 0},
        {"gzip;q=x", 1, 0},
        {"gzip, deflate, br, zstd", 1, 1},
        {"gzip;q=1.0, zstd;q=0.25", 1, 0.25},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct str accept = str_from_c(rows[i].text);
        cr_expect(eq(dbl, http_coding_weight(accept, STR("gzip")), rows[i].gzip), "%s",
                  rows[i].text);
        cr_expect(eq(dbl, http_coding_weight(accept, STR("zstd")), rows[i].zstd), "%s",
                  rows[i].text);
    }
}
