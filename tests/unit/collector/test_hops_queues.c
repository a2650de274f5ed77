/* test_hops_queues.c - golden traces of brokers as real clients tell them, and of what a client
 * asks of others while it speaks to a broker or a database. */
#include "support/leak.h"
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>

/* Celery's instrumentation names the queue but no system: it does not know its broker. */
Test(hops_queues, celery)
{
    static const struct scope celery = {{"opentelemetry.instrumentation.celery", 36}, {"0.1", 3}};
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_PRODUCER, "shop", "apply_async/tasks.flaky",
            "celery.action=apply_async;messaging.destination_kind=queue;messaging.destination="
            "celery",
            0, 90)
        ->span.scope = &celery;
    rig_app(&r, 2, 1, SPAN_CONSUMER, "worker", "run/tasks.flaky",
            "celery.action=run;celery.state=RETRY;messaging.destination=celery", 200, 100)
        ->span.scope = &celery;
    rig_app(&r, 3, 2, SPAN_PRODUCER, "worker", "apply_async/tasks.flaky",
            "celery.action=apply_async;messaging.destination=celery", 210, 20)
        ->span.scope = &celery;
    rig_app(&r, 4, 3, SPAN_CONSUMER, "worker", "run/tasks.flaky",
            "celery.action=run;celery.state=SUCCESS;messaging.destination=celery", 400, 50)
        ->span.scope = &celery;
    rig_expect(&r, "celery",
               "celery:celery > worker messaging 2/0/2 s2:150us\n"
               "shop > celery:celery messaging 1/0/1 c1:90us\n"
               "worker > celery:celery messaging 1/0/1 c1:20us\n"
               "    celery:celery > worker [>v1] run/tasks.flaky  2 s2:150us\n"
               "    shop > celery:celery [v1>] apply_async/tasks.flaky  1 c1:90us\n"
               "    worker > celery:celery [v1>] apply_async/tasks.flaky  1 c1:20us\n");
}

/* RabbitMQ's default exchange as Java, Node and aio-pika write it: the queue is the routing key.
 * Through an exchange with a name that name is all that both sides know. */
Test(hops_queues, rabbitmq_exchanges)
{
    static const struct {
        const char *sent, *taken;
    } ways[] = {
        {"messaging.system=rabbitmq;messaging.destination.name=<default>;messaging.rabbitmq."
         "destination.routing_key=orders",
         "messaging.system=rabbitmq;messaging.destination.name=<default>;messaging.rabbitmq."
         "destination.routing_key=orders;messaging.operation=process"},
        {"messaging.system=rabbitmq;messaging.destination=;messaging.rabbitmq.routing_key=orders",
         "messaging.system=rabbitmq;messaging.destination=;messaging.rabbitmq.routing_key=orders;"
         "messaging.operation=process"},
        {"messaging.system=rabbitmq;messaging.destination=,orders",
         "messaging.system=rabbitmq;messaging.destination=orders;messaging.operation=receive"},
        {"messaging.system=rabbitmq;messaging.destination.name=orders;messaging.rabbitmq."
         "destination.routing_key=k.1",
         "messaging.system=rabbitmq;messaging.destination=orders;messaging.rabbitmq.routing_key="
         "k.1"},
        {"messaging.system=rabbitmq;messaging.destination=orders,k.1",
         "messaging.system=rabbitmq;messaging.destination=orders"},
    };
    for (size_t i = 0; i < LEN(ways); i++) {
        struct rig r;
        rig_init(&r);
        rig_app(&r, 1, 0, SPAN_PRODUCER, "shop", "send", ways[i].sent, 0, 30);
        rig_app(&r, 2, 1, SPAN_CONSUMER, "mail", "take", ways[i].taken, 100, 70);
        rig_expect(&r, ways[i].sent,
                   "rabbitmq:orders > mail messaging 1/0/1 s1:70us\n"
                   "shop > rabbitmq:orders messaging 1/0/1 c1:30us\n"
                   "    rabbitmq:orders > mail [>v1] take  1 s1:70us\n"
                   "    shop > rabbitmq:orders [v1>] send  1 c1:30us\n");
    }
}

/* kafkajs's eachBatch: a CLIENT span for the poll, below it a CONSUMER span for each message, which
 * only has a link to its producer's trace, and what the application asks for meanwhile. Each
 * message was taken once, the poll is none; three calls are three. */
