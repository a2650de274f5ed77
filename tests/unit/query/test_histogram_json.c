/* test_histogram_json.c - native histograms in the JSON of Prometheus' API. */
#include "query/histogram_json.h"

#include "base/mem.h"
#include "tests/support/leak.h"
#include "tests/support/native_text.h"

Test(histogram_json, is_that_of_prometheus)
{
    static const struct {
        const char *from, *want;
    } rows[] = {
        {"{{}}", "{\"count\":\"0\",\"sum\":\"0\"}"},
        {"{{count:4 sum:nan buckets:[1 0 3]}}",
         "{\"count\":\"4\",\"sum\":\"NaN\",\"buckets\":[[0,\"0.5\",\"1\",\"1\"],"
         "[0,\"2\",\"4\",\"3\"]]}"},
        {"{{count:5 sum:-1.5 z_bucket:2 z_bucket_w:0.001 buckets:[1] n_buckets:[0 1e-7]}}",
         "{\"count\":\"5\",\"sum\":\"-1.5\",\"buckets\":[[1,\"-2\",\"-1\",\"1e-07\"],"
         "[3,\"-0.001\",\"0.001\",\"2\"],[0,\"0.5\",\"1\",\"1\"]]}"},
        {"{{schema:-53 count:3 sum:1 custom_values:[-5 10] buckets:[1 0 2]}}",
         "{\"count\":\"3\",\"sum\":\"1\",\"buckets\":[[3,\"-Inf\",\"-5\",\"1\"],"
         "[0,\"10\",\"+Inf\",\"2\"]]}"},
    };
    struct arena arena = {0};
    struct buf out = {0};
    for (size_t i = 0; i < LEN(rows); i++) {
        buf_reset(&out);
        struct json_writer w = json_writer_of(&out);
        histogram_json_write(&w, native_from_text(&arena, rows[i].from));
        cr_expect(str_eq(buf_str(&out), str_from_c(rows[i].want)), "%.*s", (int)out.len, out.ptr);
    }
    buf_deinit(&out);
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}
