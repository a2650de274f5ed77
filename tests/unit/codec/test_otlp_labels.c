/* test_otlp_labels.c - the rows of docs/metrics-input.md about labels: resource, scope and
 * attributes of OTLP points. */
#include "tests/support/leak.h"
#include "unit/codec/otlp_points.h"

static const struct {
    const char *name, *resource, *scope, *metrics, *want;
} label_rows[] = {
    {"L1 job with a namespace", ATTR("service.name", "cart") "," ATTR("service.namespace", "shop"),
     "", ONE, "__name__=a job=shop/cart 1\n"},
    {"L1 instance alone", ATTR("service.instance.id", "i1"), "", ONE, "__name__=a instance=i1 1\n"},
    {"L2 who says nothing at all", "", "", ONE, "__name__=a 1\n"},
    {"L2 who does not name itself", ATTR("telemetry.sdk.name", "envoy"), "", ONE,
     "__name__=a instance=10.0.0.1:4242 1\n"},
    {"L3 target_info", SHOP "," ATTR("host.name", "n1"), "", ONE,
     "__name__=a instance=i1 job=cart 1\n"
     "__name__=target_info host_name=n1 instance=i1 job=cart 1\n"},
    {"L4 scope", SHOP, "\"name\":\"lib\",\"version\":\"2\",\"attributes\":[" ATTR("x.y", "z") "]",
     ONE,
     "__name__=a instance=i1 job=cart otel_scope_name=lib otel_scope_version=2 "
     "otel_scope_x_y=z 1\n"},
    {"L4 attributes named as its fields", SHOP,
     "\"name\":\"lib\",\"attributes\":[" ATTR("name", "z") "," ATTR("version", "z") "," ATTR(
         "schema_url", "z") "]",
     ONE, "__name__=a instance=i1 job=cart otel_scope_name=lib 1\n"},
    {"L5 sorted", SHOP, "", ONE_WITH(ATTR("z", "1") "," ATTR("B", "2")),
     "B=2 __name__=a instance=i1 job=cart z=1 1\n"},
    {"L6 the same key twice", SHOP, "", ONE_WITH(ATTR("x", "1") "," ATTR("x", "2")),
     "__name__=a instance=i1 job=cart x=2 1\n"},
    {"L7 two keys, one name", SHOP, "", ONE_WITH(ATTR("x_y", "2") "," ATTR("x.y", "1")),
     "__name__=a instance=i1 job=cart x_y=1;2 1\n"},
    {"L7 and one of the keys twice", SHOP, "",
     ONE_WITH(ATTR("x_y", "3") "," ATTR("x.y", "1") "," ATTR("x_y", "2")),
     "__name__=a instance=i1 job=cart x_y=1;2 1\n"},
    {"L8 the resource goes before", SHOP, "", ONE_WITH(ATTR("job", "x") "," ATTR("__name__", "y")),
     "__name__=a instance=i1 job=cart 1\n"},
    {"J5 members of a value that are null", SHOP, "",
     ONE_WITH("{\"key\":\"x\",\"value\":{\"arrayValue\":null,\"stringValue\":\"v\","
              "\"kvlistValue\":null,\"intValue\":null}},"
              "{\"key\":\"y\",\"value\":{\"arrayValue\":null}}"),
     "__name__=a instance=i1 job=cart x=v 1\n"},
    {"L9 an empty value is no label", SHOP, "", ONE_WITH(ATTR("x", "")),
     "__name__=a instance=i1 job=cart 1\n"},
    {"L9 nor in front of another of its name", SHOP, "",
     ONE_WITH(ATTR("x.y", "") "," ATTR("x_y", "1") "," ATTR("z.z", "2") "," ATTR("z_z", "")),
     "__name__=a instance=i1 job=cart x_y=1 z_z=2; 1\n"},
    {"L10 numbers", SHOP, "",
     ONE_WITH("{\"key\":\"i\",\"value\":{\"intValue\":\"-5\"}},"
              "{\"key\":\"d\",\"value\":{\"doubleValue\":0.25}},"
              "{\"key\":\"b\",\"value\":{\"boolValue\":true}},"
              "{\"key\":\"y\",\"value\":{\"bytesValue\":\"aGk=\"}}"),
     "__name__=a b=true d=0.25 i=-5 instance=i1 job=cart y=aGk= 1\n"},
    {"L10 an exponent as Go writes it", SHOP, "",
     ONE_WITH("{\"key\":\"d\",\"value\":{\"doubleValue\":1e-7}},"
              "{\"key\":\"e\",\"value\":{\"doubleValue\":1e21}}"),
     "__name__=a d=1e-7 e=1e+21 instance=i1 job=cart 1\n"},
    {"L11 arrays and maps", SHOP, "",
     ONE_WITH("{\"key\":\"x\",\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":\"p\"},"
              "{\"intValue\":\"2\"},{\"boolValue\":false}]}}},"
              "{\"key\":\"y\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":"
              "{\"doubleValue\":1.5}},{\"value\":{},\"key\":\"n\"}]}}}"),
     "__name__=a instance=i1 job=cart x=[\"p\",2,false] y={\"k\":1.5,\"n\":null} 1\n"},
    {"L11 arrays and objects where a value has none", SHOP, "",
     ONE_WITH("{\"key\":\"x\",\"value\":{\"arrayValue\":{\"values\":[{\"intValue\":[1,[]]},"
              "{\"stringValue\":{\"values\":[[]]}},{\"otherValue\":[{}]},{\"intValue\":2}]}}}"),
     "__name__=a instance=i1 job=cart x=[null,null,null,2] 1\n"},
    {"L11 nothing inside", SHOP, "",
     ONE_WITH("{\"key\":\"x\",\"value\":{\"arrayValue\":{}}},"
              "{\"key\":\"y\",\"value\":{\"kvlistValue\":{\"values\":null}}},"
              "{\"key\":\"z\",\"value\":{\"arrayValue\":{\"values\":[{\"arrayValue\":{}},{},"
              "{\"kvlistValue\":{}},{\"arrayValue\":null}]}}}"),
     "__name__=a instance=i1 job=cart x=[] y={} z=[[],null,{},null] 1\n"},
    {"L11 a map where another one was deeper", SHOP, "",
     ONE_WITH("{\"key\":\"x\",\"value\":{\"kvlistValue\":{\"values\":["
              "{\"key\":\"a\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":\"b\",\"value\":"
              "{\"kvlistValue\":{\"values\":[{\"key\":\"c\",\"value\":{\"intValue\":1}}]}}}]}}},"
              "{\"key\":\"d\",\"value\":{\"arrayValue\":{\"values\":[{\"kvlistValue\":{\"values\":"
              "[{\"key\":\"e\",\"value\":{\"intValue\":2}}]}}]}}}]}}}"),
     "__name__=a instance=i1 job=cart x={\"a\":{\"b\":{\"c\":1}},\"d\":[{\"e\":2}]} 1\n"},
    {"L11 keys that are no text", SHOP, "",
     ONE_WITH(
         "{\"key\":\"x\",\"value\":{\"kvlistValue\":{\"values\":[{\"key\":null,\"value\":{}}]}}}"),
     "__name__=a instance=i1 job=cart x={\"\":null} 1\n"},
    /* What Go 1.26 writes of the same map, <, > and & left as they are. */
    {"L11 keys are sorted", SHOP, "",
     ONE_WITH("{\"key\":\"y\",\"value\":{\"kvlistValue\":{\"values\":["
              "{\"key\":\"b\",\"value\":{\"doubleValue\":1.50}},"
              "{\"key\":\"a\\\"\",\"value\":{\"intValue\":\"2\"}},"
              "{\"key\":\"a<&>\",\"value\":{\"stringValue\":\"<b>&\\u2028\"}},"
              "{\"key\":\"\\u00e9\",\"value\":{\"doubleValue\":1e-7}},"
              "{\"key\":\"Z\",\"value\":{\"arrayValue\":{\"values\":[{\"kvlistValue\":{\"values\":["
              "{\"key\":\"2\",\"value\":{}},{\"key\":\"1\",\"value\":{\"kvlistValue\":{\"values\":["
              "{\"key\":\"n\",\"value\":{\"doubleValue\":1e21}},{\"key\":\"m\",\"value\":{}},"
              "{\"key\":\"\",\"value\":{}}]}}}]}}]}}},"
              "{\"key\":\"B\",\"value\":{\"doubleValue\":\"1e20\"}},"
              "{\"key\":\"A\",\"value\":{\"bytesValue\":\"aGk=\"}}]}}}"),
     "__name__=a instance=i1 job=cart "
     "y={\"A\":\"aGk=\",\"B\":100000000000000000000,\"Z\":[{\"1\":{\"\":null,\"m\":null,\"n\":1e+"
     "21},"
     "\"2\":null}],\"a\\\"\":2,\"a<&>\":\"<b>&\\u2028\",\"b\":1.5,\"\xc3\xa9\":1e-7} 1\n"},
};

Test(otlp_labels, L1_to_L11_labels)
{
    for (size_t i = 0; i < LEN(label_rows); i++) {
        struct batch *b =
            decode_json(label_rows[i].resource, label_rows[i].scope, label_rows[i].metrics);
        expect_series(b, label_rows[i].name, label_rows[i].want);
        batch_free(b);
    }
    EXPECT_NO_LEAK();
}