Test(hops_queues, messages_of_a_batch)
{
    static const char *const process =
        "messaging.system=kafka;messaging.destination.name=orders;messaging.operation.name=process;"
        "messaging.operation.type=process";
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "mail", "poll orders",
            "messaging.system=kafka;messaging.destination.name=orders;messaging.operation.name="
            "poll;messaging.operation.type=receive;messaging.batch.message_count=#3",
            0, 900);
    for (uint64_t i = 0; i < 3; i++) {
        rig_app(&r, 2 + i, 1, SPAN_CONSUMER, "mail", "process orders", process, 10 + i, 800);
        rig_app(&r, 10 + i, 1, SPAN_CLIENT, "mail", "GET",
                "http.request.method=GET;url.full=http://users/one;http.response.status_code=#200",
                20 + 100 * i, 50);
        rig_app(&r, 20 + i, 10 + i, SPAN_SERVER, "users", "GET /one",
                "http.response.status_code=#200", 30 + 100 * i, 20);
    }
    rig_expect(&r, "messages of a batch",
               "kafka:orders > mail messaging 3/0/3 s3:2400us\n"
               "mail > users http 3/0/3 200=3 c3:150us s3:60us t3:90us\n"
               "    kafka:orders > mail [>v1] process orders  3 s3:2400us\n"
               "    mail > users [v1>v1] GET /one 200 3 c3:150us s3:60us t3:90us\n");
}

/* What fetched may name no queue, for it fetched of several: confluent-kafka's `recv` tells nothing
 * at all, aiokafka's getmany only its system. */
Test(hops_queues, fetch_without_a_queue)
{
    static const char *const orders =
        "messaging.system=kafka;messaging.destination=orders;messaging.operation=process";
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CONSUMER, "mail", "recv", NULL, 0, 90);
    rig_app(&r, 2, 1, SPAN_CONSUMER, "mail", "orders process", orders, 40, 20);
    r.trace = 2;
    rig_app(&r, 3, 0, SPAN_CONSUMER, "mail", "receive",
            "messaging.system=kafka;messaging.operation.type=receive", 0, 80);
    rig_app(&r, 4, 3, SPAN_CONSUMER, "mail", "orders receive", orders, 10, 30);
    rig_expect(&r, "fetch without a queue",
               "kafka:orders > mail messaging 2/0/2 s2:50us\n"
               "    kafka:orders > mail [>v1] orders process  1 s1:20us\n"
               "    kafka:orders > mail [>v1] orders receive  1 s1:30us\n");
}

/* Who fetches without a span for each message took something once, as CLIENT (newer conventions) as
 * well as CONSUMER (older ones); a span of the same delivery that names no queue is a part of it,
 * and one of another queue is another delivery. */
Test(hops_queues, fetches)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_CLIENT, "mail", "receive orders",
            "messaging.system=activemq;messaging.destination.name=orders;messaging.operation.type="
            "receive",
            0, 40);
    r.trace = 2;
    rig_app(&r, 2, 0, SPAN_SERVER, "web", "GET /next", "http.response.status_code=#200", 0, 100);
    rig_app(&r, 3, 2, SPAN_CONSUMER, "web", "orders receive",
            "messaging.system=activemq;messaging.destination.name=orders;messaging.operation="
            "receive",
            10, 30);
    rig_app(&r, 4, 3, SPAN_CONSUMER, "web", "handle", NULL, 15, 20);
    rig_app(&r, 5, 3, SPAN_CONSUMER, "web", "prices receive",
            "messaging.system=activemq;messaging.destination.name=prices;messaging.operation="
            "receive",
            20, 10);
    rig_expect(&r, "fetches",
               "activemq:orders > mail messaging 1/0/1 s1:40us\n"
               "activemq:orders > web messaging 1/0/1 s1:30us\n"
               "activemq:prices > web messaging 1/0/1 s1:10us\n"
               "user > web http 1/0/1 200=1 s1:100us\n"
               "    activemq:orders > mail [>v1] receive orders  1 s1:40us\n"
               "    activemq:orders > web [>v1] orders receive  1 s1:30us\n"
               "    activemq:prices > web [>v1] prices receive  1 s1:10us\n"
               "    user > web [>v1] GET /next 200 1 s1:100us\n");
}

/* A CLIENT that fetches is kept as the CONSUMER that it is, and known again as such. */
Test(hops_queues, a_fetch_that_comes_again)
{
    static const char *const fetch =
        "messaging.system=kafka;messaging.destination.name=orders;messaging.operation=receive";
    struct rig r;
    struct buf text = {0};
    struct pipeline p;
    rig_init(&r);
    for (int i = 0; i < 3; i++)
        rig_app(&r, 1, 0, SPAN_CLIENT, "mail", "receive orders", fetch, 0, 40);
    rig_run(&r, &(struct rig_run){.batch_spans = 2, .seconds_between = 40, .by_clock = true}, &text,
            &p);
    cr_expect(p.closed_requests == 1, "%llu requests", (unsigned long long)p.closed_requests);
    cr_expect(p.delta.stored == 1 && p.delta.dropped[DROP_DUPLICATE] == 2);
    pipeline_deinit(&p);
    buf_deinit(&text);
    rig_deinit(&r);
    EXPECT_NO_LEAK();
}

/* A serializer that asks its registry of schemas while the message is sent, and a script that is
 * fetched for a cache: those systems are not spoken to by HTTP. */
