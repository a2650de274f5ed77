/* test_hops_queues.c - golden traces of brokers as real clients tell them, and of what a client
 * asks of others while it speaks to a broker or a database. */
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