Test(hops_queues, helpers_of_a_client)
{
    struct rig r;
    rig_init(&r);
    rig_app(&r, 1, 0, SPAN_PRODUCER, "shop", "orders publish",
            "messaging.system=kafka;messaging.destination.name=orders", 0, 90);
    rig_app(&r, 2, 1, SPAN_CLIENT, "shop", "GET",
            "http.request.method=GET;url.full=http://schemas:8081/ids/7;http.response.status_code="
            "#200",
            10, 20);
    r.trace = 2;
    rig_app(&r, 5, 0, SPAN_CLIENT, "shop", "EVAL",
            "db.system=redis;server.address=cache;server.port=#6379", 0, 50);
    rig_app(&r, 6, 5, SPAN_CLIENT, "shop", "GET",
            "http.request.method=GET;url.full=http://scripts/x;http.response.status_code=#404", 10,
            20);
    rig_expect(&r, "helpers of a client",
               "shop > kafka:orders messaging 1/0/1 c1:90us\n"
               "shop > redis@cache database 1/0/1 c1:50us\n"
               "shop > schemas:8081 http 1/0/1 200=1 c1:20us\n"
               "shop > scripts http 1/0/1 404=1 c1:20us\n"
               "    shop > kafka:orders [v1>] orders publish  1 c1:90us\n"
               "    shop > redis@cache [v1>] EVAL  1 c1:50us\n"
               "    shop > schemas:8081 [v1>] GET /ids/{} 200 1 c1:20us\n"
               "    shop > scripts [v1>] GET /x 404 1 c1:20us\n");
}

/* One database by the words of two conventions and of a driver (knex over mysql2), above and below
 * in one workload: one request each, and one place. */
Test(hops_queues, words_for_a_database)
{
    static const char *const words[][2] = {
        {"db.system.name=mysql2;db.namespace=shop;server.address=db;server.port=#3306",
         "db.system.name=mysql;db.namespace=shop;server.address=db;server.port=#3306"},
        {"db.system.name=microsoft.sql_server;db.namespace=shop;server.address=db",
         "db.system=mssql;db.name=shop;net.peer.name=db"},
        {"db.system.name=postgresql;db.namespace=shop|public;server.address=db",
         "db.system=postgresql;db.name=shop;net.peer.name=db"},
    };
    struct rig r;
    rig_init(&r);
    for (size_t i = 0; i < LEN(words); i++) {
        r.trace = i + 1;
        rig_app(&r, 1, 0, SPAN_CLIENT, "shop", "select", words[i][0], 0, 90);
        rig_app(&r, 2, 1, SPAN_CLIENT, "shop", "SELECT", words[i][1], 10, 70);
    }
    rig_expect(&r, "words for a database",
               "shop > microsoft.sql_server:shop@db database 1/0/1 c1:90us\n"
               "shop > mysql:shop@db database 1/0/1 c1:90us\n"
               "shop > postgresql:shop@db database 1/0/1 c1:90us\n"
               "    shop > microsoft.sql_server:shop@db [v1>] select  1 c1:90us\n"
               "    shop > mysql:shop@db [v1>] select  1 c1:90us\n"
               "    shop > postgresql:shop@db [v1>] select  1 c1:90us\n");
}

/* Adds a request of 70 s and the cache that it asked below it, one span a batch, the later one
 * after the earlier one's request was counted; the text is what was counted of both. */
static void count_apart(struct buf *out, bool cache_first, uint32_t restart_after,
                        uint64_t *dropped)
{
    struct rig r;
    struct pipeline p;
    rig_init(&r);
    for (int i = 0; i < 2; i++) {
        if ((i == 0) == cache_first)
            rig_app(&r, 2, 1, SPAN_CLIENT, "shop", "GET token",
                    "db.system.name=redis;server.address=cache;server.port=#6379", 5, 15);
        else
            rig_app(&r, 1, 0, SPAN_CLIENT, "shop", "GET",
                    "http.request.method=GET;url.full=http://price/x;http.response.status_code="
                    "#200",
                    0, 70000000);
    }
    rig_run(&r,
            &(struct rig_run){.batch_spans = 1,
                              .seconds_between = 40,
                              .by_clock = true,
                              .restart_after = restart_after},
            out, &p);
    *dropped = p.delta.dropped[DROP_LATE];
    pipeline_deinit(&p);
    rig_deinit(&r);
}

/* A request that lasts longer than `graph.wait`, and the cache that it asked: neither is late
 * because the other was counted before. */
Test(hops_queues, cache_of_a_request_that_was_counted)
{
    for (unsigned way = 0; way < 4; way++) {
        struct buf out = {0};
        uint64_t dropped;
        count_apart(&out, way % 2, way / 2, &dropped);
        buf_append_u8(&out, 0);
        cr_expect_str_eq(out.ptr,
                         "shop > price http 1/0/1 200=1 c1:70000000us\n"
                         "shop > redis@cache database 1/0/1 c1:15us\n"
                         "    shop > price [v1>] GET /x 200 1 c1:70000000us\n"
                         "    shop > redis@cache [v1>] GET token  1 c1:15us\n",
                         "way %u", way);
        cr_expect(dropped == 0, "way %u", way);
        buf_deinit(&out);
    }
    EXPECT_NO_LEAK();
}
